import shutil
import threading
from collections import Counter
from dataclasses import asdict, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from data_contracts.catalog import contract
from data_contracts.files import FileFault, write_rows
from ledger.account import Side
from ledger.money import Currency, Money
from lending.plan.event import Paid, PaymentChannel, PlanEvent
from lending.plan.plan import Origin, Plan, instalments_of
from lending.plan.when import When
from lending.terms.dues import repeated_dues
from lending.terms.product import Product
from payments.collection.attempt import AttemptEvent, AttemptState
from payments.collection.events import opened
from payments.expectation_key import DueKey, PayoutKey
from payments.files.control_file import FileContent, write_controlled
from payments.ids import AttemptId, ProviderPayoutId
from payments.provider.charge import ChargeRefusalCode, ChargeRefused, ChargeRequest, ChargeResult
from payments.reconciliation.postgres_open_items import PostgresOpenItems
from payments.reconciliation.postgres_standing import PostgresStanding
from payments.reconciliation.standing import Standing
from payments.wiring import Adapters
from simulation.day_end import StatementForm
from simulation.faults import FaultKind
from simulation.provider import ProviderBook, SettlementRow
from tests.payments.acts import record_on_plan, take_files
from tests.payments.outside import (
    CAPITAL,
    InProcess,
    Outside,
    at,
    collected,
    days,
    evening,
    inbox_reconciled,
    merchants_paid,
    pay_capital_in,
    reconciled,
)
from tests.payments.plans import an_open_plan, first_due, posted, rows, the_adapters

CLEARING, RETURNS = "provider:sandbox:clearing", "rail:card:sandbox:returns"


def standing(ports: Adapters, day: date) -> Standing:
    return PostgresStanding(cast("Any", ports.database), "sandbox").standing(day, closed=True)


def explained(ports: Adapters, day: date) -> None:
    """The statement equals the books, what lies on clearing is known item by item, and the books balance."""
    now = standing(ports, day)
    for clearing in now.clearing:
        assert clearing.balance_minor == clearing.explained_minor
    for bank in now.banks:
        if bank.bank_account == "main":
            assert bank.statement_minor == bank.ledger_minor
    unpaid = {row[0] for row in ports.database.execute(UNPAID)}
    groups = [group for group in ports.ledger.open_groups(day + timedelta(days=1)) if group.account == CLEARING]
    assert {group.value for group in groups if group.posted.minor} == unpaid, "each attempt's group returns to zero"
    assert ports.ledger.trial_balance().balanced


UNPAID = """
SELECT attempt_id FROM payments.attempts a WHERE captured_on IS NOT NULL AND NOT EXISTS (
    SELECT FROM payments.lines l JOIN payments.matches m ON m.expectation_id = 'payout:' || l.payout_id
     WHERE l.key = 'capture:' || a.attempt_id)
"""


def paying(count: int, **kinds: str) -> dict[str, tuple[str, int]]:
    return {f"s-{number}": (kinds.get(f"s{number}", "pays"), 1) for number in range(1, count + 1)}


def test_captures_are_matched_by_id_and_their_payout_empties_clearing_into_the_bank(
    database_url: str, tmp_path: Path
) -> None:
    outside = Outside(tmp_path, paying(2))
    with the_adapters(database_url, outside.provider) as ports:
        plans = [an_open_plan(ports, number) for number in (1, 2)]
        due = first_due(plans[0])
        pay_capital_in(ports, due)
        gross = sum(plan.instalments[0].amount.minor for plan in plans)

        first = evening(ports, outside, due)
        assert (first.lines, first.matched_by_id, first.unmatched, first.breaks) == (4, 4, 0, {})
        assert posted(ports, CLEARING) == gross
        second = evening(ports, outside, due + timedelta(days=1))

        assert (second.lines, second.matched_by_id, second.open_expectations) == (1, 1, 0)
        assert posted(ports, CLEARING) == 0
        fee = posted(ports, "exp:provider_fee")
        assert fee > 0
        assert posted(ports, "bank:main") == CAPITAL.minor + gross - fee
        assert ports.attempts.counts() == {AttemptState.SETTLED: 2}
        explained(ports, due + timedelta(days=1))


