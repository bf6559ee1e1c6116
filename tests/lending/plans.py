"""Plans and events for tests: what a case leaves out is filled in."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from ledger.money import Currency, Money
from lending.plan.plan import Origin, Plan, instalments_of
from lending.terms.dues import BasisPoints, LoanTerms, schedule
from lending.terms.product import Product
from lending.terms.products import product_on

OPENED_ON = date(2026, 1, 10)
NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)


def pounds(amount: str) -> Money:
    return Money.parse(amount, Currency.GBP)


def a_plan(amount: str = "100.00", *, months: int | None = None, rate: BasisPoints = 0, **changes: Any) -> Plan:
    """A pay-in-3 plan, or a monthly one where `months` says over how many."""
    product = Product.PAY_IN_3 if months is None else Product.MONTHLY
    terms = LoanTerms(pounds(amount), 2 if months is None else months, rate)
    product_terms = product_on(product, OPENED_ON)
    plan_id = changes.pop("plan_id", "p-d-1")
    plan = Plan(
        plan_id=plan_id,
        shopper_id="s-1",
        account_id="808",
        merchant_id="m-1",
        order_id="o-1",
        decision_id="d-1",
        origin=Origin.CHECKOUT,
        product=product,
        opened_on=OPENED_ON,
        principal=terms.amount,
        merchant_discount=pounds("5.00") if amount == "100.00" else pounds("0.00"),
        annual_rate_basis_points=rate,
        terms_version=product_terms.version,
        instalments=instalments_of(plan_id, schedule(terms, product_terms.repayment, OPENED_ON)),
    )
    return replace(plan, **changes)
