"""One behaviour for every way of reading the lake without Spark."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from pipelines.lake.iceberg import IcebergTables, catalog, create_namespaces, table_name
from pipelines.lake.memory import MemoryTables
from pipelines.lake.table import MissingTable, Tables, the_newest
from pipelines.settings import Settings

NAME = "curated.seen"
MOMENT = datetime(1996, 1, 1, 12, 30, 0, 1, tzinfo=UTC)
ROWS = pa.table(
    {
        "account_id": ["1", "2", "3"],
        "purpose": ["household", "loan_instalment", "loan_instalment"],
        "direction": ["debit", "debit", "credit"],
        "amount_minor": [1, 2**53 + 1, 3],
        "occurred_at": pa.array([MOMENT] * 3, pa.timestamp("us", tz="UTC")),
    }
)


@pytest.fixture(params=["memory", "iceberg"])
def lake(request: pytest.FixtureRequest) -> tuple[Tables, Callable[[Any, Mapping[str, str]], object]]:
    """An empty lake, and how a test replaces its table's rows."""
    if request.param == "memory":
        tables = MemoryTables()
        return tables, lambda rows, notes: tables.write(NAME, rows, notes)
    settings = Settings.from_environment(request.getfixturevalue("lake_environment"))
    create_namespaces(settings)
    glue = catalog(settings)
    if glue.table_exists(table_name(settings, NAME)):
        glue.drop_table(table_name(settings, NAME))

    def write(rows: Any, notes: Mapping[str, str]) -> None:
        table = glue.create_table_if_not_exists(table_name(settings, NAME), rows.schema)
        put = table.append if table.current_snapshot() is None else table.overwrite
        put(rows, snapshot_properties=dict(notes))

    return IcebergTables(settings), write


def test_a_table_that_was_never_written_has_no_snapshot_and_the_act_that_writes_it_is_named(lake: Any) -> None:
    tables, _ = lake

    assert tables.newest(NAME) is None
    with pytest.raises(MissingTable, match=r"curated\.seen holds nothing yet; run `tranche pipelines curate` first"):
        the_newest(tables, NAME)


def test_the_newest_snapshot_carries_its_writers_notes(lake: Any) -> None:
    tables, write = lake
    write(ROWS, {"tranche.note": "first"})
    first = tables.newest(NAME)
    write(ROWS.slice(0, 1), {"tranche.note": "second"})

    newest = tables.newest(NAME)

    assert newest.summary["tranche.note"] == "second"
    assert newest.snapshot_id != first.snapshot_id


def test_rows_are_read_by_value_and_at_a_snapshot(lake: Any) -> None:
    tables, write = lake
    write(ROWS, {})
    first = tables.newest(NAME)
    write(ROWS.slice(0, 1), {})

    repayments = {"purpose": "loan_instalment", "direction": "debit"}
    rows = tables.read(NAME, ["amount_minor", "occurred_at"], snapshot_id=first.snapshot_id, equal=repayments)

    assert rows.to_pylist() == [{"amount_minor": 2**53 + 1, "occurred_at": MOMENT}]
    assert tables.read(NAME, ["account_id"], snapshot_id=first.snapshot_id, equal={}).num_rows == 3
