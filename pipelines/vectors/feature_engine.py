"""Port: an engine that builds feature vectors, with its request and result."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from features.catalog import FeatureSet, feature_set_digest

BANK_TRANSACTIONS = "curated.bank_transactions"
# Notes in the snapshot that an engine commits: the number of rows, and of rows without any event.
VECTORS, EMPTY = "tranche.vectors", "tranche.empty"


@dataclass(frozen=True, slots=True)
class Increment:
    """What was read of a source with daily sums: the days that gained events, and the number of their events.

    `whole` means that every day was read: the first time, after a change of a measure, or after rows were removed.
    """

    source: str
    days: int
    events_read: int
    whole: bool


@dataclass(frozen=True, slots=True)
class VectorRequest:
    """A request to an engine. `inputs` gives the snapshot of each table; a table without one counts as empty.

    `increment` leaves out the applications' own moments, and uses the daily sums of sources that have them.
    """

    of: FeatureSet
    inputs: Mapping[str, int]
    as_of: tuple[datetime, ...]
    increment: bool

    def constants(self) -> dict[str, str | int]:
        """The columns that have the same value in every row of a build."""
        constants: dict[str, str | int] = {
            "feature_set_digest": feature_set_digest(self.of.entity),
            "snapshot_ids": json.dumps(self.inputs, sort_keys=True),
        }
        if BANK_TRANSACTIONS in self.inputs:
            constants["bank_transactions_snapshot_id"] = self.inputs[BANK_TRANSACTIONS]
        return constants


class Engine(Protocol):
    """Computes vectors and stores them in the feature set's table."""

    def build(self, request: VectorRequest, notes: Mapping[str, str]) -> tuple[Increment, ...]:
        """Write the rows of every moment, in a commit with the notes and the numbers of all and of empty rows."""
