"""Act: how far the lake is behind the stream, shard by shard."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from pipelines.streams.backlog import Backlog
from pipelines.streams.iceberg import committed


@dataclass(frozen=True, slots=True)
class ShardLag:
    """Where the lake goes on in a shard, and how long what it finds there has been waiting.

    `stopped_at` is the last sequence number taken, None where none was. `behind_ms` is the service's word for how far
    the next record is behind the shard's newest. A closed shard that is drained has nothing left for ever.
    """

    shard: str
    generation: int
    is_open: bool
    is_drained: bool
    stopped_at: str | None
    behind_ms: int
    oldest_unread_seconds: float | None


@dataclass(frozen=True, slots=True)
class LagReport:
    """The lag of every shard; `taken_until` is the end of the newest batch of this very stream, None where none is.

    A record that is unread for `retention_seconds` is lost: `oldest_unread_seconds` must stay well below.
    """

    stream: str
    created_at: datetime
    taken_until: datetime | None
    retention_seconds: int
    shards: tuple[ShardLag, ...]

    @property
    def waiting(self) -> int:
        """How many shards have something to read."""
        return sum(each.oldest_unread_seconds is not None for each in self.shards)

    @property
    def oldest_unread_seconds(self) -> float:
        """The age of the oldest record that the lake has not; 0 when it has all."""
        return max((each.oldest_unread_seconds or 0.0 for each in self.shards), default=0.0)

    @property
    def is_at_risk(self) -> bool:
        """Whether half the time is over in which a record can still be read."""
        return self.oldest_unread_seconds > self.retention_seconds / 2


def lag(backlog: Backlog) -> LagReport:
    """Look at the next unread record of each shard. Nothing is taken; StreamFault when the stream is not there."""
    stream = backlog.stream
    created_ms, clock_ms = stream.created_ms(), stream.clock_ms()
    newest = committed(backlog.lake, backlog.settings)
    is_of_this_stream = newest is not None and newest.stops.created_ms == created_ms
    shards = tuple(
        ShardLag(
            shard.shard_id,
            shard.generation,
            shard.is_open,
            found.is_drained,
            position.after,
            found.behind_ms,
            None if found.arrived_ms is None else max(0, clock_ms - found.arrived_ms) / 1000,
        )
        for shard, (position, found) in backlog.unread().items()
    )
    return LagReport(
        backlog.settings.stream,
        _time(created_ms),
        _time(newest.until) if newest is not None and is_of_this_stream else None,
        stream.retention_ms() // 1000,
        shards,
    )


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
