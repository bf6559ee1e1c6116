"""Curation in Spark over a real lake: one row an event, gated, whole or not at all."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from data_contracts.catalog import event_contracts
from pipelines.curate import RedGate, curate
from pipelines.lake.iceberg import IcebergTables, spark_name
from pipelines.settings import Settings
from tests.pipelines.lake import INSTANT, an_event, write_raw

pytestmark = pytest.mark.slow

BANK_TRANSACTIONS = "curated.bank_transactions"


@pytest.fixture(scope="module")
def settings(lake_environment: Mapping[str, str]) -> Settings:
    return Settings.from_environment(lake_environment)


@pytest.fixture(scope="module")
def tables(settings: Settings) -> IcebergTables:
    return IcebergTables(settings)


def some_bank_transactions() -> list[dict[str, Any]]:
    arriving = [an_event("bank_transaction", f"in:{n}", amount_minor=100_00 + n) for n in range(6)]
    leaving = [an_event("bank_transaction", f"out:{n}", direction="debit", operation="cash_out") for n in range(4)]
    return arriving + leaving


def write_all(spark: Any, settings: Settings, bank_transactions: list[dict[str, Any]]) -> None:
    write_raw(spark, settings, "bank_transaction", bank_transactions)
    for name in ("account", "credit_application", "granted_loan", "loan_outcome"):
        write_raw(spark, settings, name, [an_event(name, f"{name}:1")])


def rows_of(spark: Any, settings: Settings, table: str) -> list[tuple[Any, ...]]:
    return sorted(tuple(row) for row in spark.table(spark_name(settings, table)).collect())


def test_each_event_has_one_row_and_it_is_the_one_known_first(
    spark: Any, settings: Settings, tables: IcebergTables
) -> None:
    transactions = some_bank_transactions()
    repeated = [dict(row) for row in transactions[:3]]
    told_otherwise = transactions[3] | {"recorded_at": INSTANT + timedelta(days=2), "amount_minor": 1}
    write_all(spark, settings, [told_otherwise, *repeated, *transactions])

    report = curate(spark, tables, settings)

    nothing_raw = {each.curated_table: ("empty", 0) for each in event_contracts().values()}
    assert {each.table: (each.outcome, each.rows) for each in report.tables} == nothing_raw | {
        BANK_TRANSACTIONS: ("written", 10),
        "curated.accounts": ("written", 1),
        "curated.credit_applications": ("written", 1),
        "curated.granted_loans": ("written", 1),
        "curated.loan_outcomes": ("written", 1),
    }
    kept = spark.table(spark_name(settings, BANK_TRANSACTIONS)).select("event_id", "amount_minor", "event_day")
    assert {(row.event_id, row.amount_minor, row.event_day) for row in kept.collect()} == {
        (row["event_id"], row["amount_minor"], INSTANT.date()) for row in transactions
    }


def test_curating_again_writes_nothing_until_the_raw_table_changes(
    spark: Any, settings: Settings, tables: IcebergTables
) -> None:
    transactions = some_bank_transactions()
    write_all(spark, settings, transactions)
    first = curate(spark, tables, settings)
    before = rows_of(spark, settings, BANK_TRANSACTIONS)

    again = curate(spark, tables, settings)
    write_raw(spark, settings, "bank_transaction", transactions[::-1])
    rewritten = curate(spark, tables, settings)

    assert {each.outcome for each in again.tables if each.rows} == {"unchanged"}
    assert [each.snapshot_id for each in again.tables] == [each.snapshot_id for each in first.tables]
    assert [each.rows for each in again.tables] == [each.rows for each in first.tables]
    assert [each.table for each in rewritten.tables if each.outcome == "written"] == [BANK_TRANSACTIONS]
    assert rows_of(spark, settings, BANK_TRANSACTIONS) == before


def test_a_red_gate_leaves_the_table_as_it_was_and_curates_the_others(
    spark: Any, settings: Settings, tables: IcebergTables
) -> None:
    write_all(spark, settings, some_bank_transactions())
    curate(spark, tables, settings)
    before = tables.newest(BANK_TRANSACTIONS)
    write_all(spark, settings, [row for row in some_bank_transactions() if row["direction"] == "credit"])

    with pytest.raises(RedGate, match=r"curated\.bank_transactions \(.*both_directions_occur") as stopped:
        curate(spark, tables, settings)

    outcomes = {each.table: each.outcome for each in stopped.value.report.tables if each.outcome != "empty"}
    assert outcomes.pop(BANK_TRANSACTIONS) == "red"
    assert set(outcomes.values()) == {"written"}
    assert tables.newest(BANK_TRANSACTIONS) == before


def test_a_raw_table_that_does_not_exist_yet_is_no_fault(spark: Any, settings: Settings, tables: IcebergTables) -> None:
    write_all(spark, settings, some_bank_transactions())
    spark.sql(f"DROP TABLE IF EXISTS {spark_name(settings, 'raw.loan_outcomes')}")

    report = curate(spark, tables, settings)

    (outcomes,) = (each for each in report.tables if each.table == "curated.loan_outcomes")
    assert (outcomes.outcome, outcomes.rows) == ("empty", 0)
