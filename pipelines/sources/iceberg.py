"""Store refused rows in the lake's table `raw.source_rejects`; without Spark, because they are few."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pyarrow as pa
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.table import Table

from pipelines.lake.iceberg import catalog, table_name
from pipelines.settings import Settings
from pipelines.sources.source import Reject

TABLE = "raw.source_rejects"
_SCHEMA = pa.schema(
    [
        ("reject_id", pa.string()),
        ("source", pa.string()),
        ("file", pa.string()),
        ("file_sha256", pa.string()),
        ("line", pa.int64()),
        ("reason", pa.string()),
        ("payload", pa.string()),
        ("first_seen", pa.timestamp("us", tz="UTC")),
    ]
)


class IcebergRejects:
    """The table of rejects of one lake."""

    def __init__(self, settings: Settings, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._now = now

    def add(self, rejects: tuple[Reject, ...]) -> int:
        """See `publish.Refused`. Creates the table with the first refused row."""
        if not rejects:
            return 0
        table = self._table(catalog(self._settings))
        known = set(table.scan(selected_fields=("reject_id",)).to_arrow().column("reject_id").to_pylist())
        news = {reject.reject_id: reject for reject in rejects if reject.reject_id not in known}
        if news:
            at = self._now().astimezone(UTC)
            table.append(pa.Table.from_pylist([_row(reject, at) for reject in news.values()], schema=_SCHEMA))
        return len(news)

    def _table(self, lake: Catalog) -> Table:
        name = table_name(self._settings, TABLE)
        try:
            return lake.load_table(name)
        except NoSuchTableError:
            return lake.create_table_if_not_exists(name, schema=_SCHEMA)


def _row(reject: Reject, at: datetime) -> dict[str, object]:
    return {
        "reject_id": reject.reject_id,
        "source": reject.source,
        "file": reject.file,
        "file_sha256": reject.file_sha256,
        "line": reject.line,
        "reason": reject.reason,
        "payload": reject.payload,
        "first_seen": at,
    }
