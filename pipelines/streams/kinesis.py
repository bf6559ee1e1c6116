"""Kinesis over boto3: putting batches, and reading a shard up to a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.utils import parse_timestamp

from pipelines.settings import Settings
from pipelines.sources.source import Event
from pipelines.streams.stream import StreamFault

# Entries are refused one by one when a shard is over its limit; patience grows with each round in which none gets in.
_FIRST_WAIT = 0.05
_LONGEST_WAIT = 5.0
_MAX_ROUNDS = 20
_THROTTLED = {"ProvisionedThroughputExceededException", "LimitExceededException", "ThrottlingException"}
_PAGE = 5_000


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard of a stream; children of a reshard are a generation younger than their parents."""

    shard_id: str
    generation: int


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it lies in its shard; `arrived_ms` need be neither exact nor monotonic."""

    sequence: str
    arrived_ms: int
    data: bytes


def client(settings: Settings) -> Any:
    """A Kinesis client for the endpoint of the settings."""
    session = botocore.session.get_session()
    # A record's arrival time in the machine's own zone, as botocore makes it, costs as much as all the rest of reading.
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_instant)
    return boto3.Session(botocore_session=session).client(
        "kinesis",
        endpoint_url=settings.aws_endpoint,
        region_name=settings.aws_region,
        config=Config(retries={"mode": "standard", "max_attempts": 4}, connect_timeout=5, read_timeout=30),
    )


def _instant(value: Any) -> datetime:
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    parsed: datetime = parse_timestamp(value)
    return parsed


class KinesisStream:
    """One stream. `sleep` is handed in, so that tests of patience need none."""

    def __init__(self, client: Any, name: str, sleep: Callable[[float], None]) -> None:
        self._client = client
        self._name = name
        self._sleep = sleep

    def check(self) -> None:
        """See `Stream.check`."""
        self.created_ms()

    def put(self, batch: list[Event]) -> int:
        """See `Stream.put`. Only the entries that failed are sent again."""
        entries = [{"Data": event.body, "PartitionKey": event.account_id} for event in batch]
        again, fruitless = 0, 0
        while True:
            failed, code = self._put_once(entries)
            if not failed:
                return again
            fruitless = fruitless + 1 if len(failed) == len(entries) else 1
            if fruitless > _MAX_ROUNDS:
                raise StreamFault(f"stream {self._name} refused {len(failed)} events {fruitless} times: {code}")
            self._sleep(min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (fruitless - 1)))
            entries = failed
            again += len(failed)

    def _put_once(self, entries: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], str]:
        """The entries that failed, and one of their error codes."""
        try:
            with self._named_faults():
                answer = self._client.put_records(StreamName=self._name, Records=entries)
        except ClientError as error:
            if _code(error) not in _THROTTLED:
                raise
            return entries, _code(error)
        if not answer["FailedRecordCount"]:
            return [], ""
        outcomes = zip(entries, answer["Records"], strict=True)
        failed = [(entry, outcome["ErrorCode"]) for entry, outcome in outcomes if outcome.get("ErrorCode")]
        return [entry for entry, _ in failed], failed[0][1]

    def created_ms(self) -> int:
        """When this stream was made: another one under the same name has records of its own."""
        return int(self._describe()["StreamDescriptionSummary"]["StreamCreationTimestamp"].timestamp() * 1000)

    def clock_ms(self) -> int:
        """The service's own clock, whole seconds, in milliseconds; no clock of ours takes part."""
        headers = self._describe()["ResponseMetadata"]["HTTPHeaders"]
        return int(parsedate_to_datetime(headers["date"]).timestamp() * 1000)

    def shards(self) -> list[Shard]:
        """All shards that still hold records, parents before their children."""
        parents: dict[str, tuple[str, ...]] = {}
        token: dict[str, str] = {"StreamName": self._name}
        while token:
            with self._named_faults():
                page = self._client.list_shards(**token)
            for shard in page["Shards"]:
                both = (shard.get("ParentShardId"), shard.get("AdjacentParentShardId"))
                parents[shard["ShardId"]] = tuple(parent for parent in both if parent)
            token = {"NextToken": page["NextToken"]} if page.get("NextToken") else {}
        return sorted(
            (Shard(shard_id, _generation(shard_id, parents)) for shard_id in parents),
            key=lambda shard: (shard.generation, shard.shard_id),
        )

    def read(self, shard_id: str, after: str | None, until_ms: int) -> Iterator[list[Record]]:
        """Pages of the shard's records, behind `after`, up to the first one that arrived at `until_ms` or later.

        `until_ms` must lie in the past of the service's clock: then an empty page that is not behind means the end.
        """
        iterator = self._iterator(shard_id, after)
        throttled = 0
        while iterator:
            try:
                with self._named_faults():
                    answer = self._client.get_records(ShardIterator=iterator, Limit=_PAGE)
            except ClientError as error:
                if _code(error) == "ExpiredIteratorException":
                    iterator = self._iterator(shard_id, after)
                    continue
                throttled += 1
                if _code(error) not in _THROTTLED or throttled > _MAX_ROUNDS:
                    raise
                self._sleep(min(_LONGEST_WAIT, _FIRST_WAIT * 2**throttled))
                continue
            throttled = 0
            page = [_record(found) for found in answer["Records"]]
            wanted = _before(page, until_ms)
            if wanted:
                after = wanted[-1].sequence
                yield wanted
            if len(wanted) < len(page) or (not answer.get("MillisBehindLatest") and len(page) < _PAGE):
                return
            iterator = answer.get("NextShardIterator")

    def _iterator(self, shard_id: str, after: str | None) -> str:
        start: dict[str, str] = (
            {"ShardIteratorType": "TRIM_HORIZON"}
            if after is None
            else {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": after}
        )
        with self._named_faults():
            answer = self._client.get_shard_iterator(StreamName=self._name, ShardId=shard_id, **start)
        iterator: str = answer["ShardIterator"]
        return iterator

    def _describe(self) -> Any:
        with self._named_faults():
            return self._client.describe_stream_summary(StreamName=self._name)

    @contextmanager
    def _named_faults(self) -> Iterator[None]:
        """Turn what a person can mend into a StreamFault that says where."""
        try:
            yield
        except ClientError as error:
            if _code(error) == "ResourceNotFoundException":
                raise StreamFault(
                    f"there is no stream {self._name} at {self._client.meta.endpoint_url}; "
                    f"the setting TRANCHE_STREAM names it, for example TRANCHE_STREAM=tranche-events"
                ) from error
            raise
        except BotoCoreError as error:
            raise StreamFault(
                f"stream {self._name} cannot be reached (settings TRANCHE_AWS_ENDPOINT, TRANCHE_AWS_REGION): {error}"
            ) from error


def _generation(shard_id: str, parents: dict[str, tuple[str, ...]]) -> int:
    known = [parent for parent in parents.get(shard_id, ()) if parent in parents]
    return 1 + max(_generation(parent, parents) for parent in known) if known else 0


def _record(found: dict[str, Any]) -> Record:
    return Record(
        found["SequenceNumber"], round(found["ApproximateArrivalTimestamp"].timestamp() * 1000), found["Data"]
    )


def _before(page: list[Record], until_ms: int) -> list[Record]:
    """The records in front of the first one that arrived too late, whatever comes behind that one."""
    for at, record in enumerate(page):
        if record.arrived_ms >= until_ms:
            return page[:at]
    return page


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
