"""Source: a curated table whose events features are computed from, and how its events are ordered."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from features.measure import Aggregate, Measure

ColumnType = Literal["string", "bigint", "date", "timestamp"]

_RANGE: tuple[Aggregate, Aggregate] = ("min", "max")
ENVELOPE: dict[str, ColumnType] = {"event_id": "string", "occurred_at": "timestamp", "recorded_at": "timestamp"}


@dataclass(frozen=True, slots=True, eq=False)
class FeatureSource:
    """Events of one kind about one entity: `key` is the entity's column, `measures` are aggregates of them.

    `columns` are those that measures read beside the envelope. `sequence` is the producer's own order if it has one: it
    decides the order within one instant, and a later record of the same event wins. `complete` says that an event
    that is not in the table did not happen; this is true of our own facts and not of a bank's data. `by_days` stores
    parts of each day, so that the next build reads only days that gained events. `currency` is the column that names
    the currency of the amounts; empty where all events of an entity have the same, as those of a bank account have.
    """

    name: str
    table: str
    key: str
    columns: Mapping[str, ColumnType]
    measures: Mapping[str, Measure]
    sequenced: bool = True
    complete: bool = True
    by_days: bool = False
    currency: str = ""

    @property
    def order(self) -> tuple[str, ...]:
        """The columns that break ties, in turn; the greatest is the newest."""
        return ("occurred_at", *(["sequence"] if self.sequenced else []), "recorded_at", "event_id")

    @property
    def read_columns(self) -> dict[str, ColumnType]:
        """Every column that a build reads, with its type; the table may have more."""
        sequence: dict[str, ColumnType] = {"sequence": "bigint"} if self.sequenced else {}
        currency: dict[str, ColumnType] = {self.currency: "string"} if self.currency else {}
        return {self.key: "string", **ENVELOPE, **sequence, **self.columns, **currency}

    @property
    def currencies(self) -> Mapping[str, Measure]:
        """The least and the greatest currency of each window over which amounts are aggregated, by name.

        They differ where the window has events in several currencies.
        """
        if not self.currency:
            return {}
        return {
            name: Measure(aggregate, self.currency, within=each.within, beyond=each.beyond)
            for each in self.measures.values()
            if each.of_money
            for name, aggregate in zip(self.currency_range(each), _RANGE, strict=True)
        }

    def currency_range(self, measure: Measure) -> tuple[str, str]:
        """The names of the two in `currencies` for a measure's window."""
        window = f"{measure.beyond}_to_{'ever' if measure.within is None else measure.within}"
        return f"{self.name}_least_currency_{window}", f"{self.name}_greatest_currency_{window}"

    @property
    def computed(self) -> Mapping[str, Measure]:
        """Every measure that a build computes: the declared ones, and those that tell whether amounts add up."""
        return {**self.measures, **self.currencies}

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
