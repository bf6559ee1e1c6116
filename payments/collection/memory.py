"""Attempts and their messages in memory, for tests and examples; gives the same answers as PostgreSQL."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime

from payments.collection.attempt import (
    LIVE,
    UNRESOLVED,
    Attempt,
    AttemptEvent,
    AttemptState,
    Planned,
    after,
    check_same_attempt,
)
from payments.ids import AttemptId
from payments.memory_sending import MemorySending

_KEPT_VALUES = frozenset(field.name for field in fields(Attempt)) - {"planned", "state"}


class MemoryAttempts(MemorySending):
    """Attempts for one process and one thread. Moves are not published."""

    def __init__(self) -> None:
        super().__init__()
        self._attempts: dict[AttemptId, Attempt] = {}

    def plan(self, attempts: Iterable[Planned]) -> list[Planned]:
        """See `Attempts.plan`."""
        kept = []
        for planned in sorted(attempts, key=lambda planned: planned.attempt_id):
            known = self._attempts.get(planned.attempt_id)
            if known is not None:
                check_same_attempt(known.planned, planned)
            elif not any(_keeps_out(each, planned) for each in self._attempts.values()):
                self._attempts[planned.attempt_id] = Attempt(planned, AttemptState.PLANNED)
                kept.append(planned)
        return kept

    def move(
        self,
        attempt_id: AttemptId,
        event: AttemptEvent,
        *,
        at: datetime,  # noqa: ARG002 - the history of moves is kept in the database only
        cause: str,  # noqa: ARG002
        message_id: str | None = None,  # noqa: ARG002
        values: Mapping[str, object] | None = None,
    ) -> AttemptState:
        """See `Attempts.move`."""
        attempt = self._attempts[attempt_id]
        state = after(attempt_id, attempt.state, event)
        kept = {name: value for name, value in (values or {}).items() if name in _KEPT_VALUES}
        self._attempts[attempt_id] = replace(attempt, state=state, **kept)  # type: ignore[arg-type]
        return state

    def get(self, attempt_id: AttemptId, *, lock: bool = False) -> Attempt | None:  # noqa: ARG002 - one thread
        """See `Attempts.get`."""
        return self._attempts.get(attempt_id)

    def get_all(self, attempt_ids: Iterable[AttemptId]) -> Mapping[AttemptId, Attempt]:
        """See `Attempts.get_all`."""
        return {each: self._attempts[each] for each in attempt_ids if each in self._attempts}

    def states(self, attempt_ids: Iterable[AttemptId]) -> Mapping[AttemptId, AttemptState]:
        """See `Attempts.states`."""
        return {attempt_id: attempt.state for attempt_id, attempt in self.get_all(attempt_ids).items()}

    def move_all(self, attempt_ids: Sequence[AttemptId], event: AttemptEvent, *, at: datetime, cause: str) -> None:
        """See `Attempts.move_all`."""
        for attempt_id in attempt_ids:
            after(attempt_id, self._attempts[attempt_id].state, event)
        for attempt_id in attempt_ids:
            self.move(attempt_id, event, at=at, cause=cause)

    def latest(self, instalment_ids: Sequence[str]) -> dict[str, Attempt]:
        """See `Attempts.latest`."""
        found: dict[str, Attempt] = {}
        for attempt in sorted(self._attempts.values(), key=lambda each: each.planned.number):
            if attempt.planned.instalment_id in instalment_ids:
                found[attempt.planned.instalment_id] = attempt
        return found

    def by_references(self, provider: str, references: Sequence[str]) -> dict[str, AttemptId]:
        """See `Attempts.by_references`."""
        wanted = set(references)
        return {
            str(each.provider_reference): attempt_id
            for attempt_id, each in self._attempts.items()
            if each.planned.provider == provider and each.provider_reference in wanted
        }

    def plans_of(self, attempt_ids: Sequence[AttemptId]) -> dict[AttemptId, str]:
        """See `Attempts.plans_of`."""
        return {each: self._attempts[each].planned.plan_id for each in attempt_ids if each in self._attempts}

    def asked_by(self, instalment_id: str, key: str) -> Attempt | None:
        """See `Attempts.asked_by`."""
        asked = (instalment_id, key)
        found = (a for a in self._attempts.values() if (a.planned.instalment_id, a.planned.asked_by) == asked)
        return next(found, None)

    def unresolved(self) -> list[Attempt]:
        """See `Attempts.unresolved`."""
        found = [each for each in self._attempts.values() if each.state in UNRESOLVED]
        return sorted(found, key=lambda each: each.attempt_id)

    def counts(self) -> dict[AttemptState, int]:
        """See `Attempts.counts`."""
        return dict(sorted(Counter(each.state for each in self._attempts.values()).items()))


def _keeps_out(kept: Attempt, planned: Planned) -> bool:
    """Whether a stored attempt excludes a new one: same instalment, and it is live, or has the same number or key."""
    if kept.planned.instalment_id != planned.instalment_id:
        return False
    same_key = planned.asked_by is not None and kept.planned.asked_by == planned.asked_by
    return kept.state in LIVE or kept.planned.number == planned.number or same_key
