"""A loan's schedule repays it to the unit, whatever its terms; against exact fractions it is never a unit off."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.money import Currency, Money
from lending.schedule.amortise import MOST_INSTALMENTS, Loan, Method, amortise, down_payment
from lending.schedule.day_count import ACTUAL_360, ACTUAL_365, ACTUAL_ACTUAL, THIRTY_360
from lending.schedule.due import ScheduleFault
from lending.schedule.due_dates import Spacing, Unit

SPACINGS = st.builds(Spacing, st.integers(1, 6), st.sampled_from(Unit))
DAY_COUNTS = st.sampled_from([THIRTY_360, ACTUAL_360, ACTUAL_365, ACTUAL_ACTUAL])
RATES = st.integers(0, 10_000).map(lambda points: Decimal(points).scaleb(-2))


def pounds(minor: int) -> Money:
    return Money(minor, Currency.GBP)


def a_loan(minor: int = 1_200_00, percent: str = "24", instalments: int = 12, **terms: object) -> Loan:
    standard: dict[str, object] = {
        "spacing": Spacing(1, Unit.MONTHS),
        "starts_on": date(2026, 1, 31),
        "day_count": THIRTY_360,
    }
    return Loan(pounds(minor), Decimal(percent), instalments, **{**standard, **terms})  # type: ignore[arg-type]


LOANS = st.builds(
    Loan,
    amount=st.integers(10_000, 10**9).map(pounds),
    annual_rate_percent=RATES,
    instalments=st.integers(1, 60),
    spacing=SPACINGS,
    starts_on=st.dates(date(2020, 1, 1), date(2032, 12, 31)),
    day_count=DAY_COUNTS,
    method=st.sampled_from(Method),
    down_payment_percent=st.sampled_from([Decimal(0), Decimal(10), Decimal(25), Decimal("33.3")]),
    first_day_bears_interest=st.booleans(),
    multiple_of=st.sampled_from([1, 5, 100]),
)


@settings(max_examples=60, deadline=None)
@given(loan=LOANS)
def test_a_schedule_repays_the_amount_to_the_unit(loan: Loan) -> None:
    dues = amortise(loan)

    after_each = [loan.spacing.after(loan.starts_on, times) for times in range(1, loan.instalments + 1)]
    assert sum(due.principal.minor for due in dues) == loan.amount.minor
    assert all(due.principal.minor >= 0 and due.interest.minor >= 0 for due in dues)
    assert [due.due_on for due in dues if due.number] == after_each
    assert [due.number for due in dues] == [*([0] if loan.down_payment_percent else []), *range(1, len(after_each) + 1)]


@settings(max_examples=40, deadline=None)
@given(
    minor=st.integers(10_000, 10**8),
    rate=st.integers(0, 3_000).map(lambda points: Decimal(points).scaleb(-2)),  # no interest waits at such a rate
    instalments=st.integers(2, 60),
    day_count=DAY_COUNTS,
)
def test_each_interest_is_that_of_what_is_owed_and_the_last_instalment_is_near_the_others(
    minor: int, rate: Decimal, instalments: int, day_count: object
) -> None:
    loan = a_loan(minor, str(rate), instalments, day_count=day_count)
    owed, start = minor, loan.starts_on
    dues = amortise(loan)
    for due in dues:
        share = loan.day_count.share_of_year(start, due.due_on, loan.spacing)
        exact = owed * Fraction(rate) / 100 * Fraction(share)
        assert abs(due.interest.minor - exact) <= Fraction(1, 2) + Fraction(1, 10**6)
        owed -= due.principal.minor
        start = due.due_on

    assert owed == 0
    # Where instalments rounded up repay it early, the one that does so is smaller.
    assert len({due.amount.minor for due in dues[:-1] if due.principal.minor}) <= 2


def test_a_rate_of_nothing_shares_the_amount_and_the_last_takes_the_odd_units() -> None:
    dues = amortise(a_loan(99_99, "0", 4))

    assert [due.amount.minor for due in dues] == [25_00, 25_00, 25_00, 24_99]


def test_480_instalments_of_very_little_end_before_they_ask_for_too_much() -> None:
    dues = amortise(a_loan(100_00, "0", 480))

    assert sum(due.amount.minor for due in dues) == 100_00
    assert {due.amount.minor for due in dues} <= {0, 4, 21, 20}


@pytest.mark.parametrize("method", Method)
def test_480_instalments_at_a_rate_beyond_them_pay_interest_first(method: Method) -> None:
    dues = amortise(a_loan(10_000_00, "99.9", 480, day_count=ACTUAL_365, method=method))

    assert sum(due.principal.minor for due in dues) == 10_000_00
    assert all(due.principal.minor >= 0 for due in dues)


def test_flat_interest_stays_that_of_what_was_lent() -> None:
    dues = amortise(a_loan(1_000_00, "12", 12, method=Method.FLAT))

    assert {due.interest.minor for due in dues} == {10_00}
    assert [due.amount.minor for due in dues] == [93_33] * 11 + [93_37]


def test_flat_interest_is_rounded_once_in_all() -> None:
    """1,250.00 at 15 % is 15.625 a month: 62.50 for four."""
    dues = amortise(a_loan(1_250_00, "15", 4, method=Method.FLAT))

    assert [due.interest.minor for due in dues] == [15_62, 15_62, 15_62, 15_64]


def test_a_down_payment_is_due_at_once_and_bears_no_interest() -> None:
    down, first, *_ = amortise(a_loan(1_000_00, "12", 12, down_payment_percent=Decimal(25)))

    assert (down.number, down.due_on, down.principal.minor, down.interest.minor) == (0, date(2026, 1, 31), 250_00, 0)
    assert first.interest.minor == 7_50


@pytest.mark.parametrize(
    ("percent", "down"),
    [pytest.param("49.995", 50_00, id="up to even"), pytest.param("50.005", 50_00, id="down to even")],
)
def test_half_a_unit_goes_to_the_even_one(percent: str, down: int) -> None:
    assert down_payment(pounds(100_00), Decimal(percent)).minor == down


@pytest.mark.parametrize(
    "wrong",
    [
        {"minor": 0},
        {"minor": -1},
        {"instalments": 0},
        {"instalments": MOST_INSTALMENTS + 1},
        {"percent": "-1"},
        {"percent": "NaN"},
        {"down_payment_percent": Decimal(100)},
        {"down_payment_percent": Decimal(-1)},
    ],
)
def test_terms_that_no_schedule_can_keep_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ScheduleFault):
        a_loan(**wrong)  # type: ignore[arg-type]


def test_a_last_due_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(ScheduleFault, match="9999"):
        amortise(a_loan(spacing=Spacing(12_000, Unit.MONTHS)))


def test_instalments_in_whole_pounds_leave_the_rest_to_the_last_and_keep_the_pence_of_interest() -> None:
    dues = amortise(a_loan(3_000_00, "12", 10, multiple_of=100))

    assert [due.amount.minor for due in dues] == [317_00] * 9 + [314_34]
    assert [due.interest.minor for due in dues[:3]] == [30_00, 27_13, 24_23]


@pytest.mark.parametrize(("minor", "down"), [(1_250_00, 312_00), (750_00, 188_00), (1_90, 0)])
def test_a_down_payment_in_whole_pounds_is_rounded_half_to_even(minor: int, down: int) -> None:
    dues = amortise(a_loan(minor, down_payment_percent=Decimal(25), multiple_of=100))

    assert sum(due.amount.minor for due in dues if due.number == 0) == down


@settings(max_examples=60, deadline=None)
@given(loan=LOANS)
def test_every_amount_but_the_last_ones_is_a_multiple_of_the_unit(loan: Loan) -> None:
    dues = amortise(loan)

    ends = next(place for place, due in enumerate(dues) if sum(each.principal.minor for each in dues[place + 1 :]) == 0)
    assert all(due.amount.minor % loan.multiple_of == 0 for due in dues[:ends])


def test_a_multiple_below_one_unit_is_refused() -> None:
    with pytest.raises(ScheduleFault, match="multiples of 0"):
        a_loan(multiple_of=0)
