"""Breaks: lines and expectations without a counterpart in the other side's records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from ledger.money import Money
from payments.break_class import BreakClass
from payments.expectation_key import ExpectationKey
from payments.line_key import LineKey
from payments.rail_profile import RailProfile


@dataclass(frozen=True, slots=True)
class Break:
    """A line or an expectation without its counterpart. `closed_by` is set if a posting has already repaired it."""

    break_id: str
    break_class: BreakClass
    reason: str
    owner: str
    severity: str
    opened_on: date
    due_by: date
    line_key: LineKey | None = None
    expected: ExpectationKey | None = None
    amount: Money | None = None
    closed_on: date | None = None
    closed_by: str | None = None

    def age_days(self, as_of: date) -> int:
        """Days since the break could first be seen."""
        return max(0, (as_of - self.opened_on).days)


def break_of_unit(break_id: str, broken: BreakClass, reason: str, on: date, profile: RailProfile) -> Break:
    """The break of a unit of work that could not be done, or not be believed, on a day."""
    treatment = profile.treatments[broken]
    return Break(
        break_id=break_id,
        break_class=broken,
        reason=reason,
        owner=treatment.owner,
        severity=treatment.severity,
        opened_on=on,
        due_by=treatment.due_by(on),
    )


class Breaks(Protocol):
    """The list of breaks. An adapter never commits."""

    def raise_breaks(self, breaks: Sequence[Break]) -> Mapping[BreakClass, int]:
        """Store breaks, each once; an open break may be refined. Returns the number new or refined, by class."""

    def blocking(self, instalment_ids: Sequence[str]) -> Mapping[str, str]:
        """Of these instalments, those whose earlier attempts have a break that no further attempt may overtake.

        Such a break says that money may have come or be coming: missing, paid twice, another amount, or a capture that
        contradicts a refusal. Returns the id of the break by instalment.
        """

    def blocking_refunds(self, plan_ids: Sequence[str]) -> Mapping[str, str]:
        """Of these plans, those whose refunds are not paid out now, with the id of the break or the case by plan.

        A payment of theirs is missing, came twice, with another amount or against our own record, or is disputed: what
        was paid may have to go back another way.
        """

    def close_break(self, break_id: str, on: date, by: str) -> None:
        """Close a break that was cured by something other than a match."""
