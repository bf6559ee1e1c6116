"""Read one shard page by page, renewing its expired iterators."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from pipelines.streams.kinesis_calls import Calls, NoStream, code_of
from pipelines.streams.kinesis_pages import Page, page_of
from pipelines.streams.shards import Position

# An iterator is valid for five minutes; if new ones are expired again and again, the service is at fault.
_MAX_EXPIRED = 5


class ShardCursor:
    """A position in a shard that advances with each page."""

    def __init__(self, calls: Calls, stream: str, shard_id: str, position: Position) -> None:
        self._calls = calls
        self._shard = {"StreamName": stream, "ShardId": shard_id}
        self._position = position
        self._iterator: str | None = None
        self._is_at_end = False

    def next(self, limit: int) -> Page | None:
        """The next page of at most `limit` records, possibly empty; None after the end of a closed shard."""
        expired = 0
        while not self._is_at_end:
            try:
                self._iterator = self._iterator or self._new_iterator(self._position)
                return self._moved(self._calls.patiently("get_records", ShardIterator=self._iterator, Limit=limit))
            except NoStream:
                # The shard itself may have expired; if this fails too, the stream is missing.
                self._calls.patiently("describe_stream_summary", StreamName=self._shard["StreamName"])
                self._is_at_end = True
            except ClientError as error:
                expired += 1
                if code_of(error) != "ExpiredIteratorException" or expired > _MAX_EXPIRED:
                    raise
                self._iterator = None
        return None

    def _moved(self, answer: dict[str, Any]) -> Page:
        page = page_of(answer)
        if self._position.after is not None:
            page = page.behind(self._position.after)
        if page:
            self._position = Position(page.sequences[-1])
        self._iterator = answer.get("NextShardIterator")
        self._is_at_end = page.ends_shard
        return page

    def _new_iterator(self, position: Position) -> str:
        start: dict[str, Any] = {"ShardIteratorType": "TRIM_HORIZON"}
        if position.after is not None:
            start = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": position.after}
        elif position.at_ms is not None:
            start = {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": position.at_ms / 1000}
        try:
            iterator: str = self._calls.patiently("get_shard_iterator", **self._shard, **start)["ShardIterator"]
        except (ClientError, NoStream) as error:
            is_unknown = isinstance(error, NoStream) or code_of(error) == "InvalidArgumentException"
            if position.after is None or not is_unknown:
                raise
            # The record was trimmed, and all records before it too: all remaining records come after it.
            return self._new_iterator(Position())
        return iterator
