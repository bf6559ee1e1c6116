"""The part of the stream that the lake has not read: its age, how much a batch takes of it, where reading begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from pipelines.settings import Settings
from pipelines.streams.iceberg import Committed, committed, unfinished
from pipelines.streams.iceberg_terms import Start, StartRefused, positions_of, set_share, set_start
from pipelines.streams.kinesis import KinesisStream, Unread
from pipelines.streams.shards import Position, Shard
from pipelines.streams.stream import From

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog

# Records may become readable a little after their arrival time, so a batch ends this long before the present.
MARGIN_MS = 2_000


_Unread = Mapping[Shard, tuple[Position, Unread]]


@dataclass(frozen=True, slots=True)
class Backlog:
    """A stream together with the lake that reads it."""

    stream: KinesisStream
    lake: Catalog
    settings: Settings

    def unread(self) -> dict[Shard, tuple[Position, Unread]]:
        """For each shard, the position at which the lake continues, and what is unread there."""
        positions = positions_of(self.stream.shards(), self.stream.created_ms(), self.lake, self.settings)
        return {shard: (position, self.stream.peek(shard.shard_id, position)) for shard, position in positions.items()}

    def newest(self) -> Committed | None:
        """The newest complete batch in the lake."""
        return committed(self.lake, self.settings)

    def oldest_ms(self) -> int | None:
        """The arrival time of the oldest record that the lake has not read; None if it has read all."""
        return _oldest_ms(self.unread())

    def take(self, until_ms: int, tables: list[str], run: Callable[[], None], sleep: Callable[[float], None]) -> None:
        """Run batches until the lake has read every record that arrived before that time.

        An interrupted batch is completed first. `run` takes one batch into its `tables`; it is not called if nothing is
        unread.
        """
        while True:
            if unfinished(self.lake, self.settings, tables) is None:
                # Wait until records that arrived before that time are readable.
                self._wait(until_ms, sleep)
                found = self.unread()
                oldest = _oldest_ms(found)
                if oldest is None or oldest >= until_ms:
                    return
                self._share_out(found)
                newest = self.newest()
                self._wait(0 if newest is None else newest.until + 1, sleep)
            run()

    def _wait(self, until_ms: int, sleep: Callable[[float], None]) -> None:
        """Wait until a batch may end at that time."""
        while self.stream.clock_ms() - MARGIN_MS < until_ms:
            sleep(0.2)

    def _share_out(self, unread: _Unread) -> None:
        """Limit the next batch to an equal share for each shard that is not drained."""
        alive = sum(not found.is_drained for _, found in unread.values())
        set_share(self.lake, self.settings, max(1, self.settings.batch_records // max(1, alive)))


def _oldest_ms(unread: _Unread) -> int | None:
    arrived = [found.arrived_ms for _, found in unread.values()]
    return min((each for each in arrived if each is not None), default=None)


def end_of_batch(stream: KinesisStream, lake: Catalog, settings: Settings, tables: list[str]) -> int:
    """The end of the batch to read now: that of an unfinished batch, or else by the service's clock."""
    left = unfinished(lake, settings, tables)
    return stream.clock_ms() - MARGIN_MS if left is None else left


def begin(backlog: Backlog, at: From | datetime, *, is_repeat: bool) -> None:
    """Choose where reading begins; raises StartRefused if the lake has already begun to read the stream."""
    stream, settings = backlog.stream, backlog.settings
    if is_repeat:
        raise StartRefused(f"a batch of {settings.stream} was cut off; ingest once without --start to complete it")
    clock_ms = stream.clock_ms()
    at_ms = round(at.timestamp() * 1000) if isinstance(at, datetime) else {From.LATEST: clock_ms}.get(at, 0)
    if at_ms > clock_ms:
        raise StartRefused(f"--start {at} lies in the future of the stream {settings.stream}")
    newest = committed(backlog.lake, settings)
    start = Start(stream.created_ms(), at_ms, tuple(shard.shard_id for shard in stream.shards()))
    set_start(backlog.lake, settings, start, None if newest is None else newest.stops)
