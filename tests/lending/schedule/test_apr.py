"""The annual percentage rate: equations solved, rates that do not exist refused, time counted as the law says."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lending.schedule.apr import (
    AprFault,
    AprFaultCode,
    CashFlow,
    UnitPayment,
    annual_percentage_rate,
    regulation_z_rate,
    rounded_rate,
    years_between,
)


def flows(*pairs: tuple[str, str]) -> list[CashFlow]:
    return [CashFlow(Fraction(years), Decimal(amount)) for years, amount in pairs]


@settings(max_examples=40, deadline=None)
@given(
    lent=st.integers(1, 10**7),
    cost=st.integers(1, 10**7),
    days=st.integers(7, 3_650),
)
def test_one_repayment_has_the_rate_of_the_formula(lent: int, cost: int, days: int) -> None:
    years = Fraction(days, 365)
    asked = [CashFlow(Fraction(0), Decimal(-lent)), CashFlow(years, Decimal(lent + cost))]
    exact = (Decimal(lent + cost) / Decimal(lent)) ** (Decimal(365) / Decimal(days))
    if exact > Decimal(10) ** 27:
        return

    assert abs(annual_percentage_rate(asked) / 100 + 1 - exact) <= exact * Decimal(10) ** -15


@settings(max_examples=20, deadline=None)
@given(rate=st.integers(1, 2_000), months=st.integers(1, 60))
def test_an_annuity_at_a_rate_has_that_rate(rate: int, months: int) -> None:
    """The instalment for a monthly growth of (1 + X)^(1/12), put together from X, gives X back."""
    growth = (1 + Decimal(rate) / 1000) ** (Decimal(1) / 12)
    instalment = 1 / sum(growth**-month for month in range(1, months + 1))
    asked = [
        CashFlow(Fraction(0), Decimal(-1)),
        *(CashFlow(Fraction(month, 12), instalment) for month in range(1, months + 1)),
    ]

    assert rounded_rate(annual_percentage_rate(asked), 12) == Decimal(rate) / 10


def test_a_loan_without_cost_has_a_rate_of_nothing() -> None:
    assert annual_percentage_rate(flows(("0", "-90"), ("0", "30"), ("1/12", "30"), ("1/6", "30"))) == 0
    assert regulation_z_rate(Decimal(100), 12, [UnitPayment(1, Decimal(0), Decimal(100))]) == 0


def test_a_second_drawdown_before_the_first_is_repaid_has_one_rate() -> None:
    drawn_twice = flows(("0", "-100"), ("1/2", "50"), ("1/2", "-100"), ("1", "160"))

    rate = annual_percentage_rate(drawn_twice) / 100
    assert abs(100 * (1 + rate) + 50 * (1 + rate) ** Decimal("0.5") - 160) < Decimal(10) ** -12


@settings(max_examples=25, deadline=None)
@given(
    rate=st.integers(1, 3_000),
    charge=st.integers(1, 100),  # so that the rate it was made from is the smaller of the two
    days_before=st.integers(1, 60),
    drawdowns=st.lists(st.integers(100, 1_000), min_size=1, max_size=3),
    term=st.integers(1, 60),
)
def test_a_loan_with_a_charge_paid_before_the_first_drawdown_has_the_rate_it_was_made_from(
    rate: int, charge: int, days_before: int, drawdowns: list[int], term: int
) -> None:
    """The last payment is what the drawdowns, a month apart, less the charge have grown to at a rate of X."""
    growth = 1 + Decimal(rate) / 1000
    before, end = Fraction(-days_before, 365), Fraction(len(drawdowns) - 1 + term, 12)
    drawn = [CashFlow(Fraction(month, 12), Decimal(-amount * 10)) for month, amount in enumerate(drawdowns)]
    paid = CashFlow(before, Decimal(charge))

    def grown(flow: CashFlow) -> Decimal:
        years = end - flow.years
        return flow.amount * (growth ** (Decimal(years.numerator) / Decimal(years.denominator)))

    last = CashFlow(end, -sum(map(grown, [paid, *drawn]), Decimal(0)))

    assert rounded_rate(annual_percentage_rate([*drawn, last, paid]), 12) == Decimal(rate) / 10


def test_a_charge_counts_from_the_day_it_is_paid() -> None:
    """2.00 a month before 100.00: 2 (1 + X)^(1/12) - 100 + 110 / (1 + X) = 0; paid on the day, 110 / 98 - 1."""
    before = annual_percentage_rate(flows(("-1/12", "2"), ("0", "-100"), ("1", "110")))
    on_the_day = annual_percentage_rate(flows(("0", "2"), ("0", "-100"), ("1", "110")))

    growth = 1 + before / 100
    assert abs(2 * growth ** (Decimal(1) / 12) - 100 + 110 / growth) < Decimal(10) ** -12
    assert (rounded_rate(before, 4), rounded_rate(on_the_day, 4)) == (Decimal("12.2671"), Decimal("12.2449"))


def test_a_charge_before_the_drawdown_makes_up_for_less_repaid_later() -> None:
    rate = annual_percentage_rate(flows(("-1/12", "2"), ("0", "-100"), ("1", "99"))) / 100

    assert abs(2 * (1 + rate) ** (Decimal(1) / 12) - 100 + 99 / (1 + rate)) < Decimal(10) ** -12
    assert 0 < rate < Decimal("0.02")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        pytest.param(flows(), AprFaultCode.NOTHING_LENT, id="nothing"),
        pytest.param(flows(("0", "100")), AprFaultCode.NOTHING_LENT, id="only paid"),
        pytest.param(flows(("0", "-100")), AprFaultCode.NOTHING_REPAID, id="only lent"),
        pytest.param(flows(("0", "-100"), ("0", "100")), AprFaultCode.NOTHING_LENT, id="at once"),
        pytest.param(flows(("0", "100"), ("1", "-90")), AprFaultCode.PAID_BEFORE_LENT, id="a deposit"),
        pytest.param(
            flows(("-10", "50"), ("0", "-100"), ("1", "100")), AprFaultCode.PAID_BEFORE_LENT, id="no rate reaches it"
        ),
        pytest.param(
            flows(("0", "50"), ("10", "-100"), ("11", "100")), AprFaultCode.PAID_BEFORE_LENT, id="counted from its day"
        ),
        pytest.param(
            flows(("-1", "1"), ("0", "-100"), ("1", "230"), ("2", "-132.5"), ("3", "3")),
            AprFaultCode.MORE_THAN_ONE_RATE,
            id="a charge and several rates",
        ),
        pytest.param(
            flows(("-1/12", "2"), ("0", "-100"), ("1", "97")),
            AprFaultCode.LESS_REPAID_THAN_LENT,
            id="a charge and less",
        ),
        pytest.param(flows(("0", "-100"), ("1", "90")), AprFaultCode.LESS_REPAID_THAN_LENT, id="below zero"),
        pytest.param(
            flows(("0", "-100"), ("1", "230"), ("2", "-132"), ("3", "3")),
            AprFaultCode.MORE_THAN_ONE_RATE,
            id="10 % and 20 %",
        ),
        pytest.param(flows(("0", "-1"), ("1/1000", "1000")), AprFaultCode.BEYOND_MEASURE, id="beyond measure"),
    ],
)
def test_flows_without_a_rate_are_refused(asked: list[CashFlow], code: AprFaultCode) -> None:
    with pytest.raises(AprFault) as refusal:
        annual_percentage_rate(asked)

    assert refusal.value.code is code
    assert refusal.value.user_message


@pytest.mark.parametrize(
    ("advance", "payments", "code"),
    [
        ("0", ["1"], AprFaultCode.NOTHING_LENT),
        ("100", [], AprFaultCode.NOTHING_REPAID),
        ("100", ["99"], AprFaultCode.LESS_REPAID_THAN_LENT),
        ("100", ["200", "-50"], AprFaultCode.MORE_THAN_ONE_RATE),
        ("1", ["100000"], AprFaultCode.BEYOND_MEASURE),
    ],
)
def test_payments_without_a_rate_are_refused_by_regulation_z_too(
    advance: str, payments: list[str], code: AprFaultCode
) -> None:
    with pytest.raises(AprFault) as refusal:
        regulation_z_rate(
            Decimal(advance),
            12,
            [UnitPayment(number, Decimal(0), Decimal(each)) for number, each in enumerate(payments, 1)],
        )

    assert refusal.value.code is code


@settings(max_examples=25, deadline=None)
@given(days=st.integers(1, 400), rate=st.integers(1, 200), count=st.integers(1, 40))
def test_a_year_has_any_positive_number_of_unit_periods(days: int, rate: int, count: int) -> None:
    """An annuity at `rate` a thousand for each period of `days` has that rate times the periods of a year."""
    a_period = Decimal(rate) / 1000
    instalment = a_period / (1 - (1 + a_period) ** -count)
    payments = [UnitPayment(number, Decimal(0), instalment) for number in range(1, count + 1)]

    found = regulation_z_rate(Decimal(1), Fraction(365, days), payments)

    assert abs(found - 100 * a_period * 365 / days) < Decimal(10) ** -10


@pytest.mark.parametrize("in_year", [0, -12, Fraction(-1, 2)])
def test_a_year_of_no_unit_periods_is_a_mistake_of_the_caller(in_year: Fraction | int) -> None:
    with pytest.raises(ValueError, match="positive number of unit periods"):
        regulation_z_rate(Decimal(100), in_year, [UnitPayment(1, Decimal(0), Decimal(110))])


@pytest.mark.parametrize(
    ("start", "end", "years"),
    [
        ("2026-01-10", "2026-01-10", "0"),
        ("2026-01-10", "2026-01-24", "14/365"),
        ("2028-02-20", "2028-03-05", "14/366"),  # the year back from 5 March 2028 holds 29 February
        ("2026-01-31", "2026-03-31", "1/6"),
        ("2026-01-31", "2026-02-28", "1/12"),
        ("2026-01-31", "2027-01-31", "1"),
        ("2026-01-10", "2026-03-09", "1/12+30/365"),
    ],
)
def test_time_is_months_of_equal_length_and_days_of_the_year_back(start: str, end: str, years: str) -> None:
    expected = sum(map(Fraction, years.split("+")))

    assert years_between(date.fromisoformat(start), date.fromisoformat(end)) == expected


def test_a_payment_before_the_loan_is_no_time() -> None:
    with pytest.raises(ValueError, match="is before"):
        years_between(date(2026, 1, 2), date(2026, 1, 1))
