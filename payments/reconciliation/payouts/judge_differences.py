"""What the rules say of single lines is judged once more by the agreed rates and by what a day tolerates in all."""

from collections.abc import Sequence

from payments.break_class import BreakClass
from payments.expectation_key import ExpectationKey, PayoutKey
from payments.reconciliation.matching import Different, Matched, MatchRule, Outcome
from payments.rules.agreed_rate import AgreedRates
from payments.rules.tolerance import ToleranceUsed


def at_agreed_rates(outcomes: Sequence[Outcome], rates: AgreedRates) -> list[Outcome]:
    """A payout in another currency is matched at an agreed rate, and E9 at another one; without a rate it stays E10."""
    taken: set[ExpectationKey] = {each.expectation.key for each in outcomes if isinstance(each, Matched)}
    judged = []
    for outcome in outcomes:
        at_rate = _at_rate(outcome, rates, taken)
        if isinstance(at_rate, Matched):
            taken.add(at_rate.expectation.key)
        judged.append(at_rate)
    return judged


def _at_rate(outcome: Outcome, rates: AgreedRates, taken: set[ExpectationKey]) -> Outcome:
    if not isinstance(outcome, Different) or outcome.break_class is not BreakClass.CURRENCY_DIFFERS:
        return outcome
    line, expectation = outcome.line, outcome.expectation
    rate = rates.on(expectation.amount.currency, line.amount.currency, line.booked_on)
    if rate is None or expectation.key in taken or not isinstance(expectation.key, PayoutKey):
        return outcome
    if rate.tolerates(expectation.amount, line.amount):
        return Matched(line, expectation, MatchRule.RATE)
    agreed = f"{rate.of(expectation.amount)} by {rates.version}"
    reason = f"{line.amount} for {expectation.amount} of {expectation.key}, agreed is {agreed}"
    return Different(line, expectation, BreakClass.RATE_DIFFERS, reason)


def within_daily_caps(outcomes: Sequence[Outcome], used: ToleranceUsed) -> list[Outcome]:
    """E7 for each line whose difference is tolerated by itself, and is more than its day has left."""
    return [_within_cap(outcome, used) for outcome in outcomes]


def _within_cap(outcome: Outcome, used: ToleranceUsed) -> Outcome:
    if not isinstance(outcome, Matched) or outcome.rule is not MatchRule.TOLERANCE:
        return outcome
    line, expectation = outcome.line, outcome.expectation
    if used.take(line.booked_on, line.amount - expectation.amount):
        return outcome
    reason = f"{line.amount} against {expectation.amount} of {expectation.key}: {line.booked_on} tolerates no more"
    return Different(line, expectation, BreakClass.AMOUNT_DIFFERS, reason)
