"""Matches open lines with expectations and books what follows, all of them or none."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import partial

from ledger.books.store import Books
from ledger.map.flow import Flow
from ledger.money import Money
from lending.acts.with_merchant import principal_in_flight
from lending.plan.plan import Origin
from lending.servicing.record_events import KeptLedger, TermsOf, first_open_day
from lending.servicing.store import Plans
from payments.bookings import post_when_open
from payments.break_class import BreakClass
from payments.breaks import Break
from payments.collection.attempt import UNRESOLVED, AttemptEvent, AttemptState
from payments.collection.attempts import Attempts
from payments.collection.opening import must_hold
from payments.collection.outcome import ApplyOutcome, captured_after_all, collection_of
from payments.collection.retry import RetryPolicy
from payments.expectation import Expected, Leg
from payments.expectation_key import (
    CaptureKey,
    ClaimKey,
    ClaimWonKey,
    DebitKey,
    DueKey,
    ExpectationKey,
    PayoutKey,
    RefundKey,
    ReturnKey,
)
from payments.files.line import FileLine
from payments.ids import AttemptId, PayoutId, ProviderPayoutId, RefundPaymentId
from payments.line_key import LineKey, LineKind
from payments.merchants.payouts import Payouts
from payments.plan_events import paid_event_id, record_on_plan
from payments.provider.charge import Succeeded
from payments.rail_profile import Rail, RailProfile
from payments.reconciliation.bookings_from_matches import (
    Consequences,
    MatchContext,
    PayoutPart,
    a_break,
    consequences,
    off_the_chart,
    repaired,
    seen_on,
)
from payments.reconciliation.matching import Matched, Outcome, Unexpected, match, month_of
from payments.reconciliation.postgres import PostgresReconciliation
from payments.reconciliation.returned_payments import returned_payments
from payments.reconciliation.returned_payouts import brought_back, owe_again
from payments.reconciliation.transfers import take_transfers, transfers_of_shoppers
from payments.refunds.pay_refunds import confirm_by_file, confirm_by_line
from payments.refunds.refund_payments import RefundPayments


def settle_lines(
    lines: Mapping[LineKey, FileLine],
    at: datetime,
    day: date,
    *,
    attempts: Attempts,
    plans: Plans,
    ledger: KeptLedger,
    reconciliation: PostgresReconciliation,
    payouts: Payouts,
    refunds: RefundPayments,
    terms: TermsOf,
    policy: RetryPolicy,
    profile: RailProfile,
    apply: ApplyOutcome,
) -> Consequences:
    """Match these open lines, then write the consequences, in the caller's database transaction."""
    ours = {
        key: line
        for key, line in lines.items()
        if line.bank_account is None or line.bank_account in profile.bank_accounts
    }
    confirm_refund = partial(
        confirm_by_file,
        refunds=refunds,
        plans=plans,
        ledger=ledger,
        expectations=reconciliation,
        terms=terms,
        profile=profile,
    )
    closed_elsewhere, undone = _confirm_by_file(
        ours.values(), at, attempts=attempts, apply=apply, confirm_refund=confirm_refund
    )
    returns = returned_payments(
        ours.values(),
        day,
        attempts=attempts,
        plans=plans,
        ledger=ledger,
        expectations=reconciliation,
        terms=terms,
        policy=policy,
        profile=profile,
    )
    expected = _expectations(list(ours.values()), plans, reconciliation)
    met = {key for key, each in expected.items() if each.met}
    back = brought_back(ours.values(), met, payouts=payouts, refunds=refunds)
    came_back = {each.line.line_key for each in back}
    named = transfers_of_shoppers((line for key, line in ours.items() if key not in came_back), expected, plans)
    transfers = take_transfers(
        ours.values(),
        named,
        reconciliation.on_suspense([ours[key] for key in named]),
        plans=plans,
        ledger=ledger,
        expectations=reconciliation,
        terms=terms,
        profile=profile,
    )
    dealt_with = came_back | named.keys()
    to_match = [
        line.to_match() for key, line in ours.items() if line.kind is not LineKind.RETURN and key not in dealt_with
    ]
    met_now = [replace(each.expected, met=True) for each in back]
    found = match(to_match, [each.to_match() for each in (*expected.values(), *met_now)])
    outcomes = [_flag_status_conflict(outcome, closed_elsewhere) for outcome in found]
    known = _known(
        outcomes,
        ours,
        expected,
        attempts=attempts,
        plans=plans,
        ledger=ledger,
        reconciliation=reconciliation,
        payouts=payouts,
        rail=profile.card,
    )
    result = consequences(outcomes, ours, known, profile)
    result.matches.extend(transfers.matches)
    result.breaks.extend(returns.breaks)
    result.breaks.extend(_refusal_undone(line, profile) for line in undone)
    result.matches.extend(returns.matches)
    result.breaks.extend(off_the_chart(line, profile) for key, line in lines.items() if key not in ours)
    brought = [each.line for each in back]
    on_suspense = reconciliation.on_suspense(brought)
    for line in (*result.off_suspense, *(line for line in brought if line.line_key in on_suspense)):
        _reverse_suspense(line, ledger)
    posted = post_when_open(result.journals, ledger, first_open_day(ledger))
    for journal, outcome in zip(result.journals, posted, strict=True):
        must_hold(outcome, journal.entry_id)
    record_on_plan(result.events, plans=plans, ledger=ledger, terms=terms)
    for payment_id, line in result.refunds_seen:
        confirm_by_line(
            payment_id,
            line.line_id,
            seen_on(line.booked_on),
            refunds=refunds,
            plans=plans,
            ledger=ledger,
            terms=terms,
            profile=profile,
        )
    owe_again(
        back,
        day,
        result,
        payouts=payouts,
        refunds=refunds,
        plans=plans,
        ledger=ledger,
        expectations=reconciliation,
        terms=terms,
        profile=profile,
    )
    reconciliation.confirm(result.matches, day)
    for attempt_id in result.cash_seen:
        attempt = attempts.get(attempt_id, lock=True)
        if attempt is not None and attempt.state is AttemptState.PRESUMED_PAID:
            attempts.move(attempt_id, AttemptEvent.CASH_SEEN, at=at, cause="payout on the bank statement")
    return result


