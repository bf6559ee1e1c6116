"""Act: do what a person decided on a plan, or propose it where a second person has to agree; and approve a proposal.

Everything happens in the caller's database transaction. The events of an act name it as their cause, so each keeps who
decided it and why.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ledger.books.store import Conflict, Refusal
from ledger.identity.authority import Authority
from ledger.identity.principal import Principal
from lending.acts.act import ACTS, ActContext, Effect, Given, PlanAct, why_not_by_hand
from lending.acts.arguments import ArgumentFault, read_tree, tree_of_arguments, with_own_id
from lending.acts.log import ActLog, AskedAct, KeptAct, ProposedAct, act_id_of, first_difference_of_acts
from lending.acts.with_merchant import Settled, principal_in_flight, record_with_merchant
from lending.plan.event import CreditApplied, Disputed, Paid, PaymentChannel, PlanEvent, Refunded
from lending.plan.fold import fold
from lending.plan.refusal import PlanRefusal, PlanRefusalCode
from lending.plan.state import PlanState
from lending.servicing.log import PlanHistory, PlanLog
from lending.servicing.record_events import (
    Answer,
    EventRecorded,
    EventRefused,
    KeptLedger,
    TermsOf,
    UnknownPlan,
    record_events,
)
from terminal.fault import Fault

PROPOSAL_LASTS = timedelta(days=7)
LONGEST_REASON = 500

# With its principal, a key is part of the id of a fact, which has room for 128 characters.
_KEY = re.compile(r"[A-Za-z0-9._-]{1,60}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ActDone:
    """The act is recorded and booked; `new` if this call did it."""

    act: KeptAct
    new: bool


@dataclass(frozen=True, slots=True)
class ActProposed:
    """The act waits for a second person; `new` if this call proposed it."""

    proposal: ProposedAct
    new: bool


@dataclass(frozen=True, slots=True)
class ActRefused:
    """Nothing happened: the plan or the books refuse it."""

    reasons: tuple[PlanRefusal | Refusal, ...]


@dataclass(frozen=True, slots=True)
class NotAllowed:
    """Nothing happened: the principal may not do or approve this, or the proposal cannot be approved any more."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class ActPorts:
    """What acts work on: plans, books, what is kept of acts, the authority file and the time of the act."""

    plans: PlanLog
    ledger: KeptLedger
    acts: ActLog
    terms: TermsOf
    settled: Settled
    authority: Authority
    at: datetime


class UnknownAct(Fault, LookupError):
    """Raised for the name of no act. For a kind of event that says that money moved, it names who records it."""

    @property
    def user_message(self) -> str:
        name = str(self.args[0])
        return why_not_by_hand(name) or f"{name!r} is no act on a plan; there are {', '.join(ACTS)}"


class UnknownActProposal(Fault, LookupError):
    """Raised for a proposal that was never made."""

    @property
    def user_message(self) -> str:
        return f"there is no proposal {self.args[0]}"


@dataclass(frozen=True, slots=True)
class ReadyAct:
    """An act whose form is checked, and the day from which it counts."""

    act: PlanAct
    given: Given
    asked: AskedAct
    act_id: str
    value_date: date


