"""Breaks: lines and expectations without a counterpart in the other side's records."""

from dataclasses import dataclass
from datetime import date

from ledger.money import Money
from payments.break_class import BreakClass
from payments.expectation_key import ExpectationKey
from payments.line_key import LineKey


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
