"""Act: close a period, so that nothing is posted into it any more, and move its income and expense to equity (F44)."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from ledger.account import Kind, Side
from ledger.books.posting import CLOSING_FLOW
from ledger.books.statement import TrialBalance
from ledger.books.store import Outcome, Recorded, Refused
from ledger.journal import Journal
from ledger.map.flows import money_map
from ledger.money import Currency
from ledger.transfer import Transfer
from terminal.fault import Fault

RETAINED = "equity:retained"


class PeriodFault(Fault):
    """Raised when a period cannot be closed now."""


class PeriodBooks(Protocol):
    """What closing a period needs of the books."""

    def announce_close(self, through: date, *, at: datetime) -> None:
        """Refuse, from now on and for all to see, what is valued on or before that day; again changes nothing."""

    def wait_for_writers(self) -> bool:
        """Wait until whoever was writing before the announcement has ended; False when that takes too long."""

    def trial_balance(self, as_of: date | None = None) -> TrialBalance:
        """Every account's posted balance of the journals valued up to that day."""

    def post(self, journal: Journal) -> Outcome:
        """Write a journal."""


@dataclass(frozen=True, slots=True)
class ClosedPeriod:
    """The last day closed and the journals that this run wrote for it, one per currency that had a result."""

    through: date
    entry_ids: tuple[str, ...]


def close_period(books: PeriodBooks, through: date, *, at: datetime) -> ClosedPeriod:
    """Close everything up to a day; again writes nothing more. Raises PeriodFault.

    First it is announced that the period takes no posting any more; then, once those who were at work before have
    ended, its result is moved. Nobody who posts waits for either. A run that was cut off is taken up by the next.
    """
    if through >= at.date():
        raise PeriodFault(f"{through} has not ended yet at {at.isoformat()}")
    books.announce_close(through, at=at)
    if not books.wait_for_writers():
        raise PeriodFault(f"the period through {through} takes no posting any more; its result waits for a writer")
    written = []
    for currency, transfers in _results(books.trial_balance(through)).items():
        journal = _closing(through, currency, transfers, at)
        outcome = books.post(journal)
        if isinstance(outcome, Refused):
            reasons = "; ".join(reason.detail for reason in outcome.reasons)
            raise PeriodFault(f"{journal.entry_id} was refused: {reasons}")
        if isinstance(outcome, Recorded):
            written.append(outcome.entry_id)
    return ClosedPeriod(through, tuple(written))


def _results(balances: TrialBalance) -> dict[Currency, list[Transfer]]:
    """The transfers that leave income and expense at zero, by currency."""
    found: dict[Currency, list[Transfer]] = defaultdict(list)
    for line in balances.lines:
        if money_map().account_type(line.account).kind not in (Kind.INCOME, Kind.EXPENSE):
            continue
        debit, credit = (RETAINED, line.account) if line.side is Side.DEBIT else (line.account, RETAINED)
        found[line.amount.currency].append(Transfer(debit, credit, line.amount))
    return found


def _closing(through: date, currency: Currency, transfers: list[Transfer], at: datetime) -> Journal:
    return Journal(
        entry_id=f"{CLOSING_FLOW}:{through.isoformat()}/{currency}",
        flow=CLOSING_FLOW,
        template_version=money_map().flow(CLOSING_FLOW).version,
        value_date=through,
        occurred_at=at,
        recorded_at=at,
        correlation={"period": through.isoformat()},
        transfers=tuple(transfers),
    )
