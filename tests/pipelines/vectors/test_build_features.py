"""From raw events to published vectors, in Spark over a real lake, against the row-by-row oracle and against DuckDB."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import functions as F  # noqa: N812 - the name everyone knows them by

from features.as_of import point_in_time_sql
from features.catalog import APPLICANT, LAKE_FEATURES, MERCHANT, FeatureSet, feature_set_digest
from features.duckdb import INSTANT, events_schema, moments_schema
from features.memory import MemoryVectors
from pipelines.curation.curate import curate
from pipelines.lake.iceberg import IcebergTables, catalog, spark_name, table_name
from pipelines.settings import Settings
from pipelines.vectors.build_features import Build, NotMidnight, build_features
from pipelines.vectors.feature_engine import VectorRequest
from pipelines.vectors.iceberg_features import vectors_of
from pipelines.vectors.publish_features import publish_features
from tests.features import oracle_own
from tests.features.engine import merged, unequal
from tests.features.histories import DAY, START, moments_of, once, sold_by, told_of
from tests.features.oracle import differences
from tests.pipelines.green import let_through
from tests.pipelines.lake.lake import an_event, write_raw

pytestmark = pytest.mark.slow

ASKED_DAY = START + 300 * DAY


@pytest.fixture(scope="module")
def settings(lake_environment: Mapping[str, str]) -> Settings:
    return Settings.from_environment(lake_environment)


Told = dict[str, dict[str, list[dict[str, Any]]]]


@pytest.fixture(scope="module")
def told() -> Told:
    """By account, then by source."""
    random = Random(19930705)
    return {f"account-{n}": told_of(random, f"account-{n}") for n in range(150)}


@pytest.fixture(scope="module")
def sold() -> Told:
    """By merchant, then by source."""
    random = Random(77)
    return {f"shop-{n}": sold_by(random, f"shop-{n}") for n in range(40)}


@pytest.fixture(scope="module")
def histories(told: Told) -> dict[str, list[dict[str, Any]]]:
    return {name: of["bank_transactions"] for name, of in told.items()}


@pytest.fixture(scope="module")
def applied(histories: Mapping[str, list[dict[str, Any]]]) -> list[tuple[str, datetime]]:
    random = Random(11)
    return sorted({(account, at) for account, rows in histories.items() for at in moments_of(random, rows)})


@pytest.fixture(scope="module")
def built(
    spark: Any,
    settings: Settings,
    told: Told,
    sold: Told,
    applied: list[tuple[str, datetime]],
) -> IcebergTables:
    """The lake after curation and one build of each entity."""
    histories = {name: of["bank_transactions"] for name, of in told.items()}
    arriving = [an_event("bank_transaction", **row) for history in histories.values() for row in history]
    Random(5).shuffle(arriving)
    write_raw(spark, settings, "bank_transaction", arriving)
    accounts = [an_event("account", f"account:{n}", n, shopper_id=n, recorded_at=START) for n in histories]
    accounts.append(an_event("account", "account:later", "opened-later", recorded_at=ASKED_DAY + DAY))
    write_raw(spark, settings, "account", accounts)
    write_raw(spark, settings, "credit_application", _applications(applied))
    tables = IcebergTables(settings)
    curate(spark, tables, settings, judge=let_through)
    _write_our_own(settings, told, sold)
    build_features(spark, tables, settings, [ASKED_DAY])
    build_features(spark, tables, settings, [ASKED_DAY], of=MERCHANT)
    return tables


def _write_our_own(settings: Settings, told: Told, sold: Told) -> None:
    """The curated tables of our own facts, each event once, and the merchants, known from the start."""
    rows = merged([*told.values(), *sold.values()])
    del rows["bank_transactions"], rows["applications"]
    schemas: dict[str, Any] = {}
    facts: dict[str, list[dict[str, Any]]] = {}
    for source in (source for of in (APPLICANT, MERCHANT) for source in of.sources if source.name in rows):
        schema = events_schema(source)
        schemas[source.table] = pa.unify_schemas([schemas.get(source.table, schema), schema])
        facts.setdefault(source.table, []).extend(once(rows[source.name]))
    schemas["curated.merchants"] = pa.schema([("merchant_id", pa.string()), ("recorded_at", INSTANT)])
    facts["curated.merchants"] = [{"merchant_id": name, "recorded_at": START} for name in sold]
    for table, schema in schemas.items():
        kept = catalog(settings).create_table(table_name(settings, table), schema=schema)
        kept.append(pa.Table.from_pylist(facts[table], schema=schema))


def _applications(moments: list[tuple[str, datetime]]) -> list[dict[str, Any]]:
    """Each of them applies at its moment, which is also what the velocity features count; the first applies twice."""
    return [
        an_event("credit_application", f"application:{n}", account, application_id=str(n), applied_at=at,
                 shopper_id=account, occurred_at=at, recorded_at=at)
        for n, (account, at) in enumerate([*moments, moments[0]])
    ]  # fmt: skip


def test_every_feature_equals_the_oracle_on_late_repeated_shuffled_and_corrected_events(
    spark: Any, settings: Settings, built: IcebergTables, told: Told, applied: list[tuple[str, datetime]]
) -> None:
    rows = [row.asDict() for row in spark.table(spark_name(settings, "features.applicant")).collect()]
    applications = _applications(applied)

    wrong = {}
    for row in rows:
        account, as_of = row["account_id"], _utc(row["as_of"])
        own = [each for each in applications if each["account_id"] == account]
        expected, stale = oracle_own.applicant({**told[account], "applications": own}, as_of)
        unequal = differences(row, expected)
        if unequal or set(row["stale"].split(",")) - {""} != stale:
            wrong[account, as_of] = unequal
    assert wrong == {}
    assert {row["feature_set_digest"] for row in rows} == {feature_set_digest()}


def test_each_application_and_each_known_account_of_the_day_has_one_row(
    spark: Any,
    settings: Settings,
    built: IcebergTables,
    applied: list[tuple[str, datetime]],
    histories: Mapping[str, list[dict[str, Any]]],
) -> None:
    rows = spark.table(spark_name(settings, "features.applicant")).select("account_id", "as_of").collect()

    expected = set(applied) | {(account, ASKED_DAY) for account in histories}
    assert sorted((row.account_id, _utc(row.as_of)) for row in rows) == sorted(expected)


def test_the_same_build_again_writes_nothing(spark: Any, settings: Settings, built: IcebergTables) -> None:
    before = built.newest("features.applicant")

    again = build_features(spark, built, settings, [ASKED_DAY])

    assert before is not None
    assert (again.written, again.snapshot_id) == (False, before.snapshot_id)


@pytest.mark.parametrize("of", [APPLICANT, MERCHANT], ids=lambda of: str(of.entity))
def test_duckdb_builds_what_spark_built_cell_by_cell(
    spark: Any, settings: Settings, built: IcebergTables, of: FeatureSet
) -> None:
    rows = spark.table(spark_name(settings, of.table)).collect()
    inputs = json.loads(rows[0].snapshot_ids)

    computed = vectors_of(built, VectorRequest(of, inputs, (ASKED_DAY,), increment=False))

    by_spark = {(row[of.keys[0]], _utc(row.as_of)): row for row in rows}
    assert len(computed) == len(by_spark) >= 40
    for row in computed.to_pylist():
        assert unequal(row, _of_spark(by_spark[row[of.keys[0]], row["as_of"]])) == {}


def test_a_merchants_vector_equals_the_oracle(spark: Any, settings: Settings, built: IcebergTables, sold: Told) -> None:
    rows = [row.asDict() for row in spark.table(spark_name(settings, "features.merchant")).collect()]

    assert {row["merchant_id"] for row in rows} == set(sold)
    for row in rows:
        expected = oracle_own.merchant(sold[row["merchant_id"]], _utc(row["as_of"]))
        assert differences(row, expected) == {}, row["merchant_id"]


def test_a_table_is_kept_by_duckdb_as_by_spark(spark: Any, settings: Settings, built: IcebergTables) -> None:
    before = _rows_of(spark, settings, "features.merchant")

    build = build_features(None, built, settings, [ASKED_DAY, ASKED_DAY - DAY], of=MERCHANT, engine="duckdb")

    after = _rows_of(spark, settings, "features.merchant")
    assert (build.written, build.vectors) == (True, len(before) * 2)
    assert {key: after[key] for key in before} == before
    assert {as_of for _, as_of in set(after) - set(before)} == {ASKED_DAY - DAY}


def test_spark_reads_each_source_once_and_joins_by_key(spark: Any, settings: Settings, built: IcebergTables) -> None:
    """The physical plan: no rescan for a window, and no join that compares every row with every other."""
    for source in APPLICANT.sources:
        spark.table(spark_name(settings, source.table)).createOrReplaceTempView(f"{source.name}_planned")
    moments = pa.schema(moments_schema(APPLICANT))
    asked = ", ".join(f"{name} {'timestamp' if name == 'as_of' else 'string'}" for name in moments.names)
    spark.createDataFrame([("account-1", "account-1", ASKED_DAY)], asked).createOrReplaceTempView("moments_planned")
    events = {source.name: f"{source.name}_planned" for source in APPLICANT.sources}

    frame = spark.sql(point_in_time_sql(APPLICANT, "moments_planned", events))
    plan = frame._jdf.queryExecution().executedPlan().toString()

    scans = Counter(re.findall(r"BatchScan lake\.[^\[]*?((?:raw|curated)\.\w+)", plan))
    assert scans == {source.table: 1 for source in APPLICANT.sources}, plan[:2000]
    assert not re.search("CartesianProduct|NestedLoopJoin|Python", plan)


def test_serving_reads_the_values_that_training_reads(spark: Any, settings: Settings, built: IcebergTables) -> None:
    store = MemoryVectors()

    first, again = publish_features(built, store), publish_features(built, store)

    rows = spark.table(spark_name(settings, "features.applicant")).collect()
    assert (first.vectors, first.changed, again.changed) == (len(rows), len(rows), 0)
    for row in rows:
        served = store.latest(row.account_id, feature_set_digest(), _utc(row.as_of))
        assert served is not None
        assert served.as_of == _utc(row.as_of)
        assert served.values == {feature.name: row[feature.name] for feature in LAKE_FEATURES}


def test_a_days_increment_reads_only_days_that_gained_events_and_equals_the_full_build(
    spark: Any, settings: Settings, built: IcebergTables, histories: Mapping[str, list[dict[str, Any]]]
) -> None:
    day = ASKED_DAY + 5 * DAY
    first = build_features(spark, built, settings, [day], increment=True)
    news = [
        an_event("bank_transaction", f"new:{n}", f"account-{n % 100}", occurred_at=at, recorded_at=day + DAY / 2,
                 sequence=n % 3, amount_minor=n * 17, balance_after_minor=-n, direction="debit")
        for n, at in enumerate([day, day + DAY / 3, START + 40 * DAY + DAY / 7] * 40)
    ]  # fmt: skip
    write_raw(spark, settings, "bank_transaction", news, append=True)
    _gain(spark, settings, [row["event_id"] for row in news])
    second = build_features(spark, built, settings, [day + DAY], increment=True)
    unchanged = build_features(spark, built, settings, [day + 2 * DAY], increment=True)

    kept = sum(len(once(rows)) for rows in histories.values())
    assert [(each.events_read, each.whole) for each in first.increments] == [(kept, True)]
    (read,) = second.increments
    old_day = (START + 40 * DAY).date()
    on_old_day = [row for rows in histories.values() for row in once(rows) if row["occurred_at"].date() == old_day]
    assert (read.days, read.events_read, read.whole) == (2, len(news) + len(on_old_day), False)
    assert [(each.days, each.events_read) for each in unchanged.increments] == [(0, 0)]
    _equals_the_full_build(spark, settings, built, first, day)
    _equals_the_full_build(spark, settings, built, second, day + DAY)


def test_an_increment_is_built_at_midnights_only(settings: Settings, built: IcebergTables) -> None:
    with pytest.raises(NotMidnight, match="12:00"):
        build_features(None, built, settings, [ASKED_DAY + DAY / 2], increment=True)


def _gain(spark: Any, settings: Settings, event_ids: list[str]) -> None:
    """Add raw rows to their curated table, as a curation does that takes only what raw gained."""
    raw, name = (spark_name(settings, f"{layer}.bank_transactions") for layer in ("raw", "curated"))
    gained = spark.table(raw).where(F.col("event_id").isin(event_ids))
    gained.withColumn("event_day", F.to_date("occurred_at")).select(*spark.table(name).columns).writeTo(name).append()


def _equals_the_full_build(
    spark: Any, settings: Settings, tables: IcebergTables, increment: Build, day: datetime
) -> None:
    request = VectorRequest(APPLICANT, increment.inputs, (day,), increment=True)
    full = {row["account_id"]: row for row in vectors_of(tables, request).to_pylist()}
    rows = [row for row in spark.table(spark_name(settings, "features.applicant")).collect() if _utc(row.as_of) == day]
    assert len(rows) == len(full) == increment.vectors
    for row in rows:
        assert unequal(full[row.account_id], _of_spark(row)) == {}


def test_rows_that_become_known_later_leave_built_moments_as_they_were(
    spark: Any, settings: Settings, built: IcebergTables, histories: Mapping[str, list[dict[str, Any]]]
) -> None:
    """Runs last in this module: it adds events to the lake and builds again."""
    # An application may fall on a midnight that an increment built, so all that came before is built into all moments.
    build_features(spark, built, settings, [ASKED_DAY])
    before = _values(spark, settings)
    later = [
        an_event("bank_transaction", f"later:{account}", account, occurred_at=START, recorded_at=START + 3000 * DAY)
        for account in histories
    ]
    write_raw(spark, settings, "bank_transaction", later, append=True)
    (curated, *_) = [
        each for each in curate(spark, built, settings, judge=let_through).tables if each.outcome == "written"
    ]

    rebuilt = build_features(spark, built, settings, [ASKED_DAY + timedelta(days=1)])

    assert curated.table == "curated.bank_transactions"
    assert rebuilt.written
    after = _values(spark, settings)
    assert {key: after[key] for key in before} == before
    assert {as_of for _, as_of in set(after) - set(before)} == {ASKED_DAY + DAY}


def _values(spark: Any, settings: Settings) -> dict[tuple[str, datetime], tuple[Any, ...]]:
    rows = (
        spark.table(spark_name(settings, "features.applicant"))
        .drop("bank_transactions_snapshot_id", "snapshot_ids")
        .collect()
    )
    return {(row.account_id, _utc(row.as_of)): tuple(row) for row in rows}


def _rows_of(spark: Any, settings: Settings, table: str) -> dict[tuple[str, datetime], tuple[Any, ...]]:
    frame = spark.table(spark_name(settings, table))
    rows = frame.select(*sorted(set(frame.columns) - {"snapshot_ids"})).collect()
    return {(row.merchant_id, _utc(row.as_of)): tuple(row) for row in rows}


def _of_spark(row: Any) -> dict[str, Any]:
    return {name: _utc(value) if isinstance(value, datetime) else value for name, value in row.asDict().items()}


def _utc(moment: datetime) -> datetime:
    """Spark hands out naive times of the machine's own zone."""
    return moment.astimezone(UTC)
