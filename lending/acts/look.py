"""Read one plan for a person: its state on a day, what it can take now, its acts, and what settles it on a day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from ledger.books.store import Books
from lending.acts.act import ACTS, ActContext, PlanAct
from lending.acts.log import ActLog, KeptAct
from lending.acts.with_merchant import principal_in_flight
from lending.plan.event import PlanEvent
from lending.plan.fold import fold
from lending.plan.refuse import TAKEN_IN, refuse
from lending.plan.state import Payoff, PlanState
from lending.servicing.log import PlanHistory, PlanLog
from lending.servicing.record_events import TermsOf, UnknownPlan
from terminal.fault import Fault


@dataclass(frozen=True, slots=True)
class PlanLook:
    """A plan at the end of a day: its state, its events with the acts behind them, and the acts that it can take."""

    state: PlanState
    day: date
    events: tuple[PlanEvent, ...]
    acts: Sequence[KeptAct]
    allowed: tuple[str, ...]


class QuoteFault(Fault):
    """Raised for a payoff quote on a day before the plan was opened."""


def look_at_plan(plan_id: str, *, plans: PlanLog, acts: ActLog, terms: TermsOf, at: datetime) -> PlanLook:
    """The plan as of the day of `at`. Raises UnknownPlan."""
    history = _history(plan_id, plans)
    servicing = terms(history.plan)
    day = max(servicing.days.day_of(at), history.plan.opened_on)
    state = fold(history.plan, history.events, servicing, through=day)
    return PlanLook(state, day, history.events, acts.of_plan(plan_id), allowed_acts(history, state))


def quote_payoff(
    plan_id: str, on: date | None, *, plans: PlanLog, ledger: Books, terms: TermsOf, at: datetime
) -> Payoff:
    """What settles the plan on any day since it was opened, with that day's interest and fees; today without a day.

    Raises UnknownPlan and QuoteFault.
    """
    history = _history(plan_id, plans)
    servicing = terms(history.plan)
    day = servicing.days.day_of(at) if on is None else on
    if day < history.plan.opened_on:
        raise QuoteFault(f"{day} is before {plan_id} was opened on {history.plan.opened_on}")
    state = fold(history.plan, history.events, servicing, through=day)
    in_flight = principal_in_flight(history.plan, ledger) if day >= history.folded_through else None
    return state.payoff(day, in_flight=in_flight)


def allowed_acts(history: PlanHistory, state: PlanState) -> tuple[str, ...]:
    """The acts that the plan takes in this state, by the rules that refuse events.

    An act without required arguments is judged in full; of another one only the status of the plan is judged.
    """
    return tuple(name for name, act in ACTS.items() if _allowed(act, history, state))


def _allowed(act: PlanAct, history: PlanHistory, state: PlanState) -> bool:
    if state.status not in TAKEN_IN[act.event]:
        return False
    if any(each.required for each in act.arguments):
        return True
    body = act.body({}, ActContext(history, state, "-", "-"))
    at = datetime.combine(state.through, time.min, UTC)
    return not refuse(state, PlanEvent("-", state.plan.plan_id, state.through, at, at, "-", body))


def _history(plan_id: str, plans: PlanLog) -> PlanHistory:
    history = plans.histories([plan_id]).get(plan_id)
    if history is None:
        raise UnknownPlan(plan_id)
    return history
