"""Where cases are kept: a port."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lending.decision.record import StoredDecision
from lending.referrals.case import CaseEvent, CaseStanding, ReviewCase
from terminal.fault import Fault


class UnknownCase(Fault, LookupError):
    """Raised for a case that there is not, or that the principal may not see."""

    @property
    def user_message(self) -> str:
        return f"there is no case {self.args[0]}"


@dataclass(frozen=True, slots=True)
class CasePlace:
    """A place in a queue, which is ordered by deadline."""

    due_at: datetime
    case_id: str


class Cases(Protocol):
    """Keeps cases and their events, append-only. An adapter never commits."""

    def open(self, case: ReviewCase) -> bool:
        """Keep a new case; False when its decision has one already."""

    def get(self, case_id: str) -> CaseStanding | None:
        """The case with all its events, or None."""

    def add(self, case_id: str, event: CaseEvent) -> None:
        """Keep the next event; raises a unique violation when somebody else was faster, or the case is decided."""

    def waiting(
        self, *, queue: str | None, merchant_id: str | None, after: CasePlace | None, limit: int
    ) -> Sequence[CaseStanding]:
        """Undecided cases, those that are due first at the front."""

    def overdue(self, at: datetime) -> Sequence[str]:
        """The ids of undecided cases whose deadline has passed, the oldest deadline first."""

    def opened(self, since: datetime, until: datetime) -> Iterator[CaseStanding]:
        """Every case that was opened in a time, without its end."""

    def without_case(self) -> Sequence[StoredDecision]:
        """Referred decisions from before there were cases."""
