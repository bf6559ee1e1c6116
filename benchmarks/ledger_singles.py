"""One posting per call, committed, by several clients at once, beside the least that double entry needs.

The clients are processes that stay and use one connection each. Ours and the floor take turns within a round, on spread
accounts and on a hot one, in another order every round, so that what the machine does beside them falls on all alike.
Both call psycopg the same way: one statement with its parameters, then a commit.
"""

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection, wait
from typing import Any

import psutil
import psycopg

from benchmarks.ledger_posting import check, opened, repayments
from ledger.books.postgres import PostgresLedger, connect

HOT, SPREAD = "hot", "spread"
OURS, FLOOR = "ours", "floor"
WAYS = ((OURS, SPREAD), (FLOOR, SPREAD), (OURS, HOT), (FLOOR, HOT))
PLANS_PER_CLIENT = 50
SECONDS = 1.0
MOST_PER_S = 8_000  # prepared journals per second: more than any machine posts, so that no client runs out
NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)

# The least that double entry needs: one function that locks two account rows in order, updates both, and inserts a
# transfer and two entries. It checks no map, period, limit or repeated id, and keeps no digest and no outbox. Its rows
# have room for updates in place, as our balances have.
_FLOOR = """
CREATE SCHEMA IF NOT EXISTS bare;
CREATE TABLE IF NOT EXISTS bare.accounts (
    account_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    balance bigint NOT NULL,
    version bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
CREATE TABLE IF NOT EXISTS bare.transfers (
    transfer_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    debit bigint NOT NULL REFERENCES bare.accounts,
    credit bigint NOT NULL REFERENCES bare.accounts,
    amount bigint NOT NULL CHECK (amount > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    event_at timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS bare.entries (
    entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES bare.accounts,
    transfer_id bigint NOT NULL REFERENCES bare.transfers,
    amount bigint NOT NULL,
    balance_before bigint NOT NULL,
    balance_after bigint NOT NULL,
    version bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS entries_by_account ON bare.entries (account_id);
CREATE INDEX IF NOT EXISTS entries_by_transfer ON bare.entries (transfer_id);
CREATE OR REPLACE FUNCTION bare.post(debited text, credited text, moved bigint, happened timestamptz) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    one bigint := (SELECT account_id FROM bare.accounts WHERE name = debited);
    other bigint := (SELECT account_id FROM bare.accounts WHERE name = credited);
    made bigint;
    raised bare.accounts;
    lowered bare.accounts;
BEGIN
    PERFORM FROM bare.accounts WHERE account_id IN (one, other) ORDER BY account_id FOR UPDATE;
    UPDATE bare.accounts SET balance = balance + moved, version = version + 1 WHERE account_id = one
        RETURNING * INTO raised;
    UPDATE bare.accounts SET balance = balance - moved, version = version + 1 WHERE account_id = other
        RETURNING * INTO lowered;
    INSERT INTO bare.transfers (debit, credit, amount, event_at) VALUES (one, other, moved, happened)
        RETURNING transfer_id INTO made;
    INSERT INTO bare.entries (account_id, transfer_id, amount, balance_before, balance_after, version)
    VALUES (one, made, moved, raised.balance - moved, raised.balance, raised.version),
           (other, made, -moved, lowered.balance + moved, lowered.balance, lowered.version);
    RETURN made;
END
$$;
"""


_FLOOR_POST = "SELECT bare.post(%s, %s, %s, %s)"


@dataclass(frozen=True, slots=True)
class Singles:
    """Postings a second over all clients, how long one took, and the processor time of one on either side."""

    per_s: float
    p50_ms: float
    p99_ms: float
    client_us: float
    server_us: float


@dataclass(frozen=True, slots=True)
class _Turn:
    """The work of a client: post in one way under new ids until the time is over."""

    way: str
    where: str
    tag: str
    most: int


@dataclass(frozen=True, slots=True)
class _Took:
    """What a client did: when it started and ended, the seconds of each posting, and the processor seconds."""

    started: float
    ended: float
    each: list[float]
    client: float
    server: float


