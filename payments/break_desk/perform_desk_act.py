"""Act: do what a person decided about a break, or propose it where a second person has to agree; approve a proposal.

Everything happens in the caller's database transaction, under the lock of reconciliation.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from ledger.books.store import Conflict
from ledger.identity.authority import Reach
from ledger.identity.principal import Principal
from ledger.money import Money
from lending.acts.arguments import ArgumentFault
from lending.acts.log import act_id_of
from payments.break_class import BreakClass
from payments.break_desk.desk_act import DESK_ACTS, DeskAct, read_desk_arguments
from payments.break_desk.desk_log import (
    AskedDeskAct,
    BreakCase,
    DeskProposal,
    KeptDeskAct,
    first_difference_of_desk_acts,
)
from payments.break_desk.desk_ports import DeskEffect, DeskPorts, DeskRefusal
from payments.break_desk.match_by_hand import match_line, undo_match
from payments.break_desk.work_list import accept_break, assign_break, reprocess
from payments.break_desk.work_off import send_back, write_off
from payments.collection.opening import BooksRefused
from payments.each_alone import reason_of
from payments.plan_events import PlanRefused
from payments.reconciliation.bookings_from_matches import a_break
from terminal.fault import Fault

DESK_PROPOSAL_LASTS = timedelta(days=7)
LONGEST_DESK_REASON = 500

_KEY = re.compile(r"[A-Za-z0-9._-]{1,60}", re.ASCII)
_UNDOES = "unmatch"


class UnknownBreak(Fault, LookupError):
    """Raised for the id of no break."""

    @property
    def user_message(self) -> str:
        return f"there is no break {self.args[0]}; `tranche payments breaks list` names them"


class UnknownDeskAct(Fault, LookupError):
    """Raised for the name of no act on a break."""

    @property
    def user_message(self) -> str:
        return f"{str(self.args[0])!r} is no act on a break; there are {', '.join(DESK_ACTS)}"


class UnknownDeskProposal(Fault, LookupError):
    """Raised for a proposal about a break that was never made."""

    @property
    def user_message(self) -> str:
        return f"there is no proposal {self.args[0]} about a break"


@dataclass(frozen=True, slots=True)
class DeskActDone:
    """The act is done and booked; `new` if this call did it."""

    act: KeptDeskAct
    new: bool


@dataclass(frozen=True, slots=True)
class DeskActProposed:
    """The act waits for a second person; `new` if this call proposed it."""

    proposal: DeskProposal
    new: bool


@dataclass(frozen=True, slots=True)
class DeskActRefused:
    """Nothing happened: the break, the books or the plan do not take it, or the principal may not do or approve it."""

    code: str
    detail: str


DeskAnswer = DeskActDone | DeskActProposed | DeskActRefused


def perform_desk_act(asked: AskedDeskAct, principal: Principal, ports: DeskPorts) -> DeskAnswer:
    """Do an act once for each principal and key.

    Raises ArgumentFault for a malformed act, UnknownBreak, and Conflict for a key with other content.
    """
    act, asked = _formed(asked)
    act_id = act_id_of(principal.principal_id, asked.key)
    ports.adapters.reconciliation.lock()
    known = _known(act_id, asked, ports)
    if known is not None:
        return known
    case = _case(asked, ports)
    role = ports.authority.role(principal.role)
    if not role.does.names(act.grant) or not of_back_office(principal):
        return DeskActRefused("not-in-role", f"the role {role.name} of {principal.principal_id} may not {act.grant}")
    because = tuple(_why_two(act, _amount(act, case), role.does, role.name))
    ready = _Ready(act, case, asked, principal.principal_id)
    if not because:
        return _do(ready, ports, approved_by=None)
    tried = _tried(ready, ports)
    if tried is not None:
        return tried
    proposal = DeskProposal(act_id, asked, principal.principal_id, because, ports.at, ports.at + DESK_PROPOSAL_LASTS)
    _raise_if_new(ready, ports)
    if not ports.desk.propose(proposal):
        raise Conflict(act_id, "break_id")  # the key was used at the same time on another break
    return DeskActProposed(proposal, new=True)


def approve_desk_act(proposal_id: str, principal: Principal, ports: DeskPorts) -> DeskAnswer:
    """Approve another principal's proposal and do it. Two approvals at once do it once."""
    ports.adapters.reconciliation.lock()
    proposal = ports.desk.proposal(proposal_id)
    if proposal is None:
        raise UnknownDeskProposal(proposal_id)
    done = ports.desk.done(proposal_id)
    if done is not None:
        return DeskActDone(done, new=False)
    act, case = DESK_ACTS[proposal.asked.act], _case(proposal.asked, ports)
    refused = _why_not_approved(proposal, act, _amount(act, case), principal, ports)
    if refused is not None:
        return refused
    ready = _Ready(act, case, proposal.asked, proposal.proposed_by)
    return _do(ready, ports, approved_by=principal.principal_id)


