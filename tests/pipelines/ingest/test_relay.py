"""The relay: it publishes every committed fact, and keeps the order of the facts of a plan."""

import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.books.postgres import PostgresLedger
from ledger.books.store import Act
from ledger.outbox.fact_log import OvertakenRelay, Written
from ledger.outbox.outbox import Fact, append_all, fact
from ledger.outbox.postgres_outbox import JOURNAL, OUTBOX, relaying
from pipelines.ingest.relay import ALERT_AFTER_S, RelayReport, put_in_order, relay
from pipelines.settings import Settings
from pipelines.sources.source import CanonicalEvent
from pipelines.streams.kinesis import KinesisStream, client
from pipelines.streams.memory import MemoryStream
from pipelines.streams.shards import Position
from pipelines.streams.stream import Stream, StreamFault
from tests.command_line import acts_of
from tests.conftest import CHECKOUT
from tests.ledger.builders import NOON, a_claim, a_purchase, presumed_paid

KILLED = Path(__file__).with_name("killed_relay.py")
KEYS = [f"p-{number}" for number in range(5)]


def a_fact(number: object, key: str = "p-1") -> Fact:
    columns = {"plan_id": key, "number": str(number)}
    return fact("plan_event.v1", f"e-{number}", key, columns, occurred_at=NOON, recorded_at=NOON)


def write(url: str, *facts: Fact) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("SET ROLE tranche_application")
        append_all(connection, facts)


def relayed(url: str, stream: Stream, *, patience_s: float = 30.0, **other: Any) -> RelayReport:
    with relaying(url) as logs:
        return relay(
            logs,
            stream,
            now=lambda: NOON + timedelta(hours=1),
            seconds=time.monotonic,
            patience_s=patience_s,
            **({"sleep": time.sleep} | other),
        )


def told(stream: MemoryStream) -> list[str]:
    return [event.event_id for event in stream.events]


def first_told(bodies: Iterable[Mapping[str, Any]]) -> dict[str, list[int]]:
    """The positions by key, each at its first publication."""
    positions: dict[str, list[int]] = defaultdict(list)
    seen: set[str] = set()
    for body in bodies:
        if body["event_id"] not in seen:
            seen.add(body["event_id"])
            positions[body["plan_id"]].append(body["sequence"])
    return positions


def test_what_is_committed_is_told_whole_once_and_with_its_position(database_url: str) -> None:
    stream = MemoryStream()
    write(database_url, *(a_fact(number) for number in range(12)))

    first = relayed(database_url, stream, page=5)
    again = relayed(database_url, stream, page=5)

    assert (first.published, first.left, first.oldest_left_s, first.alert) == ({"plan_event.v1": 12}, 0, 0.0, False)
    assert again.total == 0
    assert told(stream) == [f"e-{number}" for number in range(12)]
    assert {event.account_id for event in stream.events} == {"p-1"}
    assert json.loads(stream.events[2].body) == dict(a_fact(2).payload) | {"sequence": 3}


def test_a_position_that_shows_up_late_is_not_passed_over(database_url: str) -> None:
    stream = MemoryStream()
    write(database_url, a_fact("before"))
    with psycopg.connect(database_url) as slow:
        append_all(slow, [a_fact("slow")])
        write(database_url, a_fact("after"))

        report = relayed(database_url, stream, patience_s=0)
        assert told(stream) == [], "it cannot be known yet what is below the last position"
        assert (report.left, report.oldest_left_s) == (2, 3600.0)
        assert report.alert is (report.oldest_left_s > ALERT_AFTER_S) is True
    assert relayed(database_url, stream).left == 0
    assert told(stream) == ["e-before", "e-slow", "e-after"]


def test_a_short_transaction_is_waited_for(database_url: str) -> None:
    stream = MemoryStream()
    with psycopg.connect(database_url) as slow:
        append_all(slow, [a_fact("slow")])
        write(database_url, a_fact("after"))
        glanced, committed = threading.Event(), threading.Event()

        def glance_again(seconds: float) -> None:
            glanced.set()
            committed.wait(seconds)

        with ThreadPoolExecutor() as threads:
            waiting = threads.submit(relayed, database_url, stream, sleep=glance_again)
            assert glanced.wait(60)
            assert told(stream) == []
            slow.commit()
            committed.set()
            assert waiting.result(timeout=60).total == 2
    assert told(stream) == ["e-slow", "e-after"]


