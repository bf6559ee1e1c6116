"""Cash stands beside what was due in its month; what was returned counts against the month of the return."""

from datetime import UTC, date, datetime

from ledger.money import Currency, Money
from lending.memory import MemoryPlans
from lending.order import Product
from lending.plan import EventKind, Instalment, Origin, Plan, PlanEvent
from tranche.demo_cash import cash_against_plan

NOTHING = Money.zero(Currency.GBP)


def pounds(units: int) -> Money:
    return Money(units * 100, Currency.GBP)


def a_plan() -> Plan:
    dues = (date(2026, 1, 5), date(2026, 2, 4), date(2026, 3, 6))
    return Plan(
        plan_id="p-1",
        shopper_id="s-1",
        account_id="a-1",
        merchant_id="m-1",
        order_id="o-1",
        decision_id="d-1",
        origin=Origin.CHECKOUT,
        product=Product.PAY_IN_3,
        opened_on=date(2026, 1, 5),
        principal=pounds(90),
        merchant_discount=NOTHING,
        annual_rate_basis_points=0,
        terms_version="t",
        instalments=tuple(
            Instalment(f"p-1/{number}", number, due, pounds(30), NOTHING) for number, due in enumerate(dues)
        ),
    )


def an_event(event_id: str, instalment: int, kind: EventKind, day: date) -> PlanEvent:
    at = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return PlanEvent(event_id, "p-1", f"p-1/{instalment}", kind, pounds(30), NOTHING, day, at, at, event_id)


def test_dues_and_payments_are_added_up_by_month_until_the_last_day() -> None:
    plans = MemoryPlans()
    plans.open(a_plan())
    plans.record(an_event("e-1", 0, EventKind.PAID, date(2026, 1, 5)))
    plans.record(an_event("e-2", 1, EventKind.PAID, date(2026, 2, 4)))
    plans.record(an_event("e-3", 1, EventKind.RETURNED, date(2026, 2, 9)))
    plans.record(an_event("e-4", 1, EventKind.PAID, date(2026, 3, 2)))

    cash = cash_against_plan(plans, ["p-1", "p-unknown"], until=date(2026, 3, 1))

    assert [(month.month, month.planned_minor, month.received_minor) for month in cash.months] == [
        ("2026-01", 3_000, 3_000),
        ("2026-02", 3_000, 0),
    ]
    assert (cash.plans, cash.instalments, cash.financed_minor, cash.received_minor) == (1, 3, 9_000, 3_000)