def perform(asked: AskedAct, principal: Principal, ports: ActPorts) -> ActDone | ActProposed | ActRefused | NotAllowed:
    """Do an act once for each principal and key. Raises ArgumentFault, and Conflict for a key with other content."""
    ready, context = open_act(asked, principal.principal_id, ports, scope=principal)
    asked = ready.asked
    known = known_act(ready, ports)
    if isinstance(known, ActProposed) and known.proposal.withdrawal is not None:
        return NotAllowed("proposal-withdrawn", f"{ready.act_id} was proposed and withdrawn; another key acts anew")
    if known is not None:
        return known
    role = ports.authority.role(principal.role)
    if not role.does.names(asked.act):
        return NotAllowed("not-in-role", f"the role {role.name} of {principal.principal_id} may not {asked.act}")
    because = tuple(why_second_person(ready, context, principal, ports.authority))
    if not because:
        answer = record_act(ready, context, ports)
        return answer if isinstance(answer, ActRefused) else _keep(ready, principal.principal_id, answer, ports, None)
    with rolled_back(ports.plans):
        tried = record_act(ready, context, ports)
    if isinstance(tried, ActRefused):
        return tried
    proposal = ProposedAct(
        proposal_id=ready.act_id,
        asked=asked,
        proposed_by=principal.principal_id,
        value_date=ready.value_date,
        because=because,
        proposed_at=ports.at,
        expires_at=ports.at + PROPOSAL_LASTS,
    )
    if not ports.acts.propose(proposal):
        raise Conflict(ready.act_id, "plan_id")  # the key was used at the same time on another plan
    return ActProposed(proposal, new=True)


def approve_act(proposal_id: str, principal: Principal, ports: ActPorts) -> ActDone | ActRefused | NotAllowed:
    """Approve another principal's proposal, and do what it proposes. Two approvals at once do it once."""
    proposal = proposal_in_scope(proposal_id, principal, ports)
    ready, context = open_act(
        proposal.asked, proposal.proposed_by, ports, scope=principal, value_date=proposal.value_date
    )
    done = ports.acts.done(proposal_id)
    if done is not None:
        return ActDone(done, new=False)
    refused = _why_not_approved(ready, context, principal, ports)
    if refused is not None:
        return refused

    def approved() -> list[EventRecorded] | ActRefused:
        # The plan is locked, so an approval that was there before has its act, which was looked for above.
        assert ports.acts.approve(proposal, by=principal.principal_id, at=ports.at), f"{proposal_id} is approved"
        return record_act(ready, context, ports)

    answer = _undone_if_refused(approved, ports)
    if isinstance(answer, ActRefused):
        return answer
    return _keep(ready, proposal.proposed_by, answer, ports, principal.principal_id)


def _why_not_approved(ready: ReadyAct, context: ActContext, principal: Principal, ports: ActPorts) -> NotAllowed | None:
    """Why this principal may not approve the proposal now, whose plan is locked; None when it may."""
    proposal = proposal_in_scope(ready.act_id, principal, ports)  # as a withdrawal at the same time left it
    if principal.principal_id == proposal.proposed_by:
        return NotAllowed("same-person", f"{proposal.proposed_by} proposed it, so another principal has to approve it")
    if proposal.withdrawal is not None:
        return NotAllowed("proposal-withdrawn", f"{proposal.proposed_by} withdrew {proposal.proposal_id}")
    if ports.at >= proposal.expires_at:
        until = f"{proposal.expires_at:%Y-%m-%d %H:%M} UTC"
        return NotAllowed("proposal-expired", f"{proposal.proposal_id} expired at {until}")
    role = ports.authority.role(principal.role)
    amount = ready.act.amount(ready.given, context)
    if not role.approves.names(ready.act.name) or not role.approves.covers(amount):
        of = "" if amount is None else f" of {amount}"
        return NotAllowed("not-in-role", f"the role {role.name} may not approve {ready.act.name}{of}")
    return None


def proposal_in_scope(proposal_id: str, principal: Principal, ports: ActPorts) -> ProposedAct:
    """The proposal, if its plan is one that the principal sees. Raises UnknownActProposal."""
    proposal = ports.acts.proposal(proposal_id)
    if proposal is None:
        raise UnknownActProposal(proposal_id)
    if principal.merchant_id is not None:
        plan_id = proposal.asked.plan_id
        if not principal.sees(ports.plans.histories([plan_id])[plan_id].plan.merchant_id):
            raise UnknownActProposal(proposal_id)
    return proposal


