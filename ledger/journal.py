"""A journal: the transfers of one business event, written all or nothing under one id."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from ledger.transfer import Transfer


class JournalFault(ValueError):
    """Raised for a journal without an id, without transfers or with a time that has no zone."""


@dataclass(frozen=True, slots=True)
class Journal:
    """What one business event does to the books.

    `value_date` is the day the money counts from, `occurred_at` when it happened in the world, `recorded_at` when it
    could first be known to us. `correlation` names the business ids (plan, instalment, attempt …) that find it again.
    """

    entry_id: str
    flow: str
    template_version: int
    value_date: date
    occurred_at: datetime
    recorded_at: datetime
    correlation: Mapping[str, str]
    transfers: tuple[Transfer, ...]

    def __post_init__(self) -> None:
        if not self.entry_id:
            raise JournalFault("a journal needs an id that comes from its business event")
        if not self.transfers:
            raise JournalFault(f"{self.entry_id}: a journal without a transfer records nothing")
        for name in ("occurred_at", "recorded_at"):
            if getattr(self, name).utcoffset() is None:
                raise JournalFault(f"{self.entry_id}: {name} has no time zone")
