"""How long an event of a plan takes to record, by how many came before it, to be sealed, and to be verified.

Run from the checkout: `python -m benchmarks.plan_events`. It starts a PostgreSQL of its own, with its usual durability.
"""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import psycopg

from ledger.books.postgres import PostgresLedger, connect
from ledger.money import Currency, Money
from ledger.proof.postgres_audit import connect_for_audit
from ledger.proof.postgres_seals import PostgresSeals
from ledger.proof.seal import seal
from ledger.proof.verify import verify
from lending.plan.event import Body, Opened, Paid, PaymentChannel, PlanEvent
from lending.plan.plan import Instalment, Origin, Plan, PlanId
from lending.servicing.postgres import PostgresPlans
from lending.servicing.record_events import EventRecorded, record_events
from lending.terms.dues import LoanTerms, schedule
from lending.terms.product import Product
from lending.terms.products import product_on, servicing_terms

OPENED_ON = datetime(2026, 1, 10, 12, tzinfo=UTC)
PRINCIPAL = Money(1_000_000_00, Currency.GBP)
PLANS = 3
EARLY, LATE = 10, 1_000
AROUND = 5  # a figure is the median of this many events of each plan, around the one asked for
PER_DAY = 5
MANY, EVENTS = 200, 20
TOGETHER = 50  # events before the measured ones are recorded and committed in groups of this size,
LEAD_IN = 25  # and the last of them one by one, as those that are measured


def main() -> None:
    """Measure and print."""
    from benchmarks.ledger_posting import databases

    with databases() as fresh:
        print(json.dumps({**measured(fresh()), **measured_many(fresh())}))


def measured(url: str) -> Mapping[str, float]:
    """Milliseconds to record and commit a plan's 10th and 1,000th event, and the second as a multiple of the first.

    Old plans and young ones take turns, so that what the machine does beside them falls on both.
    """
    early: list[float] = []
    late: list[float] = []
    old, young = ([_plan(f"{kind}-{number}") for number in range(PLANS)] for kind in ("old", "young"))
    with connect(url) as connection:
        store = PostgresPlans(connection)
        store.open_all([*old, *young])
        connection.commit()
        for plan in old:
            for first in range(1, LATE - LEAD_IN, TOGETHER):
                _record(connection, plan, range(first, min(first + TOGETHER, LATE - LEAD_IN)))
            for number in range(LATE - LEAD_IN, LATE - AROUND):
                _record(connection, plan, range(number, number + 1))
        for plan in young:
            for number in range(1, EARLY - AROUND):
                _record(connection, plan, range(number, number + 1))
        for beside in range(-AROUND, AROUND):
            for one, other in zip(old, young, strict=True):
                late.append(_record(connection, one, range(LATE + beside, LATE + beside + 1)))
                early.append(_record(connection, other, range(EARLY + beside, EARLY + beside + 1)))
    return {
        "event_10_ms": round(median(early), 2),
        "event_1000_ms": round(median(late), 2),
        "event_1000_over_10": round(median(late) / median(early), 2),
    }


def _record(connection: psycopg.Connection[Any], plan: Plan, numbers: range) -> float:
    """Record a plan's events of these numbers together and commit; how many milliseconds it took."""
    events = [_event(plan, number) for number in numbers]
    started = time.perf_counter()
    answers = record_events(
        events,
        plans=PostgresPlans(connection),
        ledger=PostgresLedger(connection),
        terms=lambda each: servicing_terms(each.terms_version, each.currency),
    )
    connection.commit()
    took = 1000 * (time.perf_counter() - started)
    wrong = next((answer for answer in answers if not isinstance(answer, EventRecorded)), None)
    if wrong is not None:
        raise TypeError(f"a benchmark's event was not recorded: {wrong}")
    return took


def measured_many(url: str) -> Mapping[str, float]:
    """Events a second of many plans: recorded in batches of one event a plan, sealed, and verified."""
    plans = [_plan(f"p-{number}") for number in range(MANY)]
    with connect(url) as connection:
        store = PostgresPlans(connection)
        store.open_all(plans)
        started = time.perf_counter()
        for number in range(1, EVENTS + 1):
            record_events(
                [_event(plan, number) for plan in plans],
                plans=store,
                ledger=PostgresLedger(connection),
                terms=lambda each: servicing_terms(each.terms_version, each.currency),
            )
            connection.commit()
        recorded = time.perf_counter() - started
        started = time.perf_counter()
        rows = seal(PostgresSeals(connection)).rows
        sealed = time.perf_counter() - started
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    with connect_for_audit(url) as audit:
        started = time.perf_counter()
        report = verify(audit)
        verified = time.perf_counter() - started
    assert report.sound, report.faults[:3]
    events = report.others["plan_events"]
    return {
        "recorded_per_s": round(events / recorded),
        "rows_sealed_per_s": round(rows / sealed),
        "verified_per_s": round(events / verified),
    }


def _plan(plan_id: str) -> Plan:
    terms = product_on(Product.MONTHLY, OPENED_ON.date())
    dues = schedule(LoanTerms(PRINCIPAL, 12, 1_200), terms.repayment, OPENED_ON.date())
    return Plan(
        plan_id=PlanId(plan_id),
        shopper_id=f"s-{plan_id}",
        account_id=f"a-{plan_id}",
        merchant_id="m-1",
        order_id=plan_id,
        decision_id=plan_id,
        origin=Origin.CHECKOUT,
        product=Product.MONTHLY,
        opened_on=OPENED_ON.date(),
        principal=PRINCIPAL,
        merchant_discount=Money.zero(Currency.GBP),
        annual_rate_basis_points=1_200,
        terms_version=terms.version,
        instalments=tuple(
            Instalment(f"{plan_id}/{each.number}", each.number, each.due_on, each.principal, each.interest)
            for each in dues
        ),
    )


def _event(plan: Plan, number: int) -> PlanEvent:
    """The opening, then payments, several a day."""
    at = OPENED_ON + timedelta(days=number // PER_DAY, minutes=number % PER_DAY)
    event_id = f"{plan.plan_id}-{number}"
    body: Body = Paid(Money(100_00, Currency.GBP), PaymentChannel.SHOPPER, event_id, provider="sim", rail="card")
    return PlanEvent(event_id, plan.plan_id, at.date(), at, at, event_id, Opened(PRINCIPAL) if number == 1 else body)


if __name__ == "__main__":
    main()
