"""One behaviour suite over every adapter of the attempts."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import psycopg
import pytest

from ledger.books.store import Conflict
from ledger.money import Currency, Money
from payments.collection.attempt import Attempt, AttemptEvent, AttemptState, IllegalMove, Planned
from payments.collection.attempts import Attempts
from payments.collection.memory import MemoryAttempts
from payments.collection.postgres import PostgresAttempts
from payments.ids import AttemptId
from tests.payments.plans import NOON, pounds

FIRST = AttemptId("p-x/1#1")
REFUSED = (AttemptEvent.GUARD_PASSED, AttemptEvent.REQUEST_WRITTEN, AttemptEvent.REFUSED)


@pytest.fixture(params=["memory", "postgres"])
def attempts(request: pytest.FixtureRequest) -> Iterator[Attempts]:
    if request.param == "memory":
        yield MemoryAttempts()
        return
    connection: psycopg.Connection[Any] = request.getfixturevalue("connection")
    yield PostgresAttempts(connection)
    connection.rollback()


@pytest.fixture(params=["memory", "postgres"])
def two_workers(request: pytest.FixtureRequest) -> Iterator[tuple[Attempts, Attempts]]:
    """The attempts as two workers of one database see them."""
    if request.param == "memory":
        shared = MemoryAttempts()
        yield shared, shared
        return
    url = request.getfixturevalue("database_url")
    with psycopg.connect(url, autocommit=True) as one, psycopg.connect(url, autocommit=True) as other:
        yield PostgresAttempts(one), PostgresAttempts(other)


def planned(number: int = 1, *, instalment: str = "p-x/1", **other: Any) -> Planned:
    fields: dict[str, Any] = {
        "attempt_id": AttemptId(f"{instalment}#{number}"),
        "instalment_id": instalment,
        "number": number,
        "plan_id": "p-x",
        "shopper_id": "s",
        "account_id": "a",
        "provider": "sandbox",
        "fees": pounds(0),
        "interest": pounds(1),
        "principal": pounds(5),
        "due_on": date(2026, 3, 1),
        "requested_on": date(2026, 3, 1),
    }
    return Planned(**{**fields, **other})


def moved(attempts: Attempts, *events: AttemptEvent, attempt_id: AttemptId = FIRST) -> None:
    for event in events:
        attempts.move(attempt_id, event, at=NOON, cause="test")


def test_an_attempt_reads_back_as_it_was_planned(attempts: Attempts) -> None:
    down_payment = planned(opens_plan=True, asked_by="key-1")

    assert attempts.plan([down_payment]) == [down_payment]
    assert attempts.get(FIRST) == Attempt(down_payment, AttemptState.PLANNED)
    assert attempts.get(FIRST, lock=True) == attempts.get(FIRST)
    assert attempts.get(AttemptId("p-x/1#9")) is None


def test_planning_an_attempt_again_keeps_nothing_new(attempts: Attempts) -> None:
    attempts.plan([planned()])

    assert attempts.plan([planned()]) == []
    assert attempts.counts() == {AttemptState.PLANNED: 1}


def test_a_worker_that_saw_other_amounts_leaves_the_first_attempt_as_it_is(attempts: Attempts) -> None:
    attempts.plan([planned()])

    assert attempts.plan([planned(principal=pounds(4), requested_on=date(2026, 3, 2))]) == []
    assert attempts.get(FIRST) == Attempt(planned(), AttemptState.PLANNED)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"plan_id": "p-y"}, "plan_id"),
        ({"shopper_id": "s-2"}, "shopper_id"),
        ({"account_id": "b"}, "account_id"),
        ({"number": 2}, "number"),
        ({"opens_plan": True}, "opens_plan"),
        ({name: Money(1, Currency.EUR) for name in ("fees", "interest", "principal")}, "currency"),
    ],
)
def test_another_attempt_under_a_known_id_is_a_conflict_that_names_the_field(
    attempts: Attempts, change: dict[str, Any], field: str
) -> None:
    attempts.plan([planned()])

    with pytest.raises(Conflict, match=f"{FIRST} is recorded with another {field}"):
        attempts.plan([replace(planned(), **change)])


def test_a_live_attempt_keeps_the_next_one_out_until_it_is_over(attempts: Attempts) -> None:
    attempts.plan([planned(1)])

    assert attempts.plan([planned(2)]) == []
    moved(attempts, *REFUSED)
    assert attempts.plan([planned(2)]) == [planned(2)]


def test_of_two_attempts_planned_together_the_first_is_kept(attempts: Attempts) -> None:
    other = planned(instalment="p-x/2")

    assert attempts.plan([planned(2), planned(1), other]) == [planned(1), other]


def test_a_callers_key_makes_one_attempt_and_finds_it_again(attempts: Attempts) -> None:
    attempts.plan([planned(1, asked_by="key-1")])
    moved(attempts, *REFUSED)

    assert attempts.plan([planned(2, asked_by="key-1")]) == []
    found = attempts.asked_by("p-x/1", "key-1")
    assert found is not None
    assert (found.attempt_id, found.state) == (FIRST, AttemptState.REJECTED)
    assert attempts.asked_by("p-x/1", "key-2") is None
    assert attempts.asked_by("p-x/2", "key-1") is None


def test_a_move_brings_its_values_along(attempts: Attempts) -> None:
    attempts.plan([planned()])
    moved(attempts, AttemptEvent.GUARD_PASSED)
    attempts.move(FIRST, AttemptEvent.REQUEST_WRITTEN, at=NOON, cause="test", values={"submitted_at": NOON})
    values = {"refusal": "limit_exceeded", "detail": "too much", "policy_version": "1", "retry_on": date(2026, 3, 4)}

    state = attempts.move(FIRST, AttemptEvent.REFUSED, at=NOON, cause="test", values=values)

    assert state is AttemptState.REJECTED
    kept = Attempt(planned(), AttemptState.REJECTED, NOON, "limit_exceeded", retry_on=date(2026, 3, 4))
    assert attempts.get(FIRST) == kept


def test_a_move_that_is_not_in_the_table_changes_nothing(attempts: Attempts) -> None:
    attempts.plan([planned()])

    with pytest.raises(IllegalMove, match=f"{FIRST} is planned: captured"):
        attempts.move(FIRST, AttemptEvent.CAPTURED, at=NOON, cause="test", values={"captured_on": date(2026, 3, 1)})

    assert attempts.get(FIRST) == Attempt(planned(), AttemptState.PLANNED)


def test_the_newest_attempt_of_each_instalment_is_the_latest(attempts: Attempts) -> None:
    attempts.plan([planned(1), planned(instalment="p-x/2")])
    moved(attempts, *REFUSED)
    attempts.plan([planned(2)])

    latest = attempts.latest(["p-x/1", "p-x/3"])

    assert {instalment: found.attempt_id for instalment, found in latest.items()} == {"p-x/1": "p-x/1#2"}


def test_what_was_claimed_and_not_answered_is_unresolved_in_the_order_of_ids(attempts: Attempts) -> None:
    attempts.plan([planned(instalment=f"p-x/{number}") for number in (3, 2, 1)])
    for number, events in {3: REFUSED[:1], 2: (*REFUSED[:2], AttemptEvent.NO_ANSWER), 1: REFUSED}.items():
        moved(attempts, *events, attempt_id=AttemptId(f"p-x/{number}#1"))

    assert [each.attempt_id for each in attempts.unresolved()] == ["p-x/2#1", "p-x/3#1"]
    assert attempts.counts() == {AttemptState.CLAIMED: 1, AttemptState.REJECTED: 1, AttemptState.UNKNOWN: 1}


def test_the_plan_of_an_attempt_is_told_where_the_attempt_is_known(attempts: Attempts) -> None:
    attempts.plan([planned(), planned(instalment="p-z/1", plan_id="p-z")])

    assert attempts.plans_of([FIRST, AttemptId("p-y/1#1")]) == {FIRST: "p-x"}


def test_an_attempt_is_found_by_the_id_that_its_provider_gave_the_charge(attempts: Attempts) -> None:
    attempts.plan([planned(), planned(instalment="p-z/1", provider="other")])
    for attempt_id in (FIRST, AttemptId("p-z/1#1")):
        moved(attempts, *REFUSED[:2], attempt_id=attempt_id)
        values = {"provider_reference": "PM1"}
        attempts.move(attempt_id, AttemptEvent.CAPTURED, at=NOON, cause="PM1", values=values)

    assert attempts.by_references("sandbox", ["PM1", "PM2"]) == {"PM1": FIRST}


def test_a_message_is_kept_once_under_the_hash_of_what_it_says(attempts: Attempts) -> None:
    first = attempts.keep_message("out", "charge", FIRST, "{}", NOON)

    assert attempts.keep_message("out", "charge", FIRST, "{}", NOON) == first
    assert attempts.keep_message("in", "charge", FIRST, "{}", NOON) != first


def test_what_one_worker_guards_another_does_not_get_until_the_first_is_done(
    two_workers: tuple[Attempts, Attempts],
) -> None:
    one, other = two_workers

    with one.guard(["a", "b"]) as mine, other.guard(["b", "c"]) as theirs:
        assert (mine, theirs) == (["a", "b"], ["c"])
    with other.guard(["b"]) as later:
        assert later == ["b"]