def test_a_capture_whose_id_was_damaged_in_the_providers_file_is_that_of_its_attempt(
    database_url: str, tmp_path: Path
) -> None:
    outside = Outside(tmp_path, paying(2))
    with the_adapters(database_url, outside.provider) as ports:
        plans = [an_open_plan(ports, number) for number in (1, 2)]
        due = first_due(plans[0])
        pay_capital_in(ports, due)
        collected(ports, due)
        (settlement,) = outside.end(due)
        attempt_id = f"{plans[0].instalments[0].instalment_id}#1"
        settlement.write_text(settlement.read_text().replace(f",{attempt_id},", f",{attempt_id.upper()[:-2]} 1,"))

        first = reconciled(ports, [settlement], due)
        second = reconciled(ports, outside.end(due + timedelta(days=1)), due + timedelta(days=1))

        assert (first.breaks, first.matched_by_rule, first.unmatched) == ({"E15": 1}, 1, 0)
        assert (second.breaks, second.open_expectations) == ({}, 0)
        assert ports.attempts.counts() == {AttemptState.SETTLED: 2}
        assert standing(ports, due + timedelta(days=1)).clearing == ()
        assert PostgresOpenItems(ports.database, ports.profile.card, ports.terms).compared().faults == ()


def test_the_bank_may_speak_before_the_provider_and_the_order_of_files_changes_nothing(
    database_url: str, tmp_path: Path
) -> None:
    outside = Outside(tmp_path, paying(1))
    with the_adapters(database_url, outside.provider) as ports:
        plan = an_open_plan(ports)
        due = first_due(plan)
        pay_capital_in(ports, due)
        collected(ports, due)
        (settlement,) = outside.end(due)
        (statement,) = outside.end(due + timedelta(days=1))

        early = reconciled(ports, [statement], due + timedelta(days=1))
        bank_before = posted(ports, "bank:main")
        later = reconciled(ports, [settlement], due + timedelta(days=1))

        assert early.breaks == {"E2": 1}
        assert bank_before == CAPITAL.minor, "nothing is posted before it is known what it pays for"
        assert (later.matched_by_id, later.unmatched) == (4, 0)
        assert posted(ports, CLEARING) == 0
        now = standing(ports, due + timedelta(days=1))
        assert (now.breaks, now.open_breaks) == ({"E2": 1}, {})
        explained(ports, due + timedelta(days=1))


def test_the_same_file_again_is_counted_and_never_posted(database_url: str, tmp_path: Path) -> None:
    outside = Outside(tmp_path, paying(1))
    with the_adapters(database_url, outside.provider) as ports:
        plan = an_open_plan(ports)
        due = first_due(plan)
        collected(ports, due)
        (settlement,) = outside.end(due)
        reconciled(ports, [settlement], due)
        before = ports.ledger.trial_balance()

        same_name = reconciled(ports, [settlement], due)
        copy = settlement.with_name("settlement-again.csv")
        shutil.copy(settlement, copy)
        other_name = reconciled(ports, [copy], due)

        assert (same_name.files_taken_before, same_name.lines, same_name.breaks) == ((settlement.name,), 0, {})
        assert (other_name.lines, other_name.breaks) == (0, {"E5": 1})
        assert ports.ledger.trial_balance() == before
        assert reconciled(ports, [copy], due).breaks == {}, "a duplicate is one break, however often it is read"


def test_a_missing_line_is_e3_once_its_day_has_passed_and_a_late_one_cures_it(
    database_url: str, tmp_path: Path
) -> None:
    outside = Outside(tmp_path, paying(1))
    with the_adapters(database_url, outside.provider) as ports:
        plan = an_open_plan(ports)
        due = first_due(plan)
        collected(ports, due)
        (settlement,) = outside.end(due)
        key = f"capture:{plan.instalments[0].instalment_id}#1"

        on_the_day = reconciled(ports, [], due + timedelta(days=3))
        after = reconciled(ports, [], due + timedelta(days=4))
        again = reconciled(ports, [], due + timedelta(days=5))
        late_day = (due + timedelta(days=6)).isoformat()
        settlement.write_text(_with_last_rows_on(settlement.read_text(), late_day))
        cured = reconciled(ports, [settlement], due + timedelta(days=6))

        assert (on_the_day.breaks, on_the_day.open_expectations) == ({}, 1)
        assert after.breaks == {"E3": 1}
        assert after.listed[0].expectation_id == key
        assert again.breaks == {}
        assert cured.found_late == (key,)
        now = standing(ports, due + timedelta(days=6))
        assert (now.breaks, now.open_breaks, now.found_late) == ({"E3": 1}, {}, (key,))


def _with_last_rows_on(text: str, day: str) -> str:
    """The fee and payout rows of a settlement moved to another day: the file is of that day then."""
    lines = text.splitlines()
    for number in (2, 3):
        cells = lines[number].split(",")
        cells[6] = day
        lines[number] = ",".join(cells)
    return "\n".join(lines) + "\n"


