"""What an event of a plan does to the books: a flow of the money map with its amounts, before it is a journal."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from ledger.journal import Journal
from ledger.map.flows import journal
from ledger.money import Currency, Money
from lending.plan.plan import Instalment, Plan


@dataclass(frozen=True, slots=True)
class Booking:
    """One journal that the plan's events ask for. Bookings are a function of the events: equal events, equal bookings.

    `event_id` is the event behind it, or for a late fee and for interest the id of what it is. `hold_id`: the hold that
    it posts. `voids`: an open hold that is to be released with it, its split being another.
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
        """The id of its journal, when it is posted for the first time."""
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

    What counts from a day before the `first_open` of the books is a late item: it counts from that one and keeps its
    own day beside it. A booking that is posted again `corrects` a reversed entry, and has a `suffix` to its id.
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
    """What these bookings leave on each account, in units, debits positive; accounts at zero are left out."""
    balances: dict[tuple[str, Currency], int] = {}
    for booking in bookings:
        for transfer in journal_of(booking, recorded_at=booking.occurred_at).transfers:
            for account, minor in ((transfer.debit, transfer.amount.minor), (transfer.credit, -transfer.amount.minor)):
                of = (account, transfer.amount.currency)
                balances[of] = balances.get(of, 0) + minor
    return {account: minor for account, minor in balances.items() if minor}


def correlation_of(plan: Plan, *, instalment: Instalment | None = None, **others: str) -> dict[str, str]:
    """The ids by which a plan's journals are found: of the order, decision and plan, and whatever comes after them."""
    ids = {"order_id": plan.order_id, "decision_id": plan.decision_id, "plan_id": plan.plan_id}
    if instalment is not None:
        ids["instalment_id"] = instalment.instalment_id
    return {key: value for key, value in (ids | others).items() if value is not None}
