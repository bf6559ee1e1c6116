"""Act: show what an act would do, by doing it and undoing it: the schedule before and after, and the journals."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from ledger.books.store import Entry, Refusal
from ledger.identity.principal import Principal
from lending.acts.log import AskedAct
from lending.acts.perform import (
    ActPorts,
    ActRefused,
    known_act,
    open_act,
    record_act,
    rolled_back,
    why_second_person,
)
from lending.plan.fold import fold
from lending.plan.refusal import PlanRefusal
from lending.plan.state import PlanState
from lending.servicing.record_events import EventRecorded


@dataclass(frozen=True, slots=True)
class ActPreview:
    """What an act would do. `after` equals `before` and nothing is posted when the plan refuses it.

    `reversed` are ids of entries; `second_person` is empty when the principal may do it alone. `known`: the key was
    used for this act before, so that doing it again changes nothing.
    """

    asked: AskedAct
    value_date: date
    before: PlanState
    after: PlanState
    posted: tuple[Entry, ...]
    reversed: tuple[str, ...]
    refused: tuple[PlanRefusal | Refusal, ...]
    second_person: tuple[str, ...]
    in_role: bool
    known: bool


def preview_act(asked: AskedAct, principal: Principal, ports: ActPorts) -> ActPreview:
    """Record the act in a savepoint, read what it left there, and roll it back. Raises Conflict as `perform` does."""
    ready, context = open_act(asked, principal.principal_id, ports, scope=principal)
    because = tuple(why_second_person(ready, context, principal, ports.authority))
    role = ports.authority.role(principal.role)
    after, posted, reversed_ = context.state, list[Entry](), list[str]()
    known = known_act(ready, ports) is not None
    answer: list[EventRecorded] | ActRefused = []
    with rolled_back(ports.plans):
        if not known:
            answer = record_act(ready, context, ports)
        if not isinstance(answer, ActRefused):
            history = ports.plans.histories([asked.plan_id])[asked.plan_id]
            after = fold(history.plan, history.events, ports.terms(history.plan), through=context.state.through)
            posted += _entries([entry_id for each in answer for entry_id in each.posted], ports)
            reversed_ += [entry_id for each in answer for entry_id in each.reversed]
    return ActPreview(
        asked=ready.asked,
        value_date=ready.value_date,
        before=context.state,
        after=after,
        posted=tuple(posted),
        reversed=tuple(reversed_),
        refused=answer.reasons if isinstance(answer, ActRefused) else (),
        second_person=because,
        in_role=role.does.names(ready.act.name),
        known=known,
    )


def _entries(entry_ids: Sequence[str], ports: ActPorts) -> Iterator[Entry]:
    for entry_id in entry_ids:
        entry = ports.ledger.entry(entry_id)
        assert entry is not None, f"{entry_id} was posted"
        yield entry