def test_a_returned_payment_is_owed_again_and_its_cash_leaves_with_the_payout_that_nets_it(
    database_url: str, tmp_path: Path
) -> None:
    outside = Outside(tmp_path, {"s-1": ("takes_back", 1), "s-2": ("pays", 1), "s-3": ("pays", 1)})
    with the_adapters(database_url, outside.provider) as ports:
        taken_back = an_open_plan(ports, 1)
        due = first_due(taken_back)
        pay_capital_in(ports, due)
        others = [an_open_plan(ports, number, minor=200_00) for number in (2, 3)]
        assert first_due(others[0]) == due
        evening(ports, outside, due)
        owed = posted(ports, f"plan:{taken_back.plan_id}:principal")
        earned = posted(ports, "inc:discount", Side.CREDIT)
        second_due = others[0].instalments[1].due_on
        reports = [evening(ports, outside, day) for day in days(due + timedelta(days=1), 40)]

        instalment = taken_back.instalments[0]
        found: Counter[str] = Counter()
        for report in reports:
            found.update(report.breaks)
        assert found["E16"] == 1
        assert second_due <= due + timedelta(days=40)
        returned = [each for each in standing(ports, due + timedelta(days=40)).listed if each.break_class == "E16"]
        assert returned[0].expectation_id == f"return:{instalment.instalment_id}#1"
        assert returned[0].closed_by is not None
        assert returned[0].closed_by.startswith("F13b:")
        history = ports.plans.histories([taken_back.plan_id])[taken_back.plan_id]
        events = [event.kind for event in history.events]
        assert events.count("returned") == 1
        again = ports.attempts.get(AttemptId(f"{instalment.instalment_id}#2"))
        assert again is not None, "the policy asks for it once more, after the gap"
        assert again.planned.requested_on == returned[0].opened_on + timedelta(days=3)
        assert owed + instalment.principal.minor >= posted(ports, f"plan:{taken_back.plan_id}:principal") > 0
        assert earned > 0
        assert posted(ports, RETURNS) == 0, "the cash leg was seen in a payout"
        explained(ports, due + timedelta(days=40))


def test_a_capture_in_the_providers_file_undoes_a_refusal_and_the_retry_does_not_come(
    database_url: str, tmp_path: Path
) -> None:
    outside = Outside(tmp_path, {"s-1": ("pays", 1)})
    refusing = RefusesWhatItCaptures(outside.book)
    with the_adapters(database_url, refusing) as ports:
        plan = an_open_plan(ports)
        due, instalment = first_due(plan), plan.instalments[0]
        pay_capital_in(ports, due)
        refused = collected(ports, due)
        outside.end(due)
        report = inbox_reconciled(ports, outside, due)
        retry_day = collected(ports, due + timedelta(days=3))

        assert (refused.refused, report.breaks) == (1, {"E11": 1})
        assert report.unmatched == 0
        (broken,) = [each for each in standing(ports, due).listed if each.break_class == "E11"]
        assert broken.closed_by == f"paid:{instalment.instalment_id}#1"
        assert (retry_day.claimed, refusing.charged) == (0, [f"{instalment.instalment_id}#1"])
        assert posted(ports, CLEARING) == instalment.amount.minor
        assert posted(ports, f"plan:{plan.plan_id}:principal") == plan.principal.minor - instalment.principal.minor
        explained(ports, due)


class RefusesWhatItCaptures(InProcess):
    """A provider whose answer to the first charge contradicts its book."""

    def __init__(self, book: ProviderBook) -> None:
        super().__init__(book)
        self.charged: list[str] = []

    def charge(self, request: ChargeRequest) -> ChargeResult:
        answer = super().charge(request)
        self.charged.append(request.attempt_id)
        if len(self.charged) > 1:
            return answer
        return ChargeRefused(request.attempt_id, ChargeRefusalCode.INSUFFICIENT_FUNDS, "not enough money")


def test_while_a_break_says_that_a_due_may_have_been_paid_no_further_attempt_is_made(
    database_url: str, tmp_path: Path
) -> None:
    """The refused attempt's capture is in the file while the second attempt is under way, and then refused."""
    outside = Outside(tmp_path, {"s-1": ("pays", 1)})
    refusing = RefusesWhatItCaptures(outside.book)
    with the_adapters(database_url, refusing) as ports:
        plan = an_open_plan(ports)
        due, place = first_due(plan), plan.instalments[0].instalment_id
        pay_capital_in(ports, due)
        collected(ports, due)
        outside.end(due)
        second = planned_again(ports, place, due + timedelta(days=3))
        report = inbox_reconciled(ports, outside, due + timedelta(days=3))
        with ports.transaction():
            ports.attempts.move(second, AttemptEvent.WITHDRAWN, at=at(due), cause="test")
        blocked = collected(ports, due + timedelta(days=4))
        reconciled(ports, [], due + timedelta(days=4))
        after = collected(ports, due + timedelta(days=5))

        assert report.breaks == {"E11": 1}
        assert report.unmatched == 1
        assert (blocked.claimed, blocked.waiting) == (0, 1)
        assert (after.claimed, after.instalments_due) == (0, 0)
        assert refusing.charged == [f"{place}#1"]
        assert rows(ports, "SELECT break_id FROM payments.breaks WHERE closed_on IS NULL AND class = 'E11'") == []