class Clients:
    """Processes that each hold one connection to a database, and post on request."""

    def __init__(self, pipes: Sequence[Connection]) -> None:
        self._pipes = pipes
        self._turns = 0

    def measure(self, clients: int, way: str, where: str) -> Singles:
        """So many clients post in one way for a second."""
        self._turns += 1
        pipes = self._pipes[:clients]
        for pipe in pipes:
            pipe.send(_Turn(way, where, f"t{self._turns}", round(MOST_PER_S * SECONDS / clients)))
        for pipe in pipes:
            _answer(pipe)  # its journals are prepared
        for pipe in pipes:
            pipe.send(None)
        took: list[_Took] = [_answer(pipe) for pipe in pipes]
        each = sorted(seconds for one in took for seconds in one.each)
        seconds = max(one.ended for one in took) - min(one.started for one in took)
        return Singles(
            per_s=len(each) / seconds,
            p50_ms=1_000 * each[len(each) // 2],
            p99_ms=1_000 * each[len(each) * 99 // 100],
            client_us=1_000_000 * sum(one.client for one in took) / len(each),
            server_us=1_000_000 * sum(one.server for one in took) / len(each),
        )


@contextmanager
def started(url: str, most: int) -> Iterator[Clients]:
    """At most `most` clients of a migrated database, with their accounts opened."""
    _open_accounts(url, most)
    context = multiprocessing.get_context("spawn")
    pipes, workers = [], []
    try:
        for number in range(most):
            ours, theirs = context.Pipe()
            workers.append(context.Process(target=_work, args=(url, number, theirs), daemon=True))
            workers[-1].start()
            pipes.append(ours)
        for pipe in pipes:
            _answer(pipe)  # it is connected
        yield Clients(pipes)
    finally:
        for pipe in pipes:
            pipe.close()
        for worker in workers:
            worker.join(timeout=10)


def _open_accounts(url: str, clients: int) -> None:
    """The same accounts for both ways: a clearing account for all, one for each client, and plans of each client."""
    own = [f"c{number}" for number in range(clients)]
    with connect(url) as connection:
        books = PostgresLedger(connection)
        for name in own:
            opened(books, f"{name}-", PLANS_PER_CLIENT)
        check(
            books.post_all(
                [
                    journal
                    for provider in ("sim", *own)
                    for journal in repayments(1, f"first-{provider}", plan=f"{own[0]}-", provider=provider)
                ]
            )
        )
        connection.execute(_FLOOR)
        connection.execute(
            "INSERT INTO bare.accounts (name, balance) SELECT name, 0 FROM unnest(%s::text[]) AS u (name)",
            (["sim", *own, *(f"{name}-{plan}" for name in own for plan in range(PLANS_PER_CLIENT))],),
        )
        # Rows of either way first: a query plan made for an empty table would be kept while it grows.
        for way in (_ours, _floor):
            for _ in way(connection, _Turn("", SPREAD, "before", 2_000), own[0]):
                pass
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")  # as its own daemon would have by then


def _answer(pipe: Connection) -> Any:
    (ready,) = wait([pipe], timeout=120) or (None,)
    if ready is None:
        raise RuntimeError("a client of the benchmark does not answer")
    return pipe.recv()


def _work(url: str, number: int, pipe: Connection) -> None:
    """Take turns until the pipe is closed."""
    with connect(url) as connection:
        server = psutil.Process(connection.info.backend_pid)
        pipe.send(None)
        while True:
            try:
                turn: _Turn = pipe.recv()
            except EOFError:
                return
            posting = (_ours if turn.way == OURS else _floor)(connection, turn, f"c{number}")
            for _ in range(10):
                next(posting)
            pipe.send(None)
            pipe.recv()
            pipe.send(_timed(posting, turn.most, server))


def _timed(posting: Iterator[None], most: int, server: psutil.Process) -> _Took:
    each = []
    client_before, server_before = time.process_time(), _processor_seconds(server)
    started = moment = time.perf_counter()
    while moment - started < SECONDS and len(each) < most:
        next(posting)
        before, moment = moment, time.perf_counter()
        each.append(moment - before)
    used = time.process_time() - client_before
    return _Took(started, moment, each, used, _processor_seconds(server) - server_before)


def _ours(connection: psycopg.Connection[Any], turn: _Turn, name: str) -> Iterator[None]:
    provider = "sim" if turn.where == HOT else name
    plans = PLANS_PER_CLIENT
    tag = f"{turn.tag}-{name}-"
    journals = repayments(turn.most + 10, tag, plan=f"{name}-", plans=plans, provider=provider)
    books = PostgresLedger(connection)
    for journal in journals:
        answer = books.post(journal)
        connection.commit()
        check([answer])
        yield


def _floor(connection: psycopg.Connection[Any], turn: _Turn, name: str) -> Iterator[None]:
    other = "sim" if turn.where == HOT else name
    for number in range(turn.most + 10):
        asked = (other, f"{name}-{number % PLANS_PER_CLIENT}", 1, NOON)
        connection.execute(_FLOOR_POST, asked).fetchone()
        connection.commit()
        yield


def _processor_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
