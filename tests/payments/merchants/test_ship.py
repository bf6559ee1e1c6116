"""A merchant ships the rest of an order: it is captured once, by a principal that may, and never beyond the order."""

from datetime import timedelta
from typing import Any

import pytest

from ledger.account import Side
from ledger.books.store import Conflict
from ledger.identity.authority import authority_file
from ledger.identity.principal import Principal
from lending.plan.plan import Plan
from lending.plan.when import When
from lending.terms.product import Product
from payments.collection.opening import open_plan
from payments.merchants.ship import AskedShipment, ShipmentNotPossible, ShipmentRefused, ShipmentTaken, ship
from payments.wiring import Adapters
from tests.payments.plans import NOON, a_decision, hold_offer, posted, pounds, the_adapters

SHOP, ANN = Principal("shop", "shop", NOON), Principal("ann", "agent", NOON)


def a_plan_shipped_in_part(ports: Adapters) -> Plan:
    """90.00 over three months, of which 50.00 were shipped at noon."""
    decision = a_decision(1, product=Product.MONTHLY, months=3)
    hold_offer(ports, decision)
    with ports.transaction():
        return open_plan(
            decision,
            When.moment(NOON),
            plans=ports.plans,
            ledger=ports.ledger,
            merchants=ports.merchants,
            terms=ports.terms,
            shipped=pounds(50_00),
        )


def shipping(ports: Adapters, plan_id: str, minor: int, *, key: str = "k", by: Principal = SHOP) -> Any:
    return ship(
        AskedShipment(plan_id, key, pounds(minor), by),
        authority=authority_file(),
        plans=ports.plans,
        ledger=ports.ledger,
        terms=ports.terms,
        transaction=ports.transaction,
        at=NOON + timedelta(days=3),
    )


def test_each_shipment_is_captured_once_and_then_owed_to_the_merchant(database_url: str) -> None:
    with the_adapters(database_url) as ports:
        plan = a_plan_shipped_in_part(ports)
        owed = posted(ports, f"plan:{plan.plan_id}:principal")

        first, again = shipping(ports, plan.plan_id, 30_00), shipping(ports, plan.plan_id, 30_00)
        last = shipping(ports, plan.plan_id, 10_00, key="k2")

        assert owed == 50_00
        assert first == ShipmentTaken(2, pounds(30_00), pounds(10_00), new=True)
        assert again == ShipmentTaken(2, pounds(30_00), pounds(10_00), new=False)
        assert last == ShipmentTaken(3, pounds(10_00), pounds(0), new=True)
        assert posted(ports, f"plan:{plan.plan_id}:principal") == 90_00
        whole = posted(ports, f"merchant:{plan.merchant_id}:payable", Side.CREDIT)
        assert whole == (plan.principal - plan.merchant_discount).minor - (plan.tax.minor if plan.tax else 0)


def test_what_cannot_be_shipped_captures_nothing(database_url: str) -> None:
    with the_adapters(database_url) as ports:
        plan = a_plan_shipped_in_part(ports)

        assert isinstance(shipping(ports, plan.plan_id, 40_01), ShipmentRefused)
        assert shipping(ports, plan.plan_id, 1_00, by=ANN) == ShipmentNotPossible(
            "not-in-role", "the role agent of ann may not ship"
        )
        assert shipping(ports, "p-none", 1_00) == ShipmentNotPossible("not-found", "there is no plan p-none")
        assert posted(ports, f"plan:{plan.plan_id}:principal") == 50_00


def test_a_key_that_was_used_for_another_amount_is_an_error(database_url: str) -> None:
    with the_adapters(database_url) as ports:
        plan = a_plan_shipped_in_part(ports)
        shipping(ports, plan.plan_id, 30_00)

        with pytest.raises(Conflict, match="amount_minor"):
            shipping(ports, plan.plan_id, 31_00)
