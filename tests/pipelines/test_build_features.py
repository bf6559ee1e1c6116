"""From raw bank transactions to published vectors, in Spark over a real lake, against the row-by-row oracle."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from features.catalog import LAKE_FEATURES, feature_set_digest
from features.memory import MemoryVectors
from pipelines.build_features import build_features
from pipelines.curate import curate
from pipelines.lake.iceberg import IcebergTables, spark_name
from pipelines.publish_features import publish_features
from pipelines.settings import Settings
from tests.features.histories import DAY, START, a_history, moments_of
from tests.features.oracle import differences, features_of
from tests.pipelines.green import let_through
from tests.pipelines.lake import an_event, write_raw

pytestmark = pytest.mark.slow

ASKED_DAY = START + 300 * DAY


@pytest.fixture(scope="module")
def settings(lake_environment: Mapping[str, str]) -> Settings:
    return Settings.from_environment(lake_environment)


@pytest.fixture(scope="module")
def histories() -> dict[str, list[dict[str, Any]]]:
    random = Random(19930705)
    return {f"account-{n}": a_history(random, f"account-{n}") for n in range(150)}


@pytest.fixture(scope="module")
def applied(histories: Mapping[str, list[dict[str, Any]]]) -> list[tuple[str, datetime]]:
    random = Random(11)
    return sorted({(account, at) for account, rows in histories.items() for at in moments_of(random, rows)})


@pytest.fixture(scope="module")
def built(
    spark: Any,
    settings: Settings,
    histories: Mapping[str, list[dict[str, Any]]],
    applied: list[tuple[str, datetime]],
) -> Iterator[IcebergTables]:
    """The lake after curation and one build."""
    arriving = [an_event("bank_transaction", **row) for history in histories.values() for row in history]
    Random(5).shuffle(arriving)
    write_raw(spark, settings, "bank_transaction", arriving)
    accounts = [an_event("account", f"account:{name}", name, recorded_at=START) for name in histories]
    accounts.append(an_event("account", "account:later", "opened-later", recorded_at=ASKED_DAY + DAY))
    write_raw(spark, settings, "account", accounts)
    applications = [
        an_event("credit_application", f"application:{n}", account, application_id=str(n), applied_at=at)
        for n, (account, at) in enumerate([*applied, applied[0]])
    ]
    write_raw(spark, settings, "credit_application", applications)
    tables = IcebergTables(settings)
    curate(spark, tables, settings, judge=let_through)
    build_features(spark, tables, settings, [ASKED_DAY])
    return tables


def test_every_feature_equals_the_oracle_on_late_repeated_shuffled_and_corrected_events(
    spark: Any, settings: Settings, built: IcebergTables, histories: Mapping[str, list[dict[str, Any]]]
) -> None:
    rows = [row.asDict() for row in spark.table(spark_name(settings, "features.applicant")).collect()]

    wrong = {
        (row["account_id"], row["as_of"]): unequal
        for row in rows
        if (unequal := differences(row, features_of(histories[row["account_id"]], _utc(row["as_of"]))))
    }
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


def test_rows_that_become_known_later_leave_built_moments_as_they_were(
    spark: Any, settings: Settings, built: IcebergTables, histories: Mapping[str, list[dict[str, Any]]]
) -> None:
    """Runs last in this module: it adds events to the lake and builds again."""
    before = _values(spark, settings)
    later = [
        an_event("bank_transaction", f"later:{account}", account, occurred_at=START, recorded_at=START + 3000 * DAY)
        for account in histories
    ]
    arrived = [an_event("bank_transaction", **row) for history in histories.values() for row in history]
    write_raw(spark, settings, "bank_transaction", later + arrived)
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
    rows = spark.table(spark_name(settings, "features.applicant")).drop("bank_transactions_snapshot_id").collect()
    return {(row.account_id, _utc(row.as_of)): tuple(row) for row in rows}


def _utc(moment: datetime) -> datetime:
    """Spark hands out naive times of the machine's own zone."""
    return moment.astimezone(UTC)
