"""From match outcomes to journals, plan events, matches and breaks. Pure: `reconcile` reads and writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import groupby
from typing import TypeGuard

from ledger.journal import Journal
from ledger.money import Money
from lending.plan.event import PlanEvent
from lending.plan.when import When
from payments.break_class import BreakClass
from payments.breaks import Break
from payments.expectation import Expected
from payments.expectation_key import CaptureKey, ClaimKey, DebitKey, DueKey, ExpectationKey, PayoutKey
from payments.files.line import FileLine
from payments.files.payout_file import Payout
from payments.ids import AttemptId, PayoutId, ProviderPayoutId, RefundPaymentId
from payments.line_key import LineKey, LineKind
from payments.rail_profile import RailProfile
from payments.reconciliation.bookings import (
    claim_identified,
    claim_taken,
    payout_confirmed,
    payout_converted,
    payout_identified,
    tolerance_booked,
    unidentified_credit,
    unidentified_debit,
)
from payments.reconciliation.events import pushed
from payments.reconciliation.matching import Different, Matched, MatchRule, Outcome, Unexpected
from payments.reconciliation.payouts.book_payout import ProviderPayout, payout_journals
from payments.rules.expectation_state import Move, state_by_break
from payments.rules.source import days_between


@dataclass(frozen=True, slots=True)
class MatchContext:
    """What is known about the lines: expectations by key, the provider's payouts, and the lines on suspense.

    `in_flight`: the principal that attempts in progress hold, by plan, of the plans that the lines pay.
    """

    expected: Mapping[ExpectationKey, Expected]
    payouts: Mapping[ProviderPayoutId, ProviderPayout]
    merchant_payouts: Mapping[PayoutId, Payout]
    on_suspense: frozenset[LineKey]
    in_flight: Mapping[str, Money]


@dataclass(frozen=True, slots=True)
class Consequences:
    """Everything to write, in order.

    `cash_seen`: attempts whose money is in the bank. `refunds_seen`: payments of refunds that a line confirms. `late`:
    keys of expectations met after their due-by day. `off_suspense`: lines whose entry on suspense is to be reversed.
    `tolerated`: differences of lines that are booked. `moves`: expectations that come into another state unmatched.
    """

    journals: list[Journal] = field(default_factory=list)
    events: list[PlanEvent] = field(default_factory=list)
    matches: list[Matched] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)
    cash_seen: list[AttemptId] = field(default_factory=list)
    refunds_seen: list[tuple[RefundPaymentId, FileLine]] = field(default_factory=list)
    late: list[ExpectationKey] = field(default_factory=list)
    off_suspense: list[FileLine] = field(default_factory=list)
    tolerated: list[tuple[LineKey, date, Money]] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)


def consequences(
    outcomes: Sequence[Outcome], lines: Mapping[LineKey, FileLine], known: MatchContext, profile: RailProfile
) -> Consequences:
    """What to write for the outcomes of each line, which stand side by side."""
    result = Consequences()
    last_part = {o.expectation.key: o.line.line_key for o in outcomes if _is(o, MatchRule.PARTS)}
    for line_key, found in groupby(outcomes, key=lambda outcome: outcome.line.line_key):
        line = lines[line_key]
        for outcome in _if_explained(list(found), known):
            if isinstance(outcome, Matched):
                is_whole = last_part.get(outcome.expectation.key, line_key) == line_key
                _noted(outcome, line, known, profile, result)
                _matched(outcome, line, known, profile, result, is_whole=is_whole)
            else:
                _unmatched(line, outcome, known, profile, result)
    return result


def _is(outcome: Outcome, rule: MatchRule) -> TypeGuard[Matched]:
    return isinstance(outcome, Matched) and outcome.rule is rule


def _noted(outcome: Matched, line: FileLine, known: MatchContext, profile: RailProfile, result: Consequences) -> None:
    """The match, with what is to be said of it all the same: late, with a difference, E15 or E20."""
    expected = known.expected[outcome.expectation.key]
    result.matches.append(outcome)
    if line.reported_on > expected.due_by:
        result.late.append(expected.key)
    if outcome.rule is MatchRule.TOLERANCE:
        result.tolerated.append((line.line_key, line.booked_on, line.amount - expected.amount))
    by_match = f"match:{line.line_key}"
    if outcome.rule is MatchRule.REFERENCE:
        reason = f"{line.detail or line.key!s} was read as {expected.key}"
        broken = a_break(line, BreakClass.DAMAGED_REFERENCE, reason, profile, expected=expected.key)
        result.breaks.append(repaired(broken, line.reported_on, by_match))
    if (other := other_business_day(line, expected, profile)) is not None:
        reason = f"{expected.key} was booked on {line.booked_on}, and counts on {other}"
        broken = a_break(line, BreakClass.CUT_OFF, reason, profile, expected=expected.key)
        broken = replace(broken, break_id=f"cut-off:{line.line_key}")
        one_month = (other.year, other.month) == (line.booked_on.year, line.booked_on.month)
        result.breaks.append(repaired(broken, line.reported_on, by_match) if one_month else broken)


def other_business_day(line: FileLine, expected: Expected, profile: RailProfile) -> date | None:
    """The day on which a movement counts, if that is another business day than the one on which it was booked.

    A bank says it in its value date; for a capture it is the day on which we took the payment.
    """
    counts = expected.expected_on if isinstance(expected.key, CaptureKey) else line.value_on
    is_bank = line.bank_account is not None
    source = profile.sources.of_account(line.bank_account or "") if is_bank else profile.provider_source
    if counts is None or days_between(counts, line.booked_on, source) == 0:
        return None
    return counts


def off_the_chart(line: FileLine, profile: RailProfile) -> Break:
    """E19: money on the statement of a bank account that is not ours. Nothing is posted."""
    reason = f"{line.detail or 'no reference'}: booked on bank account {line.bank_account}, which is not on our chart"
    return a_break(line, BreakClass.WRONG_ACCOUNT, reason, profile)


def missing(expected: Expected, profile: RailProfile) -> Break:
    """E3: the break of an expectation that the other side should have shown by now."""
    treatment = profile.treatments[BreakClass.MISSING_EXTERNAL]
    return Break(
        break_id=f"expectation:{expected.key}",
        break_class=BreakClass.MISSING_EXTERNAL,
        reason=f"{expected.key} for {expected.amount} was to be shown by {expected.due_by.isoformat()}",
        owner=treatment.owner,
        severity=treatment.severity,
        opened_on=expected.due_by,
        due_by=treatment.due_by(expected.due_by),
        expected=expected.key,
        amount=expected.amount,
    )


def a_break(
    line: FileLine,
    break_class: BreakClass,
    reason: str,
    profile: RailProfile,
    *,
    expected: ExpectationKey | None = None,
) -> Break:
    """The break of a line."""
    treatment = profile.treatments[break_class]
    return Break(
        break_id=f"line:{line.line_key}",
        break_class=break_class,
        reason=reason,
        owner=treatment.owner,
        severity=treatment.severity,
        opened_on=line.reported_on,
        due_by=treatment.due_by(line.reported_on),
        line_key=line.line_key,
        expected=expected,
        amount=line.amount,
    )


def seen_on(day: date) -> When:
    """A day's file is first known at the end of the day."""
    return When.day(day, recorded_at=When.day(day + timedelta(days=1)).occurred_at)