def planned_again(ports: Adapters, place: str, on: date) -> AttemptId:
    """A second attempt at an instalment, about to be claimed."""
    first = ports.attempts.get(AttemptId(f"{place}#1"))
    assert first is not None
    second = replace(first.planned, attempt_id=AttemptId(f"{place}#2"), number=2, requested_on=on)
    with ports.transaction():
        assert ports.attempts.plan([second]) == [second]
    return second.attempt_id


def test_a_payout_on_a_bank_account_off_the_chart_posts_nothing_and_stays_listed(
    database_url: str, tmp_path: Path
) -> None:
    outside = Outside(tmp_path, paying(1))
    with the_adapters(database_url, outside.provider) as ports:
        plan = an_open_plan(ports)
        due = first_due(plan)
        collected(ports, due)
        (settlement,) = outside.end(due)
        (statement,) = outside.end(due + timedelta(days=1))
        statement.write_text(statement.read_text().replace(",main,", ",former,"))
        reconciled(ports, [settlement], due)
        before = ports.ledger.trial_balance()

        report = reconciled(ports, [statement], due + timedelta(days=30))

        assert report.breaks == {"E19": 1}, "not E3 as well: where the money is, is known"
        assert f"po-{due}-GBP" in report.listed[0].reason
        assert ports.ledger.trial_balance() == before
        assert posted(ports, CLEARING) == plan.instalments[0].amount.minor
        assert ports.attempts.counts() == {AttemptState.PRESUMED_PAID: 1}
        explained(ports, due + timedelta(days=30))


def test_an_unknown_credit_and_an_unknown_debit_go_to_suspense(database_url: str, tmp_path: Path) -> None:
    header = "line_id,account,statement,amount_minor,balance_minor,currency,booked_on,value_on,reference,counterparty"
    statement = tmp_path / "statement.csv"
    statement.write_text(
        f"{header}\nx/1,main,1,5000,5000,GBP,2026-03-03,2026-03-03,thanks,somebody\n"
        "x/2,main,1,-100,4900,GBP,2026-03-03,2026-03-03,,bank\n#control,2,5100\n"
    )
    with the_adapters(database_url) as ports:
        report = reconciled(ports, [statement], date(2026, 3, 3))

        assert (report.lines, report.unmatched, report.breaks) == (2, 2, {"E4": 2})
        assert posted(ports, "suspense:unapplied", Side.CREDIT) == 50_00
        assert posted(ports, "suspense:debits") == 1_00
        assert posted(ports, "bank:main") == 49_00


def test_an_attempt_without_an_answer_is_captured_when_the_providers_file_shows_it(
    database_url: str, tmp_path: Path
) -> None:
    outside = Outside(tmp_path, paying(1, s1="answers_late"))
    with the_adapters(database_url, outside.provider) as ports:
        plan = an_open_plan(ports)
        due = first_due(plan)
        assert collected(ports, due).unknown == 1
        (settlement,) = outside.end(due)

        report = reconciled(ports, [settlement], due)

        assert (report.matched_by_id, report.breaks) == (3, {})
        assert ports.attempts.counts() == {AttemptState.PRESUMED_PAID: 1}
        assert posted(ports, CLEARING) == plan.instalments[0].amount.minor


def test_a_capture_of_what_we_know_as_refused_is_a_status_conflict(database_url: str, tmp_path: Path) -> None:
    outside = Outside(tmp_path, paying(1, s1="pays_on_retry"))
    with the_adapters(database_url, outside.provider) as ports:
        plan = an_open_plan(ports)
        due = first_due(plan)
        assert collected(ports, due).refused == 1
        assert collected(ports, due + timedelta(days=3)).captured == 1
        (settlement,) = outside.end(due + timedelta(days=3))
        settlement.write_text(settlement.read_text().replace("#2,", "#1,", 1))

        report = reconciled(ports, [settlement], due + timedelta(days=3))

        assert report.breaks == {"E11": 1}
        assert "captured for the provider and rejected for us" in report.listed[0].reason


