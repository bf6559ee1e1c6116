"""How fast the books are written and read: batches, holds, and the state of an account at an earlier time.

Each figure is a function that takes the address of a migrated database of its own and answers with plain values. They
are run by `benchmarks/ledger.py`, each on a PostgreSQL with its usual durability.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
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
BATCHES = 10


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
            opened(books, "p", MERCHANTS)
            connection.commit()
        seconds = []
        for journals in work:
            started = time.perf_counter()
            answers = books.post_all(journals)
            outbox.append_all(connection, [_fact(journal) for journal in journals])
            connection.commit()
            seconds.append(time.perf_counter() - started)
            check(answers)
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


def holds(url: str, size: int = 1_000, rounds: int = 3) -> float:
    """Holds a second that are placed in one batch and posted in the next."""
    seconds = []
    with connect(url) as connection:
        books = PostgresLedger(connection)
        opened(books, "p", MERCHANTS)
        connection.commit()
        for turn in range(rounds):
            placed = [Request(Act.HOLD, each) for each in _claims(Flow.ATTEMPT_CLAIMED, size, f"h{turn}-")]
            posted = [
                Request(Act.POST_HOLD, each, hold_id=each.entry_id.replace(Flow.PRESUMED_PAID, Flow.ATTEMPT_CLAIMED))
                for each in _claims(Flow.PRESUMED_PAID, size, f"h{turn}-")
            ]
            started = time.perf_counter()
            for batch in (placed, posted):
                check(books.post_batch(batch))
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
        opened(books, "p", 1_000)
        connection.commit()
        for turn in range(postings // size):
            moment = NOON + timedelta(days=days * turn * size // postings)
            journals = [
                _moved(each, moment, late=number % 7)
                for number, each in enumerate(repayments(size, f"m{turn}-", plans=1_000))
            ]
            check(books.post_all(journals))
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


def opened(books: PostgresLedger, plan: str, plans: int) -> None:
    """Open plans that owe a million each."""
    check(
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


def check(answers: Sequence[object]) -> None:
    """Raise unless every request was recorded."""
    wrong = next((answer for answer in answers if not isinstance(answer, Recorded)), None)
    if wrong is not None:
        raise RuntimeError(f"a benchmark's request was not recorded: {wrong}")


def _pounds(minor: int) -> Money:
    return Money(minor, Currency.GBP)
