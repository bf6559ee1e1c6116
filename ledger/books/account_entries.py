"""Finds the complete entries that moved given accounts, for statements that also show their other accounts."""

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from ledger.account import Side
from ledger.books.store import Entry
from ledger.money import Currency


class AccountEntries(Protocol):
    """Reads entries by the accounts that they move."""

    def entries_on(self, accounts: Collection[str]) -> Sequence[Entry]:
        """Posted entries that move any of these accounts, in the order of recording."""


def moved(entry: Entry, currency: Currency, side: Side, includes: Callable[[str], bool]) -> int:
    """The net amount in minor units by which an entry increases these accounts on a side; negative for a decrease.

    Transfers between two of the accounts cancel out.
    """
    net = 0
    for transfer in entry.journal.transfers:
        if transfer.amount.currency is currency:
            net += transfer.amount.minor * (includes(transfer.debit) - includes(transfer.credit))
    return net if side is Side.DEBIT else -net


def standing_only(entries: Sequence[Entry]) -> list[Entry]:
    """The entries without reversed ones and without reversals; each such pair sums to zero."""
    return [entry for entry in entries if entry.reverses is None and entry.reversed_by is None]
