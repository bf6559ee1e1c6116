"""What each product makes of an amount: when it is due, and how its parts sum to it."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.money import Currency, Money
from lending.schedule.due import Due, ScheduleFault
from lending.schedule.due_dates import Adjustment
from lending.terms.dues import LoanTerms, repeated_dues, schedule
from lending.terms.product import Product
from lending.terms.product_terms import Repayment
from lending.terms.products import product_on

DAYS = st.dates(date(1993, 1, 1), date(2090, 12, 31))
ON = date(2026, 1, 10)


def pounds(amount: str) -> Money:
    return Money.parse(amount, Currency.GBP)


def repayment(product: Product) -> Repayment:
    return product_on(product, ON).repayment


def monthly(minor: int, months: int, rate: int = 0, on: date = ON) -> tuple[Due, ...]:
    return schedule(LoanTerms(Money(minor, Currency.GBP), months, rate), repayment(Product.MONTHLY), on)


@pytest.mark.parametrize(
    ("product", "days"),
    [
        (Product.PAY_IN_3, [0, 30, 60]),
        (Product.PAY_IN_4, [0, 14, 28, 42]),
        (Product.PAY_IN_30_DAYS, [30]),
    ],
)
@settings(max_examples=25)
@given(minor=st.integers(4, 10**12), on=DAYS)
def test_products_of_fixed_dates_share_the_amount_over_them(
    product: Product, days: list[int], minor: int, on: date
) -> None:
    dues = schedule(LoanTerms(Money(minor, Currency.GBP), 2), repayment(product), on)

    assert [(due.due_on - on).days for due in dues] == days
    assert sum(due.amount.minor for due in dues) == minor
    assert [due.amount.minor for due in dues] == sorted((due.amount.minor for due in dues), reverse=True)
    assert {due.interest.minor for due in dues} == {0}
    assert dues[0].number == (0 if days[0] == 0 else 1)


@settings(max_examples=50)
@given(minor=st.integers(20_000, 10**12), months=st.integers(1, 120), rate=st.integers(1, 2_000), on=DAYS)
def test_an_amortised_schedule_repays_the_amount_exactly_in_level_instalments(
    minor: int, months: int, rate: int, on: date
) -> None:
    dues = monthly(minor, months, rate, on)

    amounts = [due.amount.minor for due in dues]
    assert sum(due.principal.minor for due in dues) == minor
    assert len(set(amounts[:-1])) <= 1
    assert abs(amounts[-1] - amounts[0]) <= 2 * months
    assert all(due.principal.minor >= 0 and due.interest.minor >= 0 for due in dues)


@settings(max_examples=50)
@given(minor=st.integers(100, 10**12), months=st.integers(1, 60), on=DAYS)
def test_a_schedule_without_interest_splits_the_amount_and_the_earliest_carry_the_odd_units(
    minor: int, months: int, on: date
) -> None:
    dues = monthly(minor, months, 0, on)

    amounts = [due.amount.minor for due in dues]
    assert sum(amounts) == minor
    assert amounts == sorted(amounts, reverse=True)
    assert amounts[0] - amounts[-1] <= 1
    assert [due.number for due in dues] == list(range(1, months + 1))


@pytest.mark.parametrize(
    ("minor", "months", "amounts"),
    [(100_00, 3, [33_00, 33_00, 34_00]), (99_50, 4, [25_00, 25_00, 25_00, 24_50]), (40, 1, [40])],
)
def test_parts_in_whole_pounds_leave_the_rest_to_the_last(minor: int, months: int, amounts: list[int]) -> None:
    in_pounds = replace(repayment(Product.MONTHLY), multiple_of={Currency.GBP: pounds("1.00")})

    dues = schedule(LoanTerms(Money(minor, Currency.GBP), months), in_pounds, ON)

    assert [due.amount.minor for due in dues] == amounts
    assert schedule(LoanTerms(Money(minor, Currency.EUR), months), in_pounds, ON)[0].amount.minor == -(-minor // months)


@pytest.mark.parametrize(("minor", "rate"), [(1_20, 0), (3_00, 0), (2_40, 1)])
def test_too_little_for_instalments_in_whole_pounds_is_refused(minor: int, rate: int) -> None:
    in_pounds = replace(repayment(Product.MONTHLY), multiple_of={Currency.GBP: pounds("1.00")})

    with pytest.raises(ScheduleFault, match="too little for"):
        schedule(LoanTerms(Money(minor, Currency.GBP), 5, rate), in_pounds, ON)


def test_monthly_interest_is_for_the_days_of_the_month_over_365() -> None:
    dues = monthly(1_000_00, 12, 1200)

    assert [due.amount.minor for due in dues] == [88_82] * 11 + [88_87]
    assert dues[0].interest.minor == 10_19  # 1,000 at 12 % for 31 of 365 days
    assert str(dues[-1].due_on) == "2027-01-10"


def test_a_standing_order_repeats_its_amount_every_month() -> None:
    dues = repeated_dues(pounds("80.33"), 3, first_due_on=date(2026, 12, 12))

    assert [(due.number, str(due.due_on), due.amount.minor) for due in dues] == [
        (1, "2026-12-12", 80_33),
        (2, "2027-01-12", 80_33),
        (3, "2027-02-12", 80_33),
    ]


@pytest.mark.parametrize(("minor", "months", "rate"), [(2, 3, 0), (0, 1, 0), (100, 0, 0), (2, 3, 990), (29, 40, 100)])
def test_an_amount_too_small_for_its_instalments_is_refused(minor: int, months: int, rate: int) -> None:
    with pytest.raises(ScheduleFault):
        monthly(minor, months, rate)


def test_a_rate_for_a_product_that_bears_none_is_refused() -> None:
    with pytest.raises(ScheduleFault, match="without interest"):
        schedule(LoanTerms(pounds("90.00"), 2, 990), repayment(Product.PAY_IN_3), ON)


@pytest.mark.parametrize("rate", [0, 990])
def test_a_down_payment_is_due_at_once_and_the_rest_as_ever(rate: int) -> None:
    with_down_payment = replace(repayment(Product.MONTHLY), down_payment_basis_points=2_500)

    down, *rest = schedule(LoanTerms(pounds("100.00"), 3, rate), with_down_payment, ON)

    assert (down.number, down.due_on, down.amount) == (0, ON, pounds("25.00"))
    assert [due.number for due in rest] == [1, 2, 3]
    assert sum(due.principal.minor for due in rest) == 75_00
    assert with_down_payment.down_payment_percent == Decimal(25)


def test_a_product_may_move_dues_to_days_of_business() -> None:
    moving = replace(repayment(Product.MONTHLY), business_days=Adjustment.MODIFIED_FOLLOWING)

    dues = schedule(LoanTerms(pounds("30.00"), 3), moving, date(2026, 1, 31), holidays={date(2026, 3, 31)})

    # 28 February 2026 is a Saturday and the next month begins on Sunday; 31 March is given as a holiday.
    assert [str(due.due_on) for due in dues] == ["2026-02-27", "2026-03-30", "2026-04-30"]
    assert [due.amount.minor for due in dues] == [10_00] * 3
