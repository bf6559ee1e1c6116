"""Publishing puts a source on the stream and its refused rows in the lake, each once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.ingest.publish import publish
from pipelines.lake.iceberg import catalog, table_name
from pipelines.settings import Settings
from pipelines.sources.berka import Berka
from pipelines.sources.iceberg import IcebergRejects
from pipelines.sources.memory import MemoryRejects
from pipelines.sources.source import SourceFault
from pipelines.streams.kinesis import KinesisStream, client
from pipelines.streams.memory import MemoryStream
from pipelines.streams.stream import StreamFault
from tests.pipelines.sources.berka_folder import ROWS, a_berka_folder

BAD_ROW = '9;1;950431;"PRIJEM";"";1.00;1.00;"";;'


def test_everything_is_published_and_counted_by_type(tmp_path: Path) -> None:
    stream, told = MemoryStream(), []

    report = publish(
        Berka(a_berka_folder(tmp_path)),
        stream,
        MemoryRejects(),
        seconds=iter([10.0, 12.5]).__next__,
        progress=lambda done, of: told.append((done, of)),
    )

    assert report.published == Counter(event.event_type for event in stream.events)
    assert (report.total, report.refused_at_source, report.sent_again, report.seconds) == (12, 0, 0, 2.5)
    assert told == [(0, 12), (12, 12)]


def test_a_refused_row_does_not_hold_up_the_rest(tmp_path: Path) -> None:
    stream, refused = MemoryStream(), MemoryRejects()
    source = Berka(a_berka_folder(tmp_path, trans=[*ROWS["trans"], BAD_ROW]))

    first = publish(source, stream, refused, seconds=time.monotonic)
    second = publish(source, stream, refused, seconds=time.monotonic)

    assert (first.refused_at_source, first.newly_refused, first.total) == (1, 1, 12)
    assert (second.refused_at_source, second.newly_refused) == (1, 0)


def test_a_fault_of_the_source_comes_before_the_first_put(tmp_path: Path) -> None:
    stream = MemoryStream()
    folder = a_berka_folder(tmp_path)
    (folder / "trans.asc").write_bytes((folder / "trans.asc").read_bytes() + b"\xff\xff")

    with pytest.raises(SourceFault, match=r"trans\.asc: line 7"):
        publish(Berka(folder), stream, MemoryRejects(), seconds=time.monotonic)

    assert stream.events == []


def test_an_absent_stream_is_found_before_the_source_is_read(
    tmp_path: Path, lake_environment: Mapping[str, str]
) -> None:
    settings = Settings.from_environment({**lake_environment, "TRANCHE_STREAM": "nowhere"})
    stream = KinesisStream(client(settings), settings.stream, time.sleep)

    with pytest.raises(StreamFault, match="no stream nowhere"):
        publish(Berka(tmp_path), stream, MemoryRejects(), seconds=time.monotonic)


def test_refused_rows_are_kept_once_in_the_lake_with_file_line_and_reason(
    tmp_path: Path, lake_environment: Mapping[str, str]
) -> None:
    settings = Settings.from_environment(lake_environment)
    stream = KinesisStream(client(settings), settings.stream, time.sleep)
    refused = IcebergRejects(settings, lambda: datetime(2026, 1, 1, tzinfo=UTC))
    source = Berka(a_berka_folder(tmp_path, trans=[*ROWS["trans"], BAD_ROW]))

    reports = [publish(source, stream, refused, seconds=time.monotonic) for _ in range(2)]

    assert [report.newly_refused for report in reports] == [1, 0]
    table = catalog(settings).load_table(table_name(settings, "raw.source_rejects"))
    (row,) = table.scan().to_arrow().to_pylist()
    assert (row["file"], row["line"], row["payload"]) == ("trans.asc", 7, BAD_ROW)
    assert row["reason"] == "date '950431' is not a day of the calendar"
