"""The account holder's behaviour and the probability of default that follows: the truth of the seeded world.

A model cannot call these functions; it has to learn from the transactions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import exp
from statistics import fmean, pstdev

from simulation.world.account_life import BankTransaction


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How an account was used before a day, as shares and multiples of a month's income."""

    overdrawn_share: float
    mean_balance: float
    lowest_balance: float
    income_variation: float
    income_fall: float
    debt_load: float


def behaviour_before(transactions: Sequence[BankTransaction], day: date, instalment_minor: int) -> Behaviour:
    """The behaviour in the rows booked before `day`; `instalment_minor` is the monthly cost of the requested loan."""
    seen = [row for row in transactions if row.booked_on < day]
    balances = _daily_balances(seen, day)
    months = _monthly_income(seen, day)
    income = max(fmean(months), 20_000.0)
    debts = sum(row.amount_minor for row in seen if row.purpose == "instalment") / max(len(months), 1)
    recent, earlier = fmean(months[:2]), fmean(months[2:] or months)
    return Behaviour(
        overdrawn_share=sum(balance < 0 for balance in balances) / len(balances),
        mean_balance=fmean(balances) / income,
        lowest_balance=min(balances) / income,
        income_variation=pstdev(months) / income,
        income_fall=max(0.0, 1 - recent / max(earlier, 1.0)),
        debt_load=(debts + instalment_minor) / income,
    )


def default_probability(behaviour: Behaviour, luck: float) -> float:
    """The probability that the loan defaults. `luck` is the part that no account shows: a draw around zero."""
    log_odds = (
        -6.3
        + 6.0 * behaviour.overdrawn_share
        + 4.2 * min(1.5, max(0.0, 0.6 - behaviour.mean_balance))
        + 2.6 * min(1.0, max(0.0, 0.1 - behaviour.lowest_balance))
        + 4.2 * min(1.0, behaviour.income_variation)
        + 1.5 * behaviour.income_fall
        + 10.0 * min(0.5, max(0.0, behaviour.debt_load - 0.06))
        + luck
    )
    return 1 / (1 + exp(-log_odds))


def _daily_balances(seen: Sequence[BankTransaction], day: date) -> list[int]:
    """The balance at the end of each day over the last 90 days, as far as observed."""
    by_day = {row.booked_on: row.balance_after_minor for row in seen}
    if not by_day:
        return [0]
    balances: list[int] = []
    current = by_day[min(by_day)]
    at = min(by_day)
    while at < day:
        current = by_day.get(at, current)
        balances.append(current)
        at += timedelta(days=1)
    return balances[-90:]


def _monthly_income(seen: Sequence[BankTransaction], day: date) -> list[float]:
    """Income per 30 days, the newest first, for spans that were observed entirely."""
    first = min((row.booked_on for row in seen), default=day)
    spans = max(1, min(6, (day - first).days // 30))
    sums = [0.0] * spans
    for row in seen:
        span = (day - row.booked_on).days - 1
        if row.purpose == "salary" and span // 30 < spans:
            sums[span // 30] += row.amount_minor
    return sums
