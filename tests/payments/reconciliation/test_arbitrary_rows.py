"""Whatever rows a provider and a bank send: nothing raises, what fails is listed, and the good line beside is taken."""

import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payments.files.bank_statement import COLUMNS as STATEMENT
from payments.files.control_file import write_controlled
from simulation.provider import SettlementRow
from tests.payments.kills.world import (
    DUE,
    World,
    collects,
    day_ends,
    pays_merchants,
    pays_refunds,
    reconciles,
    the_day_before,
)
from tests.payments.outside import at, reconciled
from tests.soak import examples

LAST = DUE + timedelta(days=2)
KINDS = {"capture": 1, "return": -1, "refund": -1, "chargeback": -1, "chargeback_won": 1, "fee": -1}
TEXT = "abzAZ019 -/.:#?*\u00e9\u017e\u4e2d\u2603\U0001f600"
UNLISTED = """
SELECT line_key FROM payments.open_lines o
 WHERE NOT EXISTS (SELECT FROM payments.breaks b WHERE b.line_key = o.line_key AND b.closed_on IS NULL)
"""
KNOWN = """
SELECT attempt_id, captured_minor FROM payments.attempts
 UNION ALL SELECT payout_id, amount_minor FROM payments.payout_orders
 UNION ALL SELECT payment_id, amount_minor FROM payments.refund_payments
 UNION ALL SELECT payout_id, amount_minor FROM payments.lines WHERE kind = 'payout'
 UNION ALL SELECT plan_id, principal_minor FROM lending.plans
"""


@dataclass(frozen=True, slots=True)
class Busy:
    """A world in the midst of its business: ids of everything that a row may name, with their amounts."""

    world: World
    known: list[tuple[str, int]]
    plan_id: str
    statement: tuple[int, int]


@pytest.fixture(scope="module")
def busy(template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Busy]:
    world = the_day_before(template_database, tmp_path_factory.mktemp("rows"))
    for act in (collects, pays_merchants, pays_refunds):
        act(world, DUE, at(DUE))
    day_ends(world, DUE, at(DUE))
    reconciles(world, DUE, at(DUE, 23))
    with world.ports() as ports:
        known = [(name, minor or 30_50) for name, minor in ports.database.execute(KNOWN)]
        ((plan_id,),) = ports.database.execute("SELECT plan_id FROM lending.plans WHERE shopper_id = 's-1'")
        last = ports.reconciliation.statements.last("main", "GBP")
    assert last is not None
    yield Busy(world, known, plan_id, (last.number, last.closing_minor))
    world.dropped()


def movement(known: list[tuple[str, int]], draw: random.Random) -> tuple[str, int]:
    """A name of something of ours or of nothing, perhaps with words around it; an amount, perhaps the right one."""
    name, minor = draw.choice(known)
    text = "".join(draw.choices(TEXT, k=draw.randint(1, 12)))
    shown = draw.choice([name, name, name, f"{name} AC04", f"{name} {text}", text, f"{text} {name}"])
    return shown, draw.choice([minor, minor, minor, 1, minor + 1, 10**12, draw.randint(1, 10**6)])


def a_settlement(path: Path, rows: list[tuple[str, tuple[str, int], int, int]]) -> Path:
    """A provider's file with these (kind, (about, amount), days before, payout); each payout pays out something."""
    written = []
    for payout in sorted({payout for *_, payout in rows}):
        name = f"po-x{payout}"
        own = [(kind, about, KINDS[kind] * minor, back) for kind, (about, minor), back, to in rows if to == payout]
        gap = min(0, sum(minor for _, _, minor, _ in own))
        own.append(("capture", "p-nobody/1#1", 7_00 - gap, 0))
        own.append(("payout", "", -sum(minor for _, _, minor, _ in own), 0))
        written += [
            SettlementRow(
                f"{name}/{place}", kind, about, "re", minor, "GBP", str(LAST - timedelta(days=back)), name, about
            )
            for place, (kind, about, minor, back) in enumerate(own)
        ]
    write_controlled(path, tuple(SettlementRow.__dataclass_fields__), [asdict(each) for each in written])
    return path


def a_statement(path: Path, after: tuple[int, int], rows: list[tuple[str, int]], on: date) -> Path:
    number, balance = after
    written = []
    for place, (reference, minor) in enumerate(rows):
        balance += minor
        written.append(
            {
                "line_id": f"{place:04}", "account": "main", "statement": number + 1, "amount_minor": minor,
                "balance_minor": balance, "currency": "GBP", "booked_on": on, "value_on": on,
                "reference": reference, "counterparty": "SOMEBODY",
            }
        )  # fmt: skip
    write_controlled(path, STATEMENT, written)
    return path


@given(st.integers(0, 2**32))
@settings(max_examples=examples(usual=25, soaked=50), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_row_stops_a_run_and_the_good_line_beside_it_is_taken(busy: Busy, seed: int) -> None:
    draw = random.Random(seed)
    told = [
        (draw.choice(sorted(KINDS)), movement(busy.known, draw), draw.randint(0, 40), draw.randint(1, 3))
        for _ in range(draw.randint(1, 8))
    ]
    paid_out = [(draw.choice(["po-x1", "po-x2", "po-x3"]), 7_00) for _ in range(draw.randint(0, 3))]
    moved = [(movement(busy.known, draw), draw.choice([1, -1])) for _ in range(draw.randint(0, 8))]
    world = busy.world.copied()
    try:
        with world.ports() as ports:
            good = (busy.plan_id, 5_00)
            rows = [*paid_out, *((reference, sign * minor) for (reference, minor), sign in moved), good]
            files = [
                a_settlement(world.folder / "odd.csv", told),
                a_statement(world.folder / "bank.csv", busy.statement, rows, LAST),
            ]

            first = reconciled(ports, files, LAST, loudly=False)
            second = reconciled(ports, [], LAST, loudly=False)

            assert first.files_refused == ()
            taken = ports.database.execute(
                "SELECT count(*) FROM payments.group_lines g JOIN payments.lines l USING (line_key)"
                " WHERE l.kind = 'credit' AND l.detail = %s AND l.amount_minor = 500 AND l.booked_on = %s",
                (busy.plan_id, LAST),
            ).fetchone()
            assert taken is not None
            assert taken[0] >= 1, "the good line beside them is taken"
            assert ports.database.execute(UNLISTED).fetchall() == [], "what is open is listed"
            assert (second.waiting, second.breaks) == (first.waiting, {}), "nothing is done twice"
            assert ports.ledger.trial_balance().balanced
            assert (first.banks_unequal, second.banks_unequal) == (0, 0)
    finally:
        world.dropped()
