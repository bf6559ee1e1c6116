"""A peer's end-to-end scenarios: how they are read, replayed and counted, and how many of the shared ones agree."""

import gzip
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.fineract_e2e.__main__ import main
from tests.scenarios.fineract_e2e.product import DEFAULT, ChargeOffInterest, InAdvance, Part, settings_of
from tests.scenarios.fineract_e2e.reader import PeerScenario, UnreadableScenario, read_scenarios, scenario_of
from tests.scenarios.fineract_e2e.replay import Ending, Outcome, replay
from tests.scenarios.fineract_e2e.report import counts
from tests.scenarios.fineract_e2e.steps import story_of
from tests.test_conventions import CHECKOUT

SHARED = 816
EXPRESSIBLE_AT_LEAST = 657
EQUAL_AT_LEAST = 564

TERMS = {
    "LoanProduct": "LP2_ADV_PYMNT_INTEREST_DAILY_EMI_360_30",
    "submitted on date": "3 May 2024",
    "with Principal": "600",
    "ANNUAL interest rate %": "0",
    "interest type": "DECLINING_BALANCE",
    "interest calculation period": "DAILY",
    "amortization type": "EQUAL_INSTALLMENTS",
    "repaymentEvery": "1",
    "repaymentFrequencyType": "MONTHS",
    "numberOfRepayments": "3",
    "graceOnPrincipalPayment": "0",
    "graceOnInterestPayment": "0",
    "interest free period": "0",
    "Payment strategy": "ADVANCED_PAYMENT_ALLOCATION",
}
LENT = 'disburse on "3 May 2024" with "600" EUR'
PAID = 'Customer makes "CASH" repayment on "3 June 2024" with 200 EUR'


def a_step(text: str, *rows: Mapping[str, str]) -> dict[str, Any]:
    step: dict[str, Any] = {"step": text}
    if rows:
        step["table"] = [list(rows[0]), *(list(row.values()) for row in rows)]
    return step


def today(day: str) -> dict[str, Any]:
    return a_step(f'business date to "{day}"')


def the_loan(**changes: str) -> dict[str, Any]:
    return a_step("creates a fully customized loan", TERMS | changes)


def owes(amount: str) -> dict[str, Any]:
    return a_step(f"Loan has {amount} outstanding amount")


def a_schedule(*rows: Sequence[str]) -> dict[str, Any]:
    head = ("Nr", "Days", "Date", "Paid date", "Balance of loan", "Principal due", "Interest", "Fees", "Penalties",
            "Due", "Paid", "In advance", "Late", "Outstanding")  # fmt: skip
    lent = ("", "", "3 May 2024", "", "600", *[""] * 9)
    return a_step(f"schedule has {len(rows)} periods", *(dict(zip(head, row, strict=True)) for row in (lent, *rows)))


def a_scenario(*steps: Mapping[str, Any], kind: str = "Loan") -> PeerScenario:
    return scenario_of({"id": "own", "kind": kind, "steps": list(steps)}, Counter())


def played(*steps: Mapping[str, Any], kind: str = "Loan") -> Outcome:
    return replay(a_scenario(*steps, kind=kind))


AFTER_ONE_PAYMENT = (
    ("1", "31", "3 June 2024", "3 June 2024", "400", "200", "0", "0", "0", "200", "200", "0", "0", "0"),
    ("2", "30", "3 July 2024", "", "200", "200", "0", "0", "0", "200", "0", "0", "0", "200"),
    ("3", "31", "3 August 2024", "", "0", "200", "0", "0", "0", "200", "0", "0", "0", "200"),
)


def test_a_loan_that_is_repaid_as_agreed_agrees_in_every_cell() -> None:
    outcome = played(today("3 June 2024"), the_loan(), a_step(LENT), a_step(PAID), a_schedule(*AFTER_ONE_PAYMENT))

    assert (outcome.ending, outcome.differing) == (Ending.EQUAL, ())
    assert outcome.compared == 2 + 3 * 14


def test_one_wrong_cell_is_named_and_ends_equal_in_balances_only() -> None:
    wrong = ((*AFTER_ONE_PAYMENT[0][:3], "4 June 2024", *AFTER_ONE_PAYMENT[0][4:]), *AFTER_ONE_PAYMENT[1:])

    outcome = played(today("3 June 2024"), the_loan(), a_step(LENT), a_step(PAID), a_schedule(*wrong))

    (cell,) = outcome.differing
    assert (cell.where, cell.column) == ("2024-06-03 schedule row 1", "Paid date")
    assert (cell.theirs, cell.ours) == ("2024-06-04", "2024-06-03")
    assert outcome.ending is Ending.EQUAL_IN_BALANCES