def test_a_merchants_payout_leaves_the_bank_once(database_url: str, tmp_path: Path) -> None:
    outside = Outside(tmp_path, paying(1))
    with the_adapters(database_url, outside.provider) as ports:
        plan = an_open_plan(ports)
        day = plan.opened_on
        pay_capital_in(ports, day)
        payable = plan.principal.minor - plan.merchant_discount.minor

        sent = merchants_paid(ports, outside, day)
        again = merchants_paid(ports, outside, day)
        assert (sent.new, sent.payouts, sent.paid_minor) == (1, 1, {"GBP": payable})
        assert (again.new, again.payouts, again.files) == (0, 1, ())
        assert posted(ports, "merchant:m-1:in_transit", Side.CREDIT) == payable
        outside.end(day)
        report = inbox_reconciled(ports, outside, day)
        merchants_paid(ports, outside, day + timedelta(days=1))
        outside.end(day + timedelta(days=1))
        inbox_reconciled(ports, outside, day + timedelta(days=1))

        assert (report.matched_by_id, report.breaks) == (1, {})
        assert posted(ports, "merchant:m-1:in_transit", Side.CREDIT) == 0
        assert posted(ports, "bank:main") == CAPITAL.minor - payable
        explained(ports, day + timedelta(days=1))


DAMAGES = [
    pytest.param(lambda text: text.rpartition("#control")[0], "(control row)", "E22", id="cut short"),
    pytest.param(lambda text: text.replace("#control,4", "#control,5"), "(control row)", "E22", id="a wrong count"),
    pytest.param(lambda text: text.replace("line_id,kind", "line_id,sort"), "(header)", "E23", id="a strange header"),
    pytest.param(lambda text: text.replace(",capture,", ",gift,", 1), "kind", "E23", id="an unknown kind"),
    pytest.param(lambda text: text.replace(",GBP,", ",XXX,", 1), "currency", "E22", id="an unknown currency"),
    pytest.param(lambda text: text.replace(",2026-04-02,", ",2026-04-32,", 1), "booked_on", "E22", id="no such day"),
    pytest.param(lambda text: text.replace(",2026-04-02,", ",2027-04-02,", 1), "booked_on", "E22", id="a later year"),
    pytest.param(lambda text: text.replace("/0002,", "/0001,", 1), "line_id", "E22", id="a row's id twice"),
    pytest.param(lambda _: "", "(header)", "E22", id="empty"),
]


@pytest.mark.parametrize(("damage", "field", "broken"), DAMAGES)
def test_a_damaged_file_is_refused_whole_and_listed_until_it_comes_whole(
    database_url: str, tmp_path: Path, damage: Any, field: str, broken: str
) -> None:
    outside = Outside(tmp_path, paying(2))
    with the_adapters(database_url, outside.provider) as ports:
        due = max(first_due(an_open_plan(ports, number)) for number in (1, 2))
        collected(ports, due)
        (settlement,) = outside.end(due)
        whole = settlement.read_text()
        settlement.write_text(damage(whole))
        assert settlement.read_text() != whole

        with pytest.raises(FileFault) as caught:
            reconciled(ports, [settlement], due)
        quietly = inbox_reconciled(ports, outside, due)
        settlement.write_text(whole)
        later = inbox_reconciled(ports, outside, due)

        assert caught.value.field == field
        assert str(settlement) in caught.value.user_message
        assert (quietly.lines, quietly.breaks, len(quietly.files_refused)) == (0, {broken: 1}, 1)
        assert (later.lines, later.matched_by_id) == (4, 4)


def test_a_settlement_whose_rows_do_not_make_its_payout_is_refused(database_url: str, tmp_path: Path) -> None:
    outside = Outside(tmp_path, paying(1))
    with the_adapters(database_url, outside.provider) as ports:
        due = first_due(an_open_plan(ports))
        collected(ports, due)
        (settlement,) = outside.end(due)
        lines = settlement.read_text().splitlines()
        fee, control = lines[2].split(","), lines[-1].split(",")
        fee[4] = str(int(fee[4]) - 1)
        control[2] = str(int(control[2]) + 1)
        settlement.write_text("\n".join([*lines[:2], ",".join(fee), lines[3], ",".join(control)]) + "\n")

        with pytest.raises(FileFault, match="sum to -1, not to zero"):
            reconciled(ports, [settlement], due)


