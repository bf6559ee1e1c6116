"""All posted journals up to a value date, for export to other accounting programs."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from ledger.account import AccountKind
from ledger.journal import Journal
from ledger.money import Money


@dataclass(frozen=True, slots=True)
class UsedAccount:
    """An account with posted transfers: its first value date, and its balance per currency with debits positive.

    Balances of zero are included.
    """

    name: str
    kind: AccountKind
    since: date
    balances: tuple[Money, ...]


class PostedBooks(Protocol):
    """The posted books on one consistent snapshot."""

    def used_accounts(self, as_of: date | None) -> tuple[UsedAccount, ...]:
        """Every account with a posted transfer valued up to this day, ordered by name."""

    def journals(self, as_of: date | None) -> Iterator[Journal]:
        """Every posted journal valued up to this day, ordered by value date and then by recording."""