def repaired(broken: Break, on: date, by: str) -> Break:
    """A break that a posting has cured; it stays on the list with the id of that posting."""
    return replace(broken, closed_on=max(on, broken.opened_on), closed_by=by)


def _matched(
    outcome: Matched,
    line: FileLine,
    known: MatchContext,
    profile: RailProfile,
    result: Consequences,
    *,
    is_whole: bool,
) -> None:
    """Book what a line closes. Of several lines that make up a payout, the last one books it: then it `is_whole`."""
    expected = known.expected[outcome.expectation.key]
    match expected.key:
        case DueKey():
            _repaid(line, expected, known, profile, result)
        case PayoutKey() if not is_whole:
            _off_suspense(line, known, result)
        case PayoutKey(payout_id):
            _paid_out(line, payout_id, known, profile, result)
            if outcome.rule is MatchRule.TOLERANCE:
                _booked_difference(line, line.amount - expected.amount, profile, result)
            elif outcome.rule is MatchRule.RATE:
                _booked_rate(line, expected.amount, profile, result)
        case DebitKey(reference):
            _debited(line, reference, expected, known, profile, result)
        case _:  # any other kind only confirms what the provider reported before
            return


def _debited(  # noqa: PLR0917 - a debit and everything that identifies it
    line: FileLine, reference: str, expected: Expected, known: MatchContext, profile: RailProfile, result: Consequences
) -> None:
    """F07b for a merchant's payout, F14b for a claim, F37b if the debit was on suspense; or confirm a refund.

    A debit of the provider itself is a payout whose returns and fees exceed what it brings.
    """
    when, on_suspense = seen_on(line.booked_on), line.line_key in known.on_suspense
    bank, provider = line.bank_account or profile.merchant_bank, profile.card.provider
    payout = known.merchant_payouts.get(PayoutId(reference))
    match expected.created_by:
        case _ if payout is not None and on_suspense:
            result.journals.append(payout_identified(payout, line, when))
        case _ if payout is not None:
            result.journals.append(payout_confirmed(payout, when, bank=bank, line_id=line.line_id))
        case PayoutKey(payout_id):
            _paid_out(line, payout_id, known, profile, result)
        case ClaimKey(case_id) if on_suspense:
            result.journals.append(claim_identified(case_id, line, when, provider=provider))
        case ClaimKey(case_id):
            result.journals.append(claim_taken(case_id, line, when, provider=provider, bank=bank))
        case _:
            _off_suspense(line, known, result)
            result.refunds_seen.append((RefundPaymentId(reference), line))


def _off_suspense(line: FileLine, known: MatchContext, result: Consequences) -> None:
    """Take the cash of a line back from suspense, because the journals of its match bring it to the bank themselves."""
    if line.line_key in known.on_suspense and line not in result.off_suspense[-1:]:
        result.off_suspense.append(line)