def _why_not_approved(
    proposal: DeskProposal, act: DeskAct, amount: Money | None, principal: Principal, ports: DeskPorts
) -> DeskActRefused | None:
    if principal.principal_id == proposal.proposed_by:
        return DeskActRefused(
            "same-person", f"{proposal.proposed_by} proposed it, so another principal has to approve it"
        )
    if ports.at >= proposal.expires_at:
        until = f"{proposal.expires_at:%Y-%m-%d %H:%M} UTC"
        return DeskActRefused("proposal-expired", f"{proposal.proposal_id} expired at {until}")
    role = ports.authority.role(principal.role)
    if not (of_back_office(principal) and role.approves.names(act.grant) and role.approves.covers(amount)):
        of = "" if amount is None else f" of {amount}"
        return DeskActRefused("not-in-role", f"the role {role.name} may not approve {act.grant}{of}")
    return None


def of_back_office(principal: Principal) -> bool:
    """Whether a principal may see breaks at all: what does not reconcile is of many merchants at once."""
    return principal.merchant_id is None


def _formed(asked: AskedDeskAct) -> tuple[DeskAct, AskedDeskAct]:
    act = DESK_ACTS.get(asked.act)
    if act is None:
        raise UnknownDeskAct(asked.act)
    if not _KEY.fullmatch(asked.key):
        raise ArgumentFault("key", f"{asked.key!r} is not 1 to 60 letters, digits, dots, hyphens or underscores")
    if not asked.reason.strip() or len(asked.reason) > LONGEST_DESK_REASON or not asked.reason.isprintable():
        raise ArgumentFault("reason", f"is a sentence of up to {LONGEST_DESK_REASON} characters")
    return act, replace(asked, arguments=read_desk_arguments(act, asked.arguments))


def _known(act_id: str, asked: AskedDeskAct, ports: DeskPorts) -> DeskAnswer | None:
    """What the same principal and key did or proposed before; raises Conflict when that was something else."""
    done = ports.desk.done(act_id)
    proposal = None if done is not None else ports.desk.proposal(act_id)
    before = done or proposal
    if before is None:
        return None
    field = first_difference_of_desk_acts(before.asked, asked)
    if field is not None:
        raise Conflict(act_id, field)
    if done is not None:
        return DeskActDone(done, new=False)
    assert proposal is not None, "one of the two was there"
    return DeskActProposed(proposal, new=False)


def _case(asked: AskedDeskAct, ports: DeskPorts) -> BreakCase:
    """The break of an act. A line that a rule matched has no break; undoing its match raises one."""
    case = ports.desk.case(asked.break_id)
    if case is None and asked.act == _UNDOES and asked.break_id.startswith("line:"):
        found = ports.desk.matched_line(asked.break_id.removeprefix("line:"))
        if found is not None:
            line, group_id = found
            broken = a_break(line, BreakClass.MISSING_INTERNAL, "its match was undone", ports.adapters.profile)
            case = BreakCase(broken, line, None, group_id)
    if case is None:
        raise UnknownBreak(asked.break_id)
    return case


def _amount(act: DeskAct, case: BreakCase) -> Money | None:
    if not act.moves_money:
        return None
    amount = case.broken.amount if case.line is None else case.line.amount
    return None if amount is None else Money(abs(amount.minor), amount.currency)


