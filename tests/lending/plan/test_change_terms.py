"""Changes of terms that the fold works out: 100.00 at 7 % over six months from 1 January 2024, months of 30 days."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest

from ledger.map.flow import Flow
from lending.plan.event import (
    Body,
    ClaimLost,
    ClaimOpened,
    DuesMoved,
    Extended,
    FeeCharged,
    FeeKind,
    InterestPaused,
    MovedInterest,
    Opened,
    Paid,
    PaymentChannel,
    PlanEvent,
    RateChanged,
    ReAged,
    ReAmortised,
    Returned,
    Reversed,
    Route,
    Terminated,
)
from lending.plan.fold import fold
from lending.plan.plan import Plan, instalments_of
from lending.plan.refusal import PlanRefusalCode
from lending.plan.refuse import refuse
from lending.plan.state import PlanState
from lending.schedule.amortise import Loan, amortise
from lending.schedule.day_count import THIRTY_360
from lending.schedule.due_dates import Spacing, Unit
from lending.terms.servicing_terms import (
    ClaimDue,
    ClaimRule,
    Component,
    InterestRule,
    LateInterest,
    ServicingTerms,
    ShipmentRule,
)
from tests.lending.courses import the_books_agree
from tests.lending.plans import a_plan, pounds

MONTHLY = Spacing(1, Unit.MONTHS)
RULE = InterestRule(THIRTY_360, MONTHLY, first_day_bears=False)
TERMS = ServicingTerms(interest=RULE, late_interest=LateInterest.UNTIL_LAST_DUE)
START = date(2024, 1, 1)


def the_plan(rate: int = 700) -> Plan:
    dues = amortise(Loan(pounds("100.00"), Decimal(rate) / 100, 6, MONTHLY, START, THIRTY_360))
    plan = a_plan("100.00", opened_on=START, annual_rate_basis_points=rate, merchant_discount=pounds("0.00"))
    return replace(plan, instalments=instalments_of(plan.plan_id, dues))


@dataclass
class Story:
    """What happens to the plan, by day; days are written as "3-15" for 15 March 2024."""

    terms: ServicingTerms = TERMS
    plan: Plan = field(default_factory=the_plan)
    events: list[PlanEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.then("1-1", Opened(self.plan.principal))

    def then(self, on: str, body: Body) -> PlanEvent:
        event = an_event(self.plan, f"e-{len(self.events)}", on, body)
        self.events.append(event)
        return event

    def pay(self, on: str, amount: str) -> PlanEvent:
        return self.then(on, Paid(pounds(amount), PaymentChannel.SHOPPER, f"x-{len(self.events)}", "psp", "card"))

    def state(self, on: str) -> PlanState:
        state = fold(self.plan, self.events, self.terms, through=a_day(on))
        the_books_agree(state)
        return state

    def refused(self, on: str, body: Body) -> list[PlanRefusalCode]:
        return [each.code for each in refuse(self.state(on), an_event(self.plan, "asked", on, body))]


def a_day(text: str) -> date:
    month, number = map(int, text.split("-"))
    return date(2024, month, number)


def an_event(plan: Plan, event_id: str, on: str, body: Body) -> PlanEvent:
    at = datetime.combine(a_day(on), time(12), UTC)
    return PlanEvent(event_id, plan.plan_id, a_day(on), at, at, event_id, body)


def rows(state: PlanState) -> list[str]:
    """What is open: the day, and principal and interest."""
    return [
        f"{each.due_on:%-m-%-d} {each.open_principal.minor / 100:.2f} + {each.open_interest.minor / 100:.2f}"
        for each in state.instalments
        if each.open_principal.minor or each.open_interest.minor
    ]


def one_paid(**changes: object) -> Story:
    """The first instalment is paid; the second, of 1 March, is not."""
    story = Story(replace(TERMS, **changes))  # type: ignore[arg-type]
    story.pay("2-1", "17.01")
    return story


def a_re_age(interest: MovedInterest = MovedInterest.OWED_FIRST, *, instalments: int = 6) -> ReAged:
    return ReAged(instalments, a_day("4-1"), 1, Unit.MONTHS, interest)


# ── re-age ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_re_age_owes_interest_so_far_first_and_makes_new_instalments_level() -> None:
    story = one_paid()
    story.then("3-15", a_re_age())

    assert rows(story.state("3-15")) == [
        "4-1 13.32 + 0.98", "5-1 13.89 + 0.41", "6-1 13.97 + 0.33", "7-1 14.05 + 0.25", "8-1 14.13 + 0.17",
        "9-1 14.21 + 0.08",
    ]  # fmt: skip


def test_a_re_age_can_waive_interest_so_far() -> None:
    story = one_paid()
    event = story.then("3-15", a_re_age(MovedInterest.WAIVED))
    state = story.state("3-15")

    assert rows(state)[0] == "4-1 13.91 + 0.27"
    waived = next(each for each in state.bookings if each.event_id == event.event_id)
    assert (waived.flow, waived.amounts) == (Flow.INTEREST_WAIVED, {"interest": pounds("0.71")})


@pytest.mark.parametrize(
    ("interest", "first", "last"),
    [
        (MovedInterest.EQUAL_PARTS, "4-1 13.93 + 0.12", "9-1 13.92 + 0.11"),
        (MovedInterest.EQUAL_PARTS_OF_ALL, "4-1 13.93 + 0.25", "9-1 13.92 + 0.26"),
    ],
)
def test_interest_in_equal_parts_is_owed_whatever_is_paid_when(interest: MovedInterest, first: str, last: str) -> None:
    story = one_paid()
    story.then("3-15", a_re_age(interest))
    at_once, later = story.state("3-15"), story.state("8-31")

    assert (rows(at_once)[0], rows(at_once)[-1]) == (first, last)
    assert later.owed == at_once.owed == at_once.payoff(a_day("3-15")).amount


def test_a_re_age_ends_the_running_period_and_leaves_fees_due_on_its_day() -> None:
    story = one_paid()
    story.then("3-2", FeeCharged("f-1", pounds("5.00"), FeeKind.RETURN, f"{story.plan.plan_id}/4"))
    story.then("3-15", a_re_age())
    with_fee = [each for each in story.state("3-15").instalments if each.open_fees.minor]

    assert [(each.due_on, each.open) for each in with_fee] == [(a_day("3-15"), pounds("5.00"))]


def test_a_re_age_in_equal_parts_spreads_fees_too() -> None:
    story = one_paid()
    story.then("3-2", FeeCharged("f-1", pounds("5.00"), FeeKind.RETURN, f"{story.plan.plan_id}/2"))
    story.then("3-15", a_re_age(MovedInterest.EQUAL_PARTS, instalments=3))
    state = story.state("3-15")

    new = [each for each in state.instalments if each.number > len(story.plan.instalments)]
    assert [each.open_fees for each in new] == [pounds("1.67"), pounds("1.67"), pounds("1.66")]
    assert state.open_fees == pounds("5.00")


def test_equal_parts_are_parts_of_all_that_is_owed_fees_included() -> None:
    story = one_paid()
    story.then("2-15", FeeCharged("f-1", pounds("10.00"), FeeKind.RETURN, f"{story.plan.plan_id}/3"))
    story.then("3-15", a_re_age(MovedInterest.EQUAL_PARTS))
    new = [each for each in story.state("3-15").instalments if each.open.minor]

    # 83.57 + 0.71 + 10.00 in six are 15.71 each; the last has what rounding leaves
    assert [each.open for each in new] == [*[pounds("15.71")] * 5, pounds("15.73")]
    assert (new[0].open_principal, new[0].open_interest, new[0].open_fees) == (
        pounds("13.92"), pounds("0.12"), pounds("1.67"),
    )  # fmt: skip


def test_a_payment_known_later_and_its_return_leave_the_re_age_as_without_them() -> None:
    without, story = one_paid(), one_paid()
    for each in (without, story):
        each.then("3-15", a_re_age())
    payment = story.pay("3-1", "17.01")
    paid = story.state("3-15")
    story.then("3-10", Returned(payment.event_id, "r-1"))

    assert rows(paid)[0] == "4-1 11.01 + 0.39"
    assert rows(story.state("3-15")) == rows(without.state("3-15"))


def test_instalments_of_a_re_age_are_in_the_units_of_the_product() -> None:
    story = Story(replace(TERMS, shipments=ShipmentRule(multiple_of=100)), the_plan(0))
    story.then("3-15", a_re_age(instalments=3))

    assert rows(story.state("3-15")) == ["4-1 33.00 + 0.00", "5-1 33.00 + 0.00", "6-1 34.00 + 0.00"]


# ── re-amortise ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_re_amortisation_moves_what_is_past_due_and_keeps_the_dues() -> None:
    story = one_paid()
    story.then("3-15", ReAmortised())

    assert rows(story.state("3-15")) == [
        "4-1 20.34 + 0.98", "5-1 20.95 + 0.37", "6-1 21.07 + 0.25", "7-1 21.21 + 0.12",
    ]  # fmt: skip


def test_a_re_amortisation_can_spread_interest_and_fees_evenly() -> None:
    story = one_paid()
    story.then("3-2", FeeCharged("f-1", pounds("10.00"), FeeKind.RETURN, f"{story.plan.plan_id}/2"))
    story.then("3-15", ReAmortised(MovedInterest.EQUAL_PARTS))
    state = story.state("3-15")

    assert rows(state) == ["4-1 20.71 + 0.61", "5-1 20.83 + 0.49", "6-1 20.95 + 0.37", "7-1 21.08 + 0.24"]
    waived = [booking for booking in state.bookings if booking.flow == Flow.INTEREST_WAIVED]
    assert [each.amounts["interest"] for each in waived] == [pounds("0.01")]  # 0.49 was booked, 4 times 0.12 is owed
    assert [each.open_fees for each in state.instalments[-4:]] == [pounds("2.50")] * 4


def test_each_share_of_moved_interest_is_a_whole_number_of_units() -> None:
    """20.00 paid: 0.49 in four is 0.12 each, beside 0.47, 0.35, 0.24 and 0.12 of the periods."""
    story = Story(TERMS)
    story.pay("2-1", "20.00")
    story.then("3-15", ReAmortised(MovedInterest.EQUAL_PARTS))

    assert rows(story.state("3-15")) == ["4-1 19.97 + 0.59", "5-1 20.09 + 0.47", "6-1 20.20 + 0.36", "7-1 20.32 + 0.24"]


def test_days_of_a_pause_are_left_out_of_the_level_amounts_of_a_re_amortisation() -> None:
    story = one_paid()
    story.then("3-9", InterestPaused(a_day("3-10"), a_day("6-11")))
    story.then("3-15", ReAmortised(MovedInterest.EQUAL_PARTS))

    assert rows(story.state("3-15")) == ["4-1 20.82 + 0.25", "5-1 20.95 + 0.12", "6-1 20.95 + 0.12", "7-1 20.85 + 0.21"]


def test_moved_interest_stays_part_of_the_level_amounts_of_a_longer_term() -> None:
    """0.49 in six is 0.08 each; from July on 42.17 and three times 0.08 are owed in five: 8.63."""
    story = one_paid()
    story.then("2-2", Extended(2, a_day("3-1")))
    story.then("3-15", ReAmortised(MovedInterest.EQUAL_PARTS))
    story.then("4-2", Extended(2, a_day("7-1")))

    assert rows(story.state("4-2"))[3:] == [
        "7-1 8.30 + 0.33", "8-1 8.35 + 0.28", "9-1 8.40 + 0.23", "10-1 8.53 + 0.10", "11-1 8.59 + 0.05",
    ]  # fmt: skip


def test_a_claim_after_a_re_age_is_owed_with_a_due_that_stands() -> None:
    claims = ClaimRule(ClaimDue.NEXT_DUE, (Component.INTEREST, Component.FEES, Component.PRINCIPAL))
    story = Story(replace(TERMS, claims=claims))
    payment = story.pay("2-1", "17.01")
    story.then("3-15", a_re_age(MovedInterest.EQUAL_PARTS_OF_ALL))
    story.then("4-1", ClaimOpened("case", payment.event_id, Route.CARD, "psp", pounds("17.01")))
    before = rows(story.state("4-1"))
    story.then("4-1", ClaimLost("case"))

    assert before[1] == "5-1 13.93 + 0.25"
    assert rows(story.state("4-1")) == [before[0], "5-1 30.36 + 0.83", *before[2:]]


def test_without_interest_what_is_past_due_is_spread_on_top() -> None:
    story = Story(plan=the_plan(0))
    story.pay("2-1", "16.67")
    story.then("3-15", ReAmortised())

    assert [each.split()[1] for each in rows(story.state("3-15"))] == ["20.84", "20.84", "20.84", "20.81"]


# ── rate, pause, dues, term ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_rate_changed_for_days_before_the_plan_was_paid_gives_back_what_was_paid_too_much() -> None:
    story = one_paid()
    story.pay("3-1", "85.00")
    assert story.refused("4-1", RateChanged(400, a_day("4-2"))) == []
    before = story.state("4-1").credit_balance
    story.then("2-2", RateChanged(400, a_day("2-2")))
    after = story.state("4-1").credit_balance

    assert after - before == pounds("0.20")  # 28 of 29 days of February at 4 and not at 7 %: 83.57 * 3 % / 12 * 28 / 29


def test_a_plan_without_interest_bears_it_from_the_day_of_its_first_rate() -> None:
    """83.33 at 1 % a month in five is 17.17."""
    story = Story(plan=the_plan(0))
    story.pay("2-1", "16.67")
    assert story.refused("2-1", RateChanged(1200, a_day("2-1"))) == []
    story.then("2-1", RateChanged(1200, a_day("2-1")))

    assert rows(story.state("2-1")) == [
        "3-1 16.34 + 0.83", "4-1 16.50 + 0.67", "5-1 16.67 + 0.50", "6-1 16.83 + 0.34", "7-1 16.99 + 0.17",
    ]  # fmt: skip


def test_another_rate_holds_from_its_day_and_instalments_from_then_on_are_level() -> None:
    story = one_paid()
    story.then("2-16", RateChanged(400, a_day("2-16")))

    assert rows(story.state("2-16")) == [
        "3-1 16.51 + 0.39", "4-1 16.68 + 0.22", "5-1 16.73 + 0.17", "6-1 16.79 + 0.11", "7-1 16.86 + 0.06",
    ]  # fmt: skip


def test_a_rate_that_lies_ahead_is_in_the_schedule_at_once_and_accrues_when_it_comes() -> None:
    story = one_paid()
    story.then("2-2", RateChanged(0, a_day("4-1")))
    state = story.state("2-2")

    assert [each.split()[-1] for each in rows(state)] == ["0.49", "0.39", "0.00", "0.00", "0.00"]
    assert state.payoff(a_day("6-20")).interest == story.state("6-20").payoff(a_day("6-20")).interest


def test_another_rate_leaves_instalments_of_a_fixed_amount_as_they_are() -> None:
    story = one_paid()
    story.then("3-15", a_re_age(MovedInterest.EQUAL_PARTS))
    before = rows(story.state("4-2"))
    story.then("4-2", RateChanged(1200, a_day("5-1")))

    assert rows(story.state("4-2")) == before


def test_paused_days_bear_no_interest_and_the_last_instalment_falls() -> None:
    story = Story()
    story.then("1-14", InterestPaused(a_day("1-15"), a_day("1-26")))
    state = story.state("1-31")

    assert rows(state)[0] == "2-1 16.63 + 0.38"  # 20 of 31 days
    assert state.instalments[-1].open < Story().state("1-31").instalments[-1].open
    assert story.state("2-10").days_past_due(a_day("2-10")) == 9


def test_a_moved_due_bears_interest_for_its_longer_period_and_takes_the_later_ones_along() -> None:
    story = Story()
    story.then("1-10", DuesMoved(a_day("2-1"), a_day("2-18")))
    state = story.state("1-10")

    assert rows(state)[:2] == ["2-18 16.08 + 0.93", "3-18 16.52 + 0.49"]  # a month and 17 of 29 days
    assert [each.due_on.day for each in state.instalments] == [18] * 6
    assert state.instalments[-1].accrual.until == a_day("7-18")


def test_more_instalments_make_the_open_ones_level() -> None:
    story = one_paid()
    story.then("2-10", Extended(2, a_day("3-1")))

    assert rows(story.state("2-10")) == [
        "3-1 11.73 + 0.49", "4-1 11.80 + 0.42", "5-1 11.87 + 0.35", "6-1 11.94 + 0.28", "7-1 12.01 + 0.21",
        "8-1 12.08 + 0.14", "9-1 12.14 + 0.07",
    ]  # fmt: skip


def test_a_termination_makes_all_principal_due_with_the_interest_so_far_and_ends_interest() -> None:
    story = one_paid()
    story.then("3-31", Terminated())

    assert rows(story.state("3-31")) == ["3-1 16.52 + 0.49", "3-31 67.05 + 0.47"]
    assert story.state("12-31").owed == story.state("3-31").owed


# ── all of them ─────────────────────────────────────────────────────────────────────────────────────────────────────

CHANGES: list[Body] = [
    *(a_re_age(each) for each in MovedInterest),
    ReAmortised(),
    ReAmortised(MovedInterest.WAIVED),
    ReAmortised(MovedInterest.EQUAL_PARTS),
    RateChanged(1200, a_day("3-20")),
    InterestPaused(a_day("3-20"), a_day("4-20")),
    DuesMoved(a_day("4-1"), a_day("4-20")),
    Extended(2, a_day("4-1")),
    Terminated(),
]


@pytest.mark.parametrize("as_agreed", [False, True], ids=["on what is owed", "as agreed"])
@pytest.mark.parametrize("body", CHANGES, ids=repr)
def test_a_change_keeps_the_principal_and_its_reversal_leaves_what_was_before(body: Body, *, as_agreed: bool) -> None:
    terms = ServicingTerms(interest=RULE, interest_as_agreed=as_agreed)
    before, story = Story(terms), Story(terms)
    before.pay("2-1", "17.01"), story.pay("2-1", "17.01")
    event = story.then("3-15", body)
    changed = story.state("3-15")
    story.state("12-31")
    story.then("4-10", Reversed(event.event_id))

    assert changed.outstanding == before.state("3-15").outstanding
    assert rows(story.state("5-10")) == rows(before.state("5-10"))
    assert story.state("5-10").owed == before.state("5-10").owed


@pytest.mark.parametrize("body", CHANGES, ids=repr)
def test_after_a_change_the_quote_settles_the_plan(body: Body) -> None:
    story = one_paid()
    story.then("3-15", body)
    owed = story.state("5-20").payoff(a_day("5-20")).amount
    story.pay("5-20", str(owed).split()[0])

    assert story.state("5-20").owed.minor == 0 or story.state("5-20").payoff(a_day("5-20")).amount.minor == 0


@pytest.mark.parametrize("body", CHANGES, ids=repr)
def test_a_lost_claim_after_a_change_is_owed_again(body: Body) -> None:
    story = one_paid()
    payment = story.events[1]
    story.then("3-15", body)
    owed = story.state("4-10").payoff(a_day("4-10")).amount
    story.then("4-10", ClaimOpened("c-1", payment.event_id, Route.CARD, "psp"))
    story.then("4-10", ClaimLost("c-1"))

    assert story.state("4-10").payoff(a_day("4-10")).amount >= owed + pounds("17.01")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (a_re_age(instalments=0), PlanRefusalCode.OUT_OF_BOUNDS),
        (ReAged(3, a_day("3-14"), 1, Unit.MONTHS), PlanRefusalCode.TOO_EARLY),
        (ReAged(3, a_day("4-1"), 0, Unit.MONTHS), PlanRefusalCode.OUT_OF_BOUNDS),
        (ReAmortised(MovedInterest.EQUAL_PARTS_OF_ALL), PlanRefusalCode.INCOMPLETE),
        (RateChanged(-1, a_day("3-15")), PlanRefusalCode.OUT_OF_BOUNDS),
        (RateChanged(400, a_day("3-14")), PlanRefusalCode.TOO_EARLY),
        (InterestPaused(a_day("3-15"), a_day("3-20")), PlanRefusalCode.TOO_EARLY),
        (InterestPaused(a_day("3-20"), a_day("3-20")), PlanRefusalCode.EMPTY_PERIOD),
        (DuesMoved(a_day("4-2"), a_day("4-20")), PlanRefusalCode.UNKNOWN_INSTALMENT),
        (DuesMoved(a_day("4-1"), a_day("3-14")), PlanRefusalCode.TOO_EARLY),
        (Extended(0, a_day("4-1")), PlanRefusalCode.OUT_OF_BOUNDS),
        (Extended(1, a_day("3-14")), PlanRefusalCode.TOO_EARLY),
    ],
    ids=repr,
)
def test_a_change_that_cannot_be_worked_out_is_refused(body: Body, code: PlanRefusalCode) -> None:
    assert one_paid().refused("3-15", body) == [code]


@pytest.mark.parametrize("body", [each for each in CHANGES if not isinstance(each, Terminated)], ids=repr)
def test_interest_is_not_computed_without_a_day_count(body: Body) -> None:
    assert one_paid(interest=None).refused("3-15", body) == [PlanRefusalCode.NO_DAY_COUNT]


def test_interest_as_agreed_is_not_paused() -> None:
    story = Story(ServicingTerms(interest=RULE, interest_as_agreed=True))

    assert story.refused("3-15", InterestPaused(a_day("3-20"), a_day("4-1"))) == [PlanRefusalCode.NO_DAY_COUNT]


def test_a_re_amortisation_after_the_last_due_has_nothing_to_move_to() -> None:
    assert Story().refused("8-1", ReAmortised()) == [PlanRefusalCode.DUES_DO_NOT_REPAY]
