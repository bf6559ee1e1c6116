"""How parts of an order or of a loan that are captured later are repaid: level again, or each in a term of its own."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.money import Currency, Money
from lending.plan.event import (
    Body,
    FeeCharged,
    FeeKind,
    MovedInterest,
    Opened,
    Paid,
    PaidOff,
    PartShipped,
    PaymentChannel,
    PlanEvent,
    ReAged,
)
from lending.plan.fold import fold
from lending.plan.plan import Plan, instalments_of
from lending.plan.state import PlanState
from lending.schedule.amortise import Loan, amortise
from lending.schedule.day_count import THIRTY_360
from lending.schedule.due_dates import Spacing, Unit
from lending.terms.products import servicing_terms
from lending.terms.servicing_terms import (
    InterestRule,
    LateInterest,
    LaterShipment,
    ServicingTerms,
    ShipmentRule,
)
from tests.lending.courses import the_books_agree
from tests.lending.plans import a_plan, pounds

MONTHLY = Spacing(1, Unit.MONTHS)
NEW_YEAR = date(2024, 1, 1)
RULES = (LaterShipment.LEVEL_AGAIN, LaterShipment.OWN_TERM)


def a_loan(
    amount: str, percent: str = "9.4822", *, months: int = 6, **shipments: object
) -> tuple[Plan, ServicingTerms]:
    """A loan from New Year 2024 in monthly instalments of thirty days of 360, whose parts are level again."""
    rule = ShipmentRule(**{"later": LaterShipment.LEVEL_AGAIN, "spacing": MONTHLY, **shipments})  # type: ignore[arg-type]
    loan = Loan(
        pounds(amount), Decimal(percent), months, MONTHLY, NEW_YEAR, THIRTY_360,
        down_payment_percent=rule.down_payment_percent, multiple_of=rule.multiple_of,
    )  # fmt: skip
    plan = a_plan(
        amount, opened_on=NEW_YEAR, instalments=instalments_of("p-d-1", amortise(loan)),
        annual_rate_basis_points=Decimal(percent) * 100,
    )  # fmt: skip
    interest = InterestRule(THIRTY_360, MONTHLY, first_day_bears=False)
    return plan, ServicingTerms(interest=interest, late_interest=LateInterest.UNTIL_LAST_DUE, shipments=rule)


def known(plan: Plan, on: date, name: str, body: Body) -> PlanEvent:
    at = datetime.combine(on, time(12), UTC)
    return PlanEvent(name, plan.plan_id, on, at, at, name, body)


def parts(plan: Plan, *amounts: tuple[date, str]) -> list[PlanEvent]:
    """The opening with the first amount, and the later ones."""
    return [
        known(plan, on, f"part-{place}", Opened(pounds(amount)) if place == 1 else PartShipped(pounds(amount), place))
        for place, (on, amount) in enumerate(amounts, 1)
    ]


def paid(plan: Plan, on: date, amount: str) -> PlanEvent:
    return known(plan, on, f"paid-{on}", Paid(pounds(amount), PaymentChannel.TRANSFER, f"line-{on}"))


def dues(state: PlanState) -> list[tuple[str, str, str]]:
    """The day, principal and interest of each instalment."""
    return [(f"{each.due_on:%d %b}", each.principal.decimal, each.interest.decimal) for each in state.instalments]


def amounts(state: PlanState) -> list[str]:
    return [(each.principal + each.interest).decimal for each in state.instalments]


def test_a_second_part_makes_the_instalments_level_again_with_interest_from_its_day() -> None:
    """100.00 for all of January and 200.00 for 24 of its 31 days at 9.4822 %: 2.01."""
    plan, terms = a_loan("300.00")
    events = parts(plan, (NEW_YEAR, "100.00"), (date(2024, 1, 8), "200.00"))

    assert amounts(fold(plan, events[:1], terms, through=NEW_YEAR)) == ["17.13"] * 6
    state = fold(plan, events, terms, through=date(2024, 1, 8))
    assert amounts(state) == ["51.33"] * 6
    assert dues(state)[:2] == [("01 Feb", "49.32", "2.01"), ("01 Mar", "49.35", "1.98")]


def test_a_part_in_a_term_of_its_own_is_repaid_beside_the_others() -> None:
    plan, terms = a_loan("200.00", later=LaterShipment.OWN_TERM)
    events = [*parts(plan, (NEW_YEAR, "100.00"), (date(2024, 2, 15), "100.00")), paid(plan, date(2024, 2, 1), "17.13")]

    state = fold(plan, events, terms, through=date(2024, 2, 15))

    assert amounts(state) == ["17.13", *["34.20"] * 5, "17.05"]
    assert dues(state)[1] == ("01 Mar", "33.13", "1.07")
    assert dues(state)[-1] == ("01 Aug", "16.92", "0.13")


def test_the_last_instalment_of_the_parts_before_takes_what_paying_early_has_saved() -> None:
    """17.13 paid on 15 January saves 0.07; the seventh instalment is of the second part, and pays as much as before."""
    plan, terms = a_loan("200.00", later=LaterShipment.OWN_TERM)
    events = [*parts(plan, (NEW_YEAR, "100.00"), (date(2024, 2, 15), "100.00")), paid(plan, date(2024, 1, 15), "17.13")]

    assert amounts(fold(plan, events, terms, through=date(2024, 2, 15))) == ["17.13", *["34.20"] * 4, "34.13", "17.05"]


def test_a_fee_beyond_the_last_due_moves_to_an_instalment_of_the_longer_term() -> None:
    plan, terms = a_loan("200.00", later=LaterShipment.OWN_TERM)
    fees = [
        known(plan, NEW_YEAR, f"fee-{day}", FeeCharged(f"f-{day}", pounds("10.00"), FeeKind.RETURN, due_on=day))
        for day in (date(2024, 7, 15), date(2024, 9, 15))
    ]
    first, second = parts(plan, (NEW_YEAR, "100.00"), (date(2024, 2, 1), "100.00"))

    with_fees = [
        [(f"{each.due_on:%d %b}", each.open_fees.decimal) for each in state.instalments if each.open_fees.minor]
        for events in ([first, *fees], [first, *fees, second])
        for state in [fold(plan, events, terms, through=date(2024, 2, 1))]
    ]

    assert with_fees == [[("15 Sep", "20.00")], [("01 Aug", "10.00"), ("15 Sep", "10.00")]]


def test_each_part_has_its_own_down_payment_due_at_once() -> None:
    plan, terms = a_loan("1401.00", "0", months=3, down_payment_percent=Decimal(25), multiple_of=100)
    events = parts(plan, (NEW_YEAR, "1000.00"), (date(2024, 2, 1), "401.00"))

    state = fold(plan, events, terms, through=date(2024, 2, 1))

    assert [(day, principal) for day, principal, _ in dues(state)] == [
        ("01 Jan", "250.00"), ("01 Feb", "250.00"), ("01 Feb", "100.00"), ("01 Mar", "400.00"), ("01 Apr", "401.00"),
    ]  # fmt: skip


def test_interest_on_late_principal_stays_with_the_last_instalment_when_a_part_comes() -> None:
    """March is unpaid: April bears 0.49 instead of 0.39, and the 0.10 is paid last, as without the part."""
    plan, terms = a_loan("150.00", "7")
    events = [
        *parts(plan, (NEW_YEAR, "100.00"), (date(2024, 4, 1), "50.00")),
        paid(plan, date(2024, 2, 1), "17.01"),
    ]

    state = fold(plan, events, terms, through=date(2024, 4, 1))

    assert amounts(state) == ["17.01"] * 3 + ["33.87", "33.87", "33.97"]


def test_interest_fixed_by_a_re_age_is_paid_beside_the_instalments_that_a_part_makes_level() -> None:
    """Of 119.64 of principal each of five repays 23.93, and the 0.12 of the re-age is owed with each as before."""
    plan, terms = a_loan("150.00", "7")
    re_age = ReAged(6, date(2024, 3, 15), 1, Unit.MONTHS, MovedInterest.EQUAL_PARTS)
    events = [
        *parts(plan, (NEW_YEAR, "100.00"), (date(2024, 4, 1), "50.00")),
        paid(plan, date(2024, 2, 1), "17.01"),
        known(plan, date(2024, 3, 15), "re-aged", re_age),
    ]

    state = fold(plan, events, terms, through=date(2024, 4, 1))

    the_books_agree(state)
    repaying = [(principal, interest) for _, principal, interest in dues(state) if principal != "0.00"]
    assert repaying[1:] == [("13.93", "0.12"), *[("23.93", "0.12")] * 4, ("23.92", "0.11")]


def test_with_interest_as_agreed_an_instalment_paid_ahead_shares_in_what_a_later_part_owes() -> None:
    plan, terms = a_loan("300.00")
    terms = replace(terms, interest_as_agreed=True, late_interest=LateInterest.NONE)
    events = [
        *parts(plan, (NEW_YEAR, "100.00"), (date(2024, 1, 8), "200.00")),
        paid(plan, date(2024, 1, 5), "17.13"),
    ]

    state = fold(plan, events, terms, through=date(2024, 1, 8))

    assert amounts(state) == ["51.33"] * 6
    assert state.instalments[0].open == pounds("34.20")


def test_a_part_after_the_last_due_is_owed_with_the_last_instalment() -> None:
    plan, terms = a_loan("200.00", "0", months=2)
    events = parts(plan, (NEW_YEAR, "100.00"), (date(2024, 3, 2), "100.00"))

    assert amounts(fold(plan, events, terms, through=date(2024, 3, 2))) == ["50.00", "150.00"]


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=60, deadline=None)
@given(
    minor=st.integers(50_00, 5_000_00),
    first=st.integers(1, 99),
    as_agreed=st.booleans(),
    days=st.integers(0, 200),
    percent=st.sampled_from([Decimal(0), Decimal(25)]),
    unit=st.sampled_from([1, 100]),
    early=st.lists(st.tuples(st.integers(0, 150), st.integers(1, 900_00)), max_size=3),
)
def test_parts_repay_what_was_captured_whatever_was_paid_between(
    *,
    rule: LaterShipment,
    minor: int,
    first: int,
    as_agreed: bool,
    days: int,
    percent: Decimal,
    unit: int,
    early: list[tuple[int, int]],
) -> None:
    whole = Money(minor, Currency.GBP)
    plan, terms = a_loan(whole.decimal, down_payment_percent=percent, later=rule, multiple_of=unit)
    if as_agreed:
        terms = replace(terms, interest_as_agreed=True, late_interest=LateInterest.NONE)
    one = Money(max(1, minor * first // 100), Currency.GBP)
    on = date.fromordinal(NEW_YEAR.toordinal() + days)
    events = parts(plan, (NEW_YEAR, one.decimal), (on, (whole - one).decimal))
    for place, (number, amount) in enumerate(early):
        day = date.fromordinal(NEW_YEAR.toordinal() + number)
        body = Paid(Money(amount, Currency.GBP), PaymentChannel.TRANSFER, f"line-{place}")
        events.append(known(plan, day, f"paid-{place}", body))

    state = fold(plan, events, terms, through=date(2025, 6, 1))

    the_books_agree(state)
    assert sum(each.principal.minor for each in state.instalments) == minor
    assert all(each.open_principal.minor >= 0 and each.open_interest.minor >= 0 for each in state.instalments)


@settings(max_examples=60, deadline=None)
@given(minor=st.integers(50_00, 5_000_00), first=st.integers(1, 99), months=st.integers(2, 24))
def test_two_parts_on_one_day_are_repaid_like_the_whole(minor: int, first: int, months: int) -> None:
    whole = Money(minor, Currency.GBP)
    plan, terms = a_loan(whole.decimal, months=months)
    one = Money(minor * first // 100, Currency.GBP)
    events = parts(plan, (NEW_YEAR, one.decimal), (NEW_YEAR, (whole - one).decimal))

    at_once = fold(plan, parts(plan, (NEW_YEAR, whole.decimal)), terms, through=NEW_YEAR)

    assert dues(fold(plan, events, terms, through=NEW_YEAR)) == dues(at_once)


def test_goods_that_are_shipped_after_a_payoff_bear_interest_from_their_shipment() -> None:
    """As if the payoff had been an ordinary payment of the same amount: it settled what was shipped by then."""
    plan = a_plan("1200.00", months=6, rate=1990)
    terms = servicing_terms(plan.terms_version, plan.currency)
    start, paid_on, shipped_on = plan.opened_on, plan.opened_on + timedelta(20), plan.opened_on + timedelta(25)
    opened, second = parts(plan, (start, "600.00"), (shipped_on, "600.00"))
    owed = fold(plan, [opened], terms, through=paid_on).payoff(paid_on)
    by_payoff = PaidOff(owed.amount, PaymentChannel.SHOPPER, "x-1", provider="sim", rail="card")
    by_payment = Paid(owed.amount, PaymentChannel.SHOPPER, "x-1", provider="sim", rail="card")

    settled, ordinary = (
        fold(plan, [opened, known(plan, paid_on, "paid", body), second], terms, through=start + timedelta(240))
        for body in (by_payoff, by_payment)
    )

    assert owed.interest == pounds("6.54")
    assert [each.interest.minor for each in settled.instalments] == [851, 916, 1014, 981, 698, 341]
    assert settled.instalments == ordinary.instalments
