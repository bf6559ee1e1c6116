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


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        pytest.param(flows(), AprFaultCode.NOTHING_LENT, id="nothing"),
        pytest.param(flows(("0", "100")), AprFaultCode.NOTHING_LENT, id="only paid"),
        pytest.param(flows(("0", "-100")), AprFaultCode.NOTHING_REPAID, id="only lent"),
        pytest.param(flows(("0", "-100"), ("0", "100")), AprFaultCode.NOTHING_LENT, id="at once"),
        pytest.param(flows(("0", "100"), ("1", "-90")), AprFaultCode.PAID_BEFORE_LENT, id="a deposit"),
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