def test_a_statement_may_be_the_first_to_come_with_any_number_and_the_one_before_it_is_taken_too(
    database_url: str, tmp_path: Path
) -> None:
    outside = Outside(tmp_path, paying(1))
    with the_adapters(database_url, outside.provider) as ports:
        plan = an_open_plan(ports)
        pay_capital_in(ports, plan.opened_on)
        merchants_paid(ports, outside, plan.opened_on)
        (first,) = outside.end(plan.opened_on)
        collected(ports, first_due(plan))
        outside.end(first_due(plan))
        (second,) = outside.end(first_due(plan) + timedelta(days=1))
        day = first_due(plan) + timedelta(days=1)

        reconciled(ports, [second], day)
        report = inbox_reconciled(ports, outside, day)

        assert report.files_refused == ()
        assert first.name in report.files_taken
        places = "SELECT number FROM payments.statements WHERE bank_account = 'main' ORDER BY place"
        assert [number for (number,) in ports.database.execute(places)][:2] == [1, 2]
        explained(ports, day)


def test_a_statement_that_does_not_add_up_is_e26(database_url: str, tmp_path: Path) -> None:
    outside = Outside(tmp_path, paying(1))
    with the_adapters(database_url, outside.provider) as ports:
        plan = an_open_plan(ports)
        merchants_paid(ports, outside, plan.opened_on)
        (statement,) = outside.end(plan.opened_on)
        cells = statement.read_text().split(",")
        statement.write_text(statement.read_text().replace(cells[13], str(int(cells[13]) + 1), 1))

        # The first row's balance defines the opening, so a second row is needed to contradict it.
        report = inbox_reconciled(ports, outside, plan.opened_on)
        assert report.files_refused == ()
        statement_two = tmp_path / "two.csv"
        statement_two.write_text(
            "line_id,account,statement,amount_minor,balance_minor,currency,booked_on,value_on,reference,counterparty\n"
            "y/1,main,2,100,100,GBP,2026-03-03,2026-03-03,,x\ny/2,main,2,100,201,GBP,2026-03-03,2026-03-03,,x\n"
            "#control,2,200\n"
        )
        quietly = reconciled(ports, [statement_two], plan.opened_on, loudly=False)

    assert quietly.breaks == {"E26": 1}
    assert "says 201, adds up to 200" in quietly.files_refused[0]


def test_a_row_that_comes_again_with_another_content_is_refused_with_its_field(
    database_url: str, tmp_path: Path
) -> None:
    outside = Outside(tmp_path, paying(1))
    with the_adapters(database_url, outside.provider) as ports:
        due = first_due(an_open_plan(ports))
        collected(ports, due)
        (settlement,) = outside.end(due)
        reconciled(ports, [settlement], due)
        changed = tmp_path / "changed.csv"
        changed.write_text(settlement.read_text().replace("#1,ch_", "#2,ch_", 1))

        with pytest.raises(FileFault) as caught:
            reconciled(ports, [changed], due)

    assert caught.value.field == "key"


def a_payout_of(folder: Path, day: date, minor: int, name: str) -> Path:
    """A provider's file in which the payout po-1 has this amount, for another shopper's payment."""
    rows = [
        SettlementRow(f"{name}/1", "capture", "p-y/1#1", "re", minor, "GBP", day.isoformat(), "po-1", ""),
        SettlementRow(f"{name}/2", "payout", "", "re", -minor, "GBP", day.isoformat(), "po-1", ""),
    ]
    file = folder / f"{name}.csv"
    write_controlled(file, tuple(SettlementRow.__dataclass_fields__), [asdict(row) for row in rows])
    return file


def test_a_file_that_tells_another_amount_of_a_known_payout_is_refused_and_the_others_are_taken(
    database_url: str, tmp_path: Path
) -> None:
    day = date(2026, 3, 3)
    first, other, same = (a_payout_of(tmp_path, day, minor, name) for name, minor in NAMED_AMOUNTS)
    with the_adapters(database_url) as ports:
        reconciled(ports, [first], day)

        report = reconciled(ports, [other, same], day, loudly=False)

        assert (len(report.files_refused), report.files_taken) == (1, ("same.csv",))
        assert "amount: payout:po-1 is recorded with another amount" in report.files_refused[0]
        (expected,) = ports.reconciliation.expected([PayoutKey(ProviderPayoutId("po-1"))], [])
        assert expected.amount == Money(500_00, Currency.GBP)
        with pytest.raises(FileFault, match="another amount"):
            reconciled(ports, [other], day)


NAMED_AMOUNTS = (("first", 500_00), ("other", 400_00), ("same", 500_00))


# Shoppers push.


