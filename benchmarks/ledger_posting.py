"""How fast the books are written and read: batches, single postings on one hot account and on many, holds, as-of.

Each figure is a function that takes the address of a migrated database of its own and answers with plain values. Run
from the checkout: `python -m benchmarks ledger_posting`. It starts a PostgreSQL of its own with its usual durability.
"""

import json
import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from ledger.books.postgres import PostgresLedger, connect
from ledger.books.store import Act, Recorded, Request
from ledger.journal import Journal
from ledger.map import flows
from ledger.map.flow import Flow
from ledger.migrate import migrate
from ledger.money import Currency, Money
from ledger.outbox import outbox

DAY = date(2026, 1, 10)
NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
MERCHANTS = 200
HOT, SPREAD = "hot", "spread"
PLANS_PER_CLIENT = 50
POSTINGS_PER_CLIENT = 400
BATCHES = 10

# The least that double entry needs: one function that locks two account rows in order, updates both, and inserts a
# transfer and two entries. It checks no map, period, limit or repeated id, and keeps no digest and no outbox.
_FLOOR = """
CREATE SCHEMA IF NOT EXISTS bare;
CREATE TABLE IF NOT EXISTS bare.accounts (
    account_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    balance bigint NOT NULL,
    version bigint NOT NULL DEFAULT 0
);
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


@dataclass(frozen=True, slots=True)
class Latencies:
    """Postings a second over all clients, and how long one took."""

    per_s: float
    p50_ms: float
    p99_ms: float


def purchases(count: int, tag: str) -> list[Journal]:
    """Purchases with a discount and a down payment: three transfers each, two accounts opened by each."""
    return [
        flows.journal(
            Flow.PURCHASE_CAPTURED,
            key=f"{tag}{number}",
            value_date=DAY,
            occurred_at=NOON,
            recorded_at=NOON,
            correlation={"plan_id": f"{tag}{number}", "order_id": f"o-{tag}{number}"},
            amounts={"payable": _pounds(9500), "discount": _pounds(500), "down_payment": _pounds(2500)},
            names={"plan": f"{tag}{number}", "merchant": f"m-{number % MERCHANTS}", "provider": "sim"},
        )
        for number in range(count)
    ]


def repayments(count: int, tag: str, *, plan: str = "p", plans: int = 1, provider: str = "sim") -> list[Journal]:
    """Payments of one transfer each, on so many plans in turn."""
    return [
        flows.journal(
            Flow.DOWN_PAYMENT,
            key=f"{tag}{number}",
            value_date=DAY,
            occurred_at=NOON,
            recorded_at=NOON,
            correlation={"plan_id": f"{plan}{number % plans}", "attempt_id": f"{tag}{number}"},
            amounts={"principal": _pounds(1)},
            names={"plan": f"{plan}{number % plans}", "provider": provider},
        )
        for number in range(count)
    ]


def batches(url: str, size: int, *, single: bool = False, rounds: int = BATCHES) -> float:
    """Transfers a second in batches of so many journals, each with a fact for the outbox, each batch committed."""
    made: Callable[[int, str], list[Journal]] = _singles if single else purchases
    work = [made(size, f"{size}-{turn}-") for turn in range(rounds)]
    with connect(url) as connection:
        books = PostgresLedger(connection)
        if single:
            _open(books, "p", MERCHANTS)
            connection.commit()
        seconds = []
        for journals in work:
            started = time.perf_counter()
            answers = books.post_all(journals)
            outbox.append_all(connection, [_fact(journal) for journal in journals])
            connection.commit()
            seconds.append(time.perf_counter() - started)
            _check(answers)
    return sum(len(journal.transfers) for journal in work[0]) / median(seconds)


def bytes_per_transfer(url: str) -> float:
    """What journal tables and their indexes take, per transfer that is in them."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT pg_total_relation_size('ledger.requests') + pg_total_relation_size('ledger.transfers'),"
            " (SELECT count(*) FROM ledger.transfers)"
        ).fetchone()
    assert row is not None
    return float(row[0] / row[1])


def single_postings(url: str, clients: int, where: str, postings: int = POSTINGS_PER_CLIENT) -> Latencies:
    """Postings of one transfer, each committed, by so many clients; the other side is one account, or one for each."""
    with connect(url) as connection:
        books = PostgresLedger(connection)
        for client in range(clients):
            _open(books, f"{where}{clients}-{client}-", PLANS_PER_CLIENT)
    return _by_clients(_post_singly, url, clients, where, postings)


