"""Reads plans as they were agreed from PostgreSQL."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection

from ledger.money import Currency, Money
from lending.plan.plan import ForeignPurchase, Instalment, Origin, Plan
from lending.terms.basis_points import basis_points
from lending.terms.product import Product

PLAN = """
plan_id, shopper_id, account_id, merchant_id, order_id, decision_id, origin, product, opened_on, currency,
principal_minor, merchant_discount_minor, annual_rate_basis_points, terms_version, taken_from,
tax_minor, foreign_purchase
"""
_PLANS = f"SELECT {PLAN} FROM lending.plans WHERE plan_id = ANY(%s) ORDER BY opened_on, plan_id"  # noqa: S608 - only a fixed list of columns is put in
_INSTALMENTS = """
SELECT plan_id, instalment_id, number, due_on, principal_minor, interest_minor
  FROM lending.instalments WHERE plan_id = ANY(%s) ORDER BY plan_id, number
"""


def read_plans(connection: Connection[Any], plan_ids: Iterable[str]) -> dict[str, Plan]:
    """Plans by id, in the order of their opening day."""
    wanted = list(dict.fromkeys(plan_ids))
    instalments = defaultdict(list)
    for plan_id, *row in connection.execute(_INSTALMENTS, (wanted,)):
        instalments[plan_id].append(row)
    return {row[0]: _plan(row, instalments[row[0]]) for row in connection.execute(_PLANS, (wanted,))}


def _plan(row: Sequence[Any], instalments: Iterable[Sequence[Any]]) -> Plan:
    plan_id, shopper_id, account_id, merchant_id, order_id, decision_id, origin, product, opened_on, *rest = row
    code, principal_minor, discount_minor, annual_rate_basis_points, terms_version, taken_from, tax_minor, foreign = (
        rest
    )
    currency = Currency(code)
    return Plan(
        plan_id=plan_id,
        shopper_id=shopper_id,
        account_id=account_id,
        merchant_id=merchant_id,
        order_id=order_id,
        decision_id=decision_id,
        origin=Origin(origin),
        product=Product(product),
        opened_on=opened_on,
        principal=Money(principal_minor, currency),
        merchant_discount=Money(discount_minor, currency),
        annual_rate_basis_points=basis_points(annual_rate_basis_points),
        terms_version=terms_version,
        instalments=tuple(
            Instalment(instalment_id, number, due_on, Money(principal, currency), Money(interest, currency))
            for instalment_id, number, due_on, principal, interest in instalments
        ),
        taken_from=taken_from,
        tax=None if tax_minor is None else Money(tax_minor, currency),
        foreign=None if foreign is None else _foreign(foreign),
    )


def foreign_tree(foreign: ForeignPurchase) -> dict[str, Any]:
    """A purchase in another currency, in the form in which it is stored."""
    return {
        "currency": foreign.payable.currency.value,
        "payable_minor": foreign.payable.minor,
        "spread_currency": foreign.spread.currency.value,
        "spread_minor": foreign.spread.minor,
        "rate": foreign.rate,
        "rate_source": foreign.rate_source,
        "rate_at": foreign.rate_at.isoformat(),
    }


def _foreign(tree: Mapping[str, Any]) -> ForeignPurchase:
    return ForeignPurchase(
        payable=Money(tree["payable_minor"], Currency(tree["currency"])),
        spread=Money(tree["spread_minor"], Currency(tree["spread_currency"])),
        rate=tree["rate"],
        rate_source=tree["rate_source"],
        rate_at=datetime.fromisoformat(tree["rate_at"]),
    )