def test_transactions_that_overlap_without_end_hold_back_only_what_is_behind_each(database_url: str) -> None:
    stream = MemoryStream()
    with psycopg.connect(database_url) as first, psycopg.connect(database_url) as second:
        append_all(first, [a_fact("first")])
        write(database_url, a_fact("after-first"))
        assert relayed(database_url, stream, patience_s=0).total == 0
        append_all(second, [a_fact("second")])
        first.commit()
        assert relayed(database_url, stream, patience_s=0).total == 2
        write(database_url, a_fact("after-second"))
        assert relayed(database_url, stream, patience_s=0).total == 0
    relayed(database_url, stream)
    assert told(stream) == ["e-first", "e-after-first", "e-second", "e-after-second"]


def test_entries_are_told_as_they_were_posted_and_holds_and_refusals_are_not(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        books = PostgresLedger(connection)
        books.post(a_purchase())
        books.hold(a_claim("25.00", "a-1"))
        books.post_hold("F12a:a-1", presumed_paid("25.00", "a-1"))
        books.hold(a_claim("25.00", "a-2"))
        books.void_hold("F12a:a-2", at=NOON, reason="declined")
        books.hold(a_claim("99.00", "a-3"))
        books.reverse("F02:o-1", value_date=NOON.date(), occurred_at=NOON, recorded_at=NOON, reason="misapplied")
        known = {
            entry.journal.entry_id: entry
            for entry in books.entries(correlation={"plan_id": "p-1"})
            if entry.act is not Act.HOLD
        }
    stream = MemoryStream()

    report = relayed(database_url, stream)

    bodies = {body["entry_id"]: body for body in (json.loads(event.body) for event in stream.events)}
    assert report.published == {"ledger_entry.v1": len(known)}
    assert list(bodies) == list(known)
    for entry_id, entry in known.items():
        assert json.loads(bodies[entry_id]["transfers"]) == [
            {
                "debit": transfer.debit,
                "credit": transfer.credit,
                "minor": transfer.amount.minor,
                "currency": transfer.amount.currency.value,
            }
            for transfer in entry.journal.transfers
        ]
        assert bodies[entry_id]["sequence"] == entry.position
    assert {event.account_id for event in stream.events} == {"p-1"}


def test_writers_that_end_in_any_order_under_two_relays_lose_nothing_and_keep_the_order(database_url: str) -> None:
    stream = MemoryStream()
    kept: set[str] = set()
    done = threading.Event()

    def writer(number: int) -> None:
        chance = random.Random(number)
        for batch in range(12):
            facts = [a_fact(f"{number}-{batch}-{part}", chance.choice(KEYS)) for part in range(chance.randint(1, 6))]
            with psycopg.connect(database_url) as connection:
                books = PostgresLedger(connection)
                for each in facts:
                    append_all(connection, [each])
                    time.sleep(chance.random() * 0.01)
                entry = a_purchase(key=f"{number}-{batch}", correlation={"plan_id": chance.choice(KEYS)})
                books.post(entry)
                if chance.random() < 0.25:
                    connection.rollback()
                else:
                    kept.update(each.event_id for each in facts)
                    kept.add(f"ledger:{entry.entry_id}")

    def relays() -> None:
        while not done.is_set():
            relayed(database_url, stream, page=9)

    with ThreadPoolExecutor() as threads:
        both = [threads.submit(relays) for _ in range(2)]
        for each in [threads.submit(writer, number) for number in range(6)]:
            each.result(timeout=120)
        done.set()
        for each in both:
            each.result(timeout=120)
    relayed(database_url, stream)

    assert Counter(told(stream)) == dict.fromkeys(kept, 1), "without a crash each is told once"
    bodies = [json.loads(event.body) for event in stream.events]
    for log in ("ledger_entry.v1", "plan_event.v1"):
        positions = first_told(body for body in bodies if body["event_type"] == log)
        assert set(positions) == set(KEYS)
        assert all(found == sorted(found) for found in positions.values())


def test_a_relay_killed_between_the_stream_and_its_mark_tells_again_and_loses_nothing(
    database_url: str, tmp_path: Path
) -> None:
    numbers = random.Random(5)
    keys = {number: numbers.choice(KEYS) for number in range(60)}
    write(database_url, *(a_fact(number, key) for number, key in keys.items()))
    file = tmp_path / "stream"

    ends = []
    for puts in (1, 4, 2, 9, 3, 1_000):
        program = [sys.executable, str(KILLED), database_url, str(file), str(puts)]
        ends.append(subprocess.run(program, check=False, cwd=CHECKOUT, env={"PYTHONPATH": str(CHECKOUT)}).returncode)

    assert ends == [-signal.SIGKILL] * 5 + [0]
    bodies = [json.loads(line) for line in file.read_text().splitlines()]
    assert {body["event_id"] for body in bodies} == {f"e-{number}" for number in keys}
    assert len(bodies) > len(keys), "a page was told again"
    positions = first_told(bodies)
    assert all(found == sorted(found) for found in positions.values())
    with relaying(database_url) as logs:
        assert logs.progress(OUTBOX).position == 60


def test_a_stream_that_gives_up_in_the_midst_is_told_the_page_again(database_url: str) -> None:
    write(database_url, *(a_fact(number, KEYS[number % 5]) for number in range(20)))
    stream = MemoryStream()

    class Failing(MemoryStream):
        def put(self, batch: list[CanonicalEvent]) -> int:
            if len(stream.events) >= 12:
                raise StreamFault("it refused 5 events 20 times")
            return stream.put(batch)

    with pytest.raises(StreamFault):
        relayed(database_url, Failing(), page=10)
    assert relayed(database_url, stream, page=10).published == {"plan_event.v1": 10}
    assert set(told(stream)) == {f"e-{number}" for number in range(20)}
    assert all(
        found == sorted(found) for found in first_told(json.loads(event.body) for event in stream.events).values()
    )


def test_a_relay_that_lost_its_turn_marks_nothing(database_url: str) -> None:
    write(database_url, a_fact(1), a_fact(2))
    with relaying(database_url) as logs:
        logs.mark(OUTBOX, after=0, position=1)
        with pytest.raises(OvertakenRelay, match="moved the outbox on from position 0"):
            logs.mark(OUTBOX, after=0, position=2)
        assert logs.progress(OUTBOX).position == 1
        assert logs.progress(JOURNAL).position == 0


def test_how_far_it_is_published_never_goes_back(connection: psycopg.Connection[Any]) -> None:
    connection.execute("UPDATE ledger.relay_positions SET position = 5")
    connection.commit()
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="does not go back to 4"):
        connection.execute("UPDATE ledger.relay_positions SET position = 4")
    connection.rollback()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("DELETE FROM ledger.relay_positions")