def open_act(
    asked: AskedAct, principal_id: str, ports: ActPorts, *, scope: Principal, value_date: date | None = None
) -> tuple[ReadyAct, ActContext]:
    """Check the form of an act, lock its plan, and fold it up to the act.

    Raises UnknownAct, ArgumentFault naming the field, and UnknownPlan, also for a plan that `scope` does not see.
    """
    act = ACTS.get(asked.act)
    if act is None:
        raise UnknownAct(asked.act)
    if not _KEY.fullmatch(asked.key):
        raise ArgumentFault("key", f"{asked.key!r} is not 1 to 60 letters, digits, dots, hyphens or underscores")
    if not asked.reason.strip() or len(asked.reason) > LONGEST_REASON:
        raise ArgumentFault("reason", f"is a sentence of up to {LONGEST_REASON} characters")
    given = read_tree(act, asked.tree)
    if given.get("to_plan_id") == asked.plan_id:
        raise ArgumentFault("to_plan_id", "names the plan itself")
    history = _locked(asked.plan_id, given.get("to_plan_id"), ports.plans, scope)
    today = ports.terms(history.plan).days.day_of(ports.at)
    counts_from = _counted_from(asked, given, today) if value_date is None else value_date
    act_id = act_id_of(principal_id, asked.key)
    # What is kept and compared is what was asked for, in one form.
    formed = AskedAct(asked.plan_id, act.name, tree_of_arguments(act, given), asked.reason, asked.key, asked.day)
    ready = ReadyAct(act, with_own_id(act, given, act_id), formed, act_id, counts_from)
    through = max(history.folded_through, counts_from)
    state = fold(history.plan, history.events, ports.terms(history.plan), through=through)
    return ready, ActContext(history, state, act_id, asked.reason)


def _counted_from(asked: AskedAct, given: Given, today: date) -> date:
    if asked.day is not None and asked.day > today:
        raise ArgumentFault("value_date", f"{asked.day} is after today, {today}: nothing counts before it is known")
    counts_from = asked.day or today
    if any(due.due_on < counts_from for due in given.get("dues", ())):
        raise ArgumentFault("dues", f"no new due is before {counts_from}, the day from which the act counts")
    return counts_from


def _locked(plan_id: str, other_id: str | None, plans: PlanLog, scope: Principal) -> PlanHistory:
    """Lock the plan of an act, and with it the one that its credit pays; the history of the first."""
    wanted = [plan_id] if other_id is None else [plan_id, other_id]
    histories = plans.lock(sorted(wanted))
    for each in wanted:
        if each not in histories or not scope.sees(histories[each].plan.merchant_id):
            raise UnknownPlan(each)
    return histories[plan_id]


def why_second_person(
    ready: ReadyAct, context: ActContext, principal: Principal, authority: Authority
) -> Iterator[str]:
    """Every reason why a second person has to agree; none when the principal may do it alone."""
    if ready.act.effect is not Effect.NEITHER:
        yield f"{ready.act.name} {ready.act.effect}"
    amount = ready.act.amount(ready.given, context)
    role = authority.role(principal.role)
    if amount is not None and not role.does.covers(amount):
        limit = (role.does.limit or {}).get(amount.currency)
        most = f"no limit in {amount.currency}" if limit is None else f"a limit of {limit}"
        yield f"{amount} is beyond the role {role.name}, which has {most}"


def record_act(ready: ReadyAct, context: ActContext, ports: ActPorts) -> list[EventRecorded] | ActRefused:
    """Record the events of an act, all or none."""
    body = ready.act.body(ready.given, context)
    event = _event(ready, ready.asked.plan_id, f"act:{ready.act_id}", body, ports.at)

    def recorded() -> list[EventRecorded] | ActRefused:
        answers: list[Answer]
        try:
            if isinstance(body, Refunded | Disputed):
                answers = [_taken_back(event, context.state, ports)]
            else:
                events = [event, *_elsewhere(ready, ports.at)]
                answers = list(record_events(events, plans=ports.plans, ledger=ports.ledger, terms=ports.terms))
        except Conflict as conflict:  # a fee or a case of another plan has the id, and so its entry in the books
            return ActRefused((PlanRefusal(PlanRefusalCode.ID_TAKEN, f"{conflict}: the id belongs to something else"),))
        reasons = [reason for each in answers if isinstance(each, EventRefused) for reason in each.reasons]
        return ActRefused(tuple(reasons)) if reasons else [each for each in answers if isinstance(each, EventRecorded)]

    return _undone_if_refused(recorded, ports)


