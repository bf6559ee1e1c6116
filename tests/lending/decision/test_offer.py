"""What an offer discloses is what its instalments cost, and it is read back as it was written."""

import json
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.money import Currency, Money
from lending.decision.offer import make_offer, offer_body, offer_from_body
from lending.decision.order import Channel, Order
from lending.schedule.apr import years_between
from lending.terms.basis_points import BasisPoints
from lending.terms.product import FIXED_MONTHS, Product
from lending.terms.products import product_on

ON = date(2026, 1, 31)


def an_order(minor: int, product: Product = Product.MONTHLY, months: int = 12) -> Order:
    amount = Money(minor, Currency.GBP)
    return Order("o-1", "s-1", "a-1", "m-1", amount, product, FIXED_MONTHS.get(product, months), Channel.WEB)


@pytest.mark.parametrize(
    ("months", "rate", "apr", "total"),
    [
        pytest.param(12, 990, "10.3", 1_054_03, id="9.9 % a year, paid monthly"),
        pytest.param(24, 1_990, "21.7", 1_219_40, id="19.9 %"),
        pytest.param(6, 0, "0.0", 1_000_00, id="interest-free"),
    ],
)
def test_a_monthly_offer_discloses_its_rate_and_its_total(months: int, rate: int, apr: str, total: int) -> None:
    body = offer_body(make_offer(an_order(1_000_00, months=months), rate, ON))

    assert (body["apr_percent"], body["total_payable_minor"], body["terms_version"]) == (apr, total, "monthly-1")


@pytest.mark.parametrize("product", [Product.PAY_IN_3, Product.PAY_IN_4, Product.PAY_IN_30_DAYS])
def test_an_interest_free_offer_costs_nothing(product: Product) -> None:
    offer = make_offer(an_order(100_00, product), 0, ON)

    assert (offer.apr_percent, offer.total) == (Decimal("0.0"), Money(100_00, Currency.GBP))


@settings(max_examples=30, deadline=None)
@given(minor=st.integers(100_00, 50_000_00), months=st.integers(1, 48), rate=st.integers(0, 4_000))
def test_the_disclosed_rate_is_the_one_at_which_what_is_paid_is_worth_what_was_lent(
    minor: int, months: int, rate: int
) -> None:
    offer = make_offer(an_order(minor, months=months), rate, ON)
    apr = offer.apr_percent
    assert apr is not None

    def worth(percent: Decimal) -> Decimal:
        growth = 1 + percent / 100
        times = (years_between(ON, due.due_on) for due in offer.instalments)
        powers = (growth ** -(Decimal(years.numerator) / years.denominator) for years in times)
        return sum((due.amount.minor * power for due, power in zip(offer.instalments, powers, strict=True)), Decimal(0))

    assert worth(apr + Decimal("0.051")) < minor
    assert worth(max(apr - Decimal("0.051"), Decimal(0))) >= minor or apr == 0


@pytest.mark.parametrize("months", [1, 12])
@pytest.mark.parametrize(("rate", "written"), [(990, 990), (Decimal("948.22"), "948.22")])
def test_an_offer_is_read_back_as_it_was_written(months: int, rate: BasisPoints, written: int | str) -> None:
    offer = make_offer(an_order(1_000_00, months=months), rate, ON)

    assert offer_from_body(json.loads(json.dumps(offer_body(offer)))) == offer
    assert offer_body(offer)["annual_rate_basis_points"] == written


def test_an_offer_without_a_schedule_discloses_no_rate() -> None:
    body = offer_body(make_offer(an_order(2, Product.PAY_IN_3), 0, ON))

    assert (body["instalments"], body["apr_percent"]) == ([], None)


@settings(max_examples=200)
@given(
    product=st.sampled_from(Product),
    currency=st.sampled_from((Currency.GBP, Currency.EUR, Currency.CZK, Currency.USD)),
    months=st.integers(1, 24),
    on=st.dates(date(2020, 1, 1), date(2050, 12, 31)),
)
def test_no_due_of_any_product_falls_on_a_holiday_where_it_is_lent(
    product: Product, currency: Currency, months: int, on: date
) -> None:
    order = Order(
        "o-1", "s-1", "a-1", "m-1", Money(1_000_00, currency), product, FIXED_MONTHS.get(product, months), Channel.WEB
    )

    offer = make_offer(order, 990 if product is Product.MONTHLY else 0, on)

    holidays = product_on(product, on).servicing.days[currency].holidays
    assert [each.due_on for each in offer.instalments if each.due_on in holidays and each.due_on != on] == []
    assert offer.total >= order.amount


@pytest.mark.parametrize(
    ("ordered_on", "due_on"),
    [
        pytest.param("2026-11-24", "2026-12-24", id="Christmas Eve"),
        pytest.param("2026-11-25", "2026-12-29", id="Christmas Day, a Friday before the Boxing Day of Monday"),
        pytest.param("2026-11-27", "2026-12-27", id="a Sunday, on which cards are charged"),
        pytest.param("2026-11-28", "2026-12-29", id="the Monday of Boxing Day"),
    ],
)
def test_a_due_on_christmas_day_moves_to_the_next_business_day(ordered_on: str, due_on: str) -> None:
    offer = make_offer(an_order(300_00, Product.MONTHLY, 1), 0, date.fromisoformat(ordered_on))

    assert [str(each.due_on) for each in offer.instalments] == [due_on]


def test_what_is_paid_at_the_checkout_on_a_holiday_is_due_at_once() -> None:
    christmas = date(2026, 12, 25)

    assert make_offer(an_order(90_00, Product.PAY_IN_3), 0, christmas).instalments[0].due_on == christmas
