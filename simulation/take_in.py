"""Act: take a folder of canonical events all the way to the vectors that serving reads."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from terminal.clock import machine_now
from terminal.fault import Fault


class NothingPublished(Fault):
    """Serving has no vectors that fresh ones could be added to."""


@dataclass(frozen=True, slots=True)
class TakenIn:
    """Events that were published and those the lake accepted; vectors that serving reads since."""

    published: int
    accepted: int
    vectors: int


def take_in(folder: Path, *, as_of: datetime, say: Callable[[str], None]) -> TakenIn:
    """Publish, ingest, curate, refresh: what the four commands of `tranche pipelines` do, in one Spark session.

    `as_of` is the moment of the vectors. Raises NothingPublished before the first `publish-features`. Idempotent:
    events that came before are parked as duplicates.
    """
    from features.postgres import vector_store
    from features.settings import Settings as StoreSettings
    from pipelines.curation.curate import curate
    from pipelines.ingest.completeness import FileJournal
    from pipelines.ingest.ingest import ingest
    from pipelines.ingest.publish import publish
    from pipelines.lake.iceberg import IcebergTables
    from pipelines.lake.iceberg_changes import IcebergChanges
    from pipelines.runtime.spark import session
    from pipelines.settings import Settings
    from pipelines.sources.canonical import Canonical
    from pipelines.sources.iceberg import IcebergRejects
    from pipelines.streams.kinesis import KinesisStream, client
    from pipelines.streams.postgres_turn import ingesting
    from pipelines.vectors.published_vectors import published_vectors
    from pipelines.vectors.refresh_features import refresh

    settings, database_url = Settings.from_environment(), StoreSettings.from_environment().database_url
    served = published_vectors()["applicant"]
    with vector_store(database_url) as store:
        if store.active(served.digest) is None:
            raise NothingPublished("serving has no vectors yet; tranche pipelines publish-features hands it the first")
    source = Canonical(folder)
    say("putting their history on the stream")
    stream = KinesisStream(client(settings), settings.stream, time.sleep)
    journal = FileJournal(settings.journal(source.name), machine_now)
    put = publish(source, stream, IcebergRejects(settings, machine_now), journal=journal, seconds=time.monotonic)
    say("starting Spark")
    spark = session(settings)
    say("taking the stream into the lake")
    with ingesting(database_url, settings) as still_mine:
        taken = ingest(spark, settings, now=machine_now, sleep=time.sleep, after_commit=still_mine)
    say("curating")
    curate(spark, IcebergTables(settings), settings)
    say("refreshing the vectors")
    with vector_store(database_url) as store:
        refreshed = refresh(IcebergChanges(settings), store, served, as_of)
    return TakenIn(put.total, taken.total.accepted, refreshed.changed)
