"""Rows that a table gained since a watermark, by pyiceberg over a real catalogue and bucket, without a JVM."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.table import Table

from features.postgres import vector_store
from features.publication import Watermark
from pipelines.lake.iceberg import catalog, table_name
from pipelines.lake.iceberg_changes import IcebergChanges
from pipelines.settings import Settings
from tests.command_line import acts_of
from tests.pipelines.vectors.test_refresh_features import DAY, EVENTS, START, a_booking, arrow

main = acts_of("pipelines")

NAME = "curated.bank_transactions"


@pytest.fixture
def grown(lake_environment: Mapping[str, str]) -> Iterator[tuple[IcebergChanges, Table]]:
    settings = Settings.from_environment(lake_environment)
    lake = catalog(settings)
    table = lake.create_table(table_name(settings, NAME), schema=rows("a").schema)
    yield IcebergChanges(settings), table
    lake.drop_table(table_name(settings, NAME))


def rows(*accounts: str) -> pa.Table:
    return pa.table({"account_id": pa.array(accounts), "amount_minor": pa.array([1] * len(accounts), pa.int64())})


def test_those_are_touched_whose_rows_came_after_the_mark(grown: tuple[IcebergChanges, Table]) -> None:
    lake, table = grown
    assert lake.mark(NAME) is None
    assert lake.mark("curated.never_written") is None
    marks: list[Watermark] = []
    for accounts in (("a", "b"), ("b", "c"), ("d",)):
        table.append(rows(*accounts))
        mark = lake.mark(NAME)
        assert mark is not None
        marks.append(mark)

    assert [mark.sequence for mark in marks] == sorted({mark.sequence for mark in marks})
    assert lake.mark(NAME, marks[1].snapshot_id) == marks[1]
    assert lake.touched(NAME, "account_id", marks[0], marks[2]) == {"b", "c", "d"}
    assert lake.touched(NAME, "account_id", marks[1], marks[2]) == {"d"}
    assert lake.touched(NAME, "account_id", marks[2], marks[2]) == set()
    assert lake.touched(NAME, "account_id", None, marks[1]) == {"a", "b", "c"}
    forgotten = Watermark(12345, 1)
    assert lake.touched(NAME, "account_id", forgotten, marks[2]) == {"a", "b", "c", "d"}

    found = lake.rows(NAME, ("account_id", "amount_minor"), "account_id", ["b", "d", "nobody"], marks[1])
    assert sorted(found["account_id"].to_pylist()) == ["b", "b"]
    assert lake.rows(NAME, ("account_id",), "account_id", [], marks[2]).num_rows == 0


def test_one_command_refreshes_what_a_real_lake_gained(
    lake_environment: Mapping[str, str],
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in {**lake_environment, "TRANCHE_DATABASE_URL": database_url}.items():
        monkeypatch.setenv(name, value)
    settings = Settings.from_environment(lake_environment)
    table = catalog(settings).create_table(table_name(settings, NAME), schema=EVENTS)

    def refreshed(at: str) -> dict[str, Any]:
        main(["refresh-features", "--as-of", at, "--json"])
        told: dict[str, Any] = json.loads(capsys.readouterr().out)["feature_sets"][0]
        return told

    table.append(arrow([a_booking("a", 1), a_booking("b", 1)]))
    first = refreshed("1995-01-05T12:00:00")
    table.append(arrow([a_booking("b", 2)]))
    second, third = refreshed("1995-01-06T12:00:00"), refreshed("1995-01-07")

    assert [each["touched"] for each in (first, second, third)] == [2, 1, 0]
    assert [each["changed"] for each in (first, second, third)] == [2, 1, 0]
    assert (third["version"], second["known_until"]) == (second["version"], "1995-01-02T00:00:00+00:00")
    with vector_store(database_url) as store:
        vector = store.latest("b", second["feature_set_digest"], START + 9 * DAY)
    assert vector is not None
    assert (vector.values["events_ever"], vector.as_of) == (2, START + 5.5 * DAY)
