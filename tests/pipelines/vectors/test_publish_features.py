"""Serving reads the vectors of the feature table, and the table's page describes them."""

import re
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pyarrow as pa
import pytest
from psycopg import Connection

from features.catalog import MODEL_FEATURES
from features.memory import MemoryVectors
from features.postgres import PostgresVectors
from pipelines.lake.memory import MemoryTables
from pipelines.lake.table import MissingTable
from pipelines.sources.berka import Berka
from pipelines.vectors.profile_features import profile_features
from pipelines.vectors.publish_features import publish_features
from pipelines.vectors.published_vectors import published_vectors
from tests.pipelines.vectors.test_refresh_features import EVENTS, START, arrow, bookings, feature_rows

SERVED = published_vectors()["applicant"]
DATES = [datetime(1994, 7, 1, tzinfo=UTC), datetime(1995, 12, 24, tzinfo=UTC), datetime(1996, 11, 5, tzinfo=UTC)]
ACCOUNTS = 300


@pytest.fixture(scope="module")
def real_rows(berka: Path) -> pa.Table:
    """The features of a sample of real accounts at three dates."""
    ours, chosen = {column: [] for column in EVENTS.names}, None
    for event in Berka(berka).read().events:
        if chosen is None:
            random = Random(42)
            chosen = {str(number) for number in random.sample(range(1, 11_000), 900)}
        if event.event_type == "bank_transaction.v1" and event.account_id in chosen:
            body = orjson.loads(event.body)
            for column in EVENTS.names:
                value = body.get(column)
                ours[column].append(datetime.fromisoformat(value) if column.endswith("_at") else value)
    events = pa.table({name: pa.array(ours[name], EVENTS.field(name).type) for name in EVENTS.names})
    accounts = sorted(set(ours["account_id"]))[:ACCOUNTS]
    assert len(accounts) == ACCOUNTS
    return feature_rows(events, [(account, at) for account in accounts for at in DATES])


@pytest.mark.slow
def test_every_feature_of_real_accounts_is_served_bit_for_bit(real_rows: pa.Table, connection: Connection) -> None:
    tables, store = MemoryTables(), PostgresVectors(connection)
    tables.write(SERVED.table, real_rows)

    report = publish_features(tables, store)

    assert (report.vectors, report.changed) == (ACCOUNTS * len(DATES), ACCOUNTS * len(DATES))
    known = dict.fromkeys(SERVED.names, 0)
    for row in real_rows.to_pylist():
        served = store.latest(row["account_id"], SERVED.digest, row["as_of"])
        assert served is not None
        assert (served.as_of, served.observed_until) == (row["as_of"], row["observed_until"])
        for name in SERVED.names:
            trained = None if row[name] is None else float(row[name])
            assert _bits(served.values[name]) == _bits(trained), (row["account_id"], row["as_of"], name)
            known[name] += trained is not None
    # Of orders and plans a bank's data says nothing.
    of_the_bank = [name for name in MODEL_FEATURES if name in known]
    assert len(of_the_bank) == 32
    assert [name for name in of_the_bank if known[name] < ACCOUNTS // 10] == [], "each is known for many of them"


def _bits(value: float | None) -> str | None:
    return None if value is None else value.hex()


def a_table(snapshot_id: int = 7) -> pa.Table:
    """Features of a few invented accounts at two moments; one account has no history."""
    random = Random(5)
    events = arrow(row for number in range(60) for row in bookings(random, f"account-{number}"))
    moments = [(f"account-{n}", at) for n in range(61) for at in (START.replace(month=5), START.replace(month=9))]
    return feature_rows(events, moments, snapshot_id)


@pytest.fixture
def lake() -> MemoryTables:
    tables = MemoryTables()
    tables.write(SERVED.table, a_table())
    return tables


def test_publishing_again_makes_no_version_and_a_changed_table_makes_one(lake: MemoryTables) -> None:
    store = MemoryVectors()
    first, again = publish_features(lake, store), publish_features(lake, store)
    lake.write(SERVED.table, a_table().slice(0, 100))

    fewer = publish_features(lake, store)

    assert (first.vectors, first.changed, again.changed, again.version) == (122, 122, 0, first.version)
    assert (fewer.vectors, fewer.changed, fewer.version) == (100, 0, first.version)
    assert (first.entity, first.pruned) == ("applicant", 0)


def test_old_versions_are_pruned_as_new_ones_come(lake: MemoryTables) -> None:
    store = MemoryVectors()
    reports = []
    for number in range(5):
        lake.write(SERVED.table, a_table(number))
        reports.append(publish_features(lake, store, keep=2))

    assert [each.pruned for each in reports] == [0, 0, 122, 122, 122]
    assert [each.active for each in store.publications()] == [True, False]


def test_the_page_shows_every_feature_and_the_same_table_gives_the_same_bytes(
    lake: MemoryTables, tmp_path: Path
) -> None:
    report = profile_features(lake, tmp_path / "one")
    again = profile_features(lake, tmp_path / "two")

    text = report.path.read_text(encoding="utf-8")
    assert text == again.path.read_text(encoding="utf-8")
    assert (report.rows, report.features) == ({"applicant": 122}, len(SERVED.names))
    assert [name for name in SERVED.names if f"<b>{name}</b>" not in text] == []
    assert re.search(r"122 vectors of 61 applicants, from 1995-05 to 1995-09; 8\d\.\d % with events of", text)
    assert text.count("<svg") + text.count("never known") == 2 * len(SERVED.names)
    for outside in ("http:", "https:", "<script", "<link", "@import", "url("):
        assert outside not in text, outside


def test_the_page_of_a_lake_without_features_names_the_act_that_builds_them(tmp_path: Path) -> None:
    with pytest.raises(MissingTable, match="tranche pipelines build-features"):
        profile_features(MemoryTables(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_figures_say_where_the_values_lie(tmp_path: Path) -> None:
    from pipelines.vectors.feature_profile import table_of

    events = arrow([])
    rows: Any = feature_rows(events, [(f"account-{n}", START) for n in range(200)])
    place = rows.column_names.index("balance_last")
    values = [None] * 20 + [0] * 30 + list(range(1, 150)) + [10**9]
    tables = MemoryTables()
    tables.write(SERVED.table, rows.set_column(place, "balance_last", pa.array(values, pa.int64())))

    table = table_of(tables, SERVED)

    assert table is not None
    profile = next(each for each in table.features if each.name == "balance_last")
    spread = profile.spread
    assert spread is not None
    assert (profile.known, profile.zeros, profile.by_month) == (0.9, 0.15, (0.9,))
    assert (spread.least, spread.median, spread.greatest) == (0, 60.5, 10**9)
    assert spread.high < 200, "one value far out does not flatten the picture"
    assert sum(spread.counts) == 180
    never = next(each for each in table.features if each.name == "income_mean_180d")
    assert (never.known, never.spread) == (0, None)
