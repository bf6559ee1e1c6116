"""Plans that are serviced in tests: their events, their terms, and a store with books beside it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

import psycopg

from ledger.books.memory import MemoryLedger
from ledger.books.postgres import PostgresLedger
from ledger.money import Currency
from lending.plan.booking import Booking, balances_of
from lending.plan.event import Body, Opened, Paid, PaymentChannel, PlanEvent
from lending.plan.fold import fold
from lending.plan.plan import Plan
from lending.schedule.day_count import ACTUAL_365
from lending.schedule.due_dates import Spacing, Unit
from lending.servicing.interest_pools import pool_of
from lending.servicing.log import PlanStanding
from lending.servicing.memory import MemoryPlans
from lending.servicing.postgres import PostgresPlans
from lending.servicing.record_events import Answer, EventRecorded, record_events
from lending.terms.servicing_terms import InterestRule, LateFeeRule, LateFees, ServicingTerms
from tests.lending.plans import OPENED_ON, pounds

TERMS = ServicingTerms(
    late_fees=LateFees((LateFeeRule("late", pounds("7.00"), grace_days=3),)),
    interest=InterestRule(ACTUAL_365, Spacing(1, Unit.MONTHS), first_day_bears=False),
)


def an_event(plan: Plan, event_id: str, day: date, body: Body, **changes: Any) -> PlanEvent:
    """Something that happens at noon of a day and is known at once."""
    at = changes.pop("at", datetime.combine(day, time(12), UTC))
    return PlanEvent(event_id, plan.plan_id, day, at, changes.pop("recorded_at", at), event_id, body)


def opened(plan: Plan) -> PlanEvent:
    return an_event(plan, f"opened:{plan.plan_id}", plan.opened_on, Opened(plan.principal))


def a_payment(plan: Plan, payment_id: str, day: date, amount: str, **changes: Any) -> PlanEvent:
    """The shopper pays through a provider, without an attempt of ours."""
    body = Paid(pounds(amount), PaymentChannel.SHOPPER, payment_id, provider="sim", rail="card")
    return an_event(plan, f"paid:{payment_id}", day, body, **changes)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where events are recorded: plans and books of one kind."""

    plans: MemoryPlans | PostgresPlans
    ledger: MemoryLedger | PostgresLedger
    terms: ServicingTerms = TERMS

    @classmethod
    def in_memory(cls) -> "Desk":
        ledger = MemoryLedger()
        return cls(MemoryPlans(ledger), ledger)

    @classmethod
    def over(cls, connection: psycopg.Connection[Any]) -> "Desk":
        return cls(PostgresPlans(connection), PostgresLedger(connection))

    def open(self, *plans: Plan) -> None:
        self.plans.open_all(plans)
        self.take(*(opened(plan) for plan in plans))

    def record(self, *events: PlanEvent) -> tuple[Answer, ...]:
        return record_events(events, plans=self.plans, ledger=self.ledger, terms=lambda _: self.terms)

    def take(self, *events: PlanEvent) -> tuple[EventRecorded, ...]:
        """Record events none of which is refused."""
        taken = []
        for answer in self.record(*events):
            assert isinstance(answer, EventRecorded), answer
            taken.append(answer)
        return tuple(taken)

    def standing(self, plan: Plan) -> PlanStanding:
        return self.plans.standings([plan.plan_id])[plan.plan_id]

    def balances(self) -> Mapping[tuple[str, Currency], int]:
        """What stands on each account, debits positive."""
        nets = {of: each.debits_posted - each.credits_posted for of, each in self.ledger.balances().items()}
        return {of: net for of, net in nets.items() if net}

    def folded(self, *plans: Plan) -> Mapping[tuple[str, Currency], int]:
        """What should stand there, by the events alone, but for the interest that pools have for plans."""
        bookings: list[Booking] = []
        pooled: Counter[tuple[str, Currency]] = Counter()
        for history in self.plans.histories([plan.plan_id for plan in plans]).values():
            pooled[pool_of(history.plan).account, history.plan.currency] += history.pooled
            pooled[f"plan:{history.plan.plan_id}:interest_rcv", history.plan.currency] -= history.pooled
            bookings += fold(history.plan, history.events, self.terms, through=history.folded_through).bookings
        pooled.update(balances_of(bookings))
        return {of: net for of, net in pooled.items() if net}


def day(days: int) -> date:
    """So many days after the plans of tests were opened."""
    return date.fromordinal(OPENED_ON.toordinal() + days)


@contextmanager
def another_database(template_database: str, name: str) -> Iterator[psycopg.Connection[Any]]:
    """A second fresh database to compare with."""
    admin = template_database.replace("/tranche?", "/postgres?")
    with psycopg.connect(admin, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE tranche")
        try:
            with psycopg.connect(template_database.replace("/tranche?", f"/{name}?")) as connection:
                yield connection
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")
