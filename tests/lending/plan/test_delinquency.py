"""How late a plan is, which bucket that is, and what may be collected."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lending.plan.delinquency import Pause, PauseReason, bucket_of, day_late, days_late
from lending.plan.event import ChargedOff, Disputed, DisputeSettled, Forbearance, Frozen, Holiday, Unfrozen
from lending.plan.state import NotCollectable
from lending.terms.servicing_terms import BUCKETS, Bucket, ServicingTerms, TermsFault
from tests.lending.courses import Course, day
from tests.lending.plans import pounds

DAYS = st.dates(date(2026, 1, 1), date(2026, 6, 30))


@st.composite
def pauses(draw: st.DrawFn) -> Pause:
    starts = draw(DAYS)
    return Pause(PauseReason.FORBEARANCE, starts, starts + timedelta(days=draw(st.integers(1, 40))))


@given(since=DAYS, as_of=DAYS, resting=st.lists(pauses(), max_size=3))
def test_days_late_are_the_days_that_no_pause_covers(since: date, as_of: date, resting: list[Pause]) -> None:
    counted = (since + timedelta(days=each) for each in range(1, (as_of - since).days + 1))

    assert days_late(since, as_of, resting) == sum(not any(p.covers(each) for p in resting) for each in counted)


@given(since=DAYS, days=st.integers(1, 90), resting=st.lists(pauses(), max_size=3))
def test_the_day_on_which_something_is_so_late_is_the_first_such_day(
    since: date, days: int, resting: list[Pause]
) -> None:
    late = day_late(since, days, resting)

    assert late is not None
    assert days_late(since, late, resting) == days
    assert days_late(since, late - timedelta(days=1), resting) == days - 1


def test_nothing_becomes_late_in_a_pause_without_end() -> None:
    assert day_late(day(0), 8, [Pause(PauseReason.FROZEN, day(3))]) is None
    assert days_late(day(0), day(300), [Pause(PauseReason.FROZEN, day(3))]) == 2


@given(days=st.integers(0, 1000))
def test_buckets_partition_the_line(days: int) -> None:
    bucket = bucket_of(days, BUCKETS)
    following = [each for each in BUCKETS if each.from_days > bucket.from_days]

    assert bucket.from_days <= days
    assert not following or days < following[0].from_days


@pytest.mark.parametrize("starts", [(), (1, 30), (0, 30, 30), (0, 60, 30)])
def test_buckets_with_a_gap_are_refused(starts: tuple[int, ...]) -> None:
    with pytest.raises(TermsFault):
        ServicingTerms(buckets=tuple(Bucket(str(each), each) for each in starts))


@pytest.mark.parametrize(
    ("number", "days", "bucket"),
    [
        pytest.param(29, 0, "current", id="the day before"),
        pytest.param(30, 0, "current", id="the day itself"),
        pytest.param(31, 1, "1-30", id="the day after"),
        pytest.param(60, 30, "1-30", id="the last day of a bucket"),
        pytest.param(61, 31, "31-60", id="the first of the next"),
    ],
)
def test_days_past_due_count_from_the_oldest_unpaid_due(number: int, days: int, bucket: str) -> None:
    course = Course().open()
    course.collect(0, "30.00")
    state = course.state(number)

    assert (state.days_past_due(day(number)), state.bucket(day(number)).name) == (days, bucket)


def test_days_past_due_rise_by_one_a_day_while_nothing_happens() -> None:
    state = Course().open().state(0)
    late = [state.days_past_due(day(number)) for number in range(100)]

    assert late == list(range(100))


def test_a_holiday_moves_the_dues_and_its_days_do_not_count() -> None:
    course = Course().open()
    course.collect(0, "30.00")
    course.then(20, Holiday(day(25), day(55)))
    state = course.state(20)

    assert [each.due_on for each in state.instalments] == [day(0), day(60), day(90)]
    assert state.schedule_version == 2
    assert state.collectable(day(26)).reasons == (NotCollectable.NOTHING_DUE, NotCollectable.HOLIDAY)
    assert state.collectable(day(60)).amount == pounds("30.00")


def test_forbearance_stops_collection_and_the_count_and_leaves_the_dues() -> None:
    course = Course().open()
    course.collect(0, "30.00")
    course.then(35, Forbearance(day(36), day(46)))
    state = course.state(35)

    assert [each.due_on for each in state.instalments] == [day(0), day(30), day(60)]
    assert [state.days_past_due(day(number)) for number in (35, 36, 45, 46)] == [5, 5, 5, 6]
    assert state.collectable(day(40)).by_instalment == {}
    assert state.collectable(day(40)).reasons == (NotCollectable.FORBEARANCE,)
    assert state.collectable(day(46)).amount == pounds("30.00")


def test_a_freeze_stops_collection_until_it_ends() -> None:
    course = Course().open()
    course.then(10, Frozen("insolvency"))
    assert course.state(40).collectable(day(40)).reasons == (NotCollectable.FROZEN,)
    assert course.state(40).days_past_due(day(40)) == 9

    course.then(41, Unfrozen())
    assert course.state(41).collectable(day(41)).amount == pounds("60.00")
    assert course.state(41).days_past_due(day(41)) == 10


def test_what_is_disputed_is_neither_collected_nor_late() -> None:
    course = Course().open()
    course.collect(0, "30.00")
    course.then(5, Disputed("case-1", pounds("45.00")))
    state = course.state(61)

    assert state.collectable(day(61)).by_instalment == {"p-d-1/1": pounds("15.00")}
    assert state.collectable(day(61)).reasons == (NotCollectable.DISPUTED,)
    course.collect(62, "15.00", 1)
    assert course.state(62).days_past_due(day(62)) == 0

    course.then(63, DisputeSettled("case-1", for_shopper=False))
    assert course.state(63).collectable(day(63)).amount == pounds("45.00")


def test_what_is_charged_off_is_not_collected() -> None:
    course = Course().open()
    course.then(100, ChargedOff())

    assert course.state(100).collectable(day(100)).reasons == (NotCollectable.CHARGED_OFF,)
    assert Course().open().state(0).collectable(day(0)).amount == pounds("30.00")
