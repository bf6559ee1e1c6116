"""The steps of the stream job on one lake, in one Spark session: the acts that the schedules run one by one."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from data_contracts.catalog import event_contracts
from pipelines.curation.curate import CurateReport, curate
from pipelines.follow_stream.follow import Look, Vectors
from pipelines.ingest.ingest import IngestReport, ingest
from pipelines.vectors.published_vectors import published_vectors
from pipelines.vectors.refresh_features import refresh

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from features.store import Publications
    from pipelines.curation.write_audit_publish import Judge
    from pipelines.lake.changes import TableChanges
    from pipelines.lake.table import VersionedTables
    from pipelines.settings import Settings
    from pipelines.streams.backlog import Backlog


@dataclass(frozen=True, slots=True)
class LakeSteps:
    """Steps of `follow`. `turn` is held during ingest and called with each of its steps; `store` commits at its end.

    `now` is the machine's time, with which rows are stamped; `as_of` is the moment of the vectors, by default `now`.
    """

    spark: SparkSession
    settings: Settings
    backlog: Backlog
    tables: VersionedTables
    changes: TableChanges
    store: Callable[[], AbstractContextManager[Publications]]
    turn: Callable[[], AbstractContextManager[Callable[[str], None]]]
    now: Callable[[], datetime]
    sleep: Callable[[float], None]
    judge: Judge | None = None
    as_of: Callable[[], datetime] | None = None

    def look(self) -> Look:
        newest, oldest = self.backlog.newest(), self.backlog.oldest_ms()
        since = None if oldest is None else datetime.fromtimestamp(oldest / 1000, UTC)
        return Look(since, 0 if newest is None else newest.until)

    def ingest(self) -> IngestReport:
        with self.turn() as still_mine:
            return ingest(self.spark, self.settings, now=self.now, sleep=self.sleep, after_commit=still_mine)

    def curate(self, event_types: Collection[str] | None) -> CurateReport:
        known = event_contracts()
        contracts = None if event_types is None else [known[each] for each in event_types if each in known]
        return curate(self.spark, self.tables, self.settings, contracts=contracts, judge=self.judge)

    def refresh(self, tables: Collection[str] | None) -> Vectors:
        refreshed, unpublished = [], []
        with self.store() as store:
            for served in published_vectors().values():
                if store.active(served.digest) is None:
                    unpublished.append(served.entity)
                elif tables is None or any(source.table in tables for source in served.sources):
                    refreshed.append(refresh(self.changes, store, served, (self.as_of or self.now)()))
        return Vectors(tuple(refreshed), tuple(unpublished))
