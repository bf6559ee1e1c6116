"""A database whose vectors were kept before there were versions serves the same vectors afterwards."""

from datetime import UTC, datetime, timedelta

import psycopg

from features.postgres import PostgresVectors
from ledger.migrate import apply, schema_files

NOON = datetime(1996, 3, 1, 12, tzinfo=UTC)


def test_vectors_without_a_version_become_the_first_one(template_database: str) -> None:
    admin = template_database.replace("/tranche?", "/postgres?")
    with psycopg.connect(admin, autocommit=True) as server:
        server.execute("CREATE DATABASE test_before_versions")
    try:
        with psycopg.connect(template_database.replace("/tranche?", "/test_before_versions?")) as connection:
            first, *later = schema_files("features")
            apply(connection, [first])
            connection.execute(
                "INSERT INTO features.feature_sets VALUES ('d1', '{balance,share}'), ('d2', '{balance}')"
            )
            for digest, entity, at in (("d1", "808", NOON), ("d1", "909", NOON), ("d2", "808", NOON)):
                connection.execute(
                    "INSERT INTO features.vectors VALUES (%s, %s, %s, %s, %s, %s)",
                    (
                        entity,
                        digest,
                        at,
                        at - timedelta(days=1),
                        [1.5, None][: 3 - int(digest[1])],
                        '{"curated.bank": 7}',
                    ),
                )

            apply(connection, [first, *later])

            store = PostgresVectors(connection)
            vector = store.latest("808", "d1", NOON)
            assert vector is not None
            assert (vector.values, vector.snapshot_ids) == ({"balance": 1.5, "share": None}, {"curated.bank": 7})
            assert (vector.as_of, vector.observed_until) == (NOON, NOON - timedelta(days=1))
            assert [(each.digest, each.vectors, each.active) for each in store.publications("d1")] == [("d1", 2, True)]
            assert len(store.publications()) == 2
    finally:
        with psycopg.connect(admin, autocommit=True) as server:
            server.execute("DROP DATABASE test_before_versions WITH (FORCE)")
