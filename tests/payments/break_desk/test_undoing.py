"""Whatever is matched by hand and however often, undone in any order it leaves books and lists as they were before."""

import random
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest

from data_contracts.catalog import contract
from data_contracts.files import write_rows
from lending.plan.plan import Plan
from lending.terms.product import Product
from payments.break_desk.perform_desk_act import DeskActProposed, DeskActRefused
from payments.wiring import Adapters
from tests.payments.break_desk.desk import act, approved, done, standing_of, with_people
from tests.payments.merchants.test_pay_merchants import paid, sold
from tests.payments.outside import Outside, collected, reconciled
from tests.payments.plans import an_open_plan, first_due, open_items, posted, rows, the_adapters
from tests.payments.reconciliation.test_lines_of_the_world import stated
from tests.payments.reconciliation.test_reconcile import paying
from tests.soak import TIMES, examples


@dataclass
class World:
    """Lines that nothing identifies, and for each what a person may say it is: the act with its arguments."""

    ports: Adapters
    day: date
    ways: dict[str, list[tuple[str, dict[str, str]]]]
    matched: set[str] = field(default_factory=set)
    number: int = 0

    def step(self, rng: random.Random) -> None:
        """Match, write off or unmatch one line."""
        line = rng.choice(sorted(self.ways))
        if line in self.matched:
            self.undo(line)
            return
        name, arguments = rng.choice(self.ways[line])
        self.number += 1
        answer = act(self.ports, self.day, name, line, key=f"{name}-{self.number}", **arguments)
        if isinstance(answer, DeskActRefused):
            assert answer.code == "already-met", answer
            return
        done(approved(self.ports, self.day, answer) if isinstance(answer, DeskActProposed) else answer)
        self.matched.add(line)

    def undo(self, line: str) -> None:
        self.number += 1
        answer = act(self.ports, self.day, "unmatch", line, key=f"unmatch-{self.number}")
        done(approved(self.ports, self.day, answer) if isinstance(answer, DeskActProposed) else answer)
        self.matched.discard(line)


def transfers(path: Path, plan: Plan, on: date) -> Path:
    """Two transfers of one due's amount, between which no rule chooses."""
    amount = plan.instalments[0].amount.minor
    lines = [
        {"line_id": f"t-{number}", "account_id": plan.account_id, "amount_minor": amount, "currency": "GBP",
         "booked_on": on, "reference": None, "source": "seeded"} for number in (1, 2)
    ]  # fmt: skip
    write_rows(path, contract("repayment_line"), lines)
    return path


def a_world(ports: Adapters, outside: Outside, folder: Path) -> World:
    with_people(ports)
    collecting = an_open_plan(ports, 1)
    due = first_due(collecting)
    collected(ports, due)
    (settlement,) = (each for each in outside.end(due) if "settlement" in each.name)
    waiting = [an_open_plan(ports, number, product=Product.PAY_IN_30_DAYS, months=1) for number in (2, 3)]
    day = max(first_due(plan) for plan in (collecting, *waiting))
    sold(ports, 9, 95_00, on=due)
    paid(ports, folder, on=due)
    reconciled(ports, [settlement], due)
    expected = dict(rows(ports, "SELECT expectation_id, amount_minor FROM payments.open_expectations"
                                " JOIN payments.expectations USING (expectation_id)"))  # fmt: skip
    (payout,) = (each for each in expected if each.startswith("payout:"))
    (debit,) = (each for each in expected if each.startswith("debit:"))
    amounts = [(expected[payout], "?"), (30_00, "thanks"), (-expected[debit], "damaged"), (expected[payout], "??")]
    sent = transfers(folder / "t.csv", waiting[0], first_due(waiting[0]))
    reconciled(ports, [stated(folder / "b.csv", *amounts), sent], day)
    to_plans = [("match", {"plan_id": plan.plan_id}) for plan in waiting]
    to_due = ("match", {"expectation": f"due:{waiting[0].instalments[0].instalment_id}"})
    of_payout, off = [("match", {"expectation": payout}), *to_plans], ("write-off", {})
    return World(
        ports,
        day,
        {
            "line:credit:main/2026-1/0001": [*of_payout, off],
            "line:credit:main/2026-1/0002": [*to_plans, off],
            "line:debit:main/2026-1/0003": [("match", {"expectation": debit}), off],
            "line:credit:main/2026-1/0004": of_payout,
            "line:repayment:t-1": [to_due, *to_plans, off],
            "line:repayment:t-2": [to_due, off],
        },
    )


@pytest.mark.parametrize("seed", range(TIMES))
def test_whatever_is_matched_by_hand_is_undone_to_the_state_before(
    database_url: str, tmp_path: Path, seed: int
) -> None:
    outside = Outside(tmp_path, paying(1))
    with the_adapters(database_url, outside.provider) as ports:
        world, rng = a_world(ports, outside, tmp_path), random.Random(seed)
        before, attempts = standing_of(ports, world.day), ports.attempts.counts()
        assert len(before.open_breaks) == len(world.ways)
        for _ in range(examples(usual=1, soaked=3)):
            for _ in range(14):
                world.step(rng)
            assert ports.ledger.trial_balance().balanced
            assert open_items(database_url, ports).faults == ()
            for line in rng.sample(sorted(world.matched), len(world.matched)):
                world.undo(line)
            assert (standing_of(ports, world.day), ports.attempts.counts()) == (before, attempts)
            assert reconciled(ports, [], world.day).waiting == 0
            assert standing_of(ports, world.day) == before, "the rules leave to a person what they left before"
        assert world.number > 14
        assert posted(ports, "exp:recon_diff") == 0