def test_a_wrong_balance_is_different() -> None:
    outcome = played(today("3 June 2024"), the_loan(), a_step(LENT), a_step(PAID), owes("399.99"))

    assert outcome.ending is Ending.DIFFERENT
    assert [(cell.theirs, cell.ours) for cell in outcome.differing] == [("39999", "40000")]


def test_a_payments_split_is_compared() -> None:
    row = {"Transaction date": "3 June 2024", "Transaction Type": "Repayment", "Amount": "200", "Principal": "199"}
    row |= {"Interest": "1", "Fees": "0", "Penalties": "0", "Reverted": "false"}

    outcome = played(
        today("3 June 2024"),
        the_loan(),
        a_step(LENT),
        a_step(PAID),
        a_step("Transactions tab has the following data", row),
    )

    assert [(cell.theirs, cell.ours) for cell in outcome.differing] == [
        ("(20000, 19900, 100, 0, 0)", "(20000, 20000, 0, 0, 0)")
    ]


def test_status_overpaid_and_days_past_due_are_compared() -> None:
    late = {"pastDueDays": "3", "delinquentDays": "0"}

    outcome = played(
        today("6 June 2024"),
        the_loan(),
        a_step(LENT),
        a_step("LOAN level delinquency data", late),
        a_step('Customer makes "CASH" repayment on "6 June 2024" with 601 EUR'),
        a_step('Loan status will be "OVERPAID"'),
        a_step("Loan has 1 overpaid amount"),
    )

    assert (outcome.ending, outcome.compared) == (Ending.EQUAL, 4)


def test_nothing_compared_counts_as_different() -> None:
    outcome = played(today("3 June 2024"), the_loan(), a_step(LENT), a_step(PAID))

    assert (outcome.ending, outcome.why) == (Ending.DIFFERENT, "nothing_compared")


def test_what_the_engine_refuses_is_different_whatever_the_cells_say() -> None:
    refund = 'Admin makes "PAYOUT_REFUND" transaction with "CASH" payment type on "3 June 2024" with 601 EUR'

    outcome = played(today("3 June 2024"), the_loan(), a_step(LENT), a_step(refund), owes("600"))

    assert (outcome.ending, outcome.differing) == (Ending.DIFFERENT, ())
    assert outcome.refused == ("Payout Refund: beyond_the_purchase: 600.00 EUR of the purchase can still be refunded",)


def test_a_step_that_needs_a_missing_capability_is_named_with_it() -> None:
    missing = "Update the interest pause period"
    outcome = played(today("3 June 2024"), the_loan(), a_step(LENT), a_step(missing), owes("600"))

    assert (outcome.ending, outcome.why) == (Ending.NOT_EXPRESSIBLE, "interest_pause_changed")
    assert outcome.step == missing


@pytest.mark.parametrize(
    "kind",
    ["AssetExternalization-Part1", "LoanCapitalizedIncome-Part2", "LoanBuyDownFees", "LoanOrigination", "BatchApi"],
)
def test_a_file_about_something_else_is_out_of_scope(kind: str) -> None:
    assert played(today("3 June 2024"), kind=kind).ending is Ending.OUT_OF_SCOPE


@pytest.mark.parametrize("text", ["successfully undo disbursal", "can successfully undone the loan approval"])
def test_undoing_a_disbursement_or_an_approval_is_out_of_scope(text: str) -> None:
    outcome = played(today("3 June 2024"), the_loan(), a_step(LENT), a_step(text), owes("600"))

    assert (outcome.ending, outcome.why) == (Ending.OUT_OF_SCOPE, "undoes a disbursement or an approval")


def test_the_first_table_decides_the_day_count_and_nothing_else() -> None:
    """365 days a year for a product that names no day count: its first table says so, a later one has no say."""
    loan = the_loan(LoanProduct="LP2_ADV_PYMNT", numberOfRepayments="1", **{"ANNUAL interest rate %": "36.5"})
    first = a_schedule(
        ("1", "31", "3 June 2024", "", "0", "600", "18.60", "0", "0", "618.60", "0", "0", "0", "618.60"),
    )
    later = a_schedule(
        ("1", "31", "3 June 2024", "", "0", "600", "18.55", "0", "0", "618.55", "0", "0", "0", "618.55"),
    )
    settle = a_step(LENT)

    assert played(today("3 May 2024"), loan, settle, first).day_count == "actual/365"
    assert played(today("3 May 2024"), loan, settle, a_step("Loan has 1 outstanding amount"), first).day_count == (
        "actual/365"
    )
    after_a_payment = played(today("3 June 2024"), loan, settle, a_step(PAID), later)
    assert after_a_payment.day_count == "actual/actual"