def _reverse_suspense(line: FileLine, ledger: KeptLedger) -> None:
    """F38: what was booked when nothing identified the line yet; its match now books its cash where it belongs."""
    flow = Flow.UNIDENTIFIED_DEBIT if line.kind is LineKind.DEBIT else Flow.UNIDENTIFIED_CREDIT
    when, entry_id = seen_on(line.booked_on), f"{flow}:{line.line_id}"
    first_open = first_open_day(ledger)
    answer = ledger.reverse(
        entry_id,
        value_date=when.value_date if first_open is None else max(when.value_date, first_open),
        occurred_at=when.occurred_at,
        recorded_at=when.recorded_at,
        reason=f"identified as {line.key}",
    )
    must_hold(answer, entry_id)


def _confirm_by_file(
    lines: Iterable[FileLine],
    at: datetime,
    *,
    attempts: Attempts,
    apply: ApplyOutcome,
    confirm_refund: Callable[[RefundPaymentId, FileLine, datetime], None],
) -> tuple[dict[LineKey, AttemptState], list[FileLine]]:
    """Confirm attempts without an outcome whose capture the provider's file shows; the file is authoritative.

    Returns the states of attempts that had already ended in another way, by line key; and the lines that undid a
    refusal.
    """
    closed_elsewhere: dict[LineKey, AttemptState] = {}
    undone: list[FileLine] = []
    for line in lines:
        match line.key:
            case RefundKey(payment_id):
                confirm_refund(payment_id, line, at)
            case CaptureKey(attempt_id):
                attempt = attempts.get(attempt_id, lock=True)
                if attempt is not None and (attempt.state in UNRESOLVED or captured_after_all(attempt, attempts)):
                    said = Succeeded(attempt_id, line.line_id, line.amount, line.booked_on, f"line {line.line_id}")
                    apply(attempt_id, said, at)
                    undone += [line] if attempt.state is AttemptState.REJECTED else []
                elif attempt is not None and attempt.state in (AttemptState.REJECTED, AttemptState.CANCELLED):
                    closed_elsewhere[line.line_key] = attempt.state
    return closed_elsewhere, undone


def _refusal_undone(line: FileLine, profile: RailProfile) -> Break:
    """E11 for a refusal that was none: its payment repairs it at once, and no further attempt comes."""
    assert isinstance(line.key, CaptureKey), f"{line.line_key} was read as a capture"
    reason = f"{line.key.attempt_id} was refused, and the provider captured it all the same"
    broken = a_break(line, BreakClass.STATUS_CONFLICT, reason, profile, expected=line.key)
    return repaired(broken, line.booked_on, paid_event_id(line.key.attempt_id))


def _flag_status_conflict(outcome: Outcome, closed_elsewhere: Mapping[LineKey, AttemptState]) -> Outcome:
    """E11: they captured what we know as refused."""
    state = closed_elsewhere.get(outcome.line.line_key)
    if state is None or not isinstance(outcome, Unexpected):
        return outcome
    reason = f"{outcome.line.key} is captured for the provider and {state} for us"
    return Unexpected(outcome.line, BreakClass.STATUS_CONFLICT, reason)


