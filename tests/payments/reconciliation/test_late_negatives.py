"""A return that comes before what it returns waits for it, as a break of its own, and is booked when it can be."""

from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path

import pytest

from ledger.account import Side
from payments.collection.attempt import AttemptState
from payments.files.control_file import write_controlled
from simulation.provider import SettlementRow
from tests.payments.outside import Outside, collected, reconciled
from tests.payments.plans import an_open_plan, first_due, posted, rows, the_adapters


def a_payout(folder: Path, name: str, on: date, *movements: tuple[str, str, int]) -> Path:
    """A provider's file of one payout with these (kind, attempt, amount), and its own row."""
    rows_ = [
        SettlementRow(f"{name}/{place}", kind, about, "re", minor, "GBP", on.isoformat(), name, "")
        for place, (kind, about, minor) in enumerate(movements, 1)
    ]
    rest = sum(minor for _, _, minor in movements)
    rows_.append(SettlementRow(f"{name}/0", "payout", "", "re", -rest, "GBP", on.isoformat(), name, ""))
    path = folder / f"{name}.csv"
    write_controlled(path, tuple(SettlementRow.__dataclass_fields__), [asdict(each) for each in rows_])
    return path


@pytest.mark.parametrize("at_once", [False, True])
def test_a_return_before_its_capture_is_parked_until_the_capture_comes(
    database_url: str, tmp_path: Path, at_once: bool
) -> None:
    outside = Outside(tmp_path, {"s-1": ("answers_late", 1), "s-2": ("pays", 1)})
    with the_adapters(database_url, outside.provider) as ports:
        plans = [an_open_plan(ports, number) for number in (1, 2)]
        due, later = first_due(plans[0]), first_due(plans[0]) + timedelta(days=3)
        assert collected(ports, due).unknown == 1
        (late, paid), minor = (
            [f"{plan.instalments[0].instalment_id}#1" for plan in plans],
            plans[0].instalments[0].amount.minor,
        )
        capture = a_payout(tmp_path, "po-1", due, ("capture", late, minor))
        other = plans[1].instalments[0].amount.minor
        back = a_payout(
            tmp_path, "po-2", later, ("return", late, -minor), ("capture", paid, other), ("capture", "p-x/1#1", 5)
        )

        if at_once:
            reconciled(ports, [back, capture], later, loudly=False)
        else:
            early = reconciled(ports, [back], later, loudly=False)
            assert early.breaks["E11"] == 1, "it contradicts what we know, and waits"
            assert ports.attempts.counts()[AttemptState.UNKNOWN] == 1
            reconciled(ports, [capture], later, loudly=False)

        states = dict(rows(ports, "SELECT attempt_id, state FROM payments.attempts"))
        assert states == {late: "returned", paid: "presumed_paid"}
        open_ = rows(ports, "SELECT class FROM payments.breaks WHERE closed_on IS NULL AND class = 'E11'")
        assert open_ == []
        assert posted(ports, "rail:card:sandbox:in_flight", Side.DEBIT) == 0
        assert ports.ledger.trial_balance().balanced
