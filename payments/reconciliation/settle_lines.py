"""Matches open lines with expectations and books what follows, all of them or none."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import partial

from ledger.books.store import Books
from ledger.map.flow import Flow
from ledger.money import Money
from lending.acts.with_merchant import principal_in_flight
from lending.plan.plan import Plan
from lending.servicing.record_events import KeptLedger, TermsOf, first_open_day
from lending.servicing.store import Plans
from payments.bookings import post_when_open
from payments.break_class import BreakClass
from payments.breaks import Break
from payments.collection.attempt import UNRESOLVED, Attempt, AttemptEvent, AttemptState
from payments.collection.attempts import Attempts
from payments.collection.opening import must_hold
from payments.collection.outcome import ApplyOutcome, captured_after_all, collection_of
from payments.collection.retry import RetryPolicy
from payments.expectation import Expected
from payments.expectation_key import (
    CaptureKey,
    ClaimKey,
    ClaimWonKey,
    DebitKey,
    DueKey,
    ExpectationKey,
    RefundKey,
    ReturnKey,
)
from payments.files.line import FileLine
from payments.ids import AttemptId, PayoutId, ProviderPayoutId, RefundPaymentId
from payments.line_key import BY_THE_SUM, LineKey, LineKind
from payments.merchants.payouts import Payouts
from payments.plan_events import paid_event_id, record_on_plan
from payments.provider.charge import Succeeded
from payments.rail_profile import Rail, RailProfile
from payments.reconciliation.bookings_from_matches import (
    Consequences,
    MatchContext,
    a_break,
    consequences,
    off_the_chart,
    payout_of,
    repaired,
    seen_on,
)
from payments.reconciliation.matching import Matched, MatchRule, Outcome, Unexpected, outcomes_of
from payments.reconciliation.payouts.book_payout import PayoutPart, ProviderPayout
from payments.reconciliation.payouts.judge_differences import at_agreed_rates, within_daily_caps
from payments.reconciliation.postgres import PostgresReconciliation
from payments.reconciliation.returned_payments import returned_payments
from payments.reconciliation.returned_payouts import brought_back, owe_again
from payments.reconciliation.transfers import take_transfers, transfers_of_shoppers
from payments.refunds.refund_outcome import confirm_by_file, confirm_by_line
from payments.refunds.refund_payments import RefundPayments


def settle_lines(
    units: Sequence[str],
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
    """Match the open lines of these units, then write the consequences, in the caller's database transaction."""
    lines = {line.line_key: line for line in reconciliation.lines_of_units(units)}
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
    credits_named = {line.key for line in ours.values() if line.kind is LineKind.CREDIT and line.key is not None}
    known_before = {each.key: each for each in reconciliation.expected(credits_named, ())}
    met = {key for key, each in known_before.items() if each.met}
    back = brought_back(ours.values(), met, payouts=payouts, refunds=refunds)
    came_back = {each.line.line_key for each in back}
    named = transfers_of_shoppers((line for key, line in ours.items() if key not in came_back), known_before, plans)
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
    reconciliation.expect(each.expected for each in back)
    dealt_with = (*(key for key in lines if key not in ours), *came_back, *named)
    found = reconciliation.match(units, dealt_with, [each.expected.key for each in back])
    expected = {
        each.key: each for each in reconciliation.expected({key for each in found for key in each.expected}, ())
    }
    said = [
        _flag_status_conflict(outcome, closed_elsewhere)
        for each in found
        for outcome in outcomes_of(
            ours[each.line_key].to_match(), each.found, [expected[key].to_match() for key in each.expected], each.rivals
        )
    ]
    outcomes = within_daily_caps(at_agreed_rates(said, profile.rates), reconciliation.tolerance_left(said, profile))
    known = _known(
        units,
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
    posted = post_when_open(reconciliation.anew(result.journals), ledger, first_open_day(ledger))
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
        terms=terms,
        profile=profile,
    )
    reconciliation.confirm(result.matches, day)
    reconciliation.use_tolerance(result.tolerated)
    reconciliation.move_expectations(result.moves, day)
    paid = attempts.states(result.cash_seen)
    settled = sorted(each for each, state in paid.items() if state is AttemptState.PRESUMED_PAID)
    attempts.move_all(settled, AttemptEvent.CASH_SEEN, at=at, cause="payout on the bank statement")
    return result


