"""Act: void the holds that have run out."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ledger.books.store import Books, Ledger, Voided


class LedgerAndBooks(Ledger, Books, Protocol):
    """Books that can be read and written."""


@dataclass(frozen=True, slots=True)
class ExpiredHolds:
    """The holds that were voided, those that ran out first first."""

    hold_ids: tuple[str, ...]


def expire_holds(books: LedgerAndBooks, *, at: datetime) -> ExpiredHolds:
    """Release what holds with an end at or before `at` still keep; one without an end is never released by time."""
    expired = books.open_holds(expired_at=at)
    voided = [hold.hold_id for hold in expired if isinstance(_void(books, hold.hold_id, at), Voided)]
    return ExpiredHolds(tuple(voided))


def _void(books: Ledger, hold_id: str, at: datetime) -> object:
    return books.void_hold(hold_id, at=at, reason="expired")
