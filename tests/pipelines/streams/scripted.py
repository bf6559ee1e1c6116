"""A Kinesis client whose stream is written by the test record by record, with any arrival times."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import count
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError


@dataclass
class ScriptedShard:
    """Records as (sequence, arrival in milliseconds, body); a closed one takes no more."""

    parents: tuple[str, ...] = ()
    is_open: bool = True
    records: list[tuple[int, int, bytes]] = field(default_factory=list)


class ScriptedKinesis:
    """What reading asks of a client. An iterator is the text `shard|number of the next record`.

    `before_get` may raise in place of an answer; `page` is how many records an answer holds at most, which on the
    service may be fewer than were asked for.
    """

    def __init__(self, page: int = 10_000, before_get: Callable[[], None] = lambda: None) -> None:
        self.shards: dict[str, ScriptedShard] = {}
        self.page = page
        self.before_get = before_get
        self.calls: list[str] = []
        self.meta = SimpleNamespace(endpoint_url="nowhere")
        self.created = datetime(2026, 1, 1, tzinfo=UTC)
        self._numbers = count(1000)

    def add(self, shard_id: str, *parents: str) -> None:
        """Open a shard and close its parents."""
        for parent in parents:
            self.shards[parent].is_open = False
        self.shards[shard_id] = ScriptedShard(parents)

    def put(self, shard_id: str, body: bytes, arrived_ms: int) -> str:
        """Add a record; its sequence number."""
        assert self.shards[shard_id].is_open
        sequence = next(self._numbers)
        self.shards[shard_id].records.append((sequence, arrived_ms, body))
        return str(sequence)

    def describe_stream_summary(self, *, StreamName: str) -> dict[str, Any]:  # noqa: N803
        self.calls.append(f"describe {StreamName}")
        return {
            "StreamDescriptionSummary": {"StreamCreationTimestamp": self.created, "RetentionPeriodHours": 24},
            "ResponseMetadata": {"HTTPHeaders": {"date": format_datetime(self.created, usegmt=True)}},
        }

    def list_shards(self, *, StreamName: str) -> dict[str, Any]:  # noqa: N803, ARG002
        names = ("ParentShardId", "AdjacentParentShardId")
        return {
            "Shards": [
                {
                    "ShardId": shard_id,
                    **dict(zip(names, shard.parents, strict=False)),
                    "SequenceNumberRange": {"StartingSequenceNumber": "0"}
                    | ({} if shard.is_open else {"EndingSequenceNumber": "9"}),
                }
                for shard_id, shard in self.shards.items()
            ]
        }

    def get_shard_iterator(
        self,
        *,
        StreamName: str,  # noqa: N803, ARG002
        ShardId: str,  # noqa: N803
        ShardIteratorType: str,  # noqa: N803
        StartingSequenceNumber: str = "0",  # noqa: N803
        Timestamp: float = 0.0,  # noqa: N803
    ) -> dict[str, Any]:
        self.calls.append(f"iterator {ShardIteratorType}")
        if ShardId not in self.shards:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetShardIterator")
        records = self.shards[ShardId].records
        behind = {
            "TRIM_HORIZON": lambda _: True,
            "AFTER_SEQUENCE_NUMBER": lambda record: record[0] > int(StartingSequenceNumber),
            "AT_TIMESTAMP": lambda record: record[1] >= Timestamp * 1000,
        }[ShardIteratorType]
        sequence = next((record[0] for record in records if behind(record)), 2**62)
        return {"ShardIterator": f"{ShardId}|{sequence}"}

    def get_records(self, *, ShardIterator: str, Limit: int) -> dict[str, Any]:  # noqa: N803
        self.calls.append(f"get {Limit}")
        self.before_get()
        shard_id, _, sequence = ShardIterator.partition("|")
        shard = self.shards[shard_id]
        left = [record for record in shard.records if record[0] >= int(sequence)]
        given = left[: min(Limit, self.page)]
        rest = left[len(given) :]
        answer: dict[str, Any] = {
            "Records": [
                {
                    "SequenceNumber": str(number),
                    "ApproximateArrivalTimestamp": arrived / 1000,
                    "Data": base64.b64encode(body).decode(),
                    "PartitionKey": "k",
                }
                for number, arrived, body in given
            ],
            "MillisBehindLatest": 1 if rest else 0,
        }
        if rest or shard.is_open:
            following = rest[0][0] if rest else 2**61 if not left else left[-1][0] + 1
            answer["NextShardIterator"] = f"{shard_id}|{following if rest or left else sequence}"
        return answer
