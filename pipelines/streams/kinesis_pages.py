"""Pages of records as columns, parsed without botocore's slow handling of every field of every record."""

from __future__ import annotations

from binascii import a2b_base64
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Page:
    """Records of a shard, in the shard's order, as columns.

    Arrival times are in milliseconds, neither exact nor monotonic. `behind_ms` is how far the end of the page is behind
    the shard's tip; `ends_shard` means that no record can follow.
    """

    sequences: list[str]
    arrived_ms: list[int]
    bodies: list[bytes]
    behind_ms: int = 0
    ends_shard: bool = False

    def __len__(self) -> int:
        return len(self.sequences)

    def before(self, until_ms: int) -> Page:
        """The records before the first one that arrived at or after that time."""
        late = next((at for at, arrived in enumerate(self.arrived_ms) if arrived >= until_ms), None)
        return self if late is None else Page(self.sequences[:late], self.arrived_ms[:late], self.bodies[:late])

    def behind(self, sequence: str) -> Page:
        """The records with higher sequence numbers; usually all of them, as reading began there."""
        if not self.sequences or int(self.sequences[0]) > int(sequence):
            return self
        first = next((at for at, each in enumerate(self.sequences) if int(each) > int(sequence)), len(self))
        return Page(
            self.sequences[first:], self.arrived_ms[first:], self.bodies[first:], self.behind_ms, self.ends_shard
        )


def parse_get_records(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Handler of botocore's event `before-parse.kinesis.GetRecords`: parse the answer here instead of in botocore.

    botocore visits each field of each record, which costs more than the rest of reading. It still handles errors.
    """
    if response_dict["status_code"] == 200:
        customized_response_dict.update(orjson.loads(response_dict["body"]))
        response_dict["body"] = b"{}"


def page_of(answer: dict[str, Any]) -> Page:
    """The page of an answer that `parse_get_records` parsed."""
    records = answer["Records"]
    return Page(
        [record["SequenceNumber"] for record in records],
        [round(record["ApproximateArrivalTimestamp"] * 1000) for record in records],
        [a2b_base64(record["Data"]) for record in records],
        behind_ms=answer.get("MillisBehindLatest") or 0,
        ends_shard=not answer.get("NextShardIterator"),
    )
