"""Act: post an entry that no flow of the map covers, proposed by one person with a reason and approved by another.

Who they are, the caller says: the command line takes the principals of their keys.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Protocol, TypeVar

from ledger.books.store import Act, AlreadyRecorded, Answer, Ledger, Recorded, Refused, Request
from ledger.journal import Journal
from ledger.map.flow import Flow
from ledger.map.flows import admit_free, money_map
from ledger.money import Currency, Money
from ledger.transfer import Transfer
from terminal.clock import NotYetBegun, must_have_begun
from terminal.fault import Fault

FLOW = Flow.FREE_FORM

_T = TypeVar("_T")


class ProposalFault(Fault, ValueError):
    """Raised for a malformed proposal, or one without a reason or proposer; names the field."""

    def __init__(self, where: str, field: str, fault: str) -> None:
        super().__init__(where, field, fault)
        self.where = where
        self.field = field
        self.fault = fault

    @property
    def user_message(self) -> str:
        return f"{self.where}: {self.field}: {self.fault}"


class UnknownProposal(Fault, LookupError):
    """Raised when an id is approved for which there is no proposal."""

    @property
    def user_message(self) -> str:
        return f"no entry {self.args[0]} was ever proposed"


class OtherProposal(Fault):
    """Raised when a proposal's id is known with another content, proposer or reason."""

    @property
    def user_message(self) -> str:
        return f"{self.args[0]} was proposed before with another content; a changed proposal takes a new id"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A free-form entry and its approval; `approved_by` is None until a second person has approved it."""

    proposal_id: str
    proposed_by: str
    reason: str
    journal: Journal
    proposed_at: datetime
    approved_by: str | None = None


@dataclass(frozen=True, slots=True)
class ApprovedEntry:
    """The proposal was approved by a second person; `outcome` is the answer of the books, possibly a refusal."""

    proposal_id: str
    outcome: Recorded | AlreadyRecorded | Refused


@dataclass(frozen=True, slots=True)
class AlreadyApproved:
    """The proposal had been approved before; nothing changed."""

    proposal_id: str
    approved_by: str


@dataclass(frozen=True, slots=True)
class SamePerson:
    """The proposer tried to approve their own proposal; nothing was written."""

    proposal_id: str
    proposed_by: str


Approval = ApprovedEntry | AlreadyApproved | SamePerson


class Proposals(Protocol):
    """Stores proposals and their approvals; append-only."""

    def add(self, proposal: Proposal) -> bool:
        """Store a proposal; False when its id exists already."""

    def get(self, proposal_id: str) -> Proposal | None: ...

    def all(self) -> tuple[Proposal, ...]:
        """Every proposal, the oldest first."""

    def approve(self, proposal: Proposal, *, by: str, at: datetime) -> bool:
        """Store who approved a proposal; False when it is approved already. Waits for a concurrent approval to end."""


def propose(text: str, *, by: str, reason: str, at: datetime, proposals: Proposals, where: str = "proposal") -> bool:
    """Store a proposal written as JSON; False when the same proposal is stored already.

    Raises ProposalFault for malformed JSON or fields, NotOnTheMap for an account that is not on the chart, and
    OtherProposal when the id is stored with other content.
    """
    for field, given in (("by", by), ("reason", reason)):
        if not given.strip():
            raise ProposalFault(where, field, "is empty")
    proposal_id, journal = read_proposal(text, at=at, where=where)
    try:
        must_have_begun(journal.value_date, at)
    except NotYetBegun as early:
        raise ProposalFault(where, "value_date", str(early)) from early
    admit_free(journal)
    proposal = Proposal(proposal_id, by.strip(), reason.strip(), journal, at)
    if proposals.add(proposal):
        return True
    known = proposals.get(proposal_id)
    assert known is not None
    arriving = replace(proposal, proposed_at=known.proposed_at, approved_by=known.approved_by)
    if replace(known, journal=replace(known.journal, recorded_at=at)) != arriving:
        raise OtherProposal(proposal_id)
    return False


def approve(proposal_id: str, *, by: str, at: datetime, proposals: Proposals, ledger: Ledger) -> Approval:
    """Approve a proposal and post it, in one database transaction. Raises UnknownProposal, ProposalFault."""
    if not by.strip():
        raise ProposalFault(proposal_id, "by", "is empty")
    proposal = proposals.get(proposal_id)
    if proposal is None:
        raise UnknownProposal(proposal_id)
    if proposal.approved_by is not None:
        return AlreadyApproved(proposal_id, proposal.approved_by)
    if by.strip().lower() == proposal.proposed_by.lower():
        return SamePerson(proposal_id, proposal.proposed_by)
    if not proposals.approve(proposal, by=by.strip(), at=at):
        approved = proposals.get(proposal_id)
        assert approved is not None
        assert approved.approved_by is not None
        return AlreadyApproved(proposal_id, approved.approved_by)
    journal = replace(proposal.journal, recorded_at=at)
    (answer,) = ledger.post_batch([Request(Act.POST, journal, free=True)])
    return ApprovedEntry(proposal_id, _outcome(answer))


def read_proposal(text: str, *, at: datetime, where: str) -> tuple[str, Journal]:
    """Parse a proposal into its id and its journal, recorded at `at`; raises ProposalFault."""
    try:
        tree = json.loads(text)
    except json.JSONDecodeError as fault:
        raise ProposalFault(where, f"line {fault.lineno}", fault.msg) from fault
    fields = {"proposal_id", "value_date", "occurred_at", "correlation", "transfers"}
    _check_fields(tree, fields, where, "(entry)")
    proposal_id = _text(tree, "proposal_id", where)
    if not isinstance(tree["transfers"], list) or not tree["transfers"]:
        raise ProposalFault(where, "transfers", "must be a list that is not empty")
    correlation = tree["correlation"]
    if not isinstance(correlation, dict) or not all(isinstance(each, str) for each in correlation.values()):
        raise ProposalFault(where, "correlation", "must be an object whose values are texts")
    try:
        journal = Journal(
            entry_id=f"{FLOW}:{proposal_id}",
            flow=FLOW,
            template_version=money_map().flow(FLOW).version,
            value_date=_parsed(tree, "value_date", date.fromisoformat, where),
            occurred_at=_parsed(tree, "occurred_at", datetime.fromisoformat, where),
            recorded_at=at,
            correlation=correlation,
            transfers=tuple(
                _transfer(each, where, f"transfers[{number}]") for number, each in enumerate(tree["transfers"])
            ),
        )
    except ProposalFault:
        raise
    except ValueError as fault:
        raise ProposalFault(where, "(entry)", str(fault)) from fault
    return proposal_id, journal


def _transfer(tree: Any, where: str, place: str) -> Transfer:
    _check_fields(tree, {"debit", "credit", "currency", "amount"}, where, place)
    try:
        amount = Money.parse(str(tree["amount"]), Currency(tree["currency"]))
        return Transfer(_text(tree, "debit", where), _text(tree, "credit", where), amount)
    except ProposalFault:
        raise
    except ValueError as fault:
        raise ProposalFault(where, place, str(fault)) from fault


def _check_fields(tree: Any, fields: set[str], where: str, place: str) -> None:
    if not isinstance(tree, dict):
        raise ProposalFault(where, place, "is not an object")
    for field in sorted(fields ^ set(tree)):
        raise ProposalFault(where, place, f"has no {field!r}" if field in fields else f"has unknown {field!r}")


def _text(tree: Mapping[str, Any], field: str, where: str) -> str:
    if not isinstance(tree[field], str) or not tree[field]:
        raise ProposalFault(where, field, "must be a text that is not empty")
    return str(tree[field])


def _parsed(tree: Mapping[str, Any], field: str, parse: Callable[[str], _T], where: str) -> _T:
    try:
        return parse(_text(tree, field, where))
    except ValueError as fault:
        raise ProposalFault(where, field, str(fault)) from fault


def _outcome(answer: Answer) -> Recorded | AlreadyRecorded | Refused:
    assert isinstance(answer, Recorded | AlreadyRecorded | Refused)
    return answer