def _booked_difference(line: FileLine, difference: Money, profile: RailProfile, result: Consequences) -> None:
    bank, when = line.bank_account or profile.card.bank, seen_on(line.booked_on)
    result.journals.extend(tolerance_booked(line, difference, when, provider=profile.card.provider, bank=bank))


def _booked_rate(line: FileLine, sold: Money, profile: RailProfile, result: Consequences) -> None:
    rate = profile.rates.on(sold.currency, line.amount.currency, line.booked_on)
    assert rate is not None, f"{line.line_key} was matched at a rate"
    bank, when = line.bank_account or profile.card.bank, seen_on(line.booked_on)
    result.journals.extend(payout_converted(line, sold, rate.of(sold), when, bank=bank))


def _if_explained(outcomes: Sequence[Outcome], known: MatchContext) -> Sequence[Outcome]:
    """Turn the matches of a line into a break if one is of a payout with a return of an unknown payment.

    A payout is booked by its parts, and without that part they would not sum to its cash.
    """
    for outcome in outcomes:
        if isinstance(outcome, Matched):
            payout_id = payout_of(known.expected[outcome.expectation.key])
            unknown = None if payout_id is None else known.payouts[payout_id].unknown_return
            if unknown is not None:
                reason = f"payout {payout_id} holds the return {unknown.line_id} of a payment that we do not know"
                return [Unexpected(outcome.line, BreakClass.STATUS_CONFLICT, reason)]
    return outcomes


def payout_of(expected: Expected) -> ProviderPayoutId | None:
    """The provider's payout that a movement at our bank is: a credit, or a debit when we owe the provider."""
    match expected.key, expected.created_by:
        case (PayoutKey(payout_id), _) | (DebitKey(), PayoutKey(payout_id)):
            return payout_id
        case _:
            return None


def _repaid(
    line: FileLine, expected: Expected, known: MatchContext, profile: RailProfile, result: Consequences
) -> None:
    """F36a, and at once the payment event that identifies the money: it matched a shopper's due."""
    when = seen_on(line.booked_on)
    if line.line_key not in known.on_suspense:
        result.journals.append(unidentified_credit(line.line_id, profile.push_bank, line.amount, when))
    result.events.append(pushed(line, expected, when, known.in_flight.get(expected.plan_id or "")))


def _paid_out(
    line: FileLine, payout_id: ProviderPayoutId, known: MatchContext, profile: RailProfile, result: Consequences
) -> None:
    """The parts of a provider's payout and its fee, which together sum to the movement on the bank statement."""
    _off_suspense(line, known, result)
    payout, rail = known.payouts[payout_id], profile.card
    result.cash_seen.extend(payout.paid)
    bank = line.bank_account or rail.bank
    result.journals.extend(payout_journals(payout, line, seen_on(line.booked_on), provider=rail.provider, bank=bank))


def _unmatched(
    line: FileLine, outcome: Unexpected | Different, known: MatchContext, profile: RailProfile, result: Consequences
) -> None:
    """Add the break of a line; money that moved at our bank is booked to suspense, unless its currency differs."""
    expected = outcome.expectation.key if isinstance(outcome, Different) else None
    broken, reason = outcome.break_class, outcome.reason
    from_provider = line.kind is LineKind.CREDIT and line.counterparty in profile.provider_source.names
    if from_provider and broken is BreakClass.MISSING_INTERNAL:
        broken, reason = BreakClass.TIMING_EXTERNAL_FIRST, f"payout {line.detail}: the provider's file has not come yet"
    result.breaks.append(a_break(line, broken, reason, profile, expected=expected))
    result.moves.extend(_moves(outcome, broken, reason))
    waits = broken in (BreakClass.TIMING_EXTERNAL_FIRST, BreakClass.CURRENCY_DIFFERS, BreakClass.RATE_DIFFERS)
    if waits or line.line_key in known.on_suspense:
        return
    if line.kind is LineKind.DEBIT:
        bank = line.bank_account or profile.merchant_bank
        when = seen_on(line.booked_on)
        result.journals.append(unidentified_debit(line.line_id, bank, line.amount, when))
    elif line.kind in (LineKind.REPAYMENT, LineKind.CREDIT):
        bank = profile.push_bank if line.kind is LineKind.REPAYMENT else line.bank_account or profile.push_bank
        result.journals.append(unidentified_credit(line.line_id, bank, line.amount, seen_on(line.booked_on)))


def _moves(outcome: Unexpected | Different, broken: BreakClass, reason: str) -> list[Move]:
    """The states into which a break brings the expectations that it is about."""
    keys, over = () if isinstance(outcome, Different) else outcome.candidates, False
    if isinstance(outcome, Different):
        keys, over = (outcome.expectation.key,), outcome.line.amount.minor > outcome.expectation.amount.minor
    state = state_by_break(broken, over=over)
    return [] if state is None else [Move(key, state, broken.value, reason) for key in keys]
