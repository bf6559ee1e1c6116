"""Act: curated → feature tables, one row for each application at its moment and for each entity at given days.

Building the same moments again from the same snapshots writes nothing; any other build replaces the rows of its moments
and leaves the others. The schedule uses Spark, which scales out; DuckDB builds the same rows from the same definitions
without a JVM.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import TYPE_CHECKING, Literal

from features.catalog import APPLICANT, FeatureSet, feature_set_digest
from pipelines.lake.table import Snapshot, Tables, the_newest
from pipelines.settings import Settings
from pipelines.vectors.feature_engine import BANK_TRANSACTIONS, EMPTY, VECTORS, Engine, Increment, VectorRequest
from pipelines.vectors.feature_moments import APPLICATIONS, REGISTERS
from terminal.fault import Fault

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

REQUIRED = {"applicant": (BANK_TRANSACTIONS, APPLICATIONS), "merchant": ()}
# The note of a build in the snapshot that it commits, in addition to those of its engine.
BUILD = "tranche.build"

EngineName = Literal["spark", "duckdb"]


class NotMidnight(Fault):
    """Raised for an increment at a time other than midnight, because it is built from sums of whole days."""

    def __init__(self, moment: datetime) -> None:
        super().__init__(f"{moment.isoformat()} is no midnight in UTC: an increment is built from whole days")


@dataclass(frozen=True, slots=True)
class Build:
    """The result of a build: `vectors` rows, of which `empty` have no event of the first source.

    `written` is False if the same build existed already.
    """

    vectors: int
    empty: int
    features: int
    feature_set_digest: str
    inputs: dict[str, int]
    snapshot_id: int
    written: bool
    entity: str = "applicant"
    increments: tuple[Increment, ...] = ()


def build_features(
    spark: SparkSession | None,
    tables: Tables,
    settings: Settings,
    as_of: Sequence[datetime] = (),
    *,
    of: FeatureSet = APPLICANT,
    engine: EngineName = "spark",
    increment: bool = False,
) -> Build:
    """Compute the lake features at every application's moment, and of all entities known at each of `as_of` (UTC).

    With `increment`, only those at `as_of`, which must be midnights, reading only days that gained events. Only the
    engine `spark` needs a session. Raises MissingTable before the first curation.
    """
    for moment in as_of if increment else ():
        if moment.timetz().replace(tzinfo=None) != time(0):
            raise NotMidnight(moment)
    read = _read(tables, of)
    inputs = {table: snapshot.snapshot_id for table, snapshot in read.items()}
    identity = {
        "digest": feature_set_digest(of.entity),
        # Compaction makes a new snapshot with the same rows.
        "inputs": {table: snapshot.rows_of for table, snapshot in read.items()},
        "as_of": sorted({moment.isoformat() for moment in as_of}),
        "increment": increment,
    }
    build = json.dumps(identity, sort_keys=True)
    standing = tables.newest(of.table)
    if standing is not None and standing.summary.get(BUILD) == build:
        return _report(of, standing, inputs, written=False)
    request = VectorRequest(of, inputs, tuple(sorted(set(as_of))), increment)
    increments = _engine(engine, spark, tables, settings).build(request, {BUILD: build})
    return _report(of, the_newest(tables, of.table), inputs, written=True, increments=increments)


def _engine(name: EngineName, spark: SparkSession | None, tables: Tables, settings: Settings) -> Engine:
    if name == "spark":
        from pipelines.vectors.spark_features import SparkFeatures

        assert spark is not None, "the engine spark works in a session"
        return SparkFeatures(spark, tables, settings)
    from pipelines.vectors.iceberg_features import IcebergFeatures

    return IcebergFeatures(tables, settings)


def _read(tables: Tables, of: FeatureSet) -> dict[str, Snapshot]:
    register = REGISTERS[of.entity]
    required = {*REQUIRED[of.entity], *([register.table] if register.required else [])}
    wanted = dict.fromkeys([*(source.table for source in of.sources), APPLICATIONS, register.table])
    read = {}
    for table in wanted:
        snapshot = the_newest(tables, table) if table in required else tables.newest(table)
        if snapshot is not None:
            read[table] = snapshot
    return read


def _report(
    of: FeatureSet,
    snapshot: Snapshot,
    inputs: dict[str, int],
    *,
    written: bool,
    increments: tuple[Increment, ...] = (),
) -> Build:
    return Build(
        vectors=int(snapshot.summary[VECTORS]),
        empty=int(snapshot.summary[EMPTY]),
        features=len(of.lake),
        feature_set_digest=feature_set_digest(of.entity),
        inputs=inputs,
        snapshot_id=snapshot.snapshot_id,
        written=written,
        entity=of.entity,
        increments=increments,
    )