def floor_postings(url: str, clients: int, where: str, postings: int = POSTINGS_PER_CLIENT) -> Latencies:
    """The same transfers by the least that double entry needs, to compare with; see _FLOOR."""
    with connect(url) as connection:
        connection.execute(_FLOOR)
        names = ["sim", *(f"{where}{clients}-{client}-" for client in range(clients))]
        names += [f"{name}{plan}" for name in names[1:] for plan in range(PLANS_PER_CLIENT)]
        connection.execute(
            "INSERT INTO bare.accounts (name, balance) SELECT name, 0 FROM unnest(%s::text[]) AS u (name)"
            " ON CONFLICT DO NOTHING",
            (names,),
        )
    return _by_clients(_post_at_the_floor, url, clients, where, postings)


def _by_clients(post: Callable[..., None], url: str, clients: int, where: str, postings: int) -> Latencies:
    """How long this number of processes took when they posted at the same time."""
    context = multiprocessing.get_context("spawn")
    ready, results = context.Barrier(clients), context.SimpleQueue()
    workers = [
        context.Process(target=post, args=(url, f"{where}{clients}-{client}-", where, postings, ready, results))
        for client in range(clients)
    ]
    for worker in workers:
        worker.start()
    answers = [results.get() for _ in workers]
    for worker in workers:
        worker.join()
    took = sorted(each for answer in answers for each in answer[2])
    seconds = max(ended for _, ended, _ in answers) - min(started for started, _, _ in answers)
    return Latencies(len(took) / seconds, 1000 * took[len(took) // 2], 1000 * took[len(took) * 99 // 100])


def holds(url: str, size: int = 1_000, rounds: int = 3) -> float:
    """Holds a second that are placed in one batch and posted in the next."""
    seconds = []
    with connect(url) as connection:
        books = PostgresLedger(connection)
        _open(books, "p", MERCHANTS)
        connection.commit()
        for turn in range(rounds):
            placed = [Request(Act.HOLD, each) for each in _claims(Flow.ATTEMPT_CLAIMED, size, f"h{turn}-")]
            posted = [
                Request(Act.POST_HOLD, each, hold_id=each.entry_id.replace(Flow.PRESUMED_PAID, Flow.ATTEMPT_CLAIMED))
                for each in _claims(Flow.PRESUMED_PAID, size, f"h{turn}-")
            ]
            started = time.perf_counter()
            for batch in (placed, posted):
                _check(books.post_batch(batch))
                connection.commit()
            seconds.append(time.perf_counter() - started)
    return size / median(seconds)


def as_of(url: str, account: str, rounds: int = 50) -> dict[str, float]:
    """The slowest of a hundred reads of an account's balance, in milliseconds: now, by value, by knowledge, by both."""
    with connect(url) as connection:
        row = connection.execute(
            "SELECT min(value_date), max(value_date), min(recorded_at), max(recorded_at) FROM ledger.requests"
        ).fetchone()
        assert row is not None
        first_day, last_day, first, last = row
        books = PostgresLedger(connection)
        found: dict[str, list[float]] = {"now": [], "valued_by": [], "recorded_by": [], "both": []}
        for turn in range(rounds):
            day = first_day + (last_day - first_day) * turn // rounds
            moment = first + (last - first) * turn / rounds
            asked: dict[str, dict[str, Any]] = {
                "now": {},
                "valued_by": {"valued_by": day},
                "recorded_by": {"recorded_by": moment},
                "both": {"valued_by": day, "recorded_by": moment},
            }
            for name, by in asked.items():
                started = time.perf_counter()
                books.balance(account, Currency.GBP, **by)
                found[name].append(1000 * (time.perf_counter() - started))
    return {name: sorted(took)[len(took) * 99 // 100] for name, took in found.items()}


def fill_one_account(url: str, postings: int = 1_000_000, days: int = 400, size: int = 10_000) -> str:
    """Post so many transfers on one clearing account over so many days; its name. Nothing is sealed yet."""
    with connect(url) as connection:
        books = PostgresLedger(connection)
        _open(books, "p", 1_000)
        connection.commit()
        for turn in range(postings // size):
            moment = NOON + timedelta(days=days * turn * size // postings)
            journals = [
                _moved(each, moment, late=number % 7)
                for number, each in enumerate(repayments(size, f"m{turn}-", plans=1_000))
            ]
            _check(books.post_all(journals))
            connection.commit()
    return "provider:sim:clearing"


@contextmanager
def databases() -> Iterator[Callable[[], str]]:
    """A PostgreSQL with its usual durability; each call gives the address of a fresh migrated database in it."""
    from tranche.local.runtime import LocalRuntime

    folder = Path(tempfile.mkdtemp(prefix="tranche-bench-", dir="/tmp"))
    runtime = LocalRuntime(folder, parts=("postgres",))
    made: list[str] = []
    try:
        address = runtime.up()["TRANCHE_DATABASE_URL"]

        def fresh() -> str:
            name = f"bench_{len(made)}"
            made.append(name)
            with psycopg.connect(address.replace("/tranche?", "/postgres?"), autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}")
            url = address.replace("/tranche?", f"/{name}?")
            with psycopg.connect(url) as connection:
                migrate(connection)
            return url

        yield fresh
    finally:
        runtime.reset()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Measure and print what takes seconds; the account with a million postings is left to who asks for it."""
    found: dict[str, Any] = {}
    with databases() as fresh:
        for size in (10, 100, 1_000):
            found[f"batch_{size}.per_s"] = batches(fresh(), size)
        alone = fresh()
        found["batch_1000_single.per_s"] = batches(alone, 1_000, single=True)
        together = fresh()
        batches(together, 1_000)
        found["bytes_per_transfer"] = bytes_per_transfer(together)
        found["bytes_per_transfer_alone"] = bytes_per_transfer(alone)
        found["holds.per_s"] = holds(fresh())
        for clients in (1, 8, 16):
            url = fresh()
            for where in (SPREAD, HOT):
                found[f"{where}.{clients}"] = single_postings(url, clients, where)
    for name, value in found.items():
        print(f"{name:<28}{value if isinstance(value, Latencies) else f'{value:,.0f}'}")
    print(json.dumps({name: value for name, value in found.items() if isinstance(value, float)}))


def _post_singly(  # noqa: PLR0917 - a process takes its arguments by position
    url: str, plan: str, where: str, postings: int, ready: Barrier, results: Any
) -> None:
    provider = "sim" if where == HOT else plan.strip("-")
    journals = repayments(postings, plan, plan=plan, plans=PLANS_PER_CLIENT, provider=provider)
    took = []
    with connect(url) as connection:
        books = PostgresLedger(connection)
        warm = repayments(10, f"warm-{plan}", plan=plan, plans=PLANS_PER_CLIENT, provider=provider)
        for journal in warm:
            books.post(journal)
            connection.commit()
        ready.wait()
        begun = time.perf_counter()
        for journal in journals:
            started = time.perf_counter()
            answer = books.post(journal)
            connection.commit()
            took.append(time.perf_counter() - started)
            _check([answer])
        results.put((begun, time.perf_counter(), took))


def _post_at_the_floor(  # noqa: PLR0917 - a process takes its arguments by position
    url: str, plan: str, where: str, postings: int, ready: Barrier, results: Any
) -> None:
    other = "sim" if where == HOT else plan
    took = []
    with connect(url) as connection:
        statement = "SELECT bare.post(%s, %s, %s, %s)"
        for number in range(10):
            connection.execute(statement, (other, f"{plan}{number % PLANS_PER_CLIENT}", 1, NOON))
            connection.commit()
        ready.wait()
        begun = time.perf_counter()
        for number in range(postings):
            started = time.perf_counter()
            connection.execute(statement, (other, f"{plan}{number % PLANS_PER_CLIENT}", 1, NOON)).fetchone()
            connection.commit()
            took.append(time.perf_counter() - started)
        results.put((begun, time.perf_counter(), took))


def _open(books: PostgresLedger, plan: str, plans: int) -> None:
    """Plans that owe a million each."""
    _check(
        books.post_all(
            [
                flows.journal(
                    Flow.PURCHASE_CAPTURED,
                    key=f"open-{plan}{number}",
                    value_date=DAY,
                    occurred_at=NOON,
                    recorded_at=NOON,
                    correlation={"plan_id": f"{plan}{number}"},
                    amounts={"payable": _pounds(100_000_000)},
                    names={"plan": f"{plan}{number}", "merchant": f"m-{number % MERCHANTS}"},
                )
                for number in range(plans)
            ]
        )
    )


def _singles(count: int, tag: str) -> list[Journal]:
    return repayments(count, tag, plans=MERCHANTS)


def _claims(flow: str, count: int, tag: str) -> list[Journal]:
    return [
        flows.journal(
            flow,
            key=f"{tag}{number}",
            value_date=DAY,
            occurred_at=NOON,
            recorded_at=NOON,
            correlation={"attempt_id": f"{tag}{number}"},
            amounts={"principal": _pounds(1)},
            names={"plan": f"p{number % MERCHANTS}", "provider": "sim", "rail": "card"},
        )
        for number in range(count)
    ]


def _moved(journal: Journal, moment: datetime, *, late: int) -> Journal:
    return replace(journal, value_date=moment.date() - timedelta(days=late), occurred_at=moment, recorded_at=moment)


def _fact(journal: Journal) -> outbox.Fact:
    payload = {"entry_id": journal.entry_id, "flow": journal.flow}
    event_id = f"posted:{journal.entry_id}"
    return outbox.Fact(
        event_id, "journal_posted.v1", journal.entry_id, payload, journal.occurred_at, journal.recorded_at
    )


def _check(answers: Sequence[object]) -> None:
    wrong = next((answer for answer in answers if not isinstance(answer, Recorded)), None)
    if wrong is not None:
        raise RuntimeError(f"a benchmark's request was not recorded: {wrong}")


def _pounds(minor: int) -> Money:
    return Money(minor, Currency.GBP)
