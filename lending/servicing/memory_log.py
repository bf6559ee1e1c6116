"""The log of plans in memory, for tests and examples, with the same answers as in PostgreSQL."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ledger.books.store import Conflict
from lending.plan.checkpoint import Checkpoint
from lending.plan.event import PlanEvent
from lending.plan.plan import Plan
from lending.servicing.log import PlanChange, PlanHistory, PlanStanding


class MemoryPlanLog:
    """The log for one process and one thread. `books` are rolled back with it, so they must live in memory too."""

    def __init__(self, books: object | None = None) -> None:
        self._books = books
        self._plans: dict[str, Plan] = {}
        self._histories: dict[str, PlanHistory] = {}
        self._known: dict[str, PlanEvent] = {}
        self._standings: dict[str, PlanStanding] = {}
        self._checkpoints: dict[str, Checkpoint] = {}

    def lock(self, plan_ids: Iterable[str]) -> Mapping[str, PlanHistory]:
        return self.histories(plan_ids)

    def lock_since_checkpoint(self, plan_ids: Iterable[str]) -> Mapping[str, PlanHistory]:
        found = dict(self.histories(plan_ids))
        for plan_id, checkpoint in self._checkpoints.items():
            if plan_id in found:
                events = found[plan_id].events[checkpoint.count :]
                found[plan_id] = replace(found[plan_id], events=events, checkpoint=checkpoint)
        return found

    def histories(self, plan_ids: Iterable[str]) -> Mapping[str, PlanHistory]:
        return {
            plan_id: self._histories.get(plan_id, PlanHistory(plan, (), plan.opened_on))
            for plan_id in plan_ids
            if (plan := self._plans.get(plan_id)) is not None
        }

    def find_events(self, event_ids: Sequence[str]) -> Mapping[str, PlanEvent]:
        return {event_id: self._known[event_id] for event_id in event_ids if event_id in self._known}

    def keep(self, changes: Sequence[PlanChange]) -> None:
        for change in changes:
            plan_id = change.standing.plan_id
            for event in change.events:
                if event.event_id in self._known:
                    raise Conflict(event.event_id, "plan_id")
                self._known[event.event_id] = event
            history = self.histories([plan_id])[plan_id]
            self._histories[plan_id] = replace(
                history,
                events=(*history.events, *change.events),
                folded_through=change.standing.folded_through,
                corrected={**history.corrected, **change.corrected},
                pooled=change.standing.pooled.minor,
            )
            self._standings[plan_id] = change.standing
            if change.forget_checkpoint:
                self._checkpoints.pop(plan_id, None)
            if change.checkpoint is not None:
                self._checkpoints[plan_id] = change.checkpoint

    def standings(self, plan_ids: Iterable[str]) -> Mapping[str, PlanStanding]:
        return {plan_id: self._standings[plan_id] for plan_id in plan_ids if plan_id in self._standings}

    def with_credit(self, plan_ids: Sequence[str]) -> Sequence[str]:
        return [each.plan_id for each in self.standings(plan_ids).values() if each.credit_balance.minor]

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        parts: list[Any] = [each for each in (self, self._books) if each is not None]
        before = [{name: _copied(value) for name, value in vars(part).items()} for part in parts]
        try:
            yield
        except Exception:  # whatever the reason: nothing written inside may stay
            for part, state in zip(parts, before, strict=True):
                vars(part).update(state)
            raise


def _copied(kept: Any) -> Any:
    """A copy of a collection, which may be changed in place; other values are only ever replaced."""
    return kept.copy() if hasattr(kept, "copy") else kept
