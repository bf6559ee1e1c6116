"""Turns a purchase into a pay-in-3 plan, opened on the day of the invoice without a credit decision."""

from lending.plan.plan import Origin, Plan, PlanId, instalments_of
from lending.terms.dues import LoanTerms, schedule
from lending.terms.merchant_terms import MerchantTerms
from lending.terms.product import FIXED_MONTHS, Product
from lending.terms.products import product_on
from simulation.retail.order_book import Purchase

MERCHANT = "online-retail"


def purchase_plan_id(order_id: str) -> PlanId:
    """The id of an order's plan; invoice numbers are unique per merchant."""
    return PlanId(f"p-{MERCHANT}-{order_id}")


def purchase_plan(purchase: Purchase, merchant: MerchantTerms) -> Plan:
    """The plan of the purchase, on the terms of its day."""
    plan_id, day = purchase_plan_id(purchase.order_id), purchase.ordered_on
    discount = merchant.merchant_discount(purchase.amount)
    terms = product_on(Product.PAY_IN_3, day)
    dues = schedule(LoanTerms(purchase.amount, FIXED_MONTHS[Product.PAY_IN_3]), terms.repayment, day)
    return Plan(
        plan_id=plan_id,
        shopper_id=purchase.shopper_id,
        account_id=purchase.shopper_id,
        merchant_id=MERCHANT,
        order_id=purchase.order_id,
        decision_id=None,
        origin=Origin.REPLAYED,
        product=Product.PAY_IN_3,
        opened_on=day,
        principal=purchase.amount,
        merchant_discount=discount,
        annual_rate_basis_points=0,
        terms_version=terms.version,
        instalments=instalments_of(plan_id, dues),
    )