_NOT_CAPTURED = UNRESOLVED | {AttemptState.REJECTED, AttemptState.CANCELLED}


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
    lines = list(lines)
    states = attempts.states(line.key.attempt_id for line in lines if isinstance(line.key, CaptureKey))
    for line in lines:
        match line.key:
            case RefundKey(payment_id):
                confirm_refund(payment_id, line, at)
            case CaptureKey(attempt_id) if states.get(attempt_id) in _NOT_CAPTURED:
                attempt = attempts.get(attempt_id, lock=True)  # look again, now that nobody else can move it
                assert attempt is not None, f"{attempt_id} has a state"
                if attempt.state in UNRESOLVED or captured_after_all(attempt, attempts):
                    said = Succeeded(attempt_id, line.line_id, line.amount, line.booked_on, f"line {line.line_id}")
                    apply(attempt_id, said, at)
                    undone += [line] if attempt.state is AttemptState.REJECTED else []
                elif attempt.state in (AttemptState.REJECTED, AttemptState.CANCELLED):
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


def _known(
    units: Sequence[str],
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
    currencies = {payout_id: each.amount.currency for each in matched if (payout_id := payout_of(each)) is not None}
    merchant_ids = {PayoutId(each.key.reference) for each in matched if isinstance(each.key, DebitKey)}
    others = reconciliation.other_lines_of_payouts(currencies, units)
    at_hand = [line for line in lines.values() if line.payout_id in currencies]
    rows = _as_matched(at_hand, others, outcomes, reconciliation)
    charged = attempts.get_all(line.key.attempt_id for line in rows if isinstance(line.key, CaptureKey | ReturnKey))
    agreed = plans.get_all({attempt.planned.plan_id for attempt in charged.values()})
    by_payout: dict[ProviderPayoutId, list[FileLine]] = {payout_id: [] for payout_id in currencies}
    for line in rows:
        assert line.payout_id is not None, f"{line.line_key} was read as a row of a payout"
        by_payout[line.payout_id].append(line)
    paid_out = {
        payout_id: ProviderPayout(
            payout_id,
            [_part(line, charged, agreed, ledger=ledger, rail=rail) for line in of_it if line.kind not in _NO_PARTS],
            Money.total((line.amount for line in of_it if line.kind is LineKind.FEE), currencies[payout_id]),
            Money.total((line.amount for line in of_it if line.kind is LineKind.FEE_RETURNED), currencies[payout_id]),
        )
        for payout_id, of_it in by_payout.items()
    }
    on_suspense = reconciliation.on_suspense([lines[outcome.line.line_key] for outcome in outcomes])
    paid = plans.get_all(each.plan_id for each in matched if isinstance(each.key, DueKey) and each.plan_id)
    held = {plan_id: principal_in_flight(plan, ledger) for plan_id, plan in paid.items()}
    in_flight = {plan_id: amount for plan_id, amount in held.items() if amount is not None}
    return MatchContext(expected, paid_out, payouts.get_all(merchant_ids), on_suspense, in_flight)


def _as_matched(
    at_hand: Sequence[FileLine],
    others: Sequence[FileLine],
    outcomes: Sequence[Outcome],
    reconciliation: PostgresReconciliation,
) -> list[FileLine]:
    """All rows by id, with the keys of what they were matched with, which their damaged references do not give."""
    now = {o.line.line_key: o.expectation.key for o in outcomes if isinstance(o, Matched) and o.rule is _OTHER_KEY}
    keys = reconciliation.keys_by_match([row.line_key for row in others], _OTHER_KEY) | now
    rows = sorted((*at_hand, *others), key=lambda line: line.line_id)
    return [replace(row, key=keys[row.line_key]) if row.line_key in keys else row for row in rows]


_OTHER_KEY = MatchRule.REFERENCE
_NO_PARTS = BY_THE_SUM - {LineKind.RESERVE_HELD}


def _part(
    line: FileLine,
    attempts: Mapping[AttemptId, Attempt],
    plans: Mapping[str, Plan],
    *,
    ledger: Books,
    rail: Rail,
) -> PayoutPart:
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
        case _ if line.kind in (LineKind.RESERVE_HELD, LineKind.RESERVE_RELEASED):
            return PayoutPart(line, line.line_id)
        case _:
            raise AssertionError(f"{line.line_key} is no movement of a payout")