def _why_two(act: DeskAct, amount: Money | None, does: Reach, role: str) -> Iterator[str]:
    """Every reason why a second person has to agree; none when the principal may do it alone."""
    if act.two_people:
        yield f"{act.name} by hand takes two people"
    if not does.covers(amount):
        yield f"{amount} is beyond what the role {role} may {act.name} alone"


@dataclass(frozen=True, slots=True)
class _Ready:
    """An act whose form is checked, on a break that is locked."""

    act: DeskAct
    case: BreakCase
    asked: AskedDeskAct
    by: str

    @property
    def act_id(self) -> str:
        return act_id_of(self.by, self.asked.key)


class _Undone(Exception):
    """Ends a savepoint that is to be rolled back."""


def _tried(ready: _Ready, ports: DeskPorts) -> DeskActRefused | None:
    """Do an act and undo it again; why it is refused, if it is."""
    try:
        with suppress(_Undone), ports.adapters.transaction():
            _effect(ready, ports)
            _undo()
    except DeskRefusal as no:
        return DeskActRefused(no.code, no.detail)
    return None


def _undo() -> None:
    raise _Undone


def _do(ready: _Ready, ports: DeskPorts, *, approved_by: str | None) -> DeskActDone | DeskActRefused:
    try:
        with ports.adapters.transaction():
            kept = _done(ready, ports, approved_by)
    except DeskRefusal as no:
        return DeskActRefused(no.code, no.detail)
    return DeskActDone(kept, new=True)


def _done(ready: _Ready, ports: DeskPorts, approved_by: str | None) -> KeptDeskAct:
    """Approve and do an act, and keep it; raises DeskRefusal."""
    if approved_by is not None:
        proposal = ports.desk.proposal(ready.act_id)
        assert proposal is not None, f"{ready.act_id} was proposed"
        assert ports.desk.approve(proposal, by=approved_by, at=ports.at), f"{ready.act_id} was looked for as done"
    effect = _effect(ready, ports)
    after = ports.desk.case(ready.asked.break_id)
    kept = KeptDeskAct(
        act_id=ready.act_id,
        asked=ready.asked,
        principal_id=ready.by,
        posted=effect.posted,
        reversed=effect.reversed,
        still_open=after is not None and after.is_open,
        recorded_at=ports.at,
        approved_by=approved_by,
    )
    if not ports.desk.keep_act(kept):
        raise Conflict(ready.act_id, "break_id")  # the key was used at the same time on another break
    return kept


def _effect(ready: _Ready, ports: DeskPorts) -> DeskEffect:
    """Announce the act and do it. Raises DeskRefusal."""
    case, act = ready.case, ready.act
    if not case.is_open and act.name != _UNDOES:
        raise DeskRefusal("closed", f"{case.break_id} was closed on {case.broken.closed_on}: {case.broken.closed_by}")
    _raise_if_new(ready, ports)
    if act.event is not None:
        ports.desk.add_event(case.break_id, act.event)
    try:
        return _EFFECTS[act.name](ready, ports)
    except (PlanRefused, BooksRefused, Conflict) as refused:
        raise DeskRefusal("cannot-be-booked", reason_of(refused)) from refused


_EFFECTS: Mapping[str, Callable[[_Ready, DeskPorts], DeskEffect]] = {
    "match": lambda ready, ports: match_line(ready.case, ready.asked.arguments, ports),
    "unmatch": lambda ready, ports: undo_match(ready.case, ready.act_id, ports),
    "reprocess": lambda ready, ports: reprocess(ready.case, ports),
    "write-off": lambda ready, ports: write_off(ready.case, ports),
    "return": lambda ready, ports: send_back(ready.case, ready.asked.arguments, ports),
    "accept": lambda ready, ports: accept_break(ready.case, ready.asked.arguments, ports),
    "assign": lambda ready, ports: assign_break(ready.case, ready.asked.arguments, ports),
}


def _raise_if_new(ready: _Ready, ports: DeskPorts) -> None:
    """Announce the act, and raise the break of a line that had none."""
    ports.desk.announce(ready.act_id, ready.by, ready.asked.reason, ports.at)
    if ready.case.is_open and ready.case.group_id is not None:
        ports.adapters.reconciliation.raise_breaks([ready.case.broken])
