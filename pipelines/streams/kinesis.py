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

# The service's maximum number of records in one answer.
_PAGE = 10_000
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Unread:
    """What is unread after a position: when the first record arrived, and how far it is behind the shard's tip.

    `is_drained`: the shard is closed and there are no records after the position.
    """

    arrived_ms: int | None
    behind_ms: int
    is_drained: bool


def client(settings: Settings) -> Any:
    """A Kinesis client for the endpoint of the settings, without retries of its own: `Calls` retries."""
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
        """The entries that failed, and the reason of one of them."""
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
        """When this stream was created, which distinguishes it from another stream of the same name."""
        return int(self._describe()["StreamDescriptionSummary"]["StreamCreationTimestamp"].timestamp() * 1000)

    def retention_ms(self) -> int:
        """How long the stream keeps a record."""
        return int(self._describe()["StreamDescriptionSummary"]["RetentionPeriodHours"]) * _HOUR_MS

    def clock_ms(self) -> int:
        """The service's clock in whole seconds, as milliseconds. The local clock is not used."""
        headers = self._describe()["ResponseMetadata"]["HTTPHeaders"]
        return int(parsedate_to_datetime(headers["date"]).timestamp() * 1000)

    def shards(self) -> list[Shard]:
        """All shards that the service lists, parents before their children."""
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
        """Pages of the shard's records from a position up to the first one that arrived at or after `until_ms`.

        `until_ms` must be in the past by the service's clock, so that a page at the shard's tip is the last one. Also
        ends after `at_most` records. The last page of a closed shard, which may be empty, has `ends_shard` set.
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
            # After a full page there may be more records. A closed shard reports its end only in the next answer.
            is_at_tip = not page.behind_ms and len(page) < limit and (shard.is_open or not page)
            if is_at_tip or wanted.ends_shard or len(wanted) < len(page):
                return
            left = None if left is None else left - len(wanted)

    def peek(self, shard_id: str, position: Position) -> Unread:
        """What is unread after a position."""
        cursor = ShardCursor(self._calls, self._name, shard_id, position)
        while (page := cursor.next(1)) is not None:
            if page:
                return Unread(page.arrived_ms[0], page.behind_ms, is_drained=False)
            if not page.ends_shard and not page.behind_ms:
                return Unread(None, 0, is_drained=False)
        return Unread(None, 0, is_drained=True)

    def _describe(self) -> Any:
        return self._calls.patiently("describe_stream_summary", StreamName=self._name)
