"""Underwriting: what is answered before anything is read or written."""

from dataclasses import replace
from typing import Any

from ledger.money import Currency, Money
from lending.decision.underwrite import NoPolicy, underwrite
from lending.terms.policy import Policies
from lending.terms.product import Product
from tests.lending.applicants import NOON, an_order, the_policy

NEVER_REACHED: Any = None


def test_an_order_in_a_currency_that_the_product_is_not_offered_in_has_no_policy() -> None:
    in_yen = replace(the_policy(), currency=Currency.JPY)

    answer = underwrite(
        an_order(Money(9_000, Currency.JPY)),
        at=NOON,
        code_digest="",
        policies=Policies([in_yen]),
        scorer=NEVER_REACHED,
        decisions=NEVER_REACHED,
        ledger=NEVER_REACHED,
        publish=NEVER_REACHED,
    )

    assert answer == NoPolicy(Currency.JPY, Product.PAY_IN_3)
