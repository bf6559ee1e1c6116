"""Fineract's accounting beside ours: each row's events book what the row shows, and each difference has its reason."""

import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from lending.plan.booking import journal_of
from tests.lending.servicing.servicing import Desk
from tests.scenarios.play import fold_in_order, play, rows_of
from tests.scenarios.scenario import FOLDER, Scenario, agreement, rows, steps_of
from tests.test_conventions import CHECKOUT

TABLE = tomllib.loads((FOLDER / "fineract.toml").read_text())
DIFFERENCES = CHECKOUT / "docs" / "reference" / "fineract.md"

# Every transaction of Fineract's accounting, by the states of a loan in which it is booked differently.
TRANSACTIONS = {
    "disbursement": {"normal"},
    "repayment": {"normal", "charged off"},
    "down payment": {"normal", "charged off"},
    "merchant issued refund, payout refund": {"normal", "charged off"},
    "goodwill credit": {"normal", "charged off"},
    "waive interest": {"normal", "charged off"},
    "waive charges": {"normal", "charged off"},
    "write-off": {"normal", "charged off"},
    "accrual": {"normal", "charged off"},
    "charge adjustment": {"normal", "charged off"},
    "charge-back": {"normal", "charged off"},
    "charge-off": {"normal"},
    "recovery repayment": {"written off"},
    "credit balance refund": {"normal", "charged off"},
    "interest payment waiver, interest refund": {"normal", "charged off"},
    "buy-down fee": {"normal"},
    "capitalised income": {"normal"},
}

each_row = pytest.mark.parametrize("row", TABLE["row"], ids=lambda row: f"{row['transaction']} ({row['loan']})")


@each_row
def test_a_row_books_what_it_shows(row: Mapping[str, Any]) -> None:
    story = _story(row)

    assert _shown(row, story) == rows(row["journal"])


@each_row
def test_the_books_take_what_a_row_books(row: Mapping[str, Any]) -> None:
    story = _story(row)
    desk = Desk.in_memory()

    play(story, Desk(desk.plans, desk.ledger, story.terms), lambda _: None)

    assert {each.split()[0] for each in rows(row["journal"])} >= set(row["ours"])


@each_row
def test_a_difference_has_its_reason_and_only_a_difference(row: Mapping[str, Any]) -> None:
    assert row["verdict"] in {"same", "differs"}
    assert ("difference" in row) == (row["verdict"] == "differs")
    if "difference" in row:
        number = row["difference"].removeprefix("§")
        assert f"## §{number} " in DIFFERENCES.read_text(), row["difference"]


def test_every_transaction_of_fineract_has_its_rows() -> None:
    shown: dict[str, set[str]] = {}
    for row in TABLE["row"]:
        shown.setdefault(row["transaction"], set()).add(row["loan"])

    assert {name: shown.get(name) for name in TRANSACTIONS} == TRANSACTIONS
    assert {row["oddity"] for row in TABLE["row"] if "oddity" in row} == {1, 2, 3}


def test_every_section_of_the_page_is_about_a_row() -> None:
    sections = set(re.findall(r"^## §(\d+) ", DIFFERENCES.read_text(), re.MULTILINE))

    assert {row["difference"].removeprefix("§") for row in TABLE["row"] if "difference" in row} == sections


def _story(row: Mapping[str, Any]) -> Scenario:
    plan, terms = agreement(TABLE["terms"])
    steps = steps_of([*TABLE["given"][row["given"]], *row["event"]], plan)
    ends_on = row.get("through") or max((step.on for step in steps), default=plan.opened_on) + timedelta(days=1)
    return Scenario(
        row["transaction"], (), row["theirs"], plan, terms, steps, (), (), rows(row["journal"]), (), {"on": ends_on}
    )


def _shown(row: Mapping[str, Any], story: Scenario) -> tuple[str, ...]:
    """What the row's own events book: flow, debit, credit, amount."""
    own = story.steps[len(TABLE["given"][row["given"]]) :]
    shown = row.get("shows") or [step.step_id for step in own]
    flows = row.get("shows_flows")
    bookings = [
        each
        for each in fold_in_order(story).bookings
        if (each.flow in flows if flows else each.event_id in shown and each.flow not in {"F05", "F17"})
    ]
    beside = [step.journal for step in own if step.what == "posted" and step.journal is not None]
    told = rows_of([*beside, *(journal_of(each, recorded_at=each.occurred_at) for each in bookings)])
    return tuple(each.split(" ", maxsplit=1)[1] for each in told)
