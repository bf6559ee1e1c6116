"""What was posted up to a value date, as a whole, for programs that add it up by themselves."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from ledger.account import Kind
from ledger.journal import Journal
from ledger.money import Money


@dataclass(frozen=True, slots=True)
class UsedAccount:
    """An account with posted transfers: the first value date of one, and per currency what it holds, debits positive.

    A balance of zero is listed too.
    """

    name: str
    kind: Kind
    since: date
    balances: tuple[Money, ...]


class PostedBooks(Protocol):
    """The posted books as of one moment."""

    def used_accounts(self, as_of: date | None) -> tuple[UsedAccount, ...]:
        """Every account with a posted transfer valued up to this day, by name."""

    def journals(self, as_of: date | None) -> Iterator[Journal]:
        """Every posted journal valued up to this day, by value date and in the order of recording."""
