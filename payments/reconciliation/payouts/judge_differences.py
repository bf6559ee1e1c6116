"""What the rules say of single lines is judged once more together: no day tolerates more than its cap."""

from collections.abc import Sequence

from payments.break_class import BreakClass
from payments.reconciliation.matching import Different, Matched, MatchRule, Outcome
from payments.rules.tolerance import ToleranceUsed


def within_daily_caps(outcomes: Sequence[Outcome], used: ToleranceUsed) -> list[Outcome]:
    """E7 for each line whose difference is tolerated by itself, and is more than its day has left."""
    return [_judged(outcome, used) for outcome in outcomes]


def _judged(outcome: Outcome, used: ToleranceUsed) -> Outcome:
    if not isinstance(outcome, Matched) or outcome.rule is not MatchRule.TOLERANCE:
        return outcome
    line, expectation = outcome.line, outcome.expectation
    if used.take(line.booked_on, line.amount - expectation.amount):
        return outcome
    reason = f"{line.amount} against {expectation.amount} of {expectation.key}: {line.booked_on} tolerates no more"
    return Different(line, expectation, BreakClass.AMOUNT_DIFFERS, reason)
