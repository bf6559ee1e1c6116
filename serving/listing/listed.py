"""What can be listed, by what, and in which order: one row for each kind of thing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from terminal.fault import Fault

MOST_ROWS = 200


class Kind(StrEnum):
    """The kinds of thing that can be listed."""

    DECISIONS = "decisions"
    PLANS = "plans"
    PAYMENTS = "payments"
    REFUNDS = "refunds"
    PAYOUTS = "payouts"


class ListFault(Fault, ValueError):
    """Raised for a filter that a list does not have, or a value that it cannot take; names the field."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


@dataclass(frozen=True, slots=True)
class WantedRows:
    """Which rows are wanted. None is any; `since` is the first moment or day and `until` the first one after.

    `reference` is what a provider or bank knows the thing by.
    """

    shopper_id: str | None = None
    order_id: str | None = None
    merchant_id: str | None = None
    state: str | None = None
    reference: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def equal(self) -> Mapping[str, str]:
        """The filters of equality that are given, by name."""
        named = {
            "shopper_id": self.shopper_id,
            "order_id": self.order_id,
            "merchant_id": self.merchant_id,
            "state": self.state,
            "reference": self.reference,
        }
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True, slots=True)
class RowPlace:
    """A row's place in a list: the day or moment by which it is ordered, and its id."""

    at: datetime | date
    row_id: str


@dataclass(frozen=True, slots=True)
class ListPage:
    """Rows in their order, and the place behind the last one if more follow."""

    rows: tuple[Mapping[str, Any], ...]
    next_place: RowPlace | None
