"""Payments of shoppers that the provider's file shows as returned: the debt is owed again."""

from collections.abc import Iterable
from datetime import date

from lending.servicing.record_events import KeptLedger, TermsOf
from lending.servicing.store import Plans
from payments.break_class import BreakClass
from payments.collection.attempt import AttemptEvent, AttemptState, Planned
from payments.collection.attempts import Attempts
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
