"""Invoices become purchases; a refund is taken from the latest earlier purchase that can bear it."""

from __future__ import annotations

from ledger.money import Currency, Money
from simulation.retail.line import RetailLine
from simulation.retail.line_class import LineClass
from simulation.retail.order_book import OrderBook, order_book
from simulation.retail.stock_codes import load_stock_codes
from tests.simulation.retail.builders import a_cancellation, a_sale

CODES = load_stock_codes()


def book_of(*lines: RetailLine, smallest: int = 3) -> OrderBook:
    return order_book(lines, CODES, Money(smallest, Currency.GBP))


def taken_from(book: OrderBook, line: RetailLine) -> RetailLine | LineClass | None:
    (found,) = [each for each in book.lines if each.line == line]
    return found.taken_from or found.line_class


def test_an_order_is_the_posted_lines_of_its_invoice() -> None:
    book = book_of(a_sale(mills=1255), a_sale(), a_sale(), a_sale(code="POST"), a_sale("536366", minute=1))

    assert [(each.order_id, each.amount.minor) for each in book.purchases] == [("536365", 3255), ("536366", 1000)]
    assert len(book.lines) == 5


def test_an_invoice_without_a_posted_line_is_no_order() -> None:
    assert book_of(a_sale(shopper=None), a_sale(code="DOT")).purchases == ()


def test_purchases_that_cannot_be_divided_by_three_are_no_plan_and_nothing_is_taken_back_from_them() -> None:
    tiny, back = a_sale(quantity=1, mills=20), a_cancellation(quantity=-1, mills=20)

    book = book_of(tiny, back)

    assert [each.line_class for each in book.lines] == [LineClass.SALE_TOO_SMALL, LineClass.CANCELLATION_UNLINKED]
    assert [each.amount.minor for each in book_of(tiny, a_sale(quantity=1, mills=10)).purchases] == [3]


def test_a_refund_links_to_the_latest_earlier_purchase_of_the_item() -> None:
    first, latest, later = a_sale("1"), a_sale("2", minute=30), a_sale("3", minute=90)
    other_item, other_shopper = a_sale("4", minute=50, code="22423"), a_sale("5", minute=50, shopper="12346")
    back = a_cancellation(quantity=-4)

    book = book_of(first, latest, other_item, other_shopper, back, later)

    assert taken_from(book, back) == latest
    (refund,) = book.refunds
    assert (refund.refund_id, refund.order_id, refund.amount.minor) == ("C536379-2", "2", 400)


def test_in_the_same_minute_the_order_of_the_file_decides() -> None:
    early_back, sold, back = a_cancellation("C1", minute=5), a_sale(minute=5), a_cancellation("C2", minute=5)

    book = book_of(back, sold, early_back)

    assert taken_from(book, early_back) is LineClass.CANCELLATION_UNLINKED
    assert taken_from(book, back) == sold


def test_an_items_code_is_the_same_in_either_case() -> None:
    sold, back = a_sale(code="15056BL"), a_cancellation(code="15056bl")

    assert taken_from(book_of(sold, back), back) == sold


def test_a_purchase_that_cannot_bear_it_any_more_is_passed_over() -> None:
    first, latest = a_sale("1"), a_sale("2", minute=30)
    back, again, once_more = a_cancellation("C1"), a_cancellation("C2"), a_cancellation("C3")

    book = book_of(first, latest, back, again, once_more)

    assert taken_from(book, back) == latest
    assert taken_from(book, again) == first
    assert taken_from(book, once_more) is LineClass.CANCELLATION_BEYOND_PURCHASE


def test_a_refund_at_another_price_is_bounded_by_the_amount_and_not_by_the_quantity() -> None:
    sold = a_sale(quantity=10, mills=1000)
    dearer, cheaper = a_cancellation("C1", quantity=-9, mills=1200), a_cancellation("C2", quantity=-12, mills=500)

    book = book_of(sold, dearer, cheaper)

    assert taken_from(book, dearer) is LineClass.CANCELLATION_BEYOND_PURCHASE
    assert taken_from(book, cheaper) == sold


def test_a_refund_is_never_divided_over_two_purchases() -> None:
    back = a_cancellation(quantity=-20)

    book = book_of(a_sale("1"), a_sale("2", minute=30), back)

    assert taken_from(book, back) is LineClass.CANCELLATION_BEYOND_PURCHASE
    assert book.refunds == ()


def test_one_cancellation_of_goods_of_two_orders_is_two_refunds() -> None:
    lamp, cup = a_sale("1"), a_sale("2", minute=30, code="22423")
    book = book_of(lamp, cup, a_cancellation(), a_cancellation(code="22423", quantity=-1, minute=61))

    assert {each.refund_id: each.amount.minor for each in book.refunds} == {"C536379-1": 1000, "C536379-2": 100}


def test_what_is_refunded_of_an_order_never_exceeds_it() -> None:
    back = [a_cancellation(f"C{number}", quantity=-3, minute=60 + number) for number in range(5)]
    book = book_of(a_sale(), *back)

    assert sum(each.amount.minor for each in book.refunds) == 900
    assert [each.line_class for each in book.lines].count(LineClass.CANCELLATION_BEYOND_PURCHASE) == 2
