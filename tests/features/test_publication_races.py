"""Readers during writes and crashed writes see one complete version, the old one or the new one."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from random import Random
from typing import Any, Self

import psycopg

from features.postgres import PostgresVectors
from features.publication import NoSuchVersion, Sources
from tests.features.test_publications import DIGEST, MOMENTS, NOON, Content, a_batch

ENTITIES = [f"e-{number}" for number in range(40)]
ASKED = [(entity, DIGEST) for entity in ENTITIES]


def whole(value: int) -> Content:
    """A publication in which every entity has the same value, so that a mixture shows."""
    return {(entity, NOON): value for entity in ENTITIES}


def seen(store: PostgresVectors) -> set[float | None]:
    return {vector and vector.values["balance"] for vector in store.latest_all(ASKED, MOMENTS[-1])}


def test_no_reader_ever_sees_a_mixture_of_versions(database_url: str) -> None:
    """Two writers publish, refresh everybody, roll back and prune at random while readers read all entities at once."""
    with psycopg.connect(database_url) as connection:
        PostgresVectors(connection).hand_over(a_batch(whole(0)), "whole", Sources())
    done, faults, reads = threading.Event(), [], []

    def write(seed: int) -> None:
        random = Random(seed)
        try:
            with psycopg.connect(database_url) as connection:
                store = PostgresVectors(connection)
                for number in range(25):
                    _act(store, random, seed * 1000 + number)
                    connection.commit()
        except BaseException as fault:  # noqa: BLE001 - told to the test, which fails with it
            faults.append(fault)

    def read() -> None:
        try:
            with psycopg.connect(database_url, autocommit=True) as connection:
                store = PostgresVectors(connection)
                while not done.is_set():
                    reads.append(seen(store))
        except BaseException as fault:  # noqa: BLE001 - as above
            faults.append(fault)

    readers = [threading.Thread(target=read) for _ in range(3)]
    writers = [threading.Thread(target=write, args=(seed,)) for seed in (1, 2)]
    for thread in readers + writers:
        thread.start()
    for thread in writers:
        thread.join(timeout=120)
    done.set()
    for thread in readers:
        thread.join(timeout=30)

    assert faults == []
    assert [values for values in reads if len(values) != 1] == []
    assert len({next(iter(values)) for values in reads}) > 5, "the readers saw versions come and go"


def _act(store: PostgresVectors, random: Random, value: int) -> None:
    act = random.choice(["whole", "whole", "refresh", "roll back", "activate", "prune"])
    if act == "whole":
        store.hand_over(a_batch(whole(value)), "whole", Sources())
    elif act == "refresh":
        store.hand_over(a_batch({(entity, MOMENTS[1]): value for entity in ENTITIES}), "refresh", Sources())
    elif act == "prune":
        store.prune(DIGEST, keep=2)
    else:
        to = random.choice(store.publications(DIGEST)).version if act == "activate" else None
        try:
            store.roll_back(DIGEST, to)
        except NoSuchVersion:
            return


class _Doomed:
    """A connection whose user is killed before its n-th step; a commit is a step, so is each piece of a copy."""

    def __init__(self, connection: psycopg.Connection[Any], step: int) -> None:
        self._connection, self._left = connection, step

    def step(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def execute(self, *given: Any, **how: Any) -> Any:
        self.step()
        return self._connection.execute(*given, **how)

    def commit(self) -> None:
        self.step()
        self._connection.commit()

    def cursor(self) -> Any:
        return self

    @contextmanager
    def copy(self, statement: Any) -> Iterator[Any]:
        with self._connection.cursor() as cursor, cursor.copy(statement) as copying:
            self._copying = copying
            yield self

    def write(self, data: bytes) -> None:
        self.step()
        self._copying.write(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def _publish(url: str, content: Content, step: int) -> None:
    with psycopg.connect(url) as connection:
        doomed = _Doomed(connection, step)
        store = PostgresVectors(doomed)  # type: ignore[arg-type]
        store.hand_over(a_batch(content), "whole", Sources())
        store.prune(DIGEST, keep=1)
        doomed.commit()
        doomed.step()


def test_a_publisher_killed_at_any_statement_leaves_the_old_version_active(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        store = PostgresVectors(connection)
        with connection.transaction():
            store.hand_over(a_batch(whole(0)), "whole", Sources())
        active = 0
        for fatal in count(1):
            arguments = (database_url, whole(fatal), fatal)
            process = multiprocessing.get_context("fork").Process(target=_publish, args=arguments)
            process.start()
            process.join(timeout=60)
            assert process.exitcode in (0, -signal.SIGKILL)
            values = seen(store)
            if values != {active}:
                assert values == {fatal}
                active = fatal
            if process.exitcode == 0:
                break
            if values == {active} and active != fatal:
                assert sum(each.active for each in store.publications(DIGEST)) == 1

    assert fatal > 15, "it is killed in the middle of copying, adding, activating and pruning"
    assert active == fatal, "the one that was not killed is active"
