"""The log of plan events, and the standing of each plan after them."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from ledger.money import Money
from ledger.outbox.outbox import Fact
from lending.plan.checkpoint import Checkpoint
from lending.plan.correct_bookings import Corrected
from lending.plan.delinquency import bucket_of
from lending.plan.event import PlanEvent
from lending.plan.fold import fold
from lending.plan.plan import Plan
from lending.plan.state import PlanState
from lending.servicing.daily_interest import DailyInterest, daily_interest
from lending.terms.servicing_terms import ServicingTerms


@dataclass(frozen=True, slots=True)
class PlanHistory:
    """The events of a plan. Its bookings are posted as of the fold through `folded_through`.

    With a checkpoint, `events` are only those after it. `pooled`: the interest, in units, that a pool has for the plan.
    """

    plan: Plan
    events: tuple[PlanEvent, ...]
    folded_through: date
    corrected: Mapping[str, Corrected] = field(default_factory=dict)
    checkpoint: Checkpoint | None = None
    pooled: int = 0

    @property
    def version(self) -> int:
        """The number of events of the plan."""
        return len(self.events) + (0 if self.checkpoint is None else self.checkpoint.count)

    def fold(
        self,
        terms: ServicingTerms,
        *,
        through: date,
        accrued_from: date | None = None,
        more: Sequence[PlanEvent] = (),
    ) -> PlanState:
        """The plan's state with more events; from a checkpoint, only the bookings of events after it are listed."""
        events = (*self.events, *more)
        return fold(self.plan, events, terms, through=through, accrued_from=accrued_from, start=self.checkpoint)


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A checkpoint as it is stored. `stands_at` is the event at its position in the log; empty where there is none."""

    rules: str
    count: int
    stands_at: str
    text: str


@dataclass(frozen=True, slots=True)
class InstalmentStanding:
    """An instalment of a plan's schedule as it is now. `interest` is the amount scheduled, paid or not."""

    instalment_id: str
    number: int
    due_on: date
    principal: Money
    interest: Money
    open_principal: Money
    open_interest: Money
    open_fees: Money
    disputed: Money


@dataclass(frozen=True, slots=True)
class PlanStanding:
    """A plan's state after its events, stored so that it can be read without folding them.

    `past_due_since` is the oldest due that counts as past due. `accrues` is whether the coming days bear interest.
    `paused` is a half-open range of days on which nothing is collected. `pooled` is the part of the interest that a
    pool of the books has for the plan, and `daily` how interest grows while nothing happens.
    """

    plan_id: str
    version: int
    status: str
    bucket: str
    folded_through: date
    past_due_since: date | None
    next_due_on: date | None
    days_past_due: int
    accrues: bool
    principal: Money
    interest: Money
    fees: Money
    credit_balance: Money
    paused: tuple[tuple[date, date | None], ...]
    instalments: tuple[InstalmentStanding, ...]
    pooled: Money
    daily: DailyInterest | None

    def paused_on(self, day: date) -> bool:
        return any(starts <= day and (ends is None or day < ends) for starts, ends in self.paused)


@dataclass(frozen=True, slots=True)
class PlanChange:
    """The outcome of an act on one plan, to be stored: new events, the standing after them, and corrected bookings.

    `facts` are published through the outbox. Unless `instalments_too` is set, the stored instalments are unchanged.
    `checkpoint` is one to store instead of the plan's last; with `forget_checkpoint`, the plan's last is void.
    """

    standing: PlanStanding
    events: tuple[PlanEvent, ...] = ()
    corrected: Mapping[str, Corrected] = field(default_factory=dict)
    instalments_too: bool = True
    facts: tuple[Fact, ...] = ()
    checkpoint: Checkpoint | None = None
    forget_checkpoint: bool = False


class PlanLog(Protocol):
    """Stores the events of plans, each once. An adapter never commits."""

    def lock(self, plan_ids: Iterable[str]) -> Mapping[str, PlanHistory]:
        """Lock plans until the transaction ends, in the order of their ids, and return their histories.

        A caller that also locks accounts of the books does so after this, to avoid deadlocks.
        """

    def lock_since_checkpoint(self, plan_ids: Iterable[str]) -> Mapping[str, PlanHistory]:
        """Like `lock`, but a plan that has a checkpoint comes with it and the events after it only."""

    def histories(self, plan_ids: Iterable[str]) -> Mapping[str, PlanHistory]:
        """Like `lock`, without taking locks."""

    def find_events(self, event_ids: Sequence[str]) -> Mapping[str, PlanEvent]:
        """Recorded events by id, of any plan."""

    def keep(self, changes: Sequence[PlanChange]) -> None:
        """Store events, facts for the outbox, and standings. Raises ledger.store.Conflict."""

    def standings(self, plan_ids: Iterable[str]) -> Mapping[str, PlanStanding]:
        """The stored standings of plans."""

    def with_credit(self, plan_ids: Sequence[str]) -> Sequence[str]:
        """Those of these plans on which the shopper has credit."""

    def savepoint(self) -> AbstractContextManager[None]:
        """A savepoint: changes made inside, here and in the books, are undone when an exception leaves the block."""


def standing_of(state: PlanState, *, version: int, pooled: int = 0) -> PlanStanding:
    """The standing of a plan's state, of whose interest a pool has `pooled` units.

    Interest is what has accrued and is unpaid. A plan accrues while an open instalment bears interest on coming days.
    """
    day = state.through
    zero = Money.zero(state.currency)
    days = state.days_past_due(day)
    open_ones = [each for each in state.instalments if each.open.minor]
    covered = state.covered(day)
    late = [
        each.counts_from
        for each in open_ones
        if each.counts_from < day and each.claimable.minor and each.instalment_id not in covered
    ]
    accrues = any(each.accrual.grows for each in state.instalments)
    return PlanStanding(
        plan_id=state.plan.plan_id,
        version=version,
        status=state.status.value,
        bucket=bucket_of(days, state.terms.buckets).name,
        folded_through=day,
        past_due_since=min(late, default=None),
        next_due_on=min((each.due_on for each in open_ones), default=None),
        days_past_due=days,
        accrues=accrues,
        principal=state.outstanding,
        interest=max(state.interest_by(day), zero),
        fees=state.open_fees,
        credit_balance=state.credit_balance,
        # A freeze that ends on its own day pauses nothing, and an empty range cannot be stored.
        paused=tuple(sorted((each.starts, each.ends) for each in state.pauses if each.starts != each.ends)),
        instalments=tuple(
            InstalmentStanding(
                each.instalment_id,
                each.number,
                each.due_on,
                each.principal,
                each.interest,
                each.open_principal,
                each.open_interest,
                each.open_fees,
                each.disputed,
            )
            for each in state.instalments
        ),
        pooled=Money(pooled, state.currency),
        daily=daily_interest(state) if accrues else None,
    )
