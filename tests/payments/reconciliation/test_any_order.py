"""Any order of files, any cut into runs and any repetition gives the same match groups and the same trial balance."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulation.bank import OURS, BankMovement
from tests.payments.kills.world import DUE, World, collects, day_ends, pays_merchants, pays_refunds, the_day_before
from tests.payments.outside import at, reconciled
from tests.soak import examples

DAYS = [DUE + timedelta(days=number) for number in range(4)]
LAST = DAYS[-1]
GROUPS = "SELECT line_key, expectation_id, rule FROM payments.matches"
OPEN = "SELECT class, line_key, reason FROM payments.breaks WHERE closed_on IS NULL"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A world whose days are over, and the files of its provider and bank, none of them taken."""

    world: World
    files: list[Path]


@pytest.fixture(scope="module")
def delivery(template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Delivery]:
    world = the_day_before(template_database, tmp_path_factory.mktemp("any_order"))
    with world.ports() as ports:
        before = set(ports.reconciliation.names_taken())
    for day in DAYS:
        for act in (collects, pays_merchants, pays_refunds):
            act(world, day, at(day))
        thanks = BankMovement(f"thanks:{day}", OURS, 7_00, "GBP", day, "thanks", "A SHOPPER")
        world.outside.bank.move(thanks)
        day_ends(world, day, at(day))
    files = sorted(path for path in world.outside.inbox.iterdir() if path.name not in before)
    assert len(files) >= 6
    for path in files:  # a name that is not the provider's, so that its money goes to suspense before its file comes
        path.write_text(path.read_text().replace(",sandbox\n", ",PAYMENTS LTD\n"))
    yield Delivery(world, files)
    world.dropped()


@pytest.fixture(scope="module")
def in_order(delivery: Delivery) -> dict[str, Any]:
    """What is left when every file comes once, in the order of days, in one run."""
    return _left([sorted(delivery.files, key=lambda path: path.name.partition("-")[2])], delivery)


@given(st.data())
@settings(max_examples=examples(usual=12, soaked=12), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_order_cut_and_repetition_of_files_change_nothing(
    delivery: Delivery, in_order: dict[str, Any], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(delivery.files))
    repeated = data.draw(st.lists(st.sampled_from(delivery.files), max_size=3))
    cuts = data.draw(st.lists(st.integers(0, len(order) + len(repeated)), max_size=4).map(sorted))
    files = [*order, *repeated]
    runs = [files[first:end] for first, end in zip([0, *cuts], [*cuts, len(files)], strict=True)]

    assert _left(runs, delivery) == in_order


def _left(runs: Sequence[Sequence[Path]], delivery: Delivery) -> dict[str, Any]:
    """What is left after these runs. A statement that came before the one it follows is refused, and comes again."""
    world = delivery.world.copied()
    try:
        with world.ports() as ports:
            for some in runs:
                reconciled(ports, list(some), LAST, loudly=False)
            for _ in delivery.files:
                missing = [path for path in delivery.files if path.name not in ports.reconciliation.names_taken()]
                if not missing:
                    break
                reconciled(ports, missing, LAST, loudly=False)
            ask = ports.database.execute
            return {
                "groups": sorted(ask(GROUPS).fetchall()),
                "books": ports.ledger.trial_balance().lines,
                "attempts": ports.attempts.counts(),
                "open": sorted(ask(OPEN).fetchall(), key=repr),
                "unequal": [
                    proof for proof in ports.reconciliation.bank_proofs(ports.profile) if proof.difference.minor
                ],
            }
    finally:
        world.dropped()
