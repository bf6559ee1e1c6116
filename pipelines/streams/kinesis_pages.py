"""Pages of records as columns, parsed without botocore's walk over every field of every record."""

from __future__ import annotations

from binascii import a2b_base64
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Page:
    """Records of a shard in its order, as columns.

    Arrival times, in milliseconds, need be neither exact nor monotonic. `behind_ms` is how far the page's end is
    behind the shard's tip; `ends_shard` says that no record can ever come behind it.
    """

    sequences: list[str]
    arrived_ms: list[int]
    bodies: list[bytes]
    behind_ms: int = 0
    ends_shard: bool = False

    def __len__(self) -> int:
        return len(self.sequences)

    def before(self, until_ms: int) -> Page:
        """The records in front of the first one that arrived too late, whatever comes behind that one."""
        late = next((at for at, arrived in enumerate(self.arrived_ms) if arrived >= until_ms), None)
        return self if late is None else Page(self.sequences[:late], self.arrived_ms[:late], self.bodies[:late])

    def behind(self, sequence: str) -> Page:
        """The records that come after that sequence number: all of them, except where its own record is long gone."""
        if not self.sequences or int(self.sequences[0]) > int(sequence):
            return self
        first = next((at for at, each in enumerate(self.sequences) if int(each) > int(sequence)), len(self))
        return Page(
            self.sequences[first:], self.arrived_ms[first:], self.bodies[first:], self.behind_ms, self.ends_shard
        )


def parse_get_records(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """For botocore's event `before-parse.kinesis.GetRecords`: parse the answer here and leave nothing to it.

    botocore looks at each field of each record, which costs more than all the rest of reading. Errors stay its own.
    """
    if response_dict["status_code"] == 200:
        customized_response_dict.update(orjson.loads(response_dict["body"]))
        response_dict["body"] = b"{}"


def page_of(answer: dict[str, Any]) -> Page:
    """The records of an answer that `parse_get_records` parsed."""
    records = answer["Records"]
    return Page(
        [record["SequenceNumber"] for record in records],
        [round(record["ApproximateArrivalTimestamp"] * 1000) for record in records],
        [a2b_base64(record["Data"]) for record in records],
        behind_ms=answer.get("MillisBehindLatest") or 0,
        ends_shard=not answer.get("NextShardIterator"),
    )
