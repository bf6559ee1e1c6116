"""Kinesis over boto3: putting batches, and reading a shard up to a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import boto3
from botocore.config import Config

from pipelines.settings import Settings
from pipelines.sources.source import CanonicalEvent
from pipelines.streams.kinesis_calls import Calls, NotNow, at_random
from pipelines.streams.kinesis_cursor import ShardCursor
from pipelines.streams.kinesis_pages import Page, parse_get_records
from pipelines.streams.shards import Position, Shard, by_generation

# As many records as the service gives in one answer.
_PAGE = 10_000
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Unread:
    """What lies behind a position: when its first record arrived, and how far that record is behind the shard's tip.

    `is_drained`: the shard is closed and nothing is left behind the position.
    """

    arrived_ms: int | None
    behind_ms: int
    is_drained: bool


def client(settings: Settings) -> Any:
    """A Kinesis client for the endpoint of the settings; it asks once, and `Calls` asks again."""
    made = boto3.client(
        "kinesis",
        endpoint_url=settings.kinesis_endpoint,
        region_name=settings.aws_region,
        config=Config(retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=5, read_timeout=30),
    )
    made.meta.events.register("before-parse.kinesis.GetRecords", parse_get_records)
    return made


class KinesisStream:
    """One stream; for `sleep` and `jitter` see `Calls`."""

    def __init__(
        self,
        client: Any,
        name: str,
        sleep: Callable[[float], None],
        jitter: Callable[[], float] = at_random,
    ) -> None:
        self._calls = Calls(client, name, sleep, jitter)
        self._name = name

    def check(self) -> None:
        """See `Stream.check`."""
        self.created_ms()

    def put(self, batch: list[CanonicalEvent]) -> int:
        """See `Stream.put`. Only the entries that failed are sent again."""
        waiting = [{"Data": event.body, "PartitionKey": event.account_id} for event in batch]
        again = fruitless = 0
        while waiting:
            failed, refused = self._put_once(waiting)
            if refused is None:
                fruitless = 0
            else:
                fruitless = fruitless + 1 if len(failed) == len(waiting) else 1
                self._calls.wait(fruitless, refused, f"refused {len(failed)} events")
            again += len(failed)
            waiting = failed
        return again

    def _put_once(self, entries: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], NotNow | None]:
        """The entries that failed, and why one of them did."""
        try:
            answer = self._calls.once("put_records", StreamName=self._name, Records=entries)
        except NotNow as refused:
            return entries, refused
        if not answer["FailedRecordCount"]:
            return [], None
        outcomes = zip(entries, answer["Records"], strict=True)
        failed = [(entry, outcome["ErrorCode"]) for entry, outcome in outcomes if outcome.get("ErrorCode")]
        return [entry for entry, _ in failed], NotNow(failed[0][1])

    def created_ms(self) -> int:
        """When this stream was made: another one under the same name has records of its own."""
        return int(self._describe()["StreamDescriptionSummary"]["StreamCreationTimestamp"].timestamp() * 1000)

    def retention_ms(self) -> int:
        """How long the stream keeps a record."""
        return int(self._describe()["StreamDescriptionSummary"]["RetentionPeriodHours"]) * _HOUR_MS

    def clock_ms(self) -> int:
        """The service's own clock, whole seconds, in milliseconds; no clock of ours takes part."""
        headers = self._describe()["ResponseMetadata"]["HTTPHeaders"]
        return int(parsedate_to_datetime(headers["date"]).timestamp() * 1000)

    def shards(self) -> list[Shard]:
        """All shards that the service still has, parents before their children."""
        found: dict[str, tuple[tuple[str, ...], bool]] = {}
        token: dict[str, str] = {"StreamName": self._name}
        while token:
            answer = self._calls.patiently("list_shards", **token)
            for shard in answer["Shards"]:
                both = (shard.get("ParentShardId"), shard.get("AdjacentParentShardId"))
                is_open = not shard["SequenceNumberRange"].get("EndingSequenceNumber")
                found[shard["ShardId"]] = (tuple(parent for parent in both if parent), is_open)
            token = {"NextToken": answer["NextToken"]} if answer.get("NextToken") else {}
        return by_generation(found)

    def read(self, shard: Shard, position: Position, until_ms: int, at_most: int | None = None) -> Iterator[Page]:
        """Pages of the shard's records from a position on, up to the first one that arrived at `until_ms` or later.

        `until_ms` must lie in the past of the service's clock: then a page at the shard's tip is the last one. Ends
        after `at_most` records too. A closed shard that was read to its end says so in its last page, which may be
        empty.
        """
        cursor = ShardCursor(self._calls, self._name, shard.shard_id, position)
        left = at_most
        while left is None or left > 0:
            limit = _PAGE if left is None else min(_PAGE, left)
            page = cursor.next(limit)
            if page is None:
                yield Page([], [], [], ends_shard=True)
                return
            wanted = page.before(until_ms)
            if wanted or wanted.ends_shard:
                yield wanted
            # A full page says nothing of what comes behind it. A closed shard tells its end one answer later.
            is_at_tip = not page.behind_ms and len(page) < limit and (shard.is_open or not page)
            if is_at_tip or wanted.ends_shard or len(wanted) < len(page):
                return
            left = None if left is None else left - len(wanted)

    def peek(self, shard_id: str, position: Position) -> Unread:
        """What lies behind a position."""
        cursor = ShardCursor(self._calls, self._name, shard_id, position)
        while (page := cursor.next(1)) is not None:
            if page:
                return Unread(page.arrived_ms[0], page.behind_ms, is_drained=False)
            if not page.ends_shard and not page.behind_ms:
                return Unread(None, 0, is_drained=False)
        return Unread(None, 0, is_drained=True)

    def _describe(self) -> Any:
        return self._calls.patiently("describe_stream_summary", StreamName=self._name)
