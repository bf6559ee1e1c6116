"""Source: a curated table whose events features are computed from, and how its events are ordered."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from features.measure import Measure

ColumnType = Literal["string", "bigint", "date", "timestamp"]

ENVELOPE: dict[str, ColumnType] = {"event_id": "string", "occurred_at": "timestamp", "recorded_at": "timestamp"}


@dataclass(frozen=True, slots=True, eq=False)
class FeatureSource:
    """Events of one kind about one entity: `key` is the entity's column, `measures` are aggregates of them.

    `columns` are those that measures read beside the envelope. `sequence` is the producer's own order if it has one: it
    decides the order within one instant, and a later record of the same event wins. `complete` says that an event
    that is not in the table did not happen; this is true of our own facts and not of a bank's data. `by_days` stores
    parts of each day, so that the next build reads only days that gained events.
    """

    name: str
    table: str
    key: str
    columns: Mapping[str, ColumnType]
    measures: Mapping[str, Measure]
    sequenced: bool = True
    complete: bool = True
    by_days: bool = False

    @property
    def order(self) -> tuple[str, ...]:
        """The columns that break ties, in turn; the greatest is the newest."""
        return ("occurred_at", *(["sequence"] if self.sequenced else []), "recorded_at", "event_id")

    @property
    def read_columns(self) -> dict[str, ColumnType]:
        """Every column that a build reads, with its type; the table may have more."""
        sequence: dict[str, ColumnType] = {"sequence": "bigint"} if self.sequenced else {}
        return {self.key: "string", **ENVELOPE, **sequence, **self.columns}

    @property
    def horizon(self) -> int | None:
        """The longest window of any measure in days; None if a measure reads the whole history."""
        days = [measure.within for measure in self.measures.values()]
        return None if None in days else max(day for day in days if day is not None)

    @property
    def bounds(self) -> tuple[int, ...]:
        """The ages in days, ascending, at which any measure's window begins or ends."""
        ends = {measure.within for measure in self.measures.values()} | {m.beyond for m in self.measures.values()}
        return tuple(sorted(bound for bound in ends if bound))
