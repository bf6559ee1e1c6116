"""Act: curated → feature tables, one row for each application at its moment and for each account at each day asked for.

A second build of the same moments from the same snapshots writes nothing; any other updates the rows of its moments and
leaves those of other moments.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - the name everyone knows them by

from features.as_of import point_in_time_sql
from features.catalog import LAKE_FEATURES, feature_set_digest
from pipelines.lake.iceberg import spark_name
from pipelines.lake.spark import at_snapshot, have_table, noted
from pipelines.lake.table import Snapshot, Tables, the_newest
from pipelines.settings import Settings

APPLICANT = "features.applicant"
APPLICATIONS = "curated.credit_applications"
ACCOUNTS = "curated.accounts"
BANK_TRANSACTIONS = "curated.bank_transactions"
# What a build notes in the snapshot it commits.
BUILD, VECTORS, EMPTY = "tranche.build", "tranche.vectors", "tranche.empty"
KEY = ("account_id", "as_of")


@dataclass(frozen=True, slots=True)
class Build:
    """What was built: `vectors` rows for `moments` asked for, of which `empty` found no bank transaction.

    `written` is False when the same build stood there already.
    """

    vectors: int
    empty: int
    features: int
    feature_set_digest: str
    inputs: dict[str, int]
    snapshot_id: int
    written: bool


def build_features(spark: Any, tables: Tables, settings: Settings, as_of: Sequence[datetime] = ()) -> Build:
    """Compute the lake features of every application's moment, and of all accounts known at each of `as_of` (UTC).

    Raises MissingTable before the first curation.
    """
    read = {table: the_newest(tables, table) for table in (BANK_TRANSACTIONS, APPLICATIONS, ACCOUNTS)}
    inputs = {table: snapshot.snapshot_id for table, snapshot in read.items()}
    identity = {
        "digest": feature_set_digest(),
        # A compaction is no news.
        "inputs": {table: snapshot.rows_of for table, snapshot in read.items()},
        "as_of": sorted({moment.isoformat() for moment in as_of}),
    }
    build = json.dumps(identity, sort_keys=True)
    standing = tables.newest(APPLICANT)
    if standing is not None and standing.summary.get(BUILD) == build:
        return _report(standing, inputs, written=False)
    name = spark_name(settings, APPLICANT)
    vectors = _vectors(spark, settings, inputs, as_of).persist()
    try:
        counted = vectors.agg(F.count("*").alias("all"), F.count_if(F.col("observed_until").isNull()).alias("empty"))
        rows, empty = counted.first()
        have_table(spark, name, vectors.schema, "months(as_of)")
        with noted(spark, {BUILD: build, VECTORS: str(rows), EMPTY: str(empty)}):
            _write(spark, vectors, name, anew=standing is None)
    finally:
        vectors.unpersist()
    return _report(the_newest(tables, APPLICANT), inputs, written=True)


def _vectors(spark: Any, settings: Settings, inputs: dict[str, int], as_of: Sequence[datetime]) -> DataFrame:
    frames = {table: at_snapshot(spark, spark_name(settings, table), pinned) for table, pinned in inputs.items()}
    moments = moments_of(frames[APPLICATIONS], frames[ACCOUNTS], as_of)
    moments.createOrReplaceTempView("moments_asked")
    frames[BANK_TRANSACTIONS].createOrReplaceTempView("bank_transactions_pinned")
    vectors = spark.sql(point_in_time_sql("moments_asked", "bank_transactions_pinned"))
    return vectors.select(
        *KEY,
        "observed_until",
        "known_until",
        F.lit(feature_set_digest()).alias("feature_set_digest"),
        F.lit(inputs[BANK_TRANSACTIONS]).cast("bigint").alias("bank_transactions_snapshot_id"),
        *(feature.name for feature in LAKE_FEATURES),
    )


def moments_of(applications: DataFrame, accounts: DataFrame, as_of: Sequence[datetime]) -> DataFrame:
    """Each application's account and moment, and every account known by each moment of `as_of`; each pair once."""
    moments = applications.select("account_id", F.col("applied_at").alias("as_of"))
    for moment in as_of:
        known = accounts.where(F.col("recorded_at") <= F.lit(moment))
        moments = moments.union(known.select("account_id", F.lit(moment).alias("as_of")))
    return moments.distinct()


def _write(spark: Any, vectors: DataFrame, name: str, *, anew: bool) -> None:
    """One row for each account and moment: put in, or in the place of the one built before."""
    if anew:
        vectors.writeTo(name).append()
        return
    # A feature that is no longer in the catalogue keeps its column for the rows of its time.
    gone = [field for field in spark.table(name).schema if field.name not in vectors.columns]
    rows = vectors.select("*", *(F.lit(None).cast(field.dataType).alias(field.name) for field in gone))
    rows.createOrReplaceTempView("vectors_built")
    same = " AND ".join(f"kept.{column} = built.{column}" for column in KEY)
    spark.sql(
        f"MERGE INTO {name} AS kept USING vectors_built AS built ON {same} "
        "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
    )


def _report(snapshot: Snapshot, inputs: dict[str, int], *, written: bool) -> Build:
    return Build(
        vectors=int(snapshot.summary[VECTORS]),
        empty=int(snapshot.summary[EMPTY]),
        features=len(LAKE_FEATURES),
        feature_set_digest=feature_set_digest(),
        inputs=inputs,
        snapshot_id=snapshot.snapshot_id,
        written=written,
    )
