"""Offers: an amount, and the instalments by which it would be repaid."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from ledger.money import Currency, Money
from lending.decision.order import Order
from lending.schedule.apr import CashFlow, annual_percentage_rate, rounded_rate, years_between
from lending.schedule.business_days import BusinessDays
from lending.schedule.due import Due, ScheduleFault
from lending.terms.basis_points import BasisPoints, basis_points, basis_points_tree
from lending.terms.dues import LoanTerms, schedule
from lending.terms.product import Product
from lending.terms.products import product_on, products


@dataclass(frozen=True, slots=True)
class Offer:
    """An amount that the shopper may pay later, with its terms and schedule.

    `terms_version` names the file of the product's terms; `annual_rate_basis_points` is the yearly rate, 990 for 9.90
    %.
    """

    amount: Money
    product: Product
    terms_version: str
    offered_on: date
    duration_months: int
    annual_rate_basis_points: BasisPoints
    instalments: tuple[Due, ...]

    @property
    def largest_instalment(self) -> Money:
        return max((instalment.amount for instalment in self.instalments), default=self.amount)

    @property
    def total(self) -> Money:
        """The total that the shopper would pay."""
        return Money.total((instalment.amount for instalment in self.instalments), self.amount.currency)

    @property
    def apr_percent(self) -> Decimal | None:
        """The annual percentage rate with one decimal, as it must be disclosed; None when there are no instalments."""
        if not self.instalments:
            return None
        lent = CashFlow(Fraction(0), Decimal(-self.amount.minor))
        repaid = (
            CashFlow(years_between(self.offered_on, each.due_on), Decimal(each.amount.minor))
            for each in self.instalments
        )
        return rounded_rate(annual_percentage_rate([lent, *repaid]))


def make_offer(order: Order, annual_rate_basis_points: BasisPoints, on: date) -> Offer:
    """The offer of an order's full amount, with the schedule for a start on that day of its jurisdiction.

    It has no instalments when the amount is too small for the product's schedule; such an offer is never approved.
    """
    product = product_on(order.product, on)
    terms = LoanTerms(order.amount, order.duration_months, annual_rate_basis_points)
    days = product.servicing.days.get(order.amount.currency, BusinessDays())
    try:
        instalments = schedule(terms, product.repayment, on, holidays=days.holidays)
    except ScheduleFault:
        instalments = ()
    return Offer(
        amount=order.amount,
        product=order.product,
        terms_version=product.version,
        offered_on=on,
        duration_months=order.duration_months,
        annual_rate_basis_points=annual_rate_basis_points,
        instalments=instalments,
    )


def offer_body(offer: Offer, number: int = 1) -> dict[str, Any]:
    """The offer as plain values, for the record and the API; offers of a decision are numbered from 1."""
    apr = offer.apr_percent
    return {
        "offer_id": str(number),
        "amount_minor": offer.amount.minor,
        "currency": offer.amount.currency.value,
        "product": offer.product.value,
        "terms_version": offer.terms_version,
        "offered_on": offer.offered_on.isoformat(),
        "duration_months": offer.duration_months,
        "annual_rate_basis_points": basis_points_tree(offer.annual_rate_basis_points),
        "total_payable_minor": offer.total.minor,
        "apr_percent": None if apr is None else str(apr),
        "instalments": [
            {
                "number": instalment.number,
                "due_on": instalment.due_on.isoformat(),
                "amount_minor": instalment.amount.minor,
                "principal_minor": instalment.principal.minor,
                "interest_minor": instalment.interest.minor,
            }
            for instalment in offer.instalments
        ],
    }


def missed_payment_body(offer: Offer) -> dict[str, Any]:
    """What follows when an instalment of the offer is missed, by the product's terms."""
    servicing, currency = products().version(offer.terms_version).servicing, offer.amount.currency
    caps = servicing.late_fee_caps
    return {
        "late_fees": [
            {"grace_days": each.grace_days, "amount_minor": each.amount[currency].minor} for each in servicing.late_fees
        ],
        "late_fees_at_most_minor": caps.per_order[currency].minor,
        "late_interest": servicing.late_interest.value,
    }


def offer_from_body(body: Mapping[str, Any]) -> Offer:
    """The offer from the plain values of `offer_body`."""
    currency = Currency(body["currency"])
    return Offer(
        amount=Money(body["amount_minor"], currency),
        product=Product(body["product"]),
        terms_version=body["terms_version"],
        offered_on=date.fromisoformat(body["offered_on"]),
        duration_months=body["duration_months"],
        annual_rate_basis_points=basis_points(body["annual_rate_basis_points"]),
        instalments=tuple(
            Due(
                number=due["number"],
                due_on=date.fromisoformat(due["due_on"]),
                principal=Money(due["principal_minor"], currency),
                interest=Money(due["interest_minor"], currency),
            )
            for due in body["instalments"]
        ),
    )
