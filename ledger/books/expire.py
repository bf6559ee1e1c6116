"""Act: void the holds that have expired."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ledger.books.store import Books, Ledger, Voided


class LedgerAndBooks(Ledger, Books, Protocol):
    """Books that can be read and written."""


@dataclass(frozen=True, slots=True)
class ExpiredHolds:
    """The ids of the voided holds, in the order of their expiry."""

    hold_ids: tuple[str, ...]


def expire_holds(books: LedgerAndBooks, *, at: datetime) -> ExpiredHolds:
    """Void every open hold that expires at or before `at`. A hold without an expiry is kept."""
    expired = books.open_holds(expired_at=at)
    voided = [hold.hold_id for hold in expired if isinstance(_void(books, hold.hold_id, at), Voided)]
    return ExpiredHolds(tuple(voided))


def _void(books: Ledger, hold_id: str, at: datetime) -> object:
    return books.void_hold(hold_id, at=at, reason="expired")
