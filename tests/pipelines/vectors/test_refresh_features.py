"""Refreshes between two builds serve the same vectors that the batch job would have built."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from math import isclose
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from psycopg import Connection

from features.memory import MemoryVectors
from features.postgres import PostgresVectors
from features.publication import Watermark
from pipelines.lake.memory import MemoryTables
from pipelines.lake.memory_changes import MemoryChanges
from pipelines.lake.table import MissingTable
from pipelines.vectors.publish_features import publish_features
from pipelines.vectors.published_vectors import PublishedVectors, SourceTable, published_vectors
from pipelines.vectors.refresh_features import Refreshed, refresh

BANK_TRANSACTIONS = "curated.bank_transactions"
SERVED = published_vectors()["applicant"]
DAY = timedelta(days=1)
START = datetime(1995, 1, 1, tzinfo=UTC)
INSTANT = pa.timestamp("us", tz="UTC")
EVENTS = pa.schema(
    [
        *((name, pa.string()) for name in ("account_id", "event_id", "direction", "operation", "purpose")),
        *((name, INSTANT) for name in ("occurred_at", "recorded_at")),
        *((name, pa.int64()) for name in ("sequence", "amount_minor", "balance_after_minor")),
    ]
)
Row = dict[str, Any]
Store = MemoryVectors | PostgresVectors


@pytest.fixture(params=["memory", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    return MemoryVectors() if request.param == "memory" else PostgresVectors(request.getfixturevalue("connection"))


def a_booking(account_id: str, number: int, at: datetime = START, **changes: Any) -> Row:
    row = {
        "account_id": account_id,
        "event_id": f"{account_id}:{number}",
        "occurred_at": at,
        "recorded_at": at + DAY,
        "sequence": number,
        "direction": "credit",
        "operation": "transfer_in",
        "purpose": "salary",
        "amount_minor": 100_00,
        "balance_after_minor": 100_00,
    }
    return row | changes


def bookings(random: Random, account_id: str) -> list[Row]:
    """A history of half a year; some of it known late."""
    return [
        a_booking(
            account_id,
            number,
            at := START + timedelta(seconds=random.randrange(180 * 86_400)),
            recorded_at=at + random.choice([1, 1, 20]) * DAY,
            direction=random.choice(["credit", "debit"]),
            operation=random.choice(["cash_in", "cash_out", "card", "transfer_in", "transfer_out"]),
            purpose=random.choice(["salary", "rent", "groceries", "insurance", "loan_instalment", "interest"]),
            amount_minor=random.randrange(1, 5_000_00),
            balance_after_minor=random.randrange(-500_00, 9_000_00),
        )
        for number in range(random.choice([1, 3, 30]))
    ]


def arrow(rows: Iterable[Row]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=EVENTS)


def asking(moments: Iterable[tuple[str, datetime]]) -> pa.Table:
    """Moments of accounts, each of which belongs to a shopper whose id is equal to the account's."""
    pairs = list(moments)
    keys = {key: pa.array([account for account, _ in pairs], pa.string()) for key in SERVED.keys}
    return pa.table({**keys, "as_of": pa.array([as_of for _, as_of in pairs], INSTANT)})


def feature_rows(events: pa.Table, moments: Iterable[tuple[str, datetime]], snapshot_id: int = 7) -> pa.Table:
    """Rows as the batch job writes them into the feature table."""
    rows = SERVED.compute(asking(moments), {"bank_transactions": events})
    digests = pa.array([SERVED.digest] * rows.num_rows, pa.string())
    told = SERVED.with_snapshots(rows, {BANK_TRANSACTIONS: snapshot_id})
    return told.append_column("feature_set_digest", digests)


def built(rows: Iterable[Row], moments: Iterable[tuple[str, datetime]]) -> dict[tuple[str, datetime], dict[str, Any]]:
    """What the batch job makes of all rows at once."""
    found = SERVED.compute(asking(moments), {"bank_transactions": arrow(rows)}).to_pylist()
    return {(row["account_id"], row["as_of"]): {name: row[name] for name in SERVED.names} for row in found}


def unlike(served: Mapping[str, float | None], expected: Mapping[str, float | None]) -> list[str]:
    """Features that differ by more than the last digit, which the order of rows may move."""
    pairs = {name: (served[name], expected[name]) for name in expected}
    return [name for name, (one, other) in pairs.items() if one != other and not _close(one, other)]


