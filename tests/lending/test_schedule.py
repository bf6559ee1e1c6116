from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.money import Currency, Money
from lending.due import ScheduleFault
from lending.due_dates import first_on_or_after, months_after
from lending.order import Product
from lending.schedule import Terms, monthly, pay_in_3, repeated, schedule

DAYS = st.dates(date(1990, 1, 1), date(2090, 12, 31))


def pounds(amount: str) -> Money:
    return Money.parse(amount, Currency.GBP)


@given(minor=st.integers(3, 10**12), on=DAYS)
def test_pay_in_3_shares_the_amount_over_today_and_30_and_60_days(minor: int, on: date) -> None:
    dues = pay_in_3(Money(minor, Currency.GBP), on)

    assert [(due.due_on - on).days for due in dues] == [0, 30, 60]
    assert sum(due.amount.minor for due in dues) == minor
    assert [due.amount.minor for due in dues] == sorted((due.amount.minor for due in dues), reverse=True)
    assert {due.interest.minor for due in dues} == {0}


@given(minor=st.integers(10_000, 10**12), months=st.integers(1, 120), rate=st.integers(1, 5_000), on=DAYS)
def test_an_amortised_schedule_repays_the_amount_exactly_in_level_instalments(
    minor: int, months: int, rate: int, on: date
) -> None:
    dues = monthly(Money(minor, Currency.GBP), months, rate, on)

    amounts = [due.amount.minor for due in dues]
    assert sum(due.principal.minor for due in dues) == minor
    assert max(amounts) - min(amounts) <= 1
    assert all(due.principal.minor >= 0 and due.interest.minor >= 0 for due in dues)


@given(minor=st.integers(10_000, 10**9), months=st.integers(1, 60), rate=st.integers(1, 5_000))
def test_the_interest_of_each_month_is_that_of_what_is_still_owed(minor: int, months: int, rate: int) -> None:
    owed, interest_so_far, exact_so_far = minor, 0, 0
    for due in monthly(Money(minor, Currency.GBP), months, rate, date(2026, 1, 10)):
        exact_so_far += owed * rate  # in 120,000ths of a unit
        owed -= due.principal.minor
        interest_so_far += due.interest.minor
        # What is owed here is rounded, there exact: they stay within a unit, and so does the interest they bear.
        assert abs(120_000 * interest_so_far - exact_so_far) <= 120_000 + months * rate
    assert owed == 0


@given(minor=st.integers(100, 10**12), months=st.integers(1, 60), on=DAYS)
def test_a_schedule_without_interest_splits_the_amount_and_the_earliest_carry_the_odd_units(
    minor: int, months: int, on: date
) -> None:
    dues = monthly(Money(minor, Currency.GBP), months, 0, on)

    amounts = [due.amount.minor for due in dues]
    assert sum(amounts) == minor
    assert amounts == sorted(amounts, reverse=True)
    assert amounts[0] - amounts[-1] <= 1
    assert [due.number for due in dues] == list(range(1, months + 1))


def test_an_annuity_known_from_the_textbook() -> None:
    dues = monthly(pounds("1000.00"), 12, 1200, date(2026, 1, 10))  # 1 % a month: 88.8488 each

    assert [due.amount.minor for due in dues] == [88_85, 88_85, 88_85, 88_85, 88_84, 88_85, 88_85, 88_85, 88_85, 88_85, 88_85, 88_85]  # fmt: skip  # noqa: E501
    assert dues[0].interest == pounds("10.00")
    assert sum(due.interest.minor for due in dues) == 66_19


@pytest.mark.parametrize(
    ("on", "dues"),
    [
        pytest.param(date(2023, 1, 31), ["2023-02-28", "2023-03-31", "2023-04-30"], id="the 31st"),
        pytest.param(date(2024, 1, 30), ["2024-02-29", "2024-03-30", "2024-04-30"], id="a leap year"),
        pytest.param(date(2023, 10, 31), ["2023-11-30", "2023-12-31", "2024-01-31"], id="over the year's end"),
        pytest.param(date(2024, 2, 29), ["2024-03-29", "2024-04-29", "2024-05-29"], id="from a leap day"),
    ],
)
def test_a_due_day_that_a_month_lacks_is_its_last_and_the_next_month_is_itself_again(on: date, dues: list[str]) -> None:
    assert [str(due.due_on) for due in monthly(pounds("30.00"), 3, 0, on)] == dues


@given(on=DAYS, months=st.integers(0, 600))
def test_months_after_keeps_the_day_or_takes_the_last(on: date, months: int) -> None:
    later = months_after(on, months)

    assert (later.year - on.year) * 12 + later.month - on.month == months
    assert later.day == on.day or (later.day < on.day and months_after(later.replace(day=1), 1).toordinal() - later.toordinal() == 1)  # fmt: skip  # noqa: E501


@pytest.mark.parametrize(
    ("granted", "first"),
    [
        pytest.param(date(1993, 7, 11), date(1993, 7, 12), id="the day before"),
        pytest.param(date(1993, 7, 12), date(1993, 7, 12), id="the day itself"),
        pytest.param(date(1993, 7, 13), date(1993, 8, 12), id="the day after"),
        pytest.param(date(1996, 12, 31), date(1997, 1, 12), id="over the year's end"),
    ],
)
def test_the_first_due_is_on_the_first_12th_on_or_after_the_grant(granted: date, first: date) -> None:
    assert first_on_or_after(granted, 12) == first


def test_the_first_31st_of_a_short_month_is_its_last_day() -> None:
    assert first_on_or_after(date(2026, 2, 10), 31) == date(2026, 2, 28)


def test_a_standing_order_repeats_its_amount_every_month() -> None:
    dues = repeated(pounds("80.33"), 3, first_due_on=date(2026, 12, 12))

    assert [(due.number, str(due.due_on), due.amount.minor) for due in dues] == [
        (1, "2026-12-12", 80_33),
        (2, "2027-01-12", 80_33),
        (3, "2027-02-12", 80_33),
    ]


@pytest.mark.parametrize(("minor", "months", "rate"), [(2, 3, 0), (0, 1, 0), (100, 0, 0), (2, 3, 990), (29, 27, 5_000)])
def test_an_amount_too_small_for_its_instalments_is_refused(minor: int, months: int, rate: int) -> None:
    with pytest.raises(ScheduleFault):
        monthly(Money(minor, Currency.GBP), months, rate, date(2026, 1, 10))


def test_terms_say_which_schedule_it_is() -> None:
    on = date(2026, 1, 10)
    amount = pounds("90.00")

    assert schedule(Terms(Product.PAY_IN_3, amount, 2), on) == pay_in_3(amount, on)
    assert schedule(Terms(Product.MONTHLY, amount, 6, 990), on) == monthly(amount, 6, 990, on)