def an_imported_plan(ports: Adapters, account: str = "808", minor: int = 4_492_00, months: int = 3) -> Plan:
    amount = Money(minor, Currency.CZK)
    plan_id = f"berka-{account}"
    plan = Plan(
        plan_id, None, account, None, f"berka:loan:{account}", None, Origin.IMPORTED, Product.MONTHLY,
        date(1996, 1, 5), amount * months, Money.zero(Currency.CZK), 0, "imported-monthly-1",
        instalments_of(plan_id, repeated_dues(amount, months, first_due_on=date(1996, 1, 12))),
    )  # fmt: skip
    with ports.transaction():
        ports.plans.open(plan)
        record_on_plan(ports, [opened(plan, When.day(plan.opened_on))])
    return plan


def paid_instalments(ports: Adapters, plan: Plan) -> list[str | None]:
    events = ports.plans.histories([plan.plan_id])[plan.plan_id].events
    return [event.body.instalment_id for event in events if isinstance(event.body, Paid)]


def repayments(path: Path, *lines: tuple[str, str, date, int]) -> Path:
    rows = [
        {
            "line_id": line_id, "account_id": account, "booked_on": day, "amount_minor": minor, "currency": "CZK",
            "reference": None, "source": "berka",
        }
        for line_id, account, day, minor in lines
    ]  # fmt: skip
    write_rows(path, contract("repayment_line"), rows)
    return path


def test_a_pushed_payment_repays_the_due_of_its_own_month_and_what_fits_none_stays_on_suspense(
    database_url: str, tmp_path: Path
) -> None:
    file = repayments(
        tmp_path / "lines.csv",
        ("l1", "808", date(1996, 2, 12), 4_492_00),
        ("l2", "808", date(1996, 3, 12), 4_500_00),
        ("l3", "808", date(1996, 4, 12), 4_492_00),
    )
    with the_adapters(database_url) as ports:
        plan = an_imported_plan(ports)

        report = reconciled(ports, [file], date(1996, 4, 12))

        assert (report.matched_by_rule, report.unmatched, report.breaks) == (1, 2, {"E4": 1, "E7": 1})
        assert report.open_expectations == 2, "January without a line, March with another amount"
        assert posted(ports, f"plan:{plan.plan_id}:principal", currency=Currency.CZK) == 2 * 4_492_00
        assert posted(ports, "suspense:unapplied", Side.CREDIT, Currency.CZK) == 4_500_00 + 4_492_00
        assert posted(ports, "bank:main", currency=Currency.CZK) == 2 * 4_492_00 + 4_500_00
        assert paid_instalments(ports, plan) == [f"{plan.plan_id}/2"]
        assert collected(ports, date(1996, 12, 31)).instalments_due == 0, "an imported plan is never collected"


def test_a_due_keeps_the_amount_it_was_expected_with_when_a_part_of_it_is_paid_by_hand(
    database_url: str, tmp_path: Path
) -> None:
    file = repayments(tmp_path / "lines.csv", ("l1", "808", date(1996, 2, 12), 100_00))
    day = date(1996, 2, 29)
    with the_adapters(database_url) as ports:
        plan = an_imported_plan(ports)
        reconciled(ports, [file], day)
        with ports.transaction():
            body = Paid(
                Money(100_00, Currency.CZK), PaymentChannel.TRANSFER, "by hand", instalment_id=f"{plan.plan_id}/2"
            )
            when = When.day(day)
            event = PlanEvent("paid:by hand", plan.plan_id, day, when.occurred_at, when.recorded_at, "a person", body)
            record_on_plan(ports, [event])

        reconciled(ports, [], day)

        (due,) = ports.reconciliation.expected([DueKey(f"{plan.plan_id}/2")], [])
        assert due.amount == Money(4_492_00, Currency.CZK)


def test_files_in_any_order_or_in_one_lead_to_the_same_books(database_url: str, tmp_path: Path) -> None:
    lines = [(f"l{month}", "808", date(1996, month, 12), 4_492_00) for month in (1, 2, 3)]
    files = [repayments(tmp_path / f"{number}.csv", line) for number, line in enumerate(lines)]
    whole = repayments(tmp_path / "whole.csv", *lines)
    with the_adapters(database_url) as ports:
        plan = an_imported_plan(ports)

        for file in (files[2], files[0], files[1]):
            reconciled(ports, [file], date(1996, 3, 31))
        superset = reconciled(ports, [whole], date(1996, 3, 31))

        assert posted(ports, f"plan:{plan.plan_id}:principal", currency=Currency.CZK) == 0
        assert (superset.lines, superset.matched_by_rule) == (0, 0)
        assert superset.breaks == {"E5": 1}, "a file of nothing new is one break"
        assert standing(ports, date(1996, 3, 31)).matched_by_rule == 3