def _close(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and isclose(one, other, rel_tol=1e-12, abs_tol=0)


def test_refreshed_vectors_are_those_of_the_batch_job_on_shuffled_repeated_and_delayed_events(store: Store) -> None:
    random = Random(7)
    histories = {f"account-{number}": bookings(random, f"account-{number}") for number in range(40)}
    arriving = [row for history in histories.values() for row in history]
    arriving += random.sample(arriving, 100)
    random.shuffle(arriving)
    lake, curated, refreshes = MemoryChanges(), set(), []
    for number in range(0, len(arriving), 90):
        fresh = {row["event_id"]: row for row in arriving[number : number + 90] if row["event_id"] not in curated}
        curated |= set(fresh)
        lake.append(BANK_TRANSACTIONS, arrow(fresh.values()))
        as_of = START + 210 * DAY + number * timedelta(minutes=1)
        refreshes.append(refresh(lake, store, SERVED, as_of))
        again = refresh(lake, store, SERVED, as_of)
        assert (again.touched, again.changed) == (0, 0)

    now = refreshes[-1].as_of
    vectors = {account: store.latest(account, SERVED.digest, now) for account in histories}
    moments = [(account, vector.as_of) for account, vector in vectors.items() if vector is not None]
    expected = built([row for history in histories.values() for row in history], moments)
    assert len(moments) == len(histories)
    for account, as_of in moments:
        vector = vectors[account]
        assert vector is not None
        assert unlike(vector.values, expected[account, as_of]) == [], account
    assert {as_of for _, as_of in moments} <= {each.as_of for each in refreshes}
    assert len(refreshes) > 5
    assert sum(each.touched for each in refreshes) > len(histories)


def test_only_the_entities_of_new_rows_are_computed_and_the_report_says_how_fresh_they_are(store: Store) -> None:
    lake = MemoryChanges()
    lake.append(BANK_TRANSACTIONS, arrow([a_booking("a", 1), a_booking("b", 1)]))
    first = refresh(lake, store, SERVED, START + 2 * DAY)
    lake.append(BANK_TRANSACTIONS, arrow([a_booking("a", 2, START + 3 * DAY)]))

    second = refresh(lake, store, SERVED, START + 4 * DAY + timedelta(seconds=40))

    assert (first.touched, first.changed, second.touched, second.changed) == (2, 2, 1, 1)
    assert (second.known_until, second.freshness) == (START + 4 * DAY, timedelta(seconds=40))
    a, b = store.latest_all([("a", SERVED.digest), ("b", SERVED.digest)], START + 5 * DAY)
    assert a is not None and b is not None  # noqa: PT018 - one fact: both are there
    assert (a.as_of, a.values["events_ever"], b.as_of) == (second.as_of, 2, first.as_of)
    assert a.snapshot_ids == {BANK_TRANSACTIONS: 2}


def test_a_refresh_of_an_older_moment_does_not_step_back(store: Store) -> None:
    lake = MemoryChanges()
    lake.append(BANK_TRANSACTIONS, arrow([a_booking("a", 1)]))
    newer = refresh(lake, store, SERVED, START + 9 * DAY)

    older = refresh(lake, store, SERVED, START + 5 * DAY, touched=["a"])

    assert older.changed == 1
    vector = store.latest("a", SERVED.digest, START + 20 * DAY)
    assert vector is not None
    assert (vector.as_of, vector.values["data_age_days"]) == (newer.as_of, 9)


def test_a_refresh_that_saw_less_of_the_lake_than_is_served_is_left_out(store: Store) -> None:
    behind, ahead = MemoryChanges(), MemoryChanges()
    for lake in (behind, ahead):
        lake.append(BANK_TRANSACTIONS, arrow([a_booking("a", 1)]))
    ahead.append(BANK_TRANSACTIONS, arrow([a_booking("a", 2)]))
    refresh(ahead, store, SERVED, START + 5 * DAY)

    late = refresh(behind, store, SERVED, START + 5 * DAY)

    assert (late.outdated, late.changed) == (True, 0)
    vector = store.latest("a", SERVED.digest, START + 5 * DAY)
    assert vector is not None
    assert vector.values["events_ever"] == 2


def test_a_roll_back_takes_the_watermark_back_and_the_next_refresh_makes_good(store: Store) -> None:
    lake = MemoryChanges()
    lake.append(BANK_TRANSACTIONS, arrow([a_booking("a", 1)]))
    first = refresh(lake, store, SERVED, START + 5 * DAY)
    lake.append(BANK_TRANSACTIONS, arrow([a_booking("a", 2), a_booking("b", 1)]))
    refresh(lake, store, SERVED, START + 6 * DAY)
    assert first.version is not None
    store.roll_back(SERVED.digest, first.version)

    again = refresh(lake, store, SERVED, START + 6 * DAY)

    assert (again.touched, again.changed) == (2, 2)


def test_a_lake_without_curated_rows_is_said_to_be_empty() -> None:
    with pytest.raises(MissingTable, match="tranche pipelines curate"):
        refresh(MemoryChanges(), MemoryVectors(), SERVED, START)


def test_a_build_of_all_accounts_tells_the_next_refresh_where_to_begin(store: Store) -> None:
    lake, tables = MemoryChanges(), MemoryTables()
    for number in (1, 2):
        lake.append(BANK_TRANSACTIONS, arrow([a_booking(f"account-{number}", 1)]))
    rows = feature_rows(arrow([a_booking("account-1", 1)]), [("account-1", START + 2 * DAY)], snapshot_id=1)
    build = '{"as_of": ["1995-01-03"], "inputs": {"curated.bank_transactions": 1}}'
    tables.write("features.applicant", rows, {"tranche.build": build})

    published = publish_features(tables, store, lake=lake)
    refreshed = refresh(lake, store, SERVED, START + 3 * DAY)

    assert published.changed == 1
    assert refreshed.touched == 1, "account-1 was in the build"
    active = store.active(SERVED.digest)
    assert active is not None
    assert active.watermark == {BANK_TRANSACTIONS: Watermark(2, 2)}
    assert [each.kind for each in store.publications()] == ["refresh", "whole"]


def test_a_minute_is_enough_for_a_thousand_touched_accounts(connection: Connection) -> None:
    """Far more than enough; the figure guards against work for each account by itself."""
    random = Random(3)
    lake = MemoryChanges()
    rows = [row for number in range(1000) for row in bookings(random, f"account-{number}")]
    lake.append(BANK_TRANSACTIONS, arrow(rows))
    statements: list[object] = []
    execute = connection.execute
    connection.execute = lambda *given, **how: (statements.append(given), execute(*given, **how))[1]  # type: ignore[method-assign]

    done: Refreshed = refresh(lake, PostgresVectors(connection), SERVED, START + 210 * DAY)

    assert done.changed == 1000
    assert len(statements) < 15


def test_a_source_that_knows_the_entity_by_another_key_touches_those_that_the_register_names() -> None:
    """An account's vector also uses its shopper's events; the register says which shopper that is."""

    def compute(moments: pa.Table, events: Mapping[str, pa.Table]) -> pa.Table:
        bookings_of = Counter(events["bank_transactions"]["account_id"].to_pylist())
        orders_of = Counter(events["orders"]["shopper_id"].to_pylist() if "orders" in events else ())
        rows = [
            {**row, "bookings": bookings_of[row["account_id"]], "orders": orders_of[row["shopper_id"]]}
            | dict.fromkeys(("observed_until", "known_until"), START)
            for row in moments.to_pylist()
        ]
        return pa.Table.from_pylist(rows)

    served = PublishedVectors(
        entity="applicant",
        table="features.applicant",
        keys=("account_id", "shopper_id"),
        register="curated.accounts",
        digest="f" * 64,
        names=("bookings", "orders"),
        sources=(
            SourceTable("bank_transactions", BANK_TRANSACTIONS, "account_id", ("account_id",)),
            SourceTable("orders", "curated.orders", "shopper_id", ("shopper_id",)),
        ),
        snapshots="snapshot_ids",
        observed={},
        compute=compute,
    )
    lake, store = MemoryChanges(), MemoryVectors()
    accounts = pa.table({"account_id": ["a", "b", "c"], "shopper_id": ["anna", "anna", "carl"]})
    lake.append("curated.accounts", accounts)
    lake.append(BANK_TRANSACTIONS, pa.table({"account_id": ["a", "unregistered"]}))
    first = refresh(lake, store, served, START + DAY)
    lake.append("curated.orders", pa.table({"shopper_id": ["anna", "anna", None]}))

    second = refresh(lake, store, served, START + 2 * DAY)

    assert (first.touched, second.touched) == (2, 2)
    found = store.latest_all([(account, "f" * 64) for account in ("a", "b", "c", "unregistered")], START + 3 * DAY)
    assert [vector and dict(vector.values) for vector in found] == [
        {"bookings": 1, "orders": 2},
        {"bookings": 0, "orders": 2},
        None,
        {"bookings": 1, "orders": 0},
    ]
    assert found[0] is not None
    assert found[0].snapshot_ids == {BANK_TRANSACTIONS: 1, "curated.orders": 1}
