"""An order is what it says, or is refused by field; its decision's id comes from it."""

import pytest

from ledger.money import Currency, Money
from lending.decision.order import Channel, Order, OrderFault, order_body, order_from_body
from lending.terms.product import Product
from tests.lending.applicants import an_order, pounds


@pytest.mark.parametrize(
    ("product", "months", "minor", "field"),
    [
        pytest.param(Product.MONTHLY, 12, 0, "amount_minor", id="nothing"),
        pytest.param(Product.MONTHLY, 12, -1, "amount_minor", id="less than nothing"),
        pytest.param(Product.MONTHLY, 0, 100, "duration_months", id="no month"),
        pytest.param(Product.PAY_IN_3, 3, 100, "duration_months", id="three payments take two months"),
    ],
)
def test_an_order_that_cannot_be_names_its_field(product: Product, months: int, minor: int, field: str) -> None:
    with pytest.raises(OrderFault) as refusal:
        Order("o", "s", "a", None, Money(minor, Currency.GBP), product, months, Channel.WEB)

    assert refusal.value.field == field


def test_an_order_is_read_back_as_it_was_written() -> None:
    order = Order("o", "s", "a", None, pounds(5), Product.MONTHLY, 6, Channel.BRANCH, "berka:loan:5314")

    assert order_from_body(dict(order_body(order))) == order


def test_a_decisions_id_follows_the_order_and_its_merchant_alone() -> None:
    order = an_order()

    assert order.of(pounds(1)).decision_id == order.decision_id
    assert an_order(order_id="o-2").decision_id != order.decision_id
    assert ":" not in order.decision_id
