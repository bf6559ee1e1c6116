"""Act: take outside files, match their lines with expectations, post the results, and list the breaks.

A file is taken whole or not at all, and once, whatever its name. Matching covers every line that is still open, so the
order in which files arrive does not matter, and the next run completes a run that was killed.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path

from ledger.books.store import Books
from ledger.money import Money
from lending.decision.underwrite import Publish
from lending.plan.plan import Origin
from lending.servicing.record_events import KeptLedger, TermsOf
from lending.servicing.store import Plans
from lending.terms.merchant_terms import AllMerchantTerms
from payments.break_class import BreakClass
from payments.collection.attempt import UNRESOLVED, AttemptEvent, AttemptState, Planned
from payments.collection.attempts import Attempts
from payments.collection.opening import KeptDecisions, must_hold
from payments.collection.outcome import ApplyOutcome, apply_outcome, collection_of
from payments.collection.retry import RetryPolicy
from payments.expectation import Expectations, Expected, Leg
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
from payments.plan_events import record_on_plan
from payments.provider.charge import Succeeded
from payments.rail_profile import Rail, RailProfile
from payments.reconciliation.bookings_from_matches import (
    Consequences,
    MatchContext,
    PayoutPart,
    a_break,
    consequences,
    missing,
    off_the_chart,
    repaired,
    seen_on,
)
from payments.reconciliation.breaks import Break
from payments.reconciliation.events import returned
from payments.reconciliation.matching import Matched, MatchRule, Outcome, Unexpected, match, month_of
from payments.reconciliation.postgres import PostgresReconciliation
from payments.reconciliation.returned_payouts import brought_back, owe_again
from payments.reconciliation.take_files import TakenFiles, take_files
from payments.refunds.pay_refunds import confirm_by_file, confirm_by_line
from payments.refunds.refund_payments import RefundPayments
from payments.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Listed:
    """A break, formatted for a person to read."""

    break_class: str
    line_id: str | None
    expectation_id: str | None
    amount: str | None
    reason: str
    owner: str
    opened_on: date


@dataclass(frozen=True, slots=True)
class ReconcileReport:
    """The result of one run. `lines` is the number of rows in the files taken; each row is matched or listed.

    `breaks`: the new breaks of this run, by class. `found_late`: expectations met after their due-by day.
    """

    as_of: date
    files_taken: tuple[str, ...]
    files_taken_before: tuple[str, ...]
    files_refused: tuple[str, ...]
    lines: int
    matched_by_id: int
    matched_by_rule: int
    unmatched: int
    found_late: tuple[str, ...]
    breaks: Mapping[str, int]
    open_expectations: int
    listed: tuple[Listed, ...]
    entries: int


def reconcile(
    files: Sequence[Path],
    *,
    attempts: Attempts,
    decisions: KeptDecisions,
    plans: Plans,
    ledger: KeptLedger,
    reconciliation: PostgresReconciliation,
    payouts: Payouts,
    refunds: RefundPayments,
    publish: Publish,
    merchants: AllMerchantTerms,
    terms: TermsOf,
    policy: RetryPolicy,
    profile: RailProfile,
    transaction: Transaction,
    at: datetime,
    as_of: date | None = None,
    refuse_loudly: bool = True,
    tick: Callable[[str], None] = lambda _: None,
) -> ReconcileReport:
    """Reconcile these files, and every line that earlier runs left open.

    An expectation due before `as_of` is missing; by default `as_of` is the latest day of any line taken. A damaged file
    raises FileFault with `refuse_loudly`; otherwise it is listed as a break and the other files are taken.
    """
    new: Counter[BreakClass] = Counter()
    taken = take_files(
        files,
        attempts=attempts,
        reconciliation=reconciliation,
        publish=publish,
        profile=profile,
        transaction=transaction,
        at=at,
        refuse_loudly=refuse_loudly,
        tick=tick,
    )
    new.update(taken.breaks)
    apply = partial(
        apply_outcome,
        attempts=attempts,
        decisions=decisions,
        plans=plans,
        ledger=ledger,
        expectations=reconciliation,
        merchants=merchants,
        terms=terms,
        policy=policy,
        profile=profile,
    )
    with transaction():
        reconciliation.lock()
        last = reconciliation.last_day()
        day = as_of or last or at.date()
        tick("matching")
        result = _settle(
            at,
            day,
            attempts=attempts,
            plans=plans,
            ledger=ledger,
            reconciliation=reconciliation,
            payouts=payouts,
            refunds=refunds,
            terms=terms,
            profile=profile,
            apply=apply,
        )
        new.update(reconciliation.raise_breaks(result.breaks))
        overdue = [missing(each, profile) for each in reconciliation.overdue(day)]
        new.update(reconciliation.raise_breaks(overdue))
        open_count = reconciliation.count_open(min(day, last or day))
    return _report(day, taken, result, new, overdue, open_count)


def _settle(
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
    profile: RailProfile,
    apply: ApplyOutcome,
) -> Consequences:
    """Match everything open, then write the consequences."""
    lines = {line.line_key: line for line in reconciliation.open_lines()}
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
    closed_elsewhere = _confirm_by_file(
        ours.values(), at, attempts=attempts, apply=apply, confirm_refund=confirm_refund
    )
    returns = _returns(
        ours.values(),
        day,
        attempts=attempts,
        plans=plans,
        ledger=ledger,
        expectations=reconciliation,
        terms=terms,
        profile=profile,
    )
    back = brought_back(ours.values(), payouts=payouts, refunds=refunds)
    expected = _expectations(list(ours.values()), plans, reconciliation)
    dealt_with = {each.line.line_key for each in back}
    to_match = [
        line.to_match() for key, line in ours.items() if line.kind is not LineKind.RETURN and key not in dealt_with
    ]
    found = match(to_match, [each.to_match() for each in expected.values()])
    outcomes = [_flag_status_conflict(outcome, closed_elsewhere) for outcome in found]
    known = _known(
        outcomes,
        expected,
        attempts=attempts,
        plans=plans,
        ledger=ledger,
        reconciliation=reconciliation,
        payouts=payouts,
        rail=profile.card,
    )
    result = consequences(outcomes, ours, known, profile)
    result.breaks.extend(returns.breaks)
    result.matches.extend(returns.matches)
    result.breaks.extend(off_the_chart(line, profile) for key, line in lines.items() if key not in ours)
    for journal, outcome in zip(result.journals, ledger.post_all(result.journals), strict=True):
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


def _confirm_by_file(
    lines: Iterable[FileLine],
    at: datetime,
    *,
    attempts: Attempts,
    apply: ApplyOutcome,
    confirm_refund: Callable[[RefundPaymentId, FileLine, datetime], None],
) -> dict[LineKey, AttemptState]:
    """Confirm attempts without an outcome whose capture the provider's file shows; the file is authoritative.

    Returns, by line key, the states of attempts that had already ended in another way.
    """
    closed_elsewhere: dict[LineKey, AttemptState] = {}
    for line in lines:
        match line.key:
            case RefundKey(payment_id):
                confirm_refund(payment_id, line, at)
            case CaptureKey(attempt_id):
                attempt = attempts.get(attempt_id, lock=True)
                if attempt is not None and attempt.state in UNRESOLVED:
                    said = Succeeded(attempt_id, line.line_id, line.amount, line.booked_on, f"line {line.line_id}")
                    apply(attempt_id, said, at)
                elif attempt is not None and attempt.state in (AttemptState.REJECTED, AttemptState.CANCELLED):
                    closed_elsewhere[line.line_key] = attempt.state
    return closed_elsewhere


def _flag_status_conflict(outcome: Outcome, closed_elsewhere: Mapping[LineKey, AttemptState]) -> Outcome:
    """E11: they captured what we know as refused."""
    state = closed_elsewhere.get(outcome.line.line_key)
    if state is None or not isinstance(outcome, Unexpected):
        return outcome
    reason = f"{outcome.line.key} is captured for the provider and {state} for us"
    return Unexpected(outcome.line, BreakClass.STATUS_CONFLICT, reason)


def _returns(
    lines: Iterable[FileLine],
    day: date,
    *,
    attempts: Attempts,
    plans: Plans,
    ledger: KeptLedger,
    expectations: Expectations,
    terms: TermsOf,
    profile: RailProfile,
) -> Consequences:
    """F13b for each returned payment: the debt is owed again, and the instalment keeps its due day."""
    result = Consequences()
    for line in sorted(lines, key=lambda line: str(line.line_key)):
        if not isinstance(line.key, ReturnKey):
            continue
        attempt_id = line.key.attempt_id
        attempt = attempts.get(attempt_id, lock=True)
        if attempt is None:
            reason = f"a return of {attempt_id}, which we do not know"
            result.breaks.append(a_break(line, BreakClass.MISSING_INTERNAL, reason, profile))
            continue
        planned = attempt.planned
        if attempt.state not in (AttemptState.PRESUMED_PAID, AttemptState.SETTLED) or line.amount != planned.amount:
            reason = f"{line.amount} returned for {attempt_id}, which is {attempt.state} for {planned.amount}"
            result.breaks.append(a_break(line, BreakClass.STATUS_CONFLICT, reason, profile))
            continue
        attempts.move(attempt_id, AttemptEvent.RETURNED, at=seen_on(line.booked_on).recorded_at, cause=line.line_id)
        event = returned(planned, line.line_id, seen_on(line.booked_on))
        posted = record_on_plan([event], plans=plans, ledger=ledger, terms=terms)
        expected = _return_expected(line, line.key, planned)
        expectations.expect([expected])
        result.matches.append(Matched(line.to_match(), expected.to_match(), MatchRule.ID))
        reason = f"{attempt_id} was paid on {attempt.captured_on} and returned; {planned.instalment_id} is due again"
        broken = a_break(line, BreakClass.RETURNED, reason, profile, expected=expected.key)
        result.breaks.append(repaired(broken, day, posted[0]))
    return result


def _return_expected(line: FileLine, key: ReturnKey, planned: Planned) -> Expected:
    """The expectation of a return, which is created and met by the same line of the provider's file."""
    return Expected(
        key=key,
        leg=Leg.LEDGER_PROVIDER,
        amount=line.amount,
        expected_on=line.booked_on,
        due_by=line.reported_on,
        created_by=line.line_id,
        plan_id=planned.plan_id,
        instalment_id=planned.instalment_id,
    )


