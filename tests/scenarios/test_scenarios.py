"""Orders of events that break products: each file's story through the pure fold and through the books in PostgreSQL."""

from collections import Counter
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.money import Currency
from ledger.proof.postgres_audit import PostgresAudit
from ledger.proof.verify import verify
from lending.plan.booking import balances_of
from lending.plan.fold import fold
from tests.lending.servicing.servicing import Desk
from tests.scenarios.play import closing, end_of, fold_in_order, play, rows_of_state, schedule_rows
from tests.scenarios.scenario import FOLDER, Scenario, read

FILES = sorted(FOLDER.glob("o[0-9]*.toml"))
ORDERS = {f"O{number:02}" for number in range(1, 22)}

each_scenario = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


@pytest.fixture(scope="module")
def database(template_database: str) -> Iterator[psycopg.Connection[Any]]:
    """One fresh database for all stories."""
    name = "test_scenarios"
    admin = template_database.replace("/tranche?", "/postgres?")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"create database {name} template tranche")
    with psycopg.connect(template_database.replace("/tranche?", f"/{name}?"), autocommit=True) as opened:
        yield opened
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture
def connection(database: psycopg.Connection[Any]) -> Iterator[psycopg.Connection[Any]]:
    """A transaction of each story's own, of which nothing is left."""
    with database.transaction(force_rollback=True):
        yield database


@each_scenario
def test_the_fold_shows_what_the_story_says(file: Path) -> None:
    story = read(file)

    state = fold_in_order(story)

    assert rows_of_state(story, state) == story.journal
    assert schedule_rows(state) == story.schedule
    assert {name: value for name, value in end_of(state, story.ends_on).items() if name in story.end} == story.end


@each_scenario
def test_the_books_show_what_the_story_says(file: Path, connection: psycopg.Connection[Any]) -> None:
    """What stands after all reversals is what the fold asks for."""
    story = read(file)
    desk = _desk(connection, story)

    played = play(story, desk, closing(desk, connection))

    assert played.rows == story.journal
    assert sorted(played.reversed) == sorted(story.reversed)
    principal = played.balances.get((f"plan:{story.plan.plan_id}:principal", story.plan.currency), 0)
    assert played.open_principal.minor == principal
    state = fold_in_order(story)
    assert played.balances == _folded(story)
    assert desk.standing(story.plan).status == state.status.value
    assert verify(PostgresAudit(connection)).faults == ()


@pytest.mark.parametrize("file", [file for file in FILES if read(file).permute], ids=lambda file: file.stem)
def test_every_order_of_becoming_known_ends_the_same(file: Path) -> None:
    story = read(file)
    places = [place for place, step in enumerate(story.steps) if step.step_id in story.permute]
    assert len(places) == len(story.permute)
    ends = set()
    for order in permutations(places):
        moved = dict(zip(places, order, strict=True))
        steps = [story.steps[moved.get(place, place)] for place in range(len(story.steps))]
        ends.add(play(story, _in_memory(story), lambda _: None, steps).rows)

    assert len(ends) == 1


@each_scenario
def test_the_fold_is_the_same_in_whatever_order_events_are_given(file: Path) -> None:
    story = read(file)

    forwards, backwards = (
        fold(story.plan, events, story.terms, through=story.ends_on)
        for events in (story.events, tuple(reversed(story.events)))
    )

    assert forwards == backwards


def test_every_numbered_order_of_events_has_a_scenario() -> None:
    proved = {each for file in FILES for each in read(file).proves}

    assert proved & ORDERS == ORDERS


def _desk(connection: psycopg.Connection[Any], story: Scenario) -> Desk:
    desk = Desk.over(connection)
    return Desk(desk.plans, desk.ledger, story.terms)


def _in_memory(story: Scenario) -> Desk:
    desk = Desk.in_memory()
    return Desk(desk.plans, desk.ledger, story.terms)


def _folded(story: Scenario) -> dict[tuple[str, Currency], int]:
    """What the fold and the journals beside it leave on each account."""
    found = Counter(balances_of(fold_in_order(story).bookings))
    for step in story.steps:
        if step.what == "posted" and step.journal is not None:
            for transfer in step.journal.transfers:
                found[transfer.debit, transfer.amount.currency] += transfer.amount.minor
                found[transfer.credit, transfer.amount.currency] -= transfer.amount.minor
    return {of: minor for of, minor in found.items() if minor}
