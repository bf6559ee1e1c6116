"""The port through which collection, disputes and reconciliation store and read attempts."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from payments.collection.attempt import Attempt, AttemptEvent, AttemptState, Planned
from payments.ids import AttemptId
from payments.sending import Sending


class Attempts(Sending, Protocol):
    """Stores every attempt; attempts change only along the move table. An adapter never commits."""

    def plan(self, attempts: Iterable[Planned]) -> list[Planned]:
        """Store new attempts and return those stored; an attempt is left out if the instalment has another live one.

        An attempt that was stored before is left out too; ledger.store.Conflict is raised if its id was used for
        something else.
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
        """Move an attempt and set the values that came with the event. If it raises IllegalMove, nothing is changed."""

    def get(self, attempt_id: AttemptId, *, lock: bool = False) -> Attempt | None:
        """An attempt by its id; with `lock`, waits for any other transaction that is moving it."""

    def get_all(self, attempt_ids: Iterable[AttemptId]) -> Mapping[AttemptId, Attempt]:
        """Those of these attempts that exist, by id, without waiting for anybody who is moving them."""

    def states(self, attempt_ids: Iterable[AttemptId]) -> Mapping[AttemptId, AttemptState]:
        """The states of those of these attempts that exist, by id."""

    def move_all(self, attempt_ids: Sequence[AttemptId], event: AttemptEvent, *, at: datetime, cause: str) -> None:
        """Move attempts by one event. If it raises IllegalMove for one of them, none is changed."""

    def latest(self, instalment_ids: Sequence[str]) -> dict[str, Attempt]:
        """The newest attempt of each instalment that has one."""

    def by_references(self, provider: str, references: Sequence[str]) -> dict[str, AttemptId]:
        """The attempts of a provider whose charges it gave these references, by reference."""

    def plans_of(self, attempt_ids: Sequence[AttemptId]) -> dict[AttemptId, str]:
        """The plan id of each of these attempts that exists."""

    def asked_by(self, instalment_id: str, key: str) -> Attempt | None:
        """The attempt at an instalment that was made for a caller's idempotency key."""

    def unresolved(self) -> list[Attempt]:
        """Claimed attempts without a final answer, in the order of their ids."""

    def counts(self) -> dict[AttemptState, int]:
        """The number of attempts in each state that occurs."""
