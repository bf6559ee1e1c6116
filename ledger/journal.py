"""Journals: the transfers of one business event, written all or nothing under one id."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from ledger.transfer import Transfer


class JournalFault(ValueError):
    """Raised for a journal without an id or transfers, with a time that has no zone, or with dates out of order."""


@dataclass(frozen=True, slots=True)
class Journal:
    """The effect of one business event on the books.

    `value_date` is the day from which the money counts, `occurred_at` the time in the world, `recorded_at` when it
    could first be known to us. `correlation` holds the business ids (plan, instalment, attempt …) by which the journal
    is found. `original_date` is the day a late item belongs to, when `value_date` had to move into an open period.
    `corrects` is the id of the reversed entry that this one posts again.
    """

    entry_id: str
    flow: str
    template_version: int
    value_date: date
    occurred_at: datetime
    recorded_at: datetime
    correlation: Mapping[str, str]
    transfers: tuple[Transfer, ...]
    original_date: date | None = None
    corrects: str | None = None

    def __post_init__(self) -> None:
        if not self.entry_id:
            raise JournalFault("a journal needs an id that comes from its business event")
        if not self.transfers:
            raise JournalFault(f"{self.entry_id}: a journal without a transfer records nothing")
        if self.original_date is not None and self.original_date > self.value_date:
            raise JournalFault(f"{self.entry_id}: its original date lies after its value date")
        for name in ("occurred_at", "recorded_at"):
            if getattr(self, name).utcoffset() is None:
                raise JournalFault(f"{self.entry_id}: {name} has no time zone")
