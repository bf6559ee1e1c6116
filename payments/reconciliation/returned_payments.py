"""Payments of shoppers that the provider's file shows as returned: the debt is owed again."""

from collections.abc import Iterable
from datetime import date

from lending.servicing.record_events import KeptLedger, TermsOf
from lending.servicing.store import Plans
from payments.break_class import BreakClass
from payments.collection.attempt import AttemptEvent, AttemptPurpose, AttemptState, Planned
from payments.collection.attempts import Attempts
from payments.collection.retry import CameBack, RetryPolicy, Stop, TryAgain, next_step
from payments.expectation import Expectations, Expected, Leg
from payments.expectation_key import ReturnKey
from payments.files.line import FileLine
from payments.plan_events import record_on_plan
from payments.rail_profile import RailProfile
from payments.reconciliation.bookings_from_matches import Consequences, a_break, repaired, seen_on
from payments.reconciliation.events import returned
from payments.reconciliation.matching import Matched, MatchRule


def returned_payments(
    lines: Iterable[FileLine],
    day: date,
    *,
    attempts: Attempts,
    plans: Plans,
    ledger: KeptLedger,
    expectations: Expectations,
    terms: TermsOf,
    policy: RetryPolicy,
    profile: RailProfile,
) -> Consequences:
    """F13b for each returned payment: the debt is owed again, and the instalment keeps its due day.

    The retry policy says when it is asked for again; where it is not, the break stays open for a person.
    """
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
        if attempt.state not in (AttemptState.PRESUMED_PAID, AttemptState.SETTLED) or line.amount != attempt.amount:
            reason = f"{line.amount} returned for {attempt_id}, which is {attempt.state} for {attempt.amount}"
            result.breaks.append(a_break(line, BreakClass.STATUS_CONFLICT, reason, profile))
            continue
        step = after_return(planned, line.booked_on, policy)
        attempts.move(
            attempt_id,
            AttemptEvent.RETURNED,
            at=seen_on(line.booked_on).recorded_at,
            cause=line.line_id,
            values={"retry_on": step.on if isinstance(step, TryAgain) else None},
        )
        event = returned(planned, line.line_id, seen_on(line.booked_on))
        posted = record_on_plan([event], plans=plans, ledger=ledger, terms=terms)
        expected = _return_expected(line, line.key, planned)
        expectations.expect([expected])
        result.matches.append(Matched(line.to_match(), expected.to_match(), MatchRule.ID))
        then = f"asked for again on {step.on}" if isinstance(step, TryAgain) else f"not asked for again: {step.reason}"
        reason = f"{attempt_id} was paid on {attempt.captured_on} and returned; {planned.instalment_id} is {then}"
        broken = a_break(line, BreakClass.RETURNED, reason, profile, expected=expected.key)
        result.breaks.append(repaired(broken, day, posted[0]) if isinstance(step, TryAgain) else broken)
    return result


def after_return(planned: Planned, on: date, policy: RetryPolicy) -> TryAgain | Stop:
    """The next step for a due whose payment came back; what the shopper paid on their own is for them to pay again."""
    if planned.purpose is not AttemptPurpose.DUE or planned.opens_plan:
        return Stop("the shopper paid it on their own", needs_person=True, policy_version=policy.version)
    return next_step(policy, CameBack.RETURNED, planned.number, on)


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
