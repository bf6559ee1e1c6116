"""What collection, disputes and reconciliation need of the attempts that were made."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from payments.collection.attempt import Attempt, AttemptEvent, AttemptState, Planned
from payments.ids import AttemptId
from payments.sending import Sending


class Attempts(Sending, Protocol):
    """Keeps every attempt ever made, each moved only along the move table. An adapter never commits."""

    def plan(self, attempts: Iterable[Planned]) -> list[Planned]:
        """Keep new attempts, and answer those that were kept: another live attempt of the instalment keeps one out.

        One that was kept before is not kept again. Raises ledger.store.Conflict when its id is of something else.
        """

    def move(
        self,
        attempt_id: AttemptId,
        event: AttemptEvent,
        *,
        at: datetime,
        cause: str,
        message_id: str | None = None,
        values: Mapping[str, object] | None = None,
    ) -> AttemptState:
        """Move an attempt and set the values that came with the event. Raises IllegalMove, and changes nothing then."""

    def get(self, attempt_id: AttemptId, *, lock: bool = False) -> Attempt | None:
        """An attempt by its id; with `lock` it waits for any other transaction that is moving it."""

    def latest(self, instalment_ids: Sequence[str]) -> dict[str, Attempt]:
        """The newest attempt of each instalment that has one."""

    def plans_of(self, attempt_ids: Sequence[AttemptId]) -> dict[AttemptId, str]:
        """The plan of each of these attempts that is known."""

    def asked_by(self, instalment_id: str, key: str) -> Attempt | None:
        """The attempt at an instalment that was made for a caller's idempotency key."""

    def unresolved(self) -> list[Attempt]:
        """Attempts that were claimed and have no final answer, in the order of their ids."""

    def counts(self) -> dict[AttemptState, int]:
        """The number of attempts in each state that occurs."""
