"""Underwriting: what is answered before anything is read or written."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from ledger.money import Currency, Money
from lending.decision.exposure import Exposure
from lending.decision.order import Order
from lending.decision.record import StoredDecision
from lending.decision.underwrite import NoPolicy, OpenedOrder, underwrite
from lending.terms.policy import Policies, Policy
from lending.terms.product import Product
from tests.lending.applicants import NOON, an_order, the_policy

NEVER_REACHED: Any = None


class Undecided:
    """Decisions without any, of a shopper who owes nothing."""

    def open(self, order: Order, at: datetime) -> OpenedOrder:  # noqa: ARG002 - as the port has it
        nothing = Money.zero(order.amount.currency)
        return OpenedOrder(None, Exposure(nothing, nothing, nothing))

    def add(self, decision: StoredDecision) -> None:
        raise AssertionError(f"{decision.decision_id} is never stored")


def answer_to(order: Order, policy: Policy, at: datetime) -> object:
    return underwrite(
        order,
        at=at,
        code_digest="",
        policies=Policies([policy]),
        scorer=NEVER_REACHED,
        decisions=Undecided(),
        ledger=NEVER_REACHED,
        publish=NEVER_REACHED,
        open_case=NEVER_REACHED,
    )


def test_an_order_in_a_currency_that_the_product_is_not_offered_in_has_no_policy() -> None:
    in_yen = replace(the_policy(), currency=Currency.JPY)

    answer = answer_to(an_order(Money(9_000, Currency.JPY)), in_yen, NOON)

    assert answer == NoPolicy(Currency.JPY, Product.PAY_IN_3)


def test_a_policy_holds_from_the_midnight_of_its_jurisdiction() -> None:
    """1 July begins in London at 23:00 on 30 June in UTC."""
    from_july = replace(the_policy(), valid_from=date(2026, 7, 1))

    before = answer_to(an_order(), from_july, datetime(2026, 6, 30, 22, 59, tzinfo=UTC))
    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'evidence'"):  # of the scorer
        answer_to(an_order(), from_july, datetime(2026, 6, 30, 23, 0, tzinfo=UTC))

    assert before == NoPolicy(Currency.GBP, Product.PAY_IN_3)
