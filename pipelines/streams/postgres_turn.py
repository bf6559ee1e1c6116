"""One ingest of a lake at a time: two that read on from the same place would both write what they find there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg

from pipelines.settings import Settings
from terminal.fault import Fault

# As long as an ingest of a large backlog may take.
PATIENCE_S = 3_600.0


class NotOurTurn(Fault):
    """Another ingest of the lake was at work all the time that this one waited."""

    def __init__(self, lake: str, patience_s: float) -> None:
        super().__init__(
            f"nothing was read: another ingest of the lake {lake} has been at work for more than {patience_s:,.0f} s; "
            "pg_stat_activity shows it as `tranche ingest`"
        )


@contextmanager
def ingesting(
    database_url: str, settings: Settings, *, patience_s: float = PATIENCE_S
) -> Iterator[Callable[[str], None]]:
    """The turn to ingest into a lake, held by a session: it ends with the process, however that ends.

    Waits for it, NotOurTurn when that takes too long. What it yields is called before each commit and raises once the
    session is lost, and the turn with it; the batch is then cut off and the next ingest completes it.
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
