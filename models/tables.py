"""Port: what training reads from the lake, each table with the snapshot it was read at."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Reading:
    """Rows of one table as a pandas frame, and where they came from: enough to read the same rows again."""

    table: str
    snapshot_id: int
    schema_id: int
    frame: Any


class Tables(Protocol):
    """Tables of the lake, named `curated.loans` and the like whatever prefix an installation puts before them."""

    def read(self, table: str, columns: Sequence[str]) -> Reading:
        """The named columns of every row of the newest snapshot.

        Raises `LakeFault` when the table, a column or a snapshot is not there yet.
        """


class LakeFault(Exception):
    """Training cannot read what it needs; says which table and which act makes it."""

    @property
    def user_message(self) -> str:
        return str(self)
