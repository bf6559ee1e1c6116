"""One behaviour of versions for every store: published whole or as a refresh, rolled back, pruned, forgotten."""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection

from features.batch import UnfitValue, VectorBatch, batch_of
from features.memory import MemoryVectors
from features.postgres import PostgresVectors
from features.publication import NoSuchVersion, Sources, Watermark
from features.store import OtherFeatures

DIGEST = "d" * 64
DAY = timedelta(days=1)
NOON = datetime(1996, 3, 1, 12, tzinfo=UTC)
ENTITIES = ("a", "b", "c")
MOMENTS = (NOON, NOON + DAY, NOON + 2 * DAY)
INSTANT = pa.timestamp("us", tz="UTC")
Content = dict[tuple[str, datetime], int]
Store = MemoryVectors | PostgresVectors


@pytest.fixture(params=["memory", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    return MemoryVectors() if request.param == "memory" else PostgresVectors(request.getfixturevalue("connection"))


def a_batch(content: Content, digest: str = DIGEST, snapshot_id: int = 7, **columns: Any) -> VectorBatch:
    """Vectors whose first value says which they are."""
    keys = list(content)
    rows = {
        "account_id": pa.array([entity for entity, _ in keys], pa.string()),
        "as_of": pa.array([moment for _, moment in keys], INSTANT),
        "observed_until": pa.array([moment - DAY for _, moment in keys], INSTANT),
        "bank": pa.array([snapshot_id] * len(keys), pa.int64()),
        "seen": pa.array([None if entity == "c" else moment - 2 * DAY for entity, moment in keys], INSTANT),
        "balance": pa.array(list(content.values()), pa.int64()),
        "share": pa.array([None if entity == "b" else 0.1 + 0.2 for entity, _ in keys], pa.float64()),
    } | columns
    return batch_of(
        pa.table(rows),
        digest=digest,
        entity="applicant",
        key="account_id",
        names=["balance", "share"],
        snapshots={"bank": "curated.bank_transactions"},
        observed={"seen": "plans"},
    )


def hand_over(store: Store, kind: Literal["whole", "refresh"], content: Content, **batch: Any) -> int:
    handed = store.hand_over(a_batch(content, **batch), kind, Sources({"features.applicant": 1}))
    assert handed.version is not None
    return handed.version


def served(store: Store, at: datetime = MOMENTS[-1], digest: str = DIGEST) -> dict[str, float | None]:
    found = store.latest_all([(entity, digest) for entity in ENTITIES], at)
    return {vector.entity_id: vector.values["balance"] for vector in found if vector is not None}


def test_a_batch_comes_back_typed_with_its_sources_and_ages(store: Store) -> None:
    version = hand_over(store, "whole", {("a", NOON): 10**15, ("b", NOON): -3, ("c", NOON): 0})

    a, b, c = store.latest_all([(entity, DIGEST) for entity in ENTITIES], NOON + DAY)

    assert a is not None and b is not None and c is not None  # noqa: PT018 - one fact: all are there
    assert a.values == {"balance": 1e15, "share": 0.1 + 0.2}
    assert list(a.values) == ["balance", "share"]
    assert (b.values["balance"], b.values["share"]) == (-3.0, None)
    assert a.snapshot_ids == {"curated.bank_transactions": 7}
    assert (a.as_of, a.observed_until, a.observed, a.version) == (NOON, NOON - DAY, {"plans": NOON - 2 * DAY}, version)
    assert (a.age(NOON), a.age(NOON, "plans"), a.age(NOON, "elsewhere")) == (DAY, 2 * DAY, DAY)
    assert (c.observed, c.age(NOON, "plans")) == ({"plans": None}, None)


def test_entities_of_several_feature_sets_are_read_together_in_the_order_asked(store: Store) -> None:
    hand_over(store, "whole", {("a", NOON): 1})
    hand_over(store, "whole", {("shop", NOON): 2}, digest="e" * 64)

    shop, nobody, a = store.latest_all([("shop", "e" * 64), ("shop", DIGEST), ("a", DIGEST)], NOON)

    assert nobody is None
    assert [vector and vector.values["balance"] for vector in (shop, a)] == [2, 1]
    assert store.latest_all([], NOON) == []


def test_identical_content_makes_no_version_and_an_unchanged_vector_is_not_written_again(store: Store) -> None:
    content: Content = {("a", NOON): 1, ("b", NOON): 2}
    first = store.hand_over(a_batch(content), "whole", Sources())
    again = store.hand_over(a_batch(content), "whole", Sources())
    third = store.hand_over(a_batch({**content, ("b", NOON): 3}), "whole", Sources())

    assert (first.changed, again.changed, third.changed) == (2, 0, 1)
    assert (again.version, again.content_hash) == (first.version, first.content_hash)
    assert third.content_hash != first.content_hash
    assert [each.version for each in store.publications(DIGEST)] == [third.version, first.version]
    a, b = store.latest_all([("a", DIGEST), ("b", DIGEST)], NOON)
    assert (a and a.version, b and b.version) == (first.version, third.version)


def test_of_an_entity_and_moment_handed_over_twice_the_last_row_counts(store: Store) -> None:
    twice = pa.concat_tables([a_batch({("a", NOON): 5}).table, a_batch({("b", NOON): 4, ("a", NOON): 6}).table])
    batch = batch_of(
        twice, digest=DIGEST, entity="applicant", key="entity_id", names=["balance", "share"], snapshots={}
    )

    assert store.hand_over(batch, "whole", Sources()).changed == 2
    assert served(store, NOON) == {"a": 6, "b": 4}


def test_a_roll_back_is_at_once_and_goes_both_ways(store: Store) -> None:
    first = hand_over(store, "whole", {("a", NOON): 1, ("b", NOON): 1})
    second = hand_over(store, "whole", {("a", NOON): 2, ("b", NOON): 1, ("c", NOON): 2})

    assert store.roll_back(DIGEST).version == first
    assert served(store) == {"a": 1, "b": 1}
    assert [each.active for each in store.publications(DIGEST)] == [False, True]
    store.roll_back(DIGEST, to=second)
    assert served(store) == {"a": 2, "b": 1, "c": 2}


def test_a_bad_build_is_taken_back_together_with_the_refreshes_on_top_of_it(store: Store) -> None:
    good = hand_over(store, "whole", {("a", NOON): 1})
    refreshed = hand_over(store, "refresh", {("a", NOON + DAY): 11})
    hand_over(store, "whole", {("a", NOON): 2, ("a", NOON + 2 * DAY): 2})
    hand_over(store, "refresh", {("b", NOON): 22})

    assert store.roll_back(DIGEST).version == refreshed
    assert served(store) == {"a": 11}
    with pytest.raises(NoSuchVersion, match=f"no version before the active one; its versions are {good}, {refreshed}"):
        store.roll_back(DIGEST)
    with pytest.raises(NoSuchVersion, match="has no version 999"):
        store.roll_back(DIGEST, to=999)


def test_what_is_published_after_a_roll_back_leaves_the_abandoned_version_out(store: Store) -> None:
    hand_over(store, "whole", {("a", NOON): 1})
    bad = hand_over(store, "whole", {("a", NOON): 2, ("b", NOON): 2})
    store.roll_back(DIGEST)
    hand_over(store, "refresh", {("c", NOON): 3})

    assert served(store) == {"a": 1, "c": 3}
    store.roll_back(DIGEST, to=bad)
    assert served(store) == {"a": 2, "b": 2}


def test_pruning_leaves_what_the_kept_versions_see(store: Store) -> None:
    for value in range(1, 7):
        hand_over(store, "whole", {("a", NOON): value, ("b", NOON): 0, ("c", MOMENTS[value % 3]): value})
    hand_over(store, "refresh", {("b", NOON + DAY): 9})
    before = served(store)

    gone = store.prune(DIGEST, keep=2)

    kept = store.publications(DIGEST)
    assert [each.kind for each in kept] == ["refresh", "whole", "whole", "whole"][: len(kept)]
    assert gone >= 3
    assert served(store) == before
    assert store.prune(DIGEST, keep=2) == 0
    store.roll_back(DIGEST)
    assert served(store)["a"] == 5


def test_a_refreshed_moment_goes_once_every_kept_version_has_a_later_one(store: Store) -> None:
    hand_over(store, "whole", {("a", NOON): 1})
    hand_over(store, "refresh", {("a", NOON + DAY): 2, ("b", NOON + DAY): 2})
    for value in (3, 4):
        hand_over(store, "whole", {("a", NOON): 1, ("a", NOON + 2 * DAY): value})

    store.prune(DIGEST, keep=1)

    assert served(store) == {"a": 4, "b": 2}
    assert served(store, NOON + DAY) == {"a": 1, "b": 2}


def test_forgotten_entities_are_gone_from_every_version(store: Store) -> None:
    first = hand_over(store, "whole", {("a", NOON): 1, ("b", NOON): 1})
    hand_over(store, "whole", {("a", NOON): 2, ("a", NOON + DAY): 2, ("b", NOON): 1})
    hand_over(store, "whole", {("a", NOON): 5}, digest="e" * 64)

    assert store.forget(["a", "nobody"]) == 4

    assert served(store) == {"b": 1}
    assert served(store, digest="e" * 64) == {}
    store.roll_back(DIGEST, to=first)
    assert served(store) == {"b": 1}
    assert store.forget([]) == 0


def test_vectors_that_follow_the_lake_less_far_are_left_out(store: Store) -> None:
    def at(sequence: int) -> Sources:
        return Sources({}, {"raw.bank_transactions": Watermark(sequence * 10, sequence)})

    store.hand_over(a_batch({("a", NOON): 5}), "refresh", at(5))

    late = store.hand_over(a_batch({("a", NOON): 4}), "refresh", at(4))
    same = store.hand_over(a_batch({("a", NOON): 5}), "refresh", at(6))

    assert (late.outdated, late.changed) == (True, 0)
    assert (same.outdated, same.changed) == (False, 0)
    assert served(store) == {"a": 5}
    (publication,) = store.publications(DIGEST)
    assert publication.watermark == {"raw.bank_transactions": Watermark(60, 6)}


def test_a_batch_under_other_names_is_refused(store: Store) -> None:
    hand_over(store, "whole", {("a", NOON): 1})
    other = batch_of(
        a_batch({("a", NOON): 1}).table,
        digest=DIGEST,
        entity="applicant",
        key="entity_id",
        names=["share"],
        snapshots={},
    )

    with pytest.raises(OtherFeatures, match="vector of a under feature set dddddddddddd lacks balance"):
        store.hand_over(other, "whole", Sources())


@pytest.mark.parametrize(
    "balance",
    [
        pa.array([2**53 + 1], pa.int64()),
        pa.array([float("nan")]),
        pa.array([float("-inf")]),
    ],
    ids=["a rounded integer", "not a number", "infinite"],
)
def test_a_value_that_cannot_be_served_exactly_is_refused(balance: pa.Array) -> None:
    with pytest.raises(UnfitValue, match=r"vector of a: balance is .*, which cannot be served exactly"):
        a_batch({("a", NOON): 0}, balance=balance)


def test_the_largest_exact_integer_is_served() -> None:
    assert a_batch({("a", NOON): 2**53}).table["balance"].to_pylist() == [2.0**53]


KEYS = st.tuples(st.sampled_from(ENTITIES), st.sampled_from(MOMENTS))
CONTENTS = st.dictionaries(KEYS, st.integers(0, 3), max_size=5)
ACTS = st.one_of(
    st.tuples(st.sampled_from(["whole", "refresh"]), CONTENTS),
    st.tuples(st.just("roll back"), st.none()),
    st.tuples(st.just("activate"), st.integers(0, 9)),
    st.tuples(st.just("prune"), st.integers(1, 3)),
)


class _Twins:
    """A store in memory and one in a database with the same calls, and the content of each version."""

    def __init__(self, connection: Connection) -> None:
        self.connection, self.memory, self.database = connection, MemoryVectors(), PostgresVectors(connection)
        self.made: dict[int, Content] = {}
        self.twin: dict[int, int] = {}  # the database's number of a version of the memory
        self.active: int | None = None

    @property
    def kept(self) -> list[int]:
        return [each.version for each in self.memory.publications(DIGEST)]

    def hand_over(self, kind: Literal["whole", "refresh"], content: Content) -> None:
        mine, twin = (store.hand_over(a_batch(content), kind, Sources()) for store in (self.memory, self.database))
        assert mine.changed == twin.changed
        if mine.changed and mine.version and twin.version:
            self.made[mine.version] = {**(self.made[self.active] if self.active else {}), **content}
            self.twin[mine.version] = twin.version
            self.active = mine.version

    def roll_back(self, to: int | None) -> None:
        try:
            self.active = self.memory.roll_back(DIGEST, to).version
        except NoSuchVersion:
            with pytest.raises(NoSuchVersion):
                self.database.roll_back(DIGEST, to)
        else:
            assert self.database.roll_back(DIGEST, to and self.twin[to]).version == self.twin[self.active]

    def prune(self, keep: int) -> None:
        assert self.memory.prune(DIGEST, keep) == self.database.prune(DIGEST, keep)

    def check(self) -> None:
        """Each kept version serves the newest moments it was made of; both stores agree on earlier ones."""
        assert [self.twin[version] for version in self.kept] == [e.version for e in self.database.publications(DIGEST)]
        for version in [*self.kept, *([self.active] if self.active else [])]:
            self.memory.roll_back(DIGEST, version)
            self.database.roll_back(DIGEST, self.twin[version])
            expected: dict[str, float | None] = {}
            for (entity, _), value in sorted(self.made[version].items()):
                expected[entity] = value
            assert served(self.memory) == served(self.database) == expected, version
            for moment in MOMENTS[:-1]:
                assert served(self.memory, moment) == served(self.database, moment)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(ACTS, min_size=2, max_size=12))
def test_every_version_holds_what_it_was_made_of_whatever_happens_around_it(
    connection: Connection, acts: list[tuple[str, Any]]
) -> None:
    """Against plain dictionaries; pruning drops only moments that refreshes brought and that are not the newest."""
    connection.rollback()
    twins = _Twins(connection)
    for act, told in acts:
        if act in ("whole", "refresh"):
            twins.hand_over(act, told)  # type: ignore[arg-type]
        elif act == "prune":
            twins.prune(told)
        elif twins.kept:
            twins.roll_back(twins.kept[told % len(twins.kept)] if act == "activate" else None)
        twins.check()
