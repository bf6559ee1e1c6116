"""Builders: a decision with its reservation, a plan opened from it, and the adapters over a test's database."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from ledger.account import Side
from ledger.money import Currency, Money
from lending.decision.exposure import Exposure
from lending.decision.offer import make_offer
from lending.decision.order import Channel, Order
from lending.decision.record import StoredDecision
from lending.plan.plan import Plan
from lending.plan.when import When
from lending.terms.merchant_terms import AllMerchantTerms, MerchantTerms, Weekday, merchant_terms_on
from lending.terms.product import Product
from payments.postgres import connected
from payments.provider.provider import Provider
from payments.provider.simulated import SimulatedProvider
from payments.reconciliation.open_items import OpenItems
from payments.reconciliation.postgres_open_items import PostgresOpenItems
from payments.wiring import Adapters, adapters_over
from tests.payments.acts import open_plan

__all__ = ["AFTER_THE_DUES", "NOON", "Exposure"]

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
AFTER_THE_DUES = datetime(2026, 6, 10, 12, tzinfo=UTC)  # money counts from no later day than it is known on


def pounds(minor: int) -> Money:
    return Money(minor, Currency.GBP)


@contextmanager
def the_adapters(database_url: str, provider: Provider | None = None) -> Iterator[Adapters]:
    """The adapters over a test's database; merchants are paid for a sale on the day itself."""
    with connected(database_url) as connection:
        ports = adapters_over(connection, provider or SimulatedProvider())
        yield replace(ports, merchants=the_same_for_all(MERCHANT_TERMS))


def a_decision(
    number: int = 1,
    *,
    minor: int = 90_00,
    product: Product = Product.PAY_IN_3,
    months: int = 2,
    at: datetime = NOON,
    merchant: str | None = "m-1",
) -> StoredDecision:
    """An approved decision with its offer, as underwriting keeps it."""
    order = Order(f"o-{number}", f"s-{number}", f"a-{number}", merchant, pounds(minor), product, months, Channel.WEB)
    rate = 990 if product is Product.MONTHLY else 0
    offer = make_offer(order, rate, at.date())
    return StoredDecision(
        decision_id=order.decision_id,
        order=order,
        outcome="approved",
        offer=offer,
        decided_at=at,
        expires_at=at + timedelta(hours=24),
        inputs="{}",
        answer="{}",
        digest="0" * 64,
    )


class KeptDecisions:
    """Decisions in memory, where a test needs no underwriting."""

    def __init__(self, *decisions: StoredDecision) -> None:
        self._by_id = {decision.decision_id: decision for decision in decisions}

    def get(self, decision_id: str) -> StoredDecision | None:
        return self._by_id.get(decision_id)


def hold_offer(ports: Adapters, decision: StoredDecision) -> None:
    """F01, as underwriting posts it."""
    from ledger.map import flows

    offer = decision.offer
    assert offer is not None
    journal = flows.journal(
        "F01",
        key=decision.decision_id,
        value_date=decision.decided_at.date(),
        occurred_at=decision.decided_at,
        recorded_at=decision.decided_at,
        correlation={"decision_id": decision.decision_id},
        amounts={"approved": offer.amount},
        names={},
    )
    with ports.transaction():
        ports.ledger.hold(journal, expires_at=decision.expires_at)


def an_open_plan(ports: Adapters, number: int = 1, **other: Any) -> Plan:
    """A plan opened at noon without a down payment: monthly, with interest, unless told otherwise."""
    terms: dict[str, Any] = {"product": Product.MONTHLY, "months": 3, **other}
    decision = a_decision(number, **terms)
    hold_offer(ports, decision)
    with ports.transaction():
        return open_plan(ports, decision, When.moment(decision.decided_at))


def posted(ports: Adapters, account: str, side: Side = Side.DEBIT, currency: Currency = Currency.GBP) -> int:
    """An account's posted balance on a side, minor units."""
    return ports.ledger.balance(account, currency).posted(side).minor


def pending(ports: Adapters, account: str) -> int:
    """What is held on the debit side."""
    return ports.ledger.balance(account, Currency.GBP).debits_pending


def rows(ports: Adapters, query: str) -> list[Any]:
    return list(ports.database.execute(query))


def first_due(plan: Plan) -> date:
    return plan.instalments[0].due_on


def connect(database_url: str) -> psycopg.Connection[Any]:
    return psycopg.connect(database_url, autocommit=True)


def open_items(database_url: str, ports: Adapters) -> OpenItems:
    """What the clearing accounts hold beside what is known to be open."""
    with connect(database_url) as connection:
        return PostgresOpenItems(connection, ports.profile.card, ports.terms).compared()


EVERY_DAY = frozenset(Weekday)
MERCHANT_TERMS = replace(
    merchant_terms_on("m-1", NOON.date()), settlement_days=0, settlement_weekdays=EVERY_DAY, reserve_basis_points=0
)


def the_same_for_all(terms: MerchantTerms) -> AllMerchantTerms:
    """These terms for every merchant and day."""
    return AllMerchantTerms([replace(terms, merchant_id=None, effective_from=date.min, effective_until=None)], Path())
