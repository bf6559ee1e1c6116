"""A due of a schedule: its day, principal and interest."""

from dataclasses import dataclass
from datetime import date

from ledger.money import Money


class ScheduleFault(ValueError):
    """Raised for terms without a schedule: an amount too small for its instalments, or no instalments."""


@dataclass(frozen=True, slots=True)
class Due:
    """A due of a schedule. Number 0 is due when the plan is opened; the others count from 1."""

    number: int
    due_on: date
    principal: Money
    interest: Money

    @property
    def amount(self) -> Money:
        return self.principal + self.interest