@given(keys=st.lists(st.sampled_from("abcde"), max_size=60))
def test_a_batch_has_a_key_once_and_a_key_keeps_its_order(keys: Sequence[str]) -> None:
    facts = [Written(position, f"e-{position}", "t", key, b"{}") for position, key in enumerate(keys)]

    put = list(put_in_order(facts))

    assert all(len({event.account_id for event in batch}) == len(batch) for batch in put)
    events = [event for batch in put for event in batch]
    for key in set(keys):
        assert [event.event_id for event in events if event.account_id == key] == [
            fact.event_id for fact in facts if fact.key == key
        ]
    assert len(events) == len(facts)


def test_on_kinesis_a_plans_facts_lie_in_one_shard_in_their_order(
    database_url: str,
    lake_environment: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in {**lake_environment, "TRANCHE_DATABASE_URL": database_url}.items():
        monkeypatch.setenv(name, value)
    write(database_url, *(a_fact(number, KEYS[number % 5]) for number in range(40)))

    acts_of("pipelines")(["relay", "--json"])

    assert json.loads(capsys.readouterr().out)["published"] == {"plan_event.v1": 40}
    settings = Settings.from_environment()
    stream = KinesisStream(client(settings), settings.stream, time.sleep)
    shards = [
        [json.loads(body) for page in stream.read(shard, Position(), 2**53) for body in page.bodies]
        for shard in stream.shards()
    ]
    found = [first_told(bodies) for bodies in shards]
    assert sorted(key for keys in found for key in keys) == KEYS, "a key lies in one shard"
    assert all(positions == sorted(positions) for keys in found for positions in keys.values())
    assert sum(len(bodies) for bodies in shards) == 40
    acts_of("pipelines")(["relay"])
    assert "published 0 facts" in capsys.readouterr().out
