"""Alternatives: other ways of repaying an order, offered beside the one that was asked for or instead of it.

An order that a policy declines or refers for a reason that no smaller amount cures has none: another product is no way
round a risk. Every offer is assessed in full, by the policy of its own product.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from lending.decision.decision import (
    Approved,
    ApprovedReduced,
    Assessment,
    Decision,
    Declined,
    Known,
    ScoreOrder,
    assess_amount,
    largest_amount,
)
from lending.decision.offer import Offer
from lending.decision.order import Order
from lending.terms.policy import Consequence, Policy
from lending.terms.product import FIXED_MONTHS, Product
from lending.terms.product_terms import TermsStamp

MONTHS_OFFERED = (3, 6, 12)
"""The months over which a product without a fixed time is offered."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another way of repaying: a product and its months, with the policy and the product's terms that hold for it."""

    product: Product
    duration_months: int
    policy: Policy
    terms: TermsStamp


def ways_of_repaying(order: Order) -> Iterable[Order]:
    """The order repaid in every other way there is, in the order of products and months."""
    for product in Product:
        fixed = FIXED_MONTHS.get(product)
        for months in MONTHS_OFFERED if fixed is None else (fixed,):
            if (product, months) != (order.product, order.duration_months):
                yield order.repaid_by(product, months)


def with_alternatives(
    order: Order, decision: Decision, known: Known, alternatives: Iterable[Alternative], score_order: ScoreOrder
) -> tuple[Decision, tuple[Offer, ...]]:
    """The decision and its further offers. What was declined is approved on other terms where one of them passes."""
    if decision.asked.asks_for(Consequence.DECLINED) or decision.asked.asks_for(Consequence.REFERRED):
        return decision, ()
    ways = [(order.repaid_by(each.product, each.duration_months), each.policy) for each in alternatives]
    passing = [
        judged for way, policy in ways if (judged := assess_amount(way, way.amount, known, policy, score_order)).passed
    ]
    match decision:
        case Approved() | ApprovedReduced():
            return decision, tuple(each.offer for each in passing)
        case Declined(asked, reasons):
            reduced = [] if passing else [_reduced(way, known, policy, score_order) for way, policy in ways]
            found = passing or [each for each in reduced if each is not None]
            found.sort(key=lambda each: -each.offer.amount.minor)
            if found:
                return ApprovedReduced(asked, found[0], reasons), tuple(each.offer for each in found[1:])
    return decision, ()


def _reduced(way: Order, known: Known, policy: Policy, score_order: ScoreOrder) -> Assessment | None:
    """The largest smaller amount that can be repaid in this way, assessed; None when there is none."""
    amount = largest_amount(way, known, policy)
    judged = None if amount is None else assess_amount(way, amount, known, policy, score_order)
    return judged if judged is not None and judged.passed else None
