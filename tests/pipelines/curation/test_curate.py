"""Curation in Spark over a real lake: one row an event, gated, whole or not at all."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from data_contracts.catalog import contract, event_contracts
from pipelines.curation.curate import Curated, RedGate, curate
from pipelines.curation.write_audit_publish import MovedMeanwhile
from pipelines.lake.iceberg import IcebergTables, catalog, spark_name, table_name
from pipelines.settings import Settings
from pipelines.transforms.conform import conform
from tests.pipelines.green import let_through
from tests.pipelines.lake.lake import INSTANT, an_event, append_raw, write_raw

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
    (red,) = (each for each in stopped.value.report.tables if each.outcome == "red")
    look = f"SELECT DISTINCT direction FROM {spark_name(settings, BANK_TRANSACTIONS)} VERSION AS OF '{red.branch}'"
    assert [row.direction for row in spark.sql(look).collect()] == ["credit"]

    write_all(spark, settings, some_bank_transactions())
    curate(spark, tables, settings)

    assert tables.branches(BANK_TRANSACTIONS) == ()


def test_a_raw_table_that_does_not_exist_yet_is_no_fault(spark: Any, settings: Settings, tables: IcebergTables) -> None:
    write_all(spark, settings, some_bank_transactions())
    spark.sql(f"DROP TABLE IF EXISTS {spark_name(settings, 'raw.loan_outcomes')}")

    report = curate(spark, tables, settings)

    (outcomes,) = (each for each in report.tables if each.table == "curated.loan_outcomes")
    assert (outcomes.outcome, outcomes.rows) == ("empty", 0)


ACCOUNTS = "curated.accounts"
STEPS = ("begun", "written", "judged", "published", "ended")


class Killed(Exception):
    """What a test raises where a run is to end."""


def killed_at(wanted: str) -> Any:
    def step(done: str) -> None:
        if done == wanted:
            raise Killed

    return step


def curate_one(spark: Any, tables: IcebergTables, settings: Settings, name: str, **how: Any) -> Curated:
    (done,) = curate(spark, tables, settings, contracts=[contract(name)], **{"judge": let_through, **how}).tables
    return done


def start_anew(spark: Any, settings: Settings, name: str) -> None:
    for table in (contract(name).raw_table, contract(name).curated_table):
        spark.sql(f"DROP TABLE IF EXISTS {spark_name(settings, str(table))}")


def test_a_run_killed_at_any_step_is_finished_by_the_next_and_never_half_seen(
    spark: Any, settings: Settings, tables: IcebergTables
) -> None:
    start_anew(spark, settings, "account")
    append_raw(spark, settings, contract("account"), [an_event("account", "a:0", "0")], first=0)
    curate_one(spark, tables, settings, "account")
    for number, step in enumerate(STEPS, start=1):
        account = an_event("account", f"a:{number}", str(number))
        append_raw(spark, settings, contract("account"), [account], first=number)
        before = tables.newest(ACCOUNTS)

        with pytest.raises(Killed):
            curate_one(spark, tables, settings, "account", after_step=killed_at(step))
        seen = tables.newest(ACCOUNTS)
        again = curate_one(spark, tables, settings, "account")

        is_out = step in ("published", "ended")
        assert (seen != before) is is_out, step
        assert again.outcome == ("unchanged" if is_out else "written"), step
        assert tables.branches(ACCOUNTS) == (), step
        kept = sorted(row.event_id for row in spark.table(spark_name(settings, ACCOUNTS)).collect())
        assert kept == [f"a:{n}" for n in range(number + 1)], step


def test_a_table_that_somebody_else_changed_meanwhile_is_begun_again(
    spark: Any, settings: Settings, tables: IcebergTables
) -> None:
    start_anew(spark, settings, "account")
    append_raw(spark, settings, contract("account"), [an_event("account", "a:0", "0")], first=0)
    curate_one(spark, tables, settings, "account")
    append_raw(spark, settings, contract("account"), [an_event("account", "a:1", "1")], first=1)
    judged = []

    def while_somebody_erases(frame: Any, of: Any) -> Any:
        judged.append(frame.count())
        if len(judged) == 1:
            spark.sql(f"DELETE FROM {spark_name(settings, ACCOUNTS)} WHERE account_id = '0'")
        return let_through(frame, of)

    curate_one(spark, tables, settings, "account", judge=while_somebody_erases)

    assert judged == [2, 1]
    assert [row.event_id for row in spark.table(spark_name(settings, ACCOUNTS)).collect()] == ["a:1"]

    append_raw(spark, settings, contract("account"), [an_event("account", "a:2", "2")], first=2)

    def always(frame: Any, of: Any) -> Any:
        spark.sql(f"ALTER TABLE {spark_name(settings, ACCOUNTS)} DROP BRANCH IF EXISTS {tables.branches(ACCOUNTS)[0]}")
        return let_through(frame, of)

    with pytest.raises(MovedMeanwhile, match="run the act again"):
        curate_one(spark, tables, settings, "account", judge=always)


def late_repeated_and_contradicted(random: Random) -> list[dict[str, Any]]:
    """Sixty rows in random order of arrival, a third of which repeat an earlier id."""
    rows = [
        an_event("bank_transaction", f"t:{n}", str(n % 7), amount_minor=n, occurred_at=INSTANT + timedelta(days=n % 9))
        for n in range(40)
    ]
    told = [{**row, "recorded_at": moved(random)} for row in rows]
    again = [{**random.choice(told), "recorded_at": moved(random), "amount_minor": 1000 + n} for n in range(20)]
    elsewhen = [{**row, "occurred_at": INSTANT + timedelta(days=random.randrange(9))} for row in again]
    arriving = told + elsewhen
    random.shuffle(arriving)
    return arriving


def moved(random: Random) -> datetime:
    return INSTANT + timedelta(days=20, minutes=random.randrange(1_000))


def in_batches(random: Random, rows: Sequence[dict[str, Any]], count: int) -> list[Sequence[dict[str, Any]]]:
    cuts = [0, *sorted(random.sample(range(1, len(rows)), count - 1)), len(rows)]
    return [rows[start:end] for start, end in pairwise(cuts)]


@pytest.mark.parametrize("seed", [3, 8])
def test_batch_after_batch_gives_the_rows_that_all_at_once_give(
    spark: Any, settings: Settings, tables: IcebergTables, seed: int
) -> None:
    random, of = Random(seed), contract("bank_transaction")
    rows = late_repeated_and_contradicted(random)
    start_anew(spark, settings, "bank_transaction")
    arrived = 0
    for batch in in_batches(random, rows, 4):
        append_raw(spark, settings, of, batch, first=arrived)
        arrived += len(batch)
        done = curate_one(spark, tables, settings, "bank_transaction")
        assert done.outcome == "written"
        assert (done.days is None) is (arrived == len(batch))
    streamed = rows_of(spark, settings, BANK_TRANSACTIONS)
    at_once = sorted(tuple(row) for row in conform(spark.table(spark_name(settings, str(of.raw_table))), of).collect())

    whole = curate_one(spark, tables, settings, "bank_transaction", whole=True)

    assert streamed == at_once == rows_of(spark, settings, BANK_TRANSACTIONS)
    assert whole.rows == len({row["event_id"] for row in rows})


def test_a_small_batch_leaves_the_files_of_the_table_alone(
    spark: Any, settings: Settings, tables: IcebergTables
) -> None:
    start_anew(spark, settings, "bank_transaction")
    first, late = (
        some_bank_transactions(),
        an_event("bank_transaction", "late", occurred_at=INSTANT - timedelta(days=9)),
    )
    append_raw(spark, settings, contract("bank_transaction"), first, first=0)
    curate_one(spark, tables, settings, "bank_transaction")
    before = files_of(settings)
    append_raw(spark, settings, contract("bank_transaction"), [late, first[0]], first=len(first))

    done = curate_one(spark, tables, settings, "bank_transaction")

    assert (done.written, done.rows, done.days) == (1, 11, ((INSTANT - timedelta(days=9)).date(),))
    assert before < files_of(settings)


def files_of(settings: Settings) -> set[str]:
    found = catalog(settings).load_table(table_name(settings, BANK_TRANSACTIONS)).inspect.files()
    return set(found["file_path"].to_pylist())


def test_rows_that_were_erased_from_raw_do_not_come_back(spark: Any, settings: Settings, tables: IcebergTables) -> None:
    start_anew(spark, settings, "account")
    append_raw(spark, settings, contract("account"), [an_event("account", "a:0", "0")], first=0)
    curate_one(spark, tables, settings, "account")
    append_raw(
        spark,
        settings,
        contract("account"),
        [an_event("account", "a:1", "1"), an_event("account", "a:2", "2")],
        first=1,
    )
    spark.sql(f"DELETE FROM {spark_name(settings, 'raw.accounts')} WHERE account_id IN ('0', '1')")

    done = curate_one(spark, tables, settings, "account")

    assert done.days is None
    assert [row.event_id for row in spark.table(spark_name(settings, ACCOUNTS)).collect()] == ["a:2"]


def test_a_reference_that_leads_nowhere_and_stale_rows_are_red(
    spark: Any, settings: Settings, tables: IcebergTables
) -> None:
    stray = an_event("bank_transaction", "stray", "nobody")
    write_all(spark, settings, [*some_bank_transactions(), stray])

    with pytest.raises(RedGate) as stopped:
        curate(spark, tables, settings, fresh_at=INSTANT + timedelta(days=30), whole=True)

    (red,) = (each for each in stopped.value.report.tables if each.outcome == "red")
    assert [told.partition(":")[0] for told in red.broken] == ["freshness", "account_id_is_known"]
    assert "Found 1 values" in red.broken[1]


def test_a_table_that_loses_most_of_its_rows_is_red(spark: Any, settings: Settings, tables: IcebergTables) -> None:
    start_anew(spark, settings, "account")
    write_raw(spark, settings, "account", [an_event("account", f"a:{n}", str(n)) for n in range(1_000)])
    curate_one(spark, tables, settings, "account", judge=None)
    write_raw(spark, settings, "account", [an_event("account", f"a:{n}", str(n)) for n in range(800)])

    with pytest.raises(RedGate, match=r"volume: .* Found 800 behind 1,000\."):
        curate_one(spark, tables, settings, "account", judge=None)

    assert spark.table(spark_name(settings, ACCOUNTS)).count() == 1_000
