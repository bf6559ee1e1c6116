"""Read one plan for a person: its state on a day, what it can take now, its acts, and what settles it on a day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from ledger.books.store import Books
from lending.acts.can_take import acts_now
from lending.acts.log import ActLog, KeptAct
from lending.acts.with_merchant import principal_in_flight
from lending.plan.event import PlanEvent
from lending.plan.fold import fold
from lending.plan.state import Payoff, PlanState
from lending.servicing.log import PlanHistory, PlanLog
from lending.servicing.record_events import TermsOf, UnknownPlan
from terminal.fault import Fault


@dataclass(frozen=True, slots=True)
class PlanLook:
    """A plan at the end of a day: its state, its events with the acts behind them, and the acts that it can take.

    `not_now` says why it cannot take each of the others.
    """

    state: PlanState
    day: date
    events: tuple[PlanEvent, ...]
    acts: Sequence[KeptAct]
    allowed: tuple[str, ...]
    not_now: Mapping[str, str]


class QuoteFault(Fault):
    """Raised for a payoff quote on a day before the plan was opened."""


def look_at_plan(plan_id: str, *, plans: PlanLog, acts: ActLog, terms: TermsOf, at: datetime) -> PlanLook:
    """The plan as of the day of `at`. Raises UnknownPlan."""
    history = _history(plan_id, plans)
    servicing = terms(history.plan)
    day = max(servicing.days.day_of(at), history.plan.opened_on)
    state = fold(history.plan, history.events, servicing, through=day)
    now = acts_now(history, state)
    allowed = tuple(name for name, reason in now.items() if reason is None)
    not_now = {name: reason for name, reason in now.items() if reason is not None}
    return PlanLook(state, day, history.events, acts.of_plan(plan_id), allowed, not_now)


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
    """The acts that the plan takes in this state with some arguments, by the rules that refuse events."""
    return tuple(name for name, reason in acts_now(history, state).items() if reason is None)


def _history(plan_id: str, plans: PlanLog) -> PlanHistory:
    history = plans.histories([plan_id]).get(plan_id)
    if history is None:
        raise UnknownPlan(plan_id)
    return history
