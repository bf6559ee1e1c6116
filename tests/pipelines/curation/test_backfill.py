"""Any day is rebuilt from raw to the same rows, whatever damage was done to it, and other days do not change."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from data_contracts.catalog import contract
from pipelines.curation.backfill import RedBackfill, backfill, of_table
from pipelines.curation.curate import curate
from pipelines.curation.gate import GateReport
from pipelines.lake.iceberg import IcebergTables, spark_name
from pipelines.lake.spark import content
from pipelines.lake.table import MissingTable
from pipelines.settings import Settings
from tests.pipelines.green import let_through
from tests.pipelines.lake.lake import INSTANT, an_event, append_raw, write_raw

pytestmark = pytest.mark.slow

TABLE = "curated.bank_transactions"
DAY = (INSTANT + timedelta(days=3)).date()
ON_DAY = f"to_date(occurred_at) = DATE '{DAY}'"
OF = contract("bank_transaction")
COLUMNS = [*(column.name for column in OF.columns), "contract_version", "event_day"]


@dataclass(frozen=True)
class Lake:
    """A curated table over eight days, ten rows on each, and its rows."""

    spark: Any
    tables: IcebergTables
    settings: Settings
    rows: list[tuple[Any, ...]]

    def now(self) -> list[tuple[Any, ...]]:
        return sorted(map(tuple, self.spark.table(self.name).collect()))

    @property
    def name(self) -> str:
        return spark_name(self.settings, TABLE)

    def backfill(self, **how: Any) -> Any:
        chosen = {"contracts": [OF], "judge": let_through, **how}
        return backfill(self.spark, self.tables, self.settings, DAY, **chosen)


@pytest.fixture(scope="module")
def lake(spark: Any, lake_environment: Mapping[str, str]) -> Lake:
    settings = Settings.from_environment(lake_environment)
    rows = [
        an_event("bank_transaction", f"t:{n}", str(n % 5), amount_minor=n, occurred_at=INSTANT + timedelta(days=n % 8))
        for n in range(80)
    ]
    told_later = [{**row, "recorded_at": INSTANT + timedelta(days=30), "amount_minor": 1} for row in rows[:20]]
    Random(2).shuffle(rows)
    write_raw(spark, settings, "bank_transaction", [*told_later, *rows])
    tables = IcebergTables(settings)
    curate(spark, tables, settings, contracts=[OF], judge=let_through)
    kept = sorted(map(tuple, spark.table(spark_name(settings, TABLE)).collect()))
    return Lake(spark, tables, settings, kept)


def test_a_day_that_is_right_is_left_alone(lake: Lake) -> None:
    before = lake.tables.newest(TABLE)

    (day,) = lake.backfill().tables

    assert (day.outcome, day.rows_before, day.rows) == ("same", 10, 10)
    assert day.digest == day.digest_before != "0"
    assert lake.tables.newest(TABLE) == before


@pytest.mark.parametrize(
    "damage",
    [
        f"DELETE FROM {{}} WHERE {ON_DAY}",
        f"UPDATE {{}} SET amount_minor = amount_minor + 1 WHERE {ON_DAY} AND account_id = '1'",
        f"UPDATE {{}} SET occurred_at = occurred_at + INTERVAL 1 DAY WHERE {ON_DAY}",
        f"INSERT INTO {{}} SELECT * FROM {{}} WHERE {ON_DAY}",
    ],
    ids=["rows gone", "amounts changed", "moved to the next day", "doubled"],
)
def test_a_damaged_day_is_as_it_was(lake: Lake, damage: str) -> None:
    lake.spark.sql(damage.replace("{}", lake.name))
    assert lake.now() != lake.rows

    (day,) = lake.backfill().tables

    assert day.outcome == "rebuilt"
    assert lake.now() == lake.rows
    assert content(lake.spark.table(lake.name).where(ON_DAY), COLUMNS[:-1]) == (day.rows, day.digest)
    assert lake.tables.branches(TABLE) == ()


def test_what_was_noted_of_the_raw_table_is_noted_on(lake: Lake) -> None:
    newest = lake.tables.newest(TABLE)
    assert newest is not None

    (unchanged,) = curate(lake.spark, lake.tables, lake.settings, contracts=[OF], judge=let_through).tables

    assert newest.summary["tranche.backfilled-day"] == str(DAY)
    assert (unchanged.outcome, unchanged.snapshot_id) == ("unchanged", newest.snapshot_id)


def test_a_killed_or_refused_backfill_leaves_the_table_and_the_next_one_finishes_it(lake: Lake) -> None:
    lake.spark.sql(f"DELETE FROM {lake.name} WHERE {ON_DAY}")
    damaged = lake.tables.newest(TABLE)

    def die(step: str) -> None:
        if step == "written":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lake.backfill(after_step=die)
    assert lake.tables.newest(TABLE) == damaged
    with pytest.raises(RedBackfill, match=f"{DAY} not rebuilt, left as before: {TABLE} "):
        lake.backfill(judge=lambda _, of: GateReport(of.name, 1, ("no",)))
    assert lake.tables.newest(TABLE) == damaged

    lake.backfill()

    assert lake.now() == lake.rows
    assert lake.tables.branches(TABLE) == ()


def test_rows_that_raw_gained_on_the_day_come_with_it_and_are_not_taken_twice(lake: Lake) -> None:
    """Runs last in this module: it adds a row."""
    late = an_event("bank_transaction", "late", "1", occurred_at=INSTANT + timedelta(days=3))
    append_raw(lake.spark, lake.settings, OF, [late], first=1_000)

    (day,) = lake.backfill().tables
    (after,) = curate(lake.spark, lake.tables, lake.settings, contracts=[OF], judge=let_through).tables

    assert (day.rows_before, day.rows, after.written) == (10, 11, 0)
    assert len(lake.now()) == len(lake.rows) + 1


def test_a_table_is_known_by_its_name() -> None:
    assert of_table(TABLE) == OF
    with pytest.raises(MissingTable, match=r"curated\.nothing"):
        of_table("curated.nothing")
