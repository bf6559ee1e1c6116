"""The description of a feature set for publishing and refreshing: its table, columns, sources and engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

from features.batch import VectorBatch, batch_of
from features.catalog import FEATURE_SETS, FeatureSet, feature_set_digest
from pipelines.vectors.feature_moments import REGISTERS

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class SourceTable:
    """A curated table from which features are computed: the entity of its events, and the columns read."""

    name: str
    table: str
    key: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PublishedVectors:
    """The features of one entity: the first of `keys` identifies it in `table`, where each of `names` is a column.

    A source may use another of the keys; the table `register` then says which keys belong together. `snapshots` maps
    each column of snapshot ids to its table in the lake, or is the single column that has them all as JSON; `observed`
    maps each column of newest events to its source. `compute` makes rows of `table` from moments and from events by
    source, without a JVM.
    """

    entity: str
    table: str
    keys: tuple[str, ...]
    register: str | None
    digest: str
    names: tuple[str, ...]
    sources: tuple[SourceTable, ...]
    snapshots: Mapping[str, str] | str
    observed: Mapping[str, str]
    compute: Callable[[pa.Table, Mapping[str, pa.Table]], pa.Table]

    @property
    def key(self) -> str:
        return self.keys[0]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that publishing reads from the table."""
        snapshots = (self.snapshots,) if isinstance(self.snapshots, str) else tuple(self.snapshots)
        return (self.key, "as_of", "observed_until", *snapshots, *self.observed, *self.names)

    def with_snapshots(self, rows: pa.Table, ids: Mapping[str, int]) -> pa.Table:
        """Add the columns with the snapshots that rows were computed from, as a build writes them."""
        import pyarrow as pa

        if isinstance(self.snapshots, str):
            as_json = pa.array([json.dumps(dict(ids), sort_keys=True)] * rows.num_rows, pa.string())
            return rows.append_column(self.snapshots, as_json)
        for column, table in self.snapshots.items():
            rows = rows.append_column(column, pa.array([ids.get(table)] * rows.num_rows, pa.int64()))
        return rows

    def batch(self, rows: pa.Table) -> VectorBatch:
        """Convert rows of the table to vectors."""
        return batch_of(
            rows,
            digest=self.digest,
            entity=self.entity,
            key=self.key,
            names=self.names,
            snapshots=self.snapshots,
            observed=self.observed,
        )


@cache
def published_vectors() -> Mapping[str, PublishedVectors]:
    """Every feature set that is served, by entity."""
    return {entity: _served(of) for entity, of in FEATURE_SETS.items()}


def _served(of: FeatureSet) -> PublishedVectors:
    from features.duckdb import compute

    return PublishedVectors(
        entity=of.entity,
        table=of.table,
        keys=of.keys,
        register=REGISTERS[of.entity].table,
        digest=feature_set_digest(of.entity),
        names=tuple(feature.name for feature in of.lake),
        sources=tuple(SourceTable(each.name, each.table, each.key, tuple(each.read_columns)) for each in of.sources),
        snapshots="snapshot_ids",
        observed={f"{each.name}_until": each.name for each in of.sources},
        compute=partial(compute, of),
    )
