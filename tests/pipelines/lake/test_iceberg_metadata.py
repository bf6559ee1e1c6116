"""A table's metadata file is read once, and again only when the table points to another one."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pytest

from pipelines.lake import iceberg
from pipelines.lake.iceberg import all_metadata, catalog, metadata, namespace, table_name
from pipelines.settings import Settings


def test_a_commit_is_seen_and_an_unchanged_table_is_not_read_again(
    lake_environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.from_environment(lake_environment)
    lake, name = catalog(settings), table_name(settings, "raw.seen")
    assert metadata(lake, name) is None
    assert all_metadata(lake, "nowhere") == {}

    table = lake.create_table(name, schema=pa.schema([("at", pa.int64())]))
    empty = metadata(lake, name)
    table.append(pa.table({"at": [1]}))
    filled = metadata(lake, name)

    assert empty is not None
    assert filled is not None
    assert empty.current_snapshot_id is None
    assert filled.current_snapshot_id is not None
    monkeypatch.setattr(iceberg, "StaticTable", None)
    assert metadata(lake, name) is filled
    assert all_metadata(lake, namespace(settings, "raw"))["seen"] is filled
