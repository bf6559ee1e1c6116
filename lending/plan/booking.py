"""A booking: the flow of the money map and the amounts that a plan event posts, before it becomes a journal."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import NamedTuple

from ledger.journal import Journal
from ledger.map.flows import journal
from ledger.money import Currency, Money
from lending.plan.plan import InstalmentId, Plan


class Booking(NamedTuple):
    """One journal to post for a plan. Bookings are a function of the events: equal events give equal bookings.

    A fold makes one for each day that bears interest; a tuple of ten is made in a third of the time of a data class.
    `event_id` is the event that causes it; a late fee or accrued interest has no event, so its id is a derived one.
    `hold_id`: the hold that it posts. `voids`: an open hold to release with it, because its split is different.
    """

    flow: str
    key: str
    amounts: Mapping[str, Money]
    names: Mapping[str, str]
    value_date: date
    occurred_at: datetime
    event_id: str
    correlation: Mapping[str, str]
    hold_id: str | None = None
    voids: str | None = None

    @property
    def entry_id(self) -> str:
        """The id of its journal, when it is first posted."""
        return f"{self.flow}:{self.key}"


def journal_of(
    booking: Booking,
    *,
    recorded_at: datetime,
    first_open: date | None = None,
    corrects: str | None = None,
    suffix: str = "",
) -> Journal:
    """The journal that the money map prescribes for a booking.

    A booking with a value date before `first_open`, the first open day of the books, is a late item: it is posted on
    `first_open` and keeps its own value date beside it. A booking that is posted again names the reversed entry in
    `corrects`, and its id ends with `suffix`.
    """
    counts_from = booking.value_date if first_open is None else max(booking.value_date, first_open)
    return journal(
        booking.flow,
        key=booking.key,
        value_date=counts_from,
        occurred_at=booking.occurred_at,
        recorded_at=recorded_at,
        correlation=booking.correlation,
        amounts=booking.amounts,
        names=booking.names,
        original_date=None if counts_from == booking.value_date else booking.value_date,
        corrects=corrects,
        suffix=suffix,
    )


def balances_of(bookings: Iterable[Booking]) -> dict[tuple[str, Currency], int]:
    """The net amount of these bookings on each account, in units, debits positive; accounts at zero are left out."""
    balances: dict[tuple[str, Currency], int] = {}
    for booking in bookings:
        for transfer in journal_of(booking, recorded_at=booking.occurred_at).transfers:
            for account, minor in ((transfer.debit, transfer.amount.minor), (transfer.credit, -transfer.amount.minor)):
                of = (account, transfer.amount.currency)
                balances[of] = balances.get(of, 0) + minor
    return {account: minor for account, minor in balances.items() if minor}


def correlation_of(plan: Plan, *, instalment_id: InstalmentId | None = None, **others: str) -> dict[str, str]:
    """The ids by which a plan's journals are found: order, decision and plan, then those passed in."""
    ids = {"order_id": plan.order_id, "decision_id": plan.decision_id, "plan_id": plan.plan_id}
    if instalment_id is not None:
        ids["instalment_id"] = instalment_id
    return {key: value for key, value in (ids | others).items() if value is not None}
