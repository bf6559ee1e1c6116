"""What has no counterpart in another side's records."""

from dataclasses import dataclass
from datetime import date

from ledger.money import Money
from payments.break_class import BreakClass
from payments.expectation_key import ExpectationKey
from payments.line_key import LineKey


@dataclass(frozen=True, slots=True)
class Break:
    """What has no counterpart, or another one than expected. `closed_by` when a posting has already repaired it."""

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
        """Days since it could be seen."""
        return max(0, (as_of - self.opened_on).days)
