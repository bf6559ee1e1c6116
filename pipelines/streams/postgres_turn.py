"""A lock for one ingest of a lake at a time: two from the same position would write the same rows twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg

from pipelines.settings import Settings
from terminal.fault import Fault

# The time that an ingest of a large backlog may take.
PATIENCE_S = 3_600.0


class NotOurTurn(Fault):
    """Raised if another ingest of the lake held the lock during the whole wait."""

    def __init__(self, lake: str, patience_s: float) -> None:
        super().__init__(
            f"nothing was read: another ingest of the lake {lake} has been at work for more than {patience_s:,.0f} s; "
            "pg_stat_activity shows it as `tranche ingest`"
        )


@contextmanager
def ingesting(
    database_url: str, settings: Settings, *, patience_s: float = PATIENCE_S
) -> Iterator[Callable[[str], None]]:
    """Hold the turn to ingest into a lake, by a lock of a database session, which ends with the process.

    Waits for the turn, and raises NotOurTurn if that takes too long. Yields a function to call before each commit,
    which raises if the session, and with it the turn, was lost; the next ingest then completes the batch.
    """
    lake = f"{settings.lake_bucket}/{settings.lake_prefix}"
    with psycopg.connect(database_url, autocommit=True, application_name="tranche ingest") as connection:
        connection.execute("SELECT set_config('lock_timeout', %s, false)", (f"{round(patience_s * 1000)}ms",))
        try:
            connection.execute("SELECT pg_advisory_lock(hashtextextended('pipelines.ingest ' || %s, 0))", (lake,))
        except psycopg.errors.LockNotAvailable as waited:
            raise NotOurTurn(lake, patience_s) from waited

        def still_mine(_step: str) -> None:
            connection.execute("SELECT 1")

        yield still_mine
