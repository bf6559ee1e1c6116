"""ServedSet: one feature set as publishing and refreshing know it: its table, its columns, its sources, its engine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from features.as_of import EVENT_COLUMNS
from features.batch import VectorBatch, batch_of
from features.catalog import LAKE_FEATURES, feature_set_digest

BANK_TRANSACTIONS = "curated.bank_transactions"


@dataclass(frozen=True, slots=True)
class SourceTable:
    """A curated table that features are computed from: whose events they are, and the columns that are read of it."""

    table: str
    key: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ServedSet:
    """The features of one entity: `key` names it in its `table`, where each of `names` is a column.

    `snapshots` tells the lake's table behind each column of snapshot ids, `observed` the source behind each column of
    newest events. `compute` makes rows of `table` from moments and events, without a JVM.
    """

    entity: str
    table: str
    key: str
    digest: str
    names: tuple[str, ...]
    sources: tuple[SourceTable, ...]
    snapshots: Mapping[str, str]
    observed: Mapping[str, str]
    compute: Callable[[Any, Mapping[str, Any]], Any]

    @property
    def columns(self) -> tuple[str, ...]:
        """What publishing reads of the table."""
        return (self.key, "as_of", "observed_until", *self.snapshots, *self.observed, *self.names)

    def batch(self, rows: Any) -> VectorBatch:
        """Rows of the table as vectors."""
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
def served_sets() -> Mapping[str, ServedSet]:
    """Every feature set that is served, by entity."""
    from pipelines.duckdb_vectors import compute

    applicant = ServedSet(
        entity="applicant",
        table="features.applicant",
        key="account_id",
        digest=feature_set_digest(),
        names=tuple(feature.name for feature in LAKE_FEATURES),
        sources=(SourceTable(BANK_TRANSACTIONS, "account_id", ("account_id", *EVENT_COLUMNS)),),
        snapshots={"bank_transactions_snapshot_id": BANK_TRANSACTIONS},
        observed={},
        compute=compute,
    )
    return {applicant.entity: applicant}
