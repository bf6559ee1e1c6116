"""One instalment as a schedule asks for it: when, how much of the amount, how much interest."""

from dataclasses import dataclass
from datetime import date

from ledger.money import Money


class ScheduleFault(ValueError):
    """Raised for terms that no schedule can keep: too small an amount for so many instalments, or no instalment."""


@dataclass(frozen=True, slots=True)
class Due:
    """One instalment of a schedule. Number 0 is due when the plan is opened, the others count from 1."""

    number: int
    due_on: date
    principal: Money
    interest: Money

    @property
    def amount(self) -> Money:
        return self.principal + self.interest
