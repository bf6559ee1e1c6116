"""What a rebuild replaces on somebody's word: it is kept as it was, with who accepted the difference and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class AcceptedDifference:
    """A stored row or field: as it was and as derived, both as JSON; None stands for a row that is not there."""

    projection: str
    place: str
    was: Any
    became: Any


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Who accepts that stored rows are replaced, and why."""

    accepted_by: str
    reason: str
    accepted_at: datetime


class AcceptedDifferences(Protocol):
    """Keeps what is replaced, in the database transaction that replaces it."""

    def keep(self, differences: Sequence[AcceptedDifference]) -> None:
        """Keep these, all accepted by one principal for one reason."""
