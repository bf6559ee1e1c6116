"""Act: close a period to further postings and move its income and expense to equity (F44)."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from ledger.account import AccountKind, Side
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
    """The operations on the books that closing a period needs."""

    def objections_to_close(self) -> tuple[str, ...]:
        """Why other packages ask not to close the books now, such as a bank statement that the books do not explain."""

    def announce_close(self, through: date, *, at: datetime) -> None:
        """Refuse, from now on and in every session, journals valued on or before that day. Idempotent."""

    def wait_for_writers(self) -> bool:
        """Wait for transactions that were writing before the announcement to end; False after a timeout."""

    def trial_balance(self, as_of: date | None = None) -> TrialBalance:
        """Every account's posted balance, from journals with a value date up to that day."""

    def post(self, journal: Journal) -> Outcome:
        """Write a journal."""


@dataclass(frozen=True, slots=True)
class ClosedPeriod:
    """The last day of the closed period and the closing journals of this run, one for each currency with a result."""

    through: date
    entry_ids: tuple[str, ...]


def close_period(books: PeriodBooks, through: date, *, at: datetime) -> ClosedPeriod:
    """Close the books for all value dates up to a day. Idempotent; a rerun completes an interrupted close.

    New postings into the period are refused first. Once the transactions already running have ended, income and expense
    move to retained earnings. Writers never wait for a close. Raises PeriodFault when the day has not ended, when
    running transactions do not end in time, when another package objects, and when the books refuse a closing journal.
    """
    if through >= at.date():
        raise PeriodFault(f"{through} has not ended yet at {at.isoformat()}")
    if objections := books.objections_to_close():
        raise PeriodFault(f"{through} cannot be closed: {'; '.join(objections)}")
    books.announce_close(through, at=at)
    if not books.wait_for_writers():
        raise PeriodFault(f"the period through {through} is closed, but older transactions still run; close it again")
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
    """The transfers that bring income and expense accounts to zero, by currency."""
    found: dict[Currency, list[Transfer]] = defaultdict(list)
    for line in balances.lines:
        if money_map().account_type(line.account).kind not in (AccountKind.INCOME, AccountKind.EXPENSE):
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
