"""Interest in the books: a pool has it while it grows, the plan's own account when it is owed.

The pool of a product and currency takes the interest of all its plans in one transfer a day. A plan takes what the
pool has for it when an instalment falls due, and with every event.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol

from ledger.books.store import Act, Request
from ledger.map.flow import Flow
from ledger.map.flows import journal
from ledger.money import Currency, Money
from lending.plan.booking import correlation_of
from lending.plan.correct_bookings import Correction, CorrectionStep, RecordedContext
from lending.plan.plan import Plan


@dataclass(frozen=True, slots=True)
class InterestPool:
    """The pool of a product's plans in a currency."""

    product: str
    currency: Currency

    @property
    def account(self) -> str:
        return f"pool:interest:{self.product}:{self.currency}"


def pool_of(plan: Plan) -> InterestPool:
    return InterestPool(plan.product.value, plan.currency)


class InterestPools(Protocol):
    """Keeps interest that plans accrued until the transfer of the day takes it to their pools."""

    def add(self, accrued: Mapping[InterestPool, int]) -> None:
        """Keep interest of plans whose day is closed in this transaction."""

    def take(self) -> Mapping[InterestPool, int]:
        """All interest that is kept, which is then no longer kept."""


@dataclass(frozen=True, slots=True)
class OwedFrom:
    """An event, or the end of a day, with which interest is owed: `accrued` more units of it than before.

    `key` tells it from others of the plan; `day` is the value date.
    """

    key: str
    event_id: str
    day: date
    at: datetime
    accrued: int


def interest_entry_id(plan: Plan, key: str) -> str:
    """The id of the entry that brings interest to a plan with an event, or with a day."""
    return f"{Flow.INTEREST_ACCRUED}:{plan.plan_id}/{key}"


def owed_on_plan(
    plan: Plan, pooled: int, corrected: Correction, known: RecordedContext, since: Sequence[OwedFrom]
) -> Correction:
    """The correction with what a pool has for the plan, and the interest accrued since, on the plan's own account.

    More interest comes before the other steps, so that a payment finds it there; less comes after them. Where news
    lowers interest, all is one difference, valued at the earliest day.
    """
    if any(each.accrued < 0 for each in since):
        whole = sum(each.accrued for each in since)
        since = [replace(since[-1], day=min(each.day for each in since), accrued=whole)]
    first: list[CorrectionStep] = []
    for each in since:
        first += _steps(plan, {"pooled": pooled, "interest": max(each.accrued, 0)}, known, each)
        pooled = 0
    end = since[-1]
    last = _steps(plan, {"lowered": max(-end.accrued, 0)}, known, replace(end, key=f"{end.key}/lowered"))
    return replace(corrected, steps=(*first, *corrected.steps, *last))


def _steps(plan: Plan, amounts: Mapping[str, int], known: RecordedContext, since: OwedFrom) -> Iterator[CorrectionStep]:
    given = {name: Money(minor, plan.currency) for name, minor in amounts.items() if minor}
    if given:
        counts_from = since.day if known.first_open is None else max(since.day, known.first_open)
        owed = journal(
            Flow.INTEREST_ACCRUED,
            key=f"{plan.plan_id}/{since.key}",
            value_date=counts_from,
            occurred_at=since.at,
            recorded_at=known.recorded_at,
            correlation=correlation_of(plan),
            amounts=given,
            names={"plan": plan.plan_id, "product": plan.product.value},
            original_date=None if counts_from == since.day else since.day,
        )
        yield CorrectionStep(Request(Act.POST, owed), since.event_id)


def to_pools(
    accrued: Mapping[InterestPool, int], day: date, at: datetime, first_open: date | None
) -> Sequence[Request]:
    """The transfer of a day to each pool."""
    counts_from = day if first_open is None else max(day, first_open)
    return [
        Request(
            Act.POST,
            journal(
                Flow.INTEREST_POOLED,
                key=f"{pool.product}/{pool.currency}/{day}",
                value_date=counts_from,
                occurred_at=at,
                recorded_at=at,
                correlation={},
                amounts={"interest": Money(minor, pool.currency)},
                names={"product": pool.product},
                original_date=None if counts_from == day else day,
            ),
        )
        for pool, minor in sorted(accrued.items(), key=lambda each: each[0].account)
    ]
