"""What a loan shows on a day, in the peer's columns: its schedule, transactions, status and days late."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from lending.schedule.due import Due

MONEY = frozenset(
    {
        "Repayment",
        "Down Payment",
        "Merchant Issued Refund",
        "Payout Refund",
        "Goodwill Credit",
        "Charge Adjustment",
        "Interest Payment Waiver",
        "Interest Refund",
    }
)


@dataclass(frozen=True, slots=True)
class Row:
    """One due of the schedule as it stands, in minor units."""

    due_on: date
    days: int
    met_on: date | None
    balance: int
    principal: int
    interest: int
    fees: int
    penalties: int
    paid: int
    in_advance: int
    late: int
    waived: int
    outstanding: int

    @property
    def due(self) -> int:
        return self.principal + self.interest + self.fees + self.penalties


@dataclass(frozen=True, slots=True)
class Transaction:
    """Money in or credit given, as it was split; `overpaid` is the part that nothing was owed for."""

    name: str
    on: date
    amount: int
    principal: int = 0
    interest: int = 0
    fees: int = 0
    penalties: int = 0


@dataclass(frozen=True, slots=True)
class Observed:
    """The loan at the end of a day.

    `days_late` leaves paused days out, `late_since` is the oldest due not paid, `late` has the days and the amount of
    each instalment that is late, `pauses` the first and last day of each pause as the peer counts them.
    """

    disbursed: tuple[tuple[date, int], ...]
    rows: tuple[Row, ...]
    transactions: tuple[Transaction, ...]
    reversed_transactions: tuple[Transaction, ...]
    status: str
    outstanding: int
    overpaid: int
    days_late: int
    late_since: date | None
    late: tuple[tuple[int, int], ...]
    pauses: tuple[tuple[date, date], ...] = ()
    paid_with_disbursement: int = 0  # fees, which no row shows


def agreed(dues: Sequence[Due], amount: int, starts_on: date, status: str) -> Observed:
    """A loan of which nothing is disbursed yet: its schedule as agreed."""
    rows = []
    balance, previous = amount, starts_on
    for due in dues:
        balance -= due.principal.minor
        days = (due.due_on - previous).days
        principal, interest, owed = due.principal.minor, due.interest.minor, due.amount.minor
        rows.append(Row(due.due_on, days, None, balance, principal, interest, 0, 0, 0, 0, 0, 0, owed))
        previous = due.due_on
    owed = sum(row.outstanding for row in rows)
    return Observed(((starts_on, amount),), tuple(rows), (), (), status, owed, 0, 0, None, ())
