"""Every id of a producer's journal is found in the lake, or named as missing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pyarrow as pa
import pytest

from ledger.outbox import outbox
from pipelines.ingest.completeness import (
    MOST_NAMED,
    FileJournal,
    Sent,
    SentEventsFault,
    completeness,
    read_journal,
    read_outbox,
)
from pipelines.ingest.publish import publish
from pipelines.lake.memory import MemoryTables
from pipelines.sources.berka import Berka
from pipelines.sources.memory import MemoryRejects
from pipelines.streams.memory import MemoryStream
from tests.pipelines.sources.berka_folder import a_berka_folder

NINE = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
END = NINE + timedelta(hours=2)


def a_lake(accepted: list[str], quarantined: list[str]) -> MemoryTables:
    tables = MemoryTables()
    tables.write("raw.accounts", pa.table({"event_id": accepted}))
    tables.write("raw.quarantine", pa.table({"event_id": [*quarantined, None]}))
    tables.write("raw.batches", pa.table({"until": [int(END.timestamp() * 1000), 1]}))
    return tables


def sent(event_id: str, at: datetime = NINE) -> Sent:
    return Sent(event_id, "account.v1", at)


def test_an_id_is_accepted_quarantined_or_missing_hour_by_hour() -> None:
    journal = [sent("a"), sent("b"), sent("lost"), sent("c", NINE + timedelta(hours=1)), sent("a")]

    report = completeness(journal, a_lake(["a", "c"], ["b"]))

    assert [(hour.hour.hour, hour.put, hour.accepted, hour.quarantined, hour.missing) for hour in report.hours] == [
        (9, 3, 1, 1, 1),
        (10, 1, 1, 0, 0),
    ]
    assert [hour.rate for hour in report.hours] == ["66.66 %", "100.00 %"]
    assert (report.quarantined, report.missing, report.is_complete) == (("b",), ("lost",), False)


def test_one_missing_of_very_many_is_not_rounded_away() -> None:
    ids = [str(number) for number in range(30_000)]

    report = completeness(map(sent, ids), a_lake(ids[1:], []))

    assert (report.hours[0].rate, report.missing) == ("99.99 %", ("0",))


def test_what_was_put_since_the_newest_batch_ended_is_under_way_and_not_missing() -> None:
    report = completeness([sent("a", END - timedelta(microseconds=1)), sent("b", END)], a_lake(["a"], []))

    assert (report.is_complete, report.under_way) == (True, 1)
    assert completeness([sent("a")], MemoryTables()).under_way == 1


def test_the_first_missing_ids_are_named_and_all_are_counted() -> None:
    report = completeness([sent(f"{number:03}") for number in range(50)], a_lake([], []))

    assert report.missing == tuple(f"{number:03}" for number in range(MOST_NAMED))
    assert report.missing_count == 50


def test_publishing_notes_every_event_in_its_journal(tmp_path: Path) -> None:
    path, stream = tmp_path / "journals" / "berka.jsonl", MemoryStream()
    journal = FileJournal(path, lambda: NINE)
    source = Berka(a_berka_folder(tmp_path / "berka"))

    for _ in range(2):
        publish(source, stream, MemoryRejects(), journal=journal, seconds=lambda: 0.0)

    assert [each.event_id for each in read_journal(path)] == [event.event_id for event in stream.events]
    assert {each.put_at for each in read_journal(path)} == {NINE}


def test_a_broken_line_is_named_and_one_cut_short_at_the_end_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    line = '{"event_id": "a", "event_type": "account.v1", "put_at": "2026-03-02T09:30:00+00:00"}\n'
    path.write_text(line + '{"event_id": "b", "ev')
    assert list(read_journal(path)) == [sent("a")]

    path.write_text(line + "{}\n")
    with pytest.raises(SentEventsFault, match=r"journal\.jsonl: line 2: needs event_id"):
        list(read_journal(path))
    with pytest.raises(SentEventsFault, match=r"absent\.jsonl"):
        list(read_journal(tmp_path / "absent.jsonl"))


def test_the_outbox_is_a_journal(connection: psycopg.Connection[object]) -> None:
    fact = {"event_type": "plan_opened", "key": "p", "payload": {}, "occurred_at": NINE, "recorded_at": NINE}
    for event_id in ("second", "first"):
        outbox.append(connection, event_id=event_id, **fact)  # type: ignore[arg-type]  # one dictionary for both

    assert list(read_outbox(connection)) == [
        Sent("second", "plan_opened", NINE),
        Sent("first", "plan_opened", NINE),
    ]