def _expectations(
    lines: Sequence[FileLine], plans: Plans, reconciliation: PostgresReconciliation
) -> dict[ExpectationKey, Expected]:
    """The expectations that these lines could close.

    Dues of imported plans are stored as expectations here, because their shoppers send the money. Those of a checkout
    are collected; they are stored for a shopper who sends it all the same.
    """
    repayments = [line for line in lines if line.kind is LineKind.REPAYMENT]
    accounts = {line.account_id for line in repayments if line.account_id is not None}
    if repayments:
        upto = month_of(max(line.booked_on for line in repayments)).last
        sent = {(line.account_id, line.amount) for line in repayments}
        named = {line.key for line in repayments}
        dues = [
            due
            for due in plans.due(upto)
            if due.plan.origin is Origin.IMPORTED
            or (due.plan.account_id, due.open_amount) in sent
            or DueKey(due.instalment.instalment_id) in named
        ]
        expected_before = reconciliation.expected((DueKey(due.instalment.instalment_id) for due in dues), ())
        known = {each.key for each in expected_before}
        reconciliation.expect(  # a due keeps the amount with which it was first expected
            Expected(
                key=DueKey(due.instalment.instalment_id),
                leg=Leg.LEDGER_BANK,
                amount=due.open_amount,
                expected_on=due.instalment.due_on,
                due_by=month_of(due.instalment.due_on).last,
                created_by=due.plan.plan_id,
                account_id=due.plan.account_id,
                plan_id=due.plan.plan_id,
                instalment_id=due.instalment.instalment_id,
                window=month_of(due.instalment.due_on),
            )
            for due in dues
            if DueKey(due.instalment.instalment_id) not in known
        )
    keys = {line.key for line in lines if line.key is not None}
    return {each.key: each for each in reconciliation.expected(keys, accounts)}


def _known(
    outcomes: Sequence[Outcome],
    lines: Mapping[LineKey, FileLine],
    expected: Mapping[ExpectationKey, Expected],
    *,
    attempts: Attempts,
    plans: Plans,
    ledger: Books,
    reconciliation: PostgresReconciliation,
    payouts: Payouts,
    rail: Rail,
) -> MatchContext:
    """The payouts of the matched lines, with their parts."""
    matched = [expected[o.expectation.key] for o in outcomes if isinstance(o, Matched)]
    payout_ids = {each.key.payout_id for each in matched if isinstance(each.key, PayoutKey)}
    merchant_ids = {PayoutId(each.key.reference) for each in matched if isinstance(each.key, DebitKey)}
    parts: dict[ProviderPayoutId, list[PayoutPart]] = {payout_id: [] for payout_id in payout_ids}
    fees = {each.key.payout_id: Money.zero(each.amount.currency) for each in matched if isinstance(each.key, PayoutKey)}
    for line in reconciliation.lines_of_payouts(payout_ids):
        assert line.payout_id is not None, f"{line.line_key} was read as a row of a payout"
        if line.kind is LineKind.FEE:
            fees[line.payout_id] += line.amount
        elif line.kind is not LineKind.PAYOUT:
            parts[line.payout_id].append(_part(line, attempts=attempts, plans=plans, ledger=ledger, rail=rail))
    on_suspense = reconciliation.on_suspense([lines[outcome.line.line_key] for outcome in outcomes])
    paid = plans.get_all(each.plan_id for each in matched if isinstance(each.key, DueKey) and each.plan_id)
    held = {plan_id: principal_in_flight(plan, ledger) for plan_id, plan in paid.items()}
    in_flight = {plan_id: amount for plan_id, amount in held.items() if amount is not None}
    return MatchContext(expected, parts, fees, payouts.get_all(merchant_ids), on_suspense, in_flight)


def _part(line: FileLine, *, attempts: Attempts, plans: Plans, ledger: Books, rail: Rail) -> PayoutPart:
    match line.key:
        case RefundKey(payment_id):
            return PayoutPart(line, payment_id)
        case ClaimKey(case_id) | ClaimWonKey(case_id):
            case = ledger.entries(correlation={"case_id": case_id})
            return PayoutPart(line, AttemptId(case[0].journal.correlation["attempt_id"] if case else case_id))
        case CaptureKey(attempt_id) | ReturnKey(attempt_id):
            attempt = attempts.get(attempt_id)
            plan = None if attempt is None else plans.get(attempt.planned.plan_id)
            known = None if attempt is None or plan is None else collection_of(plan, attempt.planned, rail)
            return PayoutPart(line, attempt_id, known)
        case _:
            raise AssertionError(f"{line.line_key} is no movement of a payout")