def test_a_products_name_tells_its_settings() -> None:
    told = settings_of("LP2_ADV_PYMNT_INTEREST_DAILY_EMI_360_30_IR_DAILY_TILL_PRECLOSE_LAST_INSTALLMENT_STRATEGY")

    assert (told.day_count, told.recalculates_interest, told.whole_units) == ("30/360", True, False)
    assert told.ahead("PAYOUT_REFUND") is InAdvance.LAST
    assert told.allocation == (Part.PENALTY, Part.FEE, Part.PRINCIPAL, Part.INTEREST)


def test_an_older_product_is_told_by_its_strategy() -> None:
    told = settings_of("LP1", "DUE_PENALTY_INTEREST_PRINCIPAL_FEE_IN_ADVANCE_PRINCIPAL_PENALTY_FEE_INTEREST")

    assert (told.progressive, told.whole_units) == (False, True)
    assert told.allocation == (Part.PENALTY, Part.INTEREST, Part.PRINCIPAL, Part.FEE)
    assert told.allocation_ahead == (Part.PRINCIPAL, Part.PENALTY, Part.FEE, Part.INTEREST)


def test_a_down_payment_and_a_charge_off_are_told_by_the_name() -> None:
    told = settings_of(
        "LP2_ADV_PYMNT_360_30_INTEREST_RECALC_AUTO_DOWNPAYMENT_ZERO_INTEREST_CHARGE_OFF_ACCRUAL_ACTIVITY"
    )

    assert (told.down_payment, told.down_payment_at_once) == (True, True)
    assert told.charge_off_interest is ChargeOffInterest.ZERO


def test_a_rule_set_before_the_loan_is_made_is_its_own() -> None:
    set_rule = a_step(
        'set "P" loan product "DEFAULT" transaction type to "NEXT_LAST_INSTALLMENT" future installment allocation rule'
    )

    before, after = (
        story_of(a_scenario(today("3 May 2024"), *steps)).loans[0].terms
        for steps in ((set_rule, the_loan()), (the_loan(), set_rule))
    )

    assert before is not None
    assert after is not None
    assert before.product.ahead("REPAYMENT") is InAdvance.NEXT_THEN_LAST
    assert after.product.ahead("REPAYMENT") is InAdvance.NEXT


def test_pauses_are_compared_whether_told_as_acts_or_as_periods() -> None:
    steps = [today("3 May 2024"), the_loan(), a_step(LENT), today("10 June 2024"),
             a_step('initiate a DELINQUENCY PAUSE with startDate: "10 June 2024" and endDate: "30 June 2024"'),
             today("20 June 2024"), a_step('initiate a DELINQUENCY RESUME with startDate: "20 June 2024"')]  # fmt: skip
    pause = {"action": "PAUSE", "startDate": "10 June 2024", "endDate": "30 June 2024"}
    resume = {"action": "RESUME", "startDate": "20 June 2024", "endDate": ""}
    acts = a_step("Delinquency-actions have the following data:", pause, resume)
    whole, short = (
        a_step("pause periods has the following data:", {"pausePeriodStart": "10 June 2024", "pausePeriodEnd": end})
        for end in ("30 June 2024", "20 June 2024")
    )

    endings = [played(*steps, check).ending for check in (acts, short, whole)]

    assert endings == [Ending.EQUAL, Ending.EQUAL, Ending.DIFFERENT]


def test_files_are_read_plain_and_gzipped_and_an_id_may_occur_twice(tmp_path: Path) -> None:
    line = json.dumps({"id": "a", "kind": "Loan", "steps": [today("3 May 2024")]})
    (tmp_path / "one.jsonl").write_text(f"{line}\n{line}\n")
    (tmp_path / "two.jsonl.gz").write_bytes(gzip.compress(line.encode()))
    (tmp_path / "README.md").write_text("no scenario")

    assert [scenario.key for scenario in read_scenarios(tmp_path)] == ["a", "a#2", "a#3"]


def test_a_line_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "one.jsonl").write_text('{"id": "a"}\n')

    with pytest.raises(UnreadableScenario, match=r"one\.jsonl:1: KeyError"):
        read_scenarios(tmp_path)


