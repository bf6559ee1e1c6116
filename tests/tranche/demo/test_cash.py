"""Cash stands beside what was due in its month; what was returned counts against the month of the return."""

from datetime import UTC, date, datetime

from ledger.books.memory import MemoryLedger
from ledger.money import Currency, Money
from lending.plan.event import Body, Opened, Paid, PaymentChannel, PlanEvent, Returned
from lending.plan.plan import Instalment, Origin, Plan
from lending.servicing.memory import MemoryPlans
from lending.servicing.record_events import EventRecorded, record_events
from lending.terms.product import Product
from lending.terms.servicing_terms import ServicingTerms
from tranche.demo.cash import cash_against_plan

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


def an_event(event_id: str, day: date, body: Body) -> PlanEvent:
    at = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return PlanEvent(event_id, "p-1", day, at, at, event_id, body)


def a_payment(event_id: str, instalment: int, day: date) -> PlanEvent:
    body = Paid(pounds(30), PaymentChannel.SHOPPER, event_id, "sandbox", "card", f"p-1/{instalment}")
    return an_event(event_id, day, body)


def test_dues_and_payments_are_added_up_by_month_until_the_last_day() -> None:
    plans = MemoryPlans()
    plans.open(a_plan())
    events = [
        an_event("e-0", date(2026, 1, 5), Opened(pounds(90))),
        a_payment("e-1", 0, date(2026, 1, 5)),
        a_payment("e-2", 1, date(2026, 2, 4)),
        an_event("e-3", date(2026, 2, 9), Returned("e-2", "r-1")),
        a_payment("e-4", 1, date(2026, 3, 2)),
    ]
    answers = record_events(events, plans=plans, ledger=MemoryLedger(), terms=lambda _: ServicingTerms())
    assert all(isinstance(answer, EventRecorded) for answer in answers)

    cash = cash_against_plan(plans, ["p-1", "p-unknown"], until=date(2026, 3, 1))

    assert [(month.month, month.planned_minor, month.received_minor) for month in cash.months] == [
        ("2026-01", 3_000, 3_000),
        ("2026-02", 3_000, 0),
    ]
    assert (cash.plans, cash.instalments, cash.financed_minor, cash.received_minor) == (1, 3, 9_000, 3_000)