def _expectations(
    lines: Sequence[FileLine], plans: Plans, reconciliation: PostgresReconciliation
) -> dict[ExpectationKey, Expected]:
    """The expectations that these lines could close. Dues of imported plans are stored as expectations here."""
    repayments = [line for line in lines if line.kind is LineKind.REPAYMENT]
    if repayments:
        upto = month_of(max(line.booked_on for line in repayments)).last
        dues = [due for due in plans.due(upto) if due.plan.origin is Origin.IMPORTED]
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
    accounts = {line.account_id for line in repayments if line.account_id is not None}
    return {each.key: each for each in reconciliation.expected(keys, accounts)}


def _known(
    outcomes: Sequence[object],
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
    on_suspense = reconciliation.with_a_break([o.line.line_key for o in outcomes if isinstance(o, Matched)])
    return MatchContext(expected, parts, fees, payouts.get_all(merchant_ids), on_suspense)


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


def _report(  # noqa: PLR0917 - the figures of one run, side by side
    day: date,
    taken: TakenFiles,
    result: Consequences,
    new: Counter[BreakClass],
    overdue: Sequence[Break],
    open_count: int,
) -> ReconcileReport:
    by_file = sum(1 for line in taken.lines if line.kind in (LineKind.FEE, LineKind.PAYOUT))
    by_id = sum(1 for matched in result.matches if matched.rule is MatchRule.ID)
    return ReconcileReport(
        as_of=day,
        files_taken=tuple(taken.names),
        files_taken_before=tuple(taken.before),
        files_refused=tuple(taken.refused),
        lines=len(taken.lines),
        matched_by_id=by_id + by_file,
        matched_by_rule=len(result.matches) - by_id,
        unmatched=sum(1 for broken in result.breaks if broken.closed_on is None),
        found_late=tuple(map(str, result.late)),
        breaks={broken.value: count for broken, count in sorted(new.items())},
        open_expectations=open_count,
        listed=tuple(_listed(broken) for broken in (*result.breaks, *overdue)),
        entries=len(result.journals),
    )


def _listed(broken: Break) -> Listed:
    return Listed(
        break_class=broken.break_class.value,
        line_id=None if broken.line_key is None else broken.line_key.line_id,
        expectation_id=None if broken.expected is None else str(broken.expected),
        amount=None if broken.amount is None else str(broken.amount),
        reason=broken.reason,
        owner=broken.owner,
        opened_on=broken.opened_on,
    )
