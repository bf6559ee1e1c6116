"""What is kept of acts: those done, those proposed, and who approved them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class AskedAct:
    """An act as it was asked for. `tree` is its arguments as JSON; without a day it counts from the day it is done.

    `key` makes it safe to repeat: the same principal and key are one act.
    """

    plan_id: str
    act: str
    tree: Mapping[str, Any]
    reason: str
    key: str
    day: date | None = None


@dataclass(frozen=True, slots=True)
class KeptAct:
    """An act that was done, with its answer."""

    act_id: str
    asked: AskedAct
    principal_id: str
    value_date: date
    events: tuple[str, ...]
    posted: tuple[str, ...]
    reversed: tuple[str, ...]
    recorded_at: datetime
    approved_by: str | None = None


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """That the proposer took a proposal back."""

    by: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class ProposedAct:
    """An act that waits for a second person, that one approved, or that was withdrawn.

    `because` says why a second person is needed.
    """

    proposal_id: str
    asked: AskedAct
    proposed_by: str
    value_date: date
    because: tuple[str, ...]
    proposed_at: datetime
    expires_at: datetime
    approved_by: str | None = None
    withdrawal: Withdrawal | None = None


class ActLog(Protocol):
    """Stores acts, proposals and approvals, each once. An adapter never commits."""

    def done(self, act_id: str) -> KeptAct | None:
        """The act with this id."""

    def proposal(self, proposal_id: str) -> ProposedAct | None:
        """The proposal with this id."""

    def open_proposals(self, at: datetime, *, merchant_id: str | None = None) -> Sequence[ProposedAct]:
        """Proposals neither approved, withdrawn nor expired, the oldest first; of one merchant's plans, or all."""

    def of_plan(self, plan_id: str) -> Sequence[KeptAct]:
        """The acts on a plan, in the order in which they were done."""

    def keep_act(self, act: KeptAct, *, proposal_id: str | None) -> bool:
        """Store an act; False when one with its principal and key was stored meanwhile."""

    def propose(self, proposal: ProposedAct) -> bool:
        """Store a proposal; False when one with its principal and key was stored meanwhile."""

    def approve(self, proposal: ProposedAct, *, by: str, at: datetime) -> bool:
        """Store an approval; False when the proposal was approved before. Concurrent approvals wait for each other."""

    def withdraw(self, proposal: ProposedAct, withdrawal: Withdrawal) -> bool:
        """Store a withdrawal; False when the proposal was withdrawn before."""


def act_id_of(principal_id: str, key: str) -> str:
    """The id of an act: its principal and the principal's key for it. An id of a principal has no dot."""
    return f"{principal_id}.{key}"


def first_difference_of_acts(known: AskedAct, arriving: AskedAct) -> str | None:
    """The first field in which two acts under one key differ, or None."""
    for name in ("plan_id", "act", "reason", "day"):
        if getattr(known, name) != getattr(arriving, name):
            return name
    names = sorted(known.tree.keys() | arriving.tree.keys())
    return next((name for name in names if known.tree.get(name) != arriving.tree.get(name)), None)