@contextmanager
def rolled_back(plans: PlanLog) -> Iterator[None]:
    """A block whose changes, in the books too, are undone at its end."""
    try:
        with plans.savepoint():
            yield
            _undo()
    except _Undone:
        pass


class _Undone(Exception):
    """Ends a savepoint that is to be rolled back."""


def _undo() -> None:
    raise _Undone


def _undone_if_refused(
    act: Callable[[], list[EventRecorded] | ActRefused], ports: ActPorts
) -> list[EventRecorded] | ActRefused:
    """Run an act in a savepoint, which is rolled back when it is refused."""
    answer: list[EventRecorded] | ActRefused = []
    try:
        with ports.plans.savepoint():
            answer = act()
            if isinstance(answer, ActRefused):
                _undo()
    except _Undone:
        pass
    return answer


def known_act(ready: ReadyAct, ports: ActPorts) -> ActDone | ActProposed | None:
    """What the same principal and key did or proposed before; raises Conflict when that was something else."""
    done = ports.acts.done(ready.act_id)
    proposal = None if done is not None else ports.acts.proposal(ready.act_id)
    before = done or proposal
    if before is None:
        return None
    field = first_difference_of_acts(before.asked, ready.asked)
    if field is not None:
        raise Conflict(ready.act_id, field)
    return ActDone(done, new=False) if done is not None else ActProposed(proposal, new=False) if proposal else None


def _keep(
    ready: ReadyAct, principal_id: str, recorded: list[EventRecorded], ports: ActPorts, approved_by: str | None
) -> ActDone:
    kept = KeptAct(
        act_id=ready.act_id,
        asked=ready.asked,
        principal_id=principal_id,
        value_date=ready.value_date,
        events=tuple(each.event_id for each in recorded),
        posted=tuple(entry for each in recorded for entry in each.posted),
        reversed=tuple(entry for each in recorded for entry in each.reversed),
        recorded_at=ports.at,
        approved_by=approved_by,
    )
    if not ports.acts.keep_act(kept, proposal_id=None if approved_by is None else ready.act_id):
        raise Conflict(ready.act_id, "plan_id")  # the key was used at the same time on another plan
    return ActDone(kept, new=True)


def _event(ready: ReadyAct, plan_id: str, event_id: str, body: object, at: datetime) -> PlanEvent:
    return PlanEvent(event_id, plan_id, ready.value_date, at, at, ready.act_id, body)  # type: ignore[arg-type]


def _elsewhere(ready: ReadyAct, at: datetime) -> list[PlanEvent]:
    """The payment of another plan by this plan's credit; its journal is posted there."""
    if ready.act.event is not CreditApplied:
        return []
    body = Paid(
        ready.given["amount"],
        PaymentChannel.CREDIT,
        f"credit/{ready.act_id}",
        from_plan_id=ready.asked.plan_id,
    )
    return [_event(ready, ready.given["to_plan_id"], f"act:{ready.act_id}/paid", body, at)]


def _taken_back(event: PlanEvent, before: PlanState, ports: ActPorts) -> Answer:
    body = event.body
    if isinstance(body, Refunded):
        in_flight = principal_in_flight(before.plan, ports.ledger)
        body = Refunded(body.refund_id, body.amount, in_flight=in_flight)
    asked = PlanEvent(
        event.event_id, event.plan_id, event.value_date, event.occurred_at, event.recorded_at, event.cause, body
    )
    return record_with_merchant(
        asked, before, settled=ports.settled, plans=ports.plans, ledger=ports.ledger, terms=ports.terms
    )
