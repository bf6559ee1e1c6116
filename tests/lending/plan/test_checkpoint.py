"""A fold that starts at a checkpoint ends where the fold from the beginning ends."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lending.plan.checkpoint import checkpoint_of, rules_of
from lending.plan.event import PlanEvent, Reversed
from lending.plan.fold import fold, fold_to_checkpoint
from lending.plan.plan import Plan
from lending.plan.run_data import RunDataFault, RunReader
from lending.terms.servicing_terms import EarlyPayment, LateInterest, ServicingTerms
from tests.lending.courses import day
from tests.lending.plan.test_fold_properties import LAST, courses
from tests.lending.plan.test_laws import event, opened, payment
from tests.lending.plans import a_plan
from tests.soak import examples

PLAN = a_plan("1200.00", months=12, rate=1990)
TERMS = ServicingTerms()


@settings(max_examples=examples(usual=200, soaked=3_000), deadline=None)
@given(
    course=courses(),
    early=st.sampled_from(EarlyPayment),
    late=st.sampled_from(LateInterest),
    spares=st.lists(st.integers(0, 6), min_size=1, max_size=3),
)
def test_a_fold_from_a_checkpoint_equals_the_fold_from_the_beginning(
    course: tuple[Plan, ServicingTerms, list[PlanEvent]], early: EarlyPayment, late: LateInterest, spares: list[int]
) -> None:
    """Also from a checkpoint that was folded from another one."""
    plan, terms, events = course
    terms = replace(terms, early_payment=early, late_interest=late)
    whole = fold(plan, events, terms, through=day(LAST))
    start, left = None, events
    for spare in sorted(spares, reverse=True):
        found = fold_to_checkpoint(plan, left, terms, start=start, spare=spare)
        if found is None:
            continue
        start = checkpoint_of(found.rules, found.count, found.text())
        left = events[start.count :]
        state = fold(plan, left, terms, through=day(LAST), start=start)

        assert start.holds(left, rules_of(terms))
        assert replace(state, bookings=()) == replace(whole, bookings=())
        assert all(booking in whole.bookings for booking in state.bookings)
        later = {event.event_id for event in left}
        for booking in whole.bookings:
            posted_before = booking.value_date <= start.last[0] and booking.event_id not in later
            assert booking in state.bookings or posted_before


def test_a_checkpoint_holds_only_before_events_that_leave_it_as_it_is() -> None:
    events = [opened(PLAN), *(payment(f"x{number}", PLAN, number, 10_00) for number in range(1, 10))]
    start = fold_to_checkpoint(PLAN, events, TERMS, start=None, spare=4)
    assert start is not None
    rules = rules_of(TERMS)
    left = events[start.count :]

    assert start.holds([*left, payment("y", PLAN, 20, 10_00)], rules)
    assert not start.holds([*left, payment("y", PLAN, 4, 10_00)], rules), "it counts before the last event"
    assert not start.holds([*left, event("z", PLAN, 20, Reversed("x2"))], rules), "it takes an event out"
    assert start.holds([*left, event("z", PLAN, 20, Reversed("x9"))], rules), "what it takes out comes later"
    again = payment("again", PLAN, 20, 10_00)
    assert not start.holds([*left, replace(again, body=events[1].body)], rules), "the payment is known"
    assert not start.holds(left, rules_of(replace(TERMS, claim_due_days=15))), "under other terms it is void"


def test_earlier_payments_are_read_when_they_are_asked_for() -> None:
    events = [opened(PLAN), *(payment(f"x{number}", PLAN, number, 10_00) for number in range(1, 10))]
    start = fold_to_checkpoint(PLAN, events, TERMS, start=None, spare=0)
    assert start is not None
    reader = RunReader(start.run)
    run = reader.run(PLAN, TERMS, None)
    before = len(reader.read)

    assert len(run.payments) == 9
    assert len(reader.read) == before
    assert run.payments["x3"].pieces[0].line is run.lines[0]
    assert before < len(reader.read) <= before + 3


def test_a_checkpoint_keeps_nothing_that_it_cannot_read_again() -> None:
    events = [opened(PLAN), payment("x", PLAN, 1, 10_00)]
    start = fold_to_checkpoint(PLAN, events, TERMS, start=None, spare=0)
    assert start is not None
    start.run.objects.append(["os:environ"])
    reader = RunReader(start.run)

    with pytest.raises(RunDataFault, match="no part of a plan"):
        reader.value(["ref", len(start.run.objects) - 1])
    with pytest.raises(RunDataFault, match="cannot be read"):
        reader.value(["call", "print"])