def test_the_command_prints_each_kind_and_writes_what_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = [today("3 June 2024"), the_loan(), a_step(LENT), a_step(PAID)]
    told = [
        {"id": "right", "kind": "Loan", "steps": [*steps, owes("400")]},
        {"id": "wrong", "kind": "Loan", "steps": [*steps, owes("401")]},
        {"id": "paused", "kind": "Pause", "steps": [*steps, a_step("Update the interest pause period"), owes("400")]},
        {"id": "sold", "kind": "AssetExternalization", "steps": steps},
    ]
    (tmp_path / "all.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in told))
    out = tmp_path / "out.json"

    assert main([str(tmp_path), "--json", str(out)]) == 0

    printed = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines() if line.split()}
    assert printed["Loan"] == ["2", "0", "2", "1", "0", "1"]
    assert printed["all"] == ["4", "1", "2", "1", "0", "1"]
    written = json.loads(out.read_text())
    assert written["kinds"]["Loan"] == {
        "total": 2, "out_of_scope": 0, "expressible": 2, "equal": 1, "equal_in_balances": 0, "different": 1,
    }  # fmt: skip
    assert [(each["id"], each["cells"][0]["theirs"]) for each in written["differing"]] == [("wrong", "40100")]
    assert [(each["id"], each["capability"], each["step"]) for each in written["not_expressible"]] == [
        ("paused", "interest_pause_changed", "Update the interest pause period")
    ]


def test_the_command_says_which_folder_it_cannot_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 2
    assert "no .jsonl or .jsonl.gz file" in capsys.readouterr().err


@pytest.fixture(scope="module")
def shared_outcomes() -> list[Outcome]:
    data = Path(os.environ.get("TRANCHE_TEST_DATA") or CHECKOUT.parent / "shared" / "data")
    folder = Path(os.environ.get("TRANCHE_FINERACT_E2E") or data / "fineract_e2e")
    if not folder.is_dir():
        pytest.skip(f"no scenarios in {folder}; point TRANCHE_FINERACT_E2E at a folder of them")
    return [replay(scenario) for scenario in read_scenarios(folder)]


@pytest.mark.slow
def test_as_many_of_the_shared_scenarios_agree_as_before(shared_outcomes: list[Outcome]) -> None:
    counted = counts(shared_outcomes)

    if counted["total"] != SHARED:
        pytest.skip(f"the floors are those of the {SHARED} shared scenarios, not of these {counted['total']}")
    assert counted["out_of_scope"] == 117
    assert counted["expressible"] >= EXPRESSIBLE_AT_LEAST
    assert counted["equal"] >= EQUAL_AT_LEAST


@pytest.mark.slow
def test_every_scenario_has_its_reason(shared_outcomes: list[Outcome]) -> None:
    assert [
        outcome.key
        for outcome in shared_outcomes
        if outcome.ending is not Ending.EQUAL and not (outcome.why or outcome.differing or outcome.refused)
    ] == []


@pytest.mark.slow
def test_every_product_of_the_shared_scenarios_has_a_rule_for_each_kind_of_payment(
    shared_outcomes: list[Outcome],
) -> None:
    names = {name for outcome in shared_outcomes for name in outcome.product.split(", ") if name}

    assert names
    assert [name for name in names if DEFAULT not in settings_of(name).in_advance] == []


def a_journal(kind: str, day: str, *lines: tuple[str, str, str]) -> dict[str, Any]:
    head = ("Type", "Account name", "Debit", "Credit")
    rows = (dict(zip(head, ("", *line), strict=True)) for line in lines)
    return a_step(
        f'Transactions tab has a "{kind}" transaction with date "{day}" which has the following Journal entries', *rows
    )


@pytest.mark.parametrize(("principal", "ending"), [("200", Ending.EQUAL), ("190", Ending.DIFFERENT)])
def test_the_journal_of_a_payment_tells_its_split(principal: str, ending: Ending) -> None:
    journal = a_journal(
        "REPAYMENT", "3 June 2024", ("Loans Receivable", "", principal), ("Suspense/Clearing account", principal, "")
    )

    outcome = played(today("3 May 2024"), the_loan(), a_step(LENT), today("3 June 2024"), a_step(PAID), journal)

    assert outcome.ending is ending


@pytest.mark.parametrize(("count", "ending"), [(1, Ending.EQUAL), (2, Ending.DIFFERENT)])
def test_transactions_are_counted_by_name(count: int, ending: Ending) -> None:
    counted = a_step(f'Loan has {count} "REPAYMENT" transactions on Transactions tab')

    outcome = played(today("3 May 2024"), the_loan(), a_step(LENT), today("3 June 2024"), a_step(PAID), counted)

    assert outcome.ending is ending
