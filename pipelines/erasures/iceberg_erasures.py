"""The erasure record and the legal holds as tables of the lake; written without Spark, because they are small."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

import pyarrow as pa
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.expressions import And, EqualTo, Reference
from pyiceberg.expressions.literals import literal
from pyiceberg.table import Table

from pipelines.erasures.erasures import TABLE, ErasureEntry, ErasureState
from pipelines.lake.iceberg import catalog, table_name
from pipelines.settings import Settings

HOLDS = "raw.legal_holds"
_MOMENT = pa.timestamp("us", tz="UTC")
_LINES = pa.schema(
    [
        ("case_id", pa.string()),
        ("subject", pa.string()),
        ("state", pa.string()),
        ("at", _MOMENT),
        ("table", pa.string()),
        ("ref", pa.string()),
        ("rows", pa.int64()),
        ("snapshot_before", pa.int64()),
        ("snapshot_after", pa.int64()),
    ]
)
_HOLDS = pa.schema([("case_id", pa.string()), ("shopper_id", pa.string()), ("since", _MOMENT)])


class IcebergErasures:
    """A `Record` in the table `raw.erasures`, which is created with the first line.

    The table is read once: an act sees the lines that existed when it began and those it wrote itself.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._catalog = catalog(settings)
        self._known: list[ErasureEntry] | None = None

    def lines(self) -> list[ErasureEntry]:
        if self._known is None:
            table = _found(self._catalog, self._settings, TABLE)
            rows = [] if table is None else table.scan().to_arrow().to_pylist()
            self._known = sorted(
                (ErasureEntry(**{**row, "state": ErasureState(row["state"])}) for row in rows), key=lambda line: line.at
            )
        return list(self._known)

    def write(self, lines: Iterable[ErasureEntry]) -> None:
        new = list(lines)
        if not new:
            return
        rows = [asdict(line) | {"state": str(line.state)} for line in new]
        known = self.lines()
        _made(self._catalog, self._settings, TABLE, _LINES).append(pa.Table.from_pylist(rows, schema=_LINES))
        self._known = [*known, *new]


class IcebergHolds:
    """Legal holds, table `raw.legal_holds`: neither erasure nor retention removes data of a shopper under a hold."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._catalog = catalog(settings)

    def standing(self) -> dict[str, str]:
        """The holds in force: the case of each shopper under a hold."""
        table = _found(self._catalog, self._settings, HOLDS)
        rows = [] if table is None else table.scan().to_arrow().to_pylist()
        return {row["shopper_id"]: row["case_id"] for row in rows}

    def put(self, case_id: str, shopper_id: str, since: datetime) -> bool:
        """Put a hold on a shopper; False if this case has one already."""
        table = _made(self._catalog, self._settings, HOLDS, _HOLDS)
        if table.scan(row_filter=_hold(case_id, shopper_id)).count():
            return False
        row: dict[str, Any] = {"case_id": case_id, "shopper_id": shopper_id, "since": since}
        table.append(pa.Table.from_pylist([row], schema=_HOLDS))
        return True

    def release(self, case_id: str, shopper_id: str) -> bool:
        """End this case's hold; False if there is none."""
        table = _found(self._catalog, self._settings, HOLDS)
        if table is None or not table.scan(row_filter=_hold(case_id, shopper_id)).count():
            return False
        table.delete(_hold(case_id, shopper_id))
        return True


def _hold(case_id: str, shopper_id: str) -> And:
    return And(
        EqualTo(term=Reference("case_id"), value=literal(case_id)),
        EqualTo(term=Reference("shopper_id"), value=literal(shopper_id)),
    )


def _found(lake: Catalog, settings: Settings, name: str) -> Table | None:
    try:
        return lake.load_table(table_name(settings, name))
    except NoSuchTableError:
        return None


def _made(lake: Catalog, settings: Settings, name: str, schema: pa.Schema) -> Table:
    return lake.create_table_if_not_exists(table_name(settings, name), schema=schema)