def test_a_line_whose_plan_is_imported_later_is_identified_then(database_url: str, tmp_path: Path) -> None:
    file = repayments(tmp_path / "lines.csv", ("l1", "808", date(1996, 2, 12), 4_492_00))
    with the_adapters(database_url) as ports:
        early = reconciled(ports, [file], date(1996, 2, 29))
        suspended = posted(ports, "suspense:unapplied", Side.CREDIT, Currency.CZK)
        an_imported_plan(ports)
        later = reconciled(ports, [], date(1996, 2, 29))

        assert (early.breaks, suspended) == ({"E4": 1}, 4_492_00)
        assert (later.matched_by_rule, later.unmatched) == (1, 0)
        assert posted(ports, "suspense:unapplied", Side.CREDIT, Currency.CZK) == 0
        assert standing(ports, date(1996, 2, 29)).open_breaks == {}


def test_in_a_world_with_every_fault_each_is_found_under_its_own_name_and_no_other(
    database_url: str, tmp_path: Path
) -> None:
    outside = Outside(tmp_path, paying(4), form=StatementForm.CAMT)
    with the_adapters(database_url, outside.provider) as ports:
        opened = [
            an_open_plan(ports, number, months=2, at=at(day, 12))
            for number, day in (
                (4 * turn + buyer, date(2026, 3, 2) + timedelta(days=turn))
                for turn in range(12)
                for buyer in range(1, 5)
            )
        ]
        pay_capital_in(ports, opened[0].opened_on)
        outside.book.behave({plan.shopper_id or "": ("pays", 1) for plan in opened})
        last = date(2026, 5, 25)
        day = date(2026, 4, 1)
        while day <= last:
            evening(ports, outside, day)
            day += timedelta(days=1)

        now = standing(ports, last)
        planted: dict[str, set[str]] = {kind.value: set() for kind in FaultKind}
        for label in (*outside.book.labels, *outside.bank.labels):
            planted[label.kind.value].add(label.about)
        assert all(planted.values())
        open_missing = {b.expectation_id for b in now.listed if b.break_class == "E3" and b.closed_on is None}
        assert open_missing == {f"capture:{about}" for about in planted["missing_line"]}
        assert set(now.found_late) == {f"capture:{about}" for about in planted["late"]}
        assert {b.expectation_id for b in now.listed if b.break_class == "E16"} == {
            f"return:{about}" for about in planted["returned"]
        }
        assert now.breaks["E19"] == len(planted["parked"])
        assert now.breaks["E5"] == len(planted["duplicated_file"])
        assert now.breaks["E22"] == len(planted["cut_file"])
        assert now.breaks["E26"] == len(planted["wrong_balance"])
        assert {b.line_id for b in now.listed if b.break_class == "E4"} == planted["unknown_credit"]
        assert set(now.breaks) <= {"E3", "E4", "E5", "E16", "E19", "E22", "E26"}
        assert now.lines == now.matched_by_id + now.unmatched
        explained(ports, last)


def test_a_file_is_known_by_its_bytes() -> None:
    assert FileContent(Path("a.csv"), b"x").digest == FileContent(Path("b.csv"), b"x").digest


def test_a_run_that_ended_after_taking_its_files_is_completed_by_the_next(database_url: str, tmp_path: Path) -> None:
    file = repayments(tmp_path / "lines.csv", ("l1", "808", date(1996, 2, 12), 4_492_00))
    with the_adapters(database_url) as ports:
        plan = an_imported_plan(ports)
        take_files([file], ports=ports, at=at(date(1996, 2, 29)), refuse_loudly=True)

        report = reconciled(ports, [file], date(1996, 2, 29))

        assert (report.files_taken_before, report.matched_by_rule) == (("lines.csv",), 1)
        assert posted(ports, f"plan:{plan.plan_id}:principal", currency=Currency.CZK) == 2 * 4_492_00


def test_reconciling_at_once_posts_once(database_url: str, tmp_path: Path) -> None:
    lines = [(f"l{number}", str(number), date(1996, 2, 12), 4_492_00) for number in range(40)]
    file = repayments(tmp_path / "lines.csv", *lines)
    with the_adapters(database_url) as ports:
        for number in range(40):
            an_imported_plan(ports, str(number))
    started, reports, failures = threading.Barrier(3), [], []

    def run() -> None:
        try:
            with the_adapters(database_url) as own:
                started.wait()
                reports.append(reconciled(own, [file], date(1996, 2, 29)))
        except BaseException as error:  # noqa: BLE001 - told to the test
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert sum(report.matched_by_rule for report in reports) == 40
    with the_adapters(database_url) as ports:
        assert posted(ports, "bank:main", currency=Currency.CZK) == 40 * 4_492_00
