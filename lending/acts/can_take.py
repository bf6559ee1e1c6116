"""Which acts a plan can take now, and why not the others: each is tried with the mildest arguments it can have."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from itertools import product
from typing import Any

from ledger.money import Money
from lending.acts.act import ACTS, ActContext, Argument, ArgumentForm, Given, PlanAct
from lending.acts.arguments import with_own_id
from lending.plan.event import PlanEvent, event_kind
from lending.plan.refuse import TAKEN_IN, refuse
from lending.plan.state import CaseKind, PlanState
from lending.servicing.log import PlanHistory

_TRIED = "-"
_MOST_TRIED = 60
"""Events and fees of a plan that are tried, the newest first."""


def why_not(act: PlanAct, history: PlanHistory, state: PlanState) -> str | None:
    """None if the plan takes the act now with some arguments; else the reason against the first that were tried."""
    if state.status not in TAKEN_IN[act.event]:
        return f"the plan is {state.status}"
    first: str | None = None
    for given in _tried(act, history, state):
        reasons = _refused(act, given, history, state)
        if not reasons:
            return None
        first = first or reasons[0]
    return first or f"the plan has nothing to {act.name.replace('-', ' ')}"


def acts_now(history: PlanHistory, state: PlanState) -> dict[str, str | None]:
    """Each act by name, with None if the plan can take it now, else why not."""
    return {name: why_not(act, history, state) for name, act in ACTS.items()}


def _refused(act: PlanAct, given: Given, history: PlanHistory, state: PlanState) -> Sequence[str]:
    if any(each.form is ArgumentForm.DUES for each in act.arguments):
        return ()  # new dues repay what is owed to the penny: only a person says which
    body = act.body(given, ActContext(history, state, _TRIED, _TRIED))
    at = datetime.combine(state.through, time.min, UTC)
    event = PlanEvent(_TRIED, state.plan.plan_id, state.through, at, at, _TRIED, body)
    return [each.detail for each in refuse(state, event)]


def _tried(act: PlanAct, history: PlanHistory, state: PlanState) -> Iterator[Given]:
    """The mildest arguments: the least amount and the next day, with each thing of the plan that an id may mean."""
    required = [each for each in act.arguments if each.required]
    for values in product(*(_mildest(act, each, history, state) for each in required)):
        yield with_own_id(act, dict(zip((each.name for each in required), values, strict=True)), _TRIED)


def _mildest(  # noqa: PLR0911 - one case a form
    act: PlanAct, argument: Argument, history: PlanHistory, state: PlanState
) -> Sequence[Any]:
    day = state.through
    match argument.form:
        case ArgumentForm.MONEY:
            return (Money(1, state.currency),)
        case ArgumentForm.DAY:
            return _days(act, argument.name, state)
        case ArgumentForm.ID:
            return _ids(act, argument.name, history, state)
        case ArgumentForm.CHOICE:
            return argument.choices
        case ArgumentForm.FLAG:
            return (True,)
        case ArgumentForm.NUMBER | ArgumentForm.RATE:
            return (1,)
        case ArgumentForm.DUES:
            return (day,)


def _days(act: PlanAct, name: str, state: PlanState) -> Sequence[Any]:
    tomorrow = state.through + timedelta(days=1)
    if act.name == "move-dues" and name == "due_on":
        return [each.due_on for each in state.instalments if each.open.minor and each.due_on >= state.through]
    return (state.through if name == "effective_from" else tomorrow + timedelta(days=name == "ends"),)


def _ids(act: PlanAct, name: str, history: PlanHistory, state: PlanState) -> Sequence[str]:
    if act.name == "waive-fee":
        return [*state.fees][::-1][:_MOST_TRIED]
    if act.name == "settle-dispute":
        return [case_id for case_id, case in state.cases.items() if case.kind is CaseKind.DISPUTE]
    if act.name == "reverse" and name == "event_id":
        return [event.event_id for event in history.events if event_kind(event.body) != "reversed"][::-1][:_MOST_TRIED]
    return (_TRIED,)
