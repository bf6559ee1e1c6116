"""Interest grows in pools: whatever happens in between, pools and plans together hold what the fold says."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.money import Currency
from ledger.proof.postgres_audit import PostgresAudit
from ledger.proof.verify import verify
from lending.plan.event import InterestPaused, PlanEvent, RateChanged, Reversed
from lending.plan.fold import fold
from lending.proof.rebuild_standings import rebuild_standings
from lending.servicing.close_of_business import close_of_business, close_plans
from lending.servicing.daily_interest import DailyInterest, daily_interest
from lending.servicing.log import standing_of
from lending.servicing.postgres_close import PostgresBusinessDates
from lending.terms.servicing_terms import LateInterest, ServicingTerms
from tests.lending.plans import a_plan
from tests.lending.servicing.servicing import TERMS, Desk, a_payment, an_event, day, opened
from tests.soak import examples

Connection = psycopg.Connection[Any]

POOL = "pool:interest:monthly:GBP"
PLANS = tuple(
    a_plan(amount, months=months, rate=rate, plan_id=f"p-{n}", decision_id=f"d-{n}", order_id=f"o-{n}")
    for n, (amount, months, rate) in enumerate([("1000.00", 6, 1200), ("333.33", 3, 1990), ("1200.00", 12, 7)])
)
PAID = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 400_00)), max_size=3)


def _close(connection: Connection, through: int) -> None:
    desk = Desk.over(connection)
    close_of_business(
        day(through),
        plans=desk.plans,
        dates=PostgresBusinessDates(connection),
        ledger=desk.ledger,
        terms=lambda _: desk.terms,
        at=datetime(2026, 6, 1, tzinfo=UTC),
        commit=lambda: None,
        alike=2,
    )


def _all_agree(connection: Connection) -> None:
    """Books, folds, stored standings and the checks over all tables."""
    desk = Desk.over(connection)
    assert desk.balances() == desk.folded(*PLANS)
    assert rebuild_standings(desk.plans, terms=lambda _: desk.terms, commit=lambda: None).differed == ()
    assert verify(PostgresAudit(connection)).faults == ()


def _entries(connection: Connection, flow: str) -> list[str]:
    found = connection.execute("SELECT entry_id FROM ledger.requests WHERE flow = %s ORDER BY value_date, 1", (flow,))
    return [entry_id for (entry_id,) in found]


@settings(max_examples=examples(usual=150, soaked=2_000), deadline=None)
@given(
    plan=st.sampled_from(PLANS),
    late=st.sampled_from(LateInterest),
    paid=PAID,
    last=st.integers(0, 70) | st.sampled_from([30, 31, 32, 59]),
    paused=st.booleans(),
)
def test_the_line_of_a_standing_is_the_fold(
    plan: Any, late: LateInterest, paid: Sequence[tuple[int, int]], last: int, paused: bool
) -> None:
    """Until it has to be folded again, a plan's interest is the line's to the unit, and nothing else of it changes."""
    terms = ServicingTerms(late_interest=late, interest=TERMS.interest, late_fees=TERMS.late_fees)
    events = [
        opened(plan),
        *(a_payment(plan, f"x-{n}", day(on), f"{minor / 100:.2f}") for n, (on, minor) in enumerate(paid)),
    ]
    if paused:
        events.append(an_event(plan, "pause", day(0), InterestPaused(day(20), day(25))))
    state = fold(plan, events, terms, through=day(last))
    line = daily_interest(state)
    if line is None:
        return
    assert line.folded_by > state.through
    known = {event.event_id for event in events if event.value_date <= state.through}
    until = min([line.folded_by, *(event.value_date for event in events if event.event_id not in known)])
    standing = standing_of(state, version=1)
    for number in range((until - state.through).days):
        through = state.through + timedelta(days=number)
        later = standing_of(fold(plan, events, terms, through=through), version=1)
        assert later.interest.minor - standing.interest.minor == line.by(through) - line.by(state.through)
        assert (later.daily, later.instalments) == (line, standing.instalments)
        assert [later.bucket, later.next_due_on, later.past_due_since, later.days_past_due] == [
            standing.bucket, standing.next_due_on, standing.past_due_since, standing.days_past_due
        ]  # fmt: skip


@given(
    lines=st.lists(
        st.tuples(st.integers(0, 10**30), st.integers(0, 10**25), st.integers(1, 10**24), st.integers(0, 20_000)),
        min_size=1,
        max_size=50,
    )
)
@settings(
    max_examples=examples(usual=20, soaked=500),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_the_database_rounds_as_the_fold_does(
    connection: Connection, lines: Sequence[tuple[int, int, int, int]]
) -> None:
    lines = [*lines, (1, 0, 2, 0), (3, 0, 2, 0), (5, 0, 2, 1)]  # halves go to the even unit
    lines = [each for each in lines if (each[0] + each[1] * each[3]) // each[2] < 2**62]
    days = [day(0).replace(2000, 1, 1) + timedelta(days=number) for *_, number in lines]
    found = connection.execute(
        "SELECT lending.interest_by(start, step, divisor, day) FROM unnest(%s::numeric[], %s::numeric[], %s::numeric[],"
        " %s::date[]) WITH ORDINALITY AS u (start, step, divisor, day, n) ORDER BY n",
        (*([Decimal(each[part]) for each in lines] for part in range(3)), days),
    ).fetchall()
    line = day(0)
    wanted = [DailyInterest(*each[:3], line).by(on) for each, on in zip(lines, days, strict=True)]
    assert [minor for (minor,) in found] == wanted


def test_a_pool_takes_one_transfer_a_day_and_a_plan_takes_from_it_when_it_falls_due(connection: Connection) -> None:
    desk = Desk.over(connection)
    desk.open(*PLANS)

    for number in range(1, 36):
        _close(connection, number)
        assert desk.balances().get((POOL, Currency.GBP), 0) == sum(desk.standing(plan).pooled.minor for plan in PLANS)

    due = PLANS[0].instalments[0].due_on
    assert _entries(connection, "F17") == [f"F17:{plan.plan_id}/{due}" for plan in PLANS]
    days = [day(number) for number in range(1, 36) if day(number) != due]
    assert _entries(connection, "F17p") == [f"F17p:monthly/GBP/{on}" for on in days]
    _all_agree(connection)


@settings(
    max_examples=examples(usual=5, soaked=200),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    told=st.lists(
        st.tuples(st.sampled_from(PLANS), st.integers(0, 40), st.integers(0, 15), st.integers(1, 300_00)),
        max_size=5,
    ),
    undone=st.booleans(),
    gap=st.integers(1, 9),
)
def test_whatever_becomes_known_when_books_and_pools_are_the_fold(
    connection: Connection, told: Sequence[tuple[Any, int, int, int]], undone: bool, gap: int
) -> None:
    """Payments told days later, one undone, between days closed singly or several at once."""
    with connection.transaction(force_rollback=True):
        desk = Desk.over(connection)
        desk.open(*PLANS)
        events: list[tuple[int, PlanEvent]] = []
        for number, (plan, on, later, minor) in enumerate(told):
            event = a_payment(plan, f"x-{number}", day(on), f"{minor / 100:.2f}")
            events.append((on + later, event))
            if undone and number == 0:
                events.append((on + later + 3, an_event(plan, "undo", day(on + later + 3), Reversed(event.event_id))))
        for number in range(0, 60, gap):
            for known, event in events:
                if number - gap < known <= number:
                    desk.record(event)
            if number:
                _close(connection, number)
        _all_agree(connection)


def test_interest_that_news_lowers_is_taken_back_once_the_payment_stands(connection: Connection) -> None:
    desk = Desk.over(connection)
    desk.open(*PLANS)
    _close(connection, 20)
    desk.take(a_payment(PLANS[0], "x-0", day(20), "5.00"))

    (late,) = desk.take(a_payment(PLANS[0], "x-1", day(2), "900.00"))

    assert late.posted[-1] == "F17:p-0/paid:x-1/lowered"
    _all_agree(connection)


def test_a_plan_whose_days_are_not_alike_is_folded_each_day(connection: Connection) -> None:
    desk = Desk.over(connection)
    desk.open(*PLANS)
    desk.take(
        an_event(PLANS[0], "rate", day(3), RateChanged(2400, day(9))),
        an_event(PLANS[1], "pause", day(3), InterestPaused(day(5), day(9))),
    )
    for number in range(4, 12):
        _close(connection, number)

    assert [desk.standing(plan).daily is None for plan in PLANS] == [True, True, False]
    _all_agree(connection)


def test_a_collection_finds_all_interest_on_the_plan(connection: Connection) -> None:
    """Also of a plan whose day is closed already."""
    desk = Desk.over(connection)
    desk.open(*PLANS)
    _close(connection, 12)

    for on in (10, 12, 14):
        close_plans(
            day(on),
            [PLANS[0].plan_id],
            plans=desk.plans,
            ledger=desk.ledger,
            terms=lambda _: desk.terms,
            at=datetime(2026, 6, 1, tzinfo=UTC),
        )
        standing = desk.standing(PLANS[0])
        held = desk.balances()["plan:p-0:interest_rcv", Currency.GBP]
        assert (standing.pooled.minor, standing.interest.minor) == (0, held)
    assert _entries(connection, "F17") == [f"F17:p-0/{day(12)}", f"F17:p-0/{day(14)}"]
    _all_agree(connection)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE lending.plan_standing SET pooled_minor = pooled_minor + 1 WHERE plan_id = 'p-1'",
        "INSERT INTO lending.interest_to_pool (product, currency, minor) VALUES ('monthly', 'GBP', 1)",
    ],
)
def test_a_pool_that_is_not_the_sum_of_its_plans_is_named(connection: Connection, statement: str) -> None:
    desk = Desk.over(connection)
    desk.open(*PLANS)
    _close(connection, 5)
    connection.execute(statement)

    assert ("pool", POOL) in [(fault.check, fault.where) for fault in verify(PostgresAudit(connection)).faults]


def test_a_line_that_was_changed_is_named_by_a_rebuild(connection: Connection) -> None:
    desk = Desk.over(connection)
    desk.open(*PLANS)
    _close(connection, 5)
    connection.execute("UPDATE lending.plan_standing SET interest_step = interest_step + 1 WHERE plan_id = 'p-1'")

    found = rebuild_standings(desk.plans, terms=lambda _: desk.terms, commit=lambda: None).differed

    assert [(each.plan_id, each.field) for each in found] == [("p-1", "daily")]
