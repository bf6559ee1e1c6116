"""Kill the writer, or PostgreSQL, at every statement boundary: no half entry, and none lost that was acknowledged."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.books.postgres import PostgresLedger
from ledger.books.store import AlreadyRecorded, AlreadyVoided, Recorded, Voided
from ledger.proof.postgres_audit import PostgresAudit
from ledger.proof.verify import verify
from tests.ledger.builders import DAY, NOON, a_claim, a_journal, a_purchase, presumed_paid
from tranche.local.postgres import LocalPostgres
from tranche.local.runtime import LocalRuntime

Connection = psycopg.Connection[Any]
Act = Callable[[PostgresLedger, str], object]
DONE = (Recorded, AlreadyRecorded, Voided, AlreadyVoided)


def _purchase(books: PostgresLedger, key: str) -> object:
    return books.post(a_purchase(key=key, names={"plan": f"p-{key}"}))


def _claim(books: PostgresLedger, key: str) -> object:
    return books.hold(a_claim(key=key, names={"plan": f"p-{key}"}))


def _paid(books: PostgresLedger, key: str) -> object:
    return books.post_hold(f"F12a:{key}", presumed_paid(key=key, names={"plan": f"p-{key}"}))


def _voided(books: PostgresLedger, key: str) -> object:
    return books.void_hold(f"F12a:{key}", at=NOON, reason="declined")


def _reversed(books: PostgresLedger, key: str) -> object:
    return books.reverse(f"F02:{key}", value_date=DAY, occurred_at=NOON, recorded_at=NOON, reason="misapplied")


def _many(books: PostgresLedger, key: str) -> object:
    return books.post_all([a_journal("F36a", f"{key}-{part}", amounts={"cash": "1.00"}) for part in range(20)])


# Each act is a database transaction of its own; what the first ones wrote the last one builds on.
STORIES: dict[str, tuple[Act, ...]] = {
    "a purchase": (_purchase,),
    "a claim that is paid": (_purchase, _claim, _paid),
    "a claim that is declined": (_purchase, _claim, _voided),
    "a purchase that is reversed": (_purchase, _reversed),
    "a batch": (_many,),
}


@dataclass(frozen=True, slots=True)
class Doom:
    """Who is killed, and before which step of the work, counted from 1."""

    step: int
    kill: Callable[[], None]


class _Doomed:
    """A connection whose user dies before its n-th step; a commit is a step, and so is the moment after it."""

    def __init__(self, connection: Connection, doom: Doom) -> None:
        self._connection, self._left, self._kill = connection, doom.step, doom.kill

    def execute(self, query: Any, params: Any = None) -> Any:
        self.step()
        return self._connection.execute(query, params)

    def transaction(self) -> Any:
        return self._connection.transaction()

    def commit(self) -> None:
        self.step()
        self._connection.commit()

    def step(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._kill()


def _perform(url: str, story: tuple[Act, ...], key: str, doom: Doom, acknowledged: Path) -> None:
    with suppress(psycopg.OperationalError), psycopg.connect(url) as connection:
        doomed = _Doomed(connection, doom)
        for number, act in enumerate(story):
            act(PostgresLedger(doomed), key)
            doomed.commit()
            with acknowledged.open("ab") as file:
                file.write(b"%d\n" % number)
            doomed.step()


def _run(*args: Any) -> int | None:
    """Perform in a process of its own, which may lose its server; its exit code."""
    process = multiprocessing.get_context("fork").Process(target=_perform, args=args)
    process.start()
    process.join(timeout=60)
    return process.exitcode


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _settle(url: str, story: tuple[Act, ...], key: str, acknowledged: Path) -> None:
    """What was acknowledged is there; the rest is there whole or not at all; all of it can be asked for again."""
    count_acknowledged = len(acknowledged.read_bytes().splitlines()) if acknowledged.exists() else 0
    with psycopg.connect(url) as connection:
        books = PostgresLedger(connection)
        for number, act in enumerate(story):
            answer = act(books, key)
            answers = answer if isinstance(answer, tuple) else (answer,)
            assert all(isinstance(each, DONE) for each in answers), answers
            known = [isinstance(each, AlreadyRecorded | AlreadyVoided) for each in answers]
            assert all(known) or not any(known), "an act is there whole or not at all"
            assert all(known) or number >= count_acknowledged, f"act {number} was acknowledged and is gone"


@pytest.mark.parametrize("name", STORIES)
def test_a_writer_killed_at_any_statement_leaves_whole_entries(database_url: str, tmp_path: Path, name: str) -> None:
    story = STORIES[name]
    for fatal in count(1):
        key = f"k-{fatal}"
        code = _run(database_url, story, key, Doom(fatal, _die), tmp_path / key)
        assert code in (0, -signal.SIGKILL)
        _settle(database_url, story, key, tmp_path / key)
        if code == 0:
            break

    assert fatal > 3 * len(story), "every act is killed in its middle too"
    with psycopg.connect(database_url) as connection:
        report = verify(PostgresAudit(connection))
    assert report.faults == ()


@pytest.fixture
def own_server(runtime_folder: Path) -> Iterator[tuple[LocalPostgres, str]]:
    """A PostgreSQL of this test alone, which waits for the disk at each commit."""
    runtime = LocalRuntime(runtime_folder / "crash", parts=("postgres",))
    url = runtime.up()["TRANCHE_DATABASE_URL"]
    yield LocalPostgres(runtime_folder / "crash" / "pg"), url
    runtime.down()


@pytest.mark.slow
def test_a_server_killed_at_any_statement_loses_nothing_acknowledged(
    own_server: tuple[LocalPostgres, str], tmp_path: Path
) -> None:
    server, url = own_server
    story = STORIES["a purchase"]
    for fatal in count(1):
        running = server.running()
        assert running is not None
        key = f"k-{fatal}"

        def kill(pid: int = running.pid) -> None:
            os.kill(pid, signal.SIGKILL)

        assert _run(url, story, key, Doom(fatal, kill), tmp_path / key) == 0
        started_again = server.up()
        _settle(url, story, key, tmp_path / key)
        if not started_again:
            break

    assert fatal > 5, "it is killed in the middle too"

    with psycopg.connect(url) as connection:
        report = verify(PostgresAudit(connection))
    assert report.faults == ()
