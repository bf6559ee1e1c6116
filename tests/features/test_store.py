"""One behaviour for every store of vectors."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from psycopg import Connection

from features.memory import MemoryVectors
from features.postgres import PostgresVectors
from features.store import OtherFeatures, VectorStore
from features.vector import FeatureVector

DAY = timedelta(days=1)
NOON = datetime(1996, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(params=["memory", "postgres"])
def store(request: pytest.FixtureRequest) -> VectorStore:
    if request.param == "memory":
        return MemoryVectors()
    connection: Connection = request.getfixturevalue("connection")
    return PostgresVectors(connection)


def a_vector(entity_id: str = "808", as_of: datetime = NOON, digest: str = "d1", balance: float = 1.5) -> FeatureVector:
    return FeatureVector(
        entity_id=entity_id,
        digest=digest,
        as_of=as_of,
        observed_until=as_of - DAY,
        values={"balance_last": balance, "income_variation_180d": None, "a_third": 0.1 + 0.2},
        snapshot_ids={"curated.bank_transactions": 8_412_345_678_901_234_567},
    )


def test_a_vector_comes_back_exactly_as_published(store: VectorStore) -> None:
    store.publish([a_vector()])

    assert store.latest("808", "d1", NOON) == a_vector()


def test_a_vector_without_any_observation_comes_back(store: VectorStore) -> None:
    unseen = replace(a_vector(), observed_until=None)
    store.publish([unseen])

    assert store.latest("808", "d1", NOON) == unseen


@pytest.mark.parametrize(
    ("asked_at", "found"),
    [
        (NOON - DAY - timedelta(microseconds=1), None),
        (NOON - DAY, NOON - DAY),
        (NOON - timedelta(microseconds=1), NOON - DAY),
        (NOON, NOON),
        (NOON + DAY, NOON),
    ],
)
def test_the_newest_vector_at_or_before_the_moment_is_read(
    store: VectorStore, asked_at: datetime, found: datetime | None
) -> None:
    store.publish([a_vector(as_of=NOON), a_vector(as_of=NOON - DAY), a_vector(entity_id="other", as_of=asked_at)])

    vector = store.latest("808", "d1", asked_at)

    assert (vector and vector.as_of) == found


def test_a_vector_of_another_feature_set_is_never_handed_out(store: VectorStore) -> None:
    store.publish([a_vector(digest="d1")])

    assert store.latest("808", "d2", NOON) is None


def test_publishing_the_same_vectors_again_changes_nothing(store: VectorStore) -> None:
    vectors = [a_vector(entity_id=str(n)) for n in range(20)]

    assert (store.publish(vectors), store.publish(vectors)) == (20, 0)


def test_a_rebuilt_vector_replaces_the_one_of_its_moment(store: VectorStore) -> None:
    store.publish([a_vector(balance=1.0), a_vector(as_of=NOON - DAY)])

    assert store.publish([a_vector(balance=2.0), a_vector(as_of=NOON - DAY)]) == 1
    vector = store.latest("808", "d1", NOON)
    assert vector is not None
    assert vector.values["balance_last"] == 2.0


def test_publishing_nothing_is_no_work(store: VectorStore) -> None:
    assert store.publish([]) == 0


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"balance_last": 1.0}, "lacks a_third, income_variation_180d"),
        ({**a_vector().values, "star_sign": 4.0}, "has unknown star_sign"),
    ],
)
def test_values_of_another_feature_set_are_refused_and_nothing_is_kept(
    store: VectorStore, values: dict[str, float | None], told: str
) -> None:
    store.publish([a_vector(entity_id="first")])

    with pytest.raises(OtherFeatures, match=f"vector of 808 under feature set d1 {told}"):
        store.publish([a_vector(entity_id="second"), replace(a_vector(), values=values)])

    assert store.latest("second", "d1", NOON) is None


def test_values_in_another_order_are_the_same_vector(store: VectorStore) -> None:
    turned = replace(a_vector(), values=dict(reversed(a_vector().values.items())))
    store.publish([a_vector(entity_id="first"), turned])

    assert store.latest("808", "d1", NOON) == a_vector()


def test_the_vector_of_a_decision_is_one_read(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    store = PostgresVectors(connection)
    store.publish([a_vector()])
    statements: list[object] = []
    execute: Callable[..., object] = connection.execute
    monkeypatch.setattr(
        connection, "execute", lambda *given, **how: (statements.append(given), execute(*given, **how))[1]
    )

    store.latest("808", "d1", NOON)

    assert len(statements) == 1


def test_the_store_leaves_the_commit_to_its_caller(connection: Connection) -> None:
    PostgresVectors(connection).publish([a_vector()])
    connection.rollback()

    assert PostgresVectors(connection).latest("808", "d1", NOON) is None


def test_forgotten_accounts_have_no_vector_left_and_the_others_have_theirs(store: VectorStore) -> None:
    store.publish([a_vector("808"), a_vector("808", NOON - DAY), a_vector("809"), a_vector("808", digest="d2")])

    assert store.forget(["808", "never-seen"]) == 3

    assert store.latest("808", "d1", NOON) is store.latest("808", "d2", NOON) is None
    assert store.latest("809", "d1", NOON) == a_vector("809")
    assert store.forget(["808"]) == 0
    assert store.forget([]) == 0
