"""What curated tables promise beside their contracts' rules, and how far each has come with its raw table."""

from datetime import UTC, datetime, timedelta

import pytest

from data_contracts.catalog import contract, event_contracts
from pipelines.curation.table_guarantees import (
    Reference,
    TableGuarantees,
    freshness_breach,
    guarantees_of,
    reference_breach,
    references_first,
    volume_breach,
)
from pipelines.lake.behind import RAW_SNAPSHOT, behind, row_count
from pipelines.lake.table import Snapshot

NOW = datetime(2026, 11, 28, tzinfo=UTC)
RAW, TABLE = "raw.accounts", "curated.accounts"


@pytest.mark.parametrize(
    ("before", "rows", "holds"),
    [(1_000, 900, True), (1_000, 899, False), (1_000, 20_000, True), (1_000, 20_001, False), (999, 0, True)],
)
def test_a_table_neither_shrinks_by_more_than_a_tenth_nor_grows_twentyfold_at_once(
    before: int, rows: int, holds: bool
) -> None:
    assert (volume_breach(TableGuarantees(), rows=rows, before=before) is None) is holds


@pytest.mark.parametrize(
    ("age", "holds"), [(timedelta(days=2), True), (timedelta(days=2, seconds=1), False), (None, False)]
)
def test_a_table_is_as_fresh_as_it_promises_at_the_time_handed_in(age: timedelta | None, holds: bool) -> None:
    guaranteed = TableGuarantees(fresh_within=timedelta(days=2))
    newest = None if age is None else NOW - age

    assert (freshness_breach(guaranteed, newest=newest, at=NOW) is None) is holds
    assert freshness_breach(guaranteed, newest=newest, at=None) is None


def test_a_reference_that_leads_nowhere_is_told_with_how_many_values_do() -> None:
    reference = Reference("account_id", "curated.accounts", "account_id")

    assert reference_breach(reference, astray=0) is None
    assert "curated.accounts. Found 3 values" in (reference_breach(reference, astray=3) or "")


def test_a_table_comes_behind_those_it_refers_to() -> None:
    backwards = list(event_contracts().values())[::-1]
    ordered = [each.curated_table for each in references_first(backwards)]

    assert sorted(map(str, ordered)) == sorted(str(each.curated_table) for each in backwards)
    for each in backwards:
        for reference in guarantees_of(each).references:
            assert ordered.index(reference.table) < ordered.index(each.curated_table)


def test_references_name_columns_of_contracts() -> None:
    tables = {each.curated_table: each for each in event_contracts().values()}
    for each in tables.values():
        for reference in guarantees_of(each).references:
            assert reference.column in each.by_name
            assert reference.key in tables[reference.table].by_name
    assert guarantees_of(contract("bank_transaction")).references


class _Told:
    """Tables with a given history of snapshots."""

    def __init__(self, **past: list[Snapshot]) -> None:
        self._past = {"raw.accounts": past.get("raw", []), "curated.accounts": past.get("curated", [])}

    def past(self, table: str) -> tuple[Snapshot, ...]:
        return tuple(self._past[table])

    def newest(self, table: str) -> Snapshot | None:
        return next(iter(self._past[table]), None)

    def branches(self, table: str) -> tuple[str, ...]:
        del table
        return ()

    def read(self, *_: object, **__: object) -> None:
        raise AssertionError


def raw(*operations: str) -> list[Snapshot]:
    """Snapshots 1, 2, … that were made so, newest first."""
    return [Snapshot(number, {}, operation) for number, operation in enumerate(operations, start=1)][::-1]


def curated(held: int, *later: str) -> list[Snapshot]:
    noted = Snapshot(100, {RAW_SNAPSHOT: str(held), "total-records": "7"}, "append")
    return [*(Snapshot(101 + n, {}, operation) for n, operation in enumerate(later)), noted]


@pytest.mark.parametrize(
    ("raw_past", "curated_past", "level", "only_short"),
    [
        (raw("append"), curated(1), True, True),
        (raw("append", "replace"), curated(1), True, True),
        (raw("append", "append", "replace"), curated(1), False, True),
        (raw("append", "delete", "append"), curated(1), False, False),
        (raw("append", "overwrite"), curated(1), False, False),
        (raw("append"), curated(1, "replace", "delete"), True, True),
        (raw("append"), curated(99), False, False),
        (raw("append"), [], False, False),
    ],
    ids=[
        "nothing came",
        "raw was compacted",
        "rows came",
        "rows were erased before others came",
        "rows were changed",
        "the curated table was compacted and erased from",
        "raw no longer knows what was curated",
        "never curated",
    ],
)
def test_what_a_run_may_take_is_told_by_the_two_pasts(
    raw_past: list[Snapshot], curated_past: list[Snapshot], level: bool, only_short: bool
) -> None:
    found = behind(_Told(raw=raw_past, curated=curated_past), RAW, TABLE)

    assert found is not None
    assert (found.is_level, found.is_only_short) == (level, only_short)
    assert found.raw == raw_past[0]


def test_without_raw_rows_there_is_nothing_to_compare_and_rows_are_told_by_the_snapshot() -> None:
    assert behind(_Told(curated=curated(1)), RAW, TABLE) is None
    assert (row_count(None), row_count(curated(1)[0])) == (0, 7)
