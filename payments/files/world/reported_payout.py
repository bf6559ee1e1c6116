"""A provider's own report of one payout: the movements that make it up, what was kept for fees, and what was paid."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from ledger.money import Currency


class MovementKind(StrEnum):
    """What a movement of a payout was, as seen by us."""

    TAKEN = "taken"  # a charge was collected
    RETURNED = "returned"  # a collected charge failed, or went back to the shopper by their bank
    REFUNDED = "refunded"  # we gave the money back
    DISPUTED = "disputed"  # the shopper's bank claims it; with the provider's fee for the case
    DISPUTE_WON = "dispute_won"


@dataclass(frozen=True, slots=True)
class PayoutMovement:
    """One movement. `reference` is the provider's id of the charge, refund or dispute; `minor` has no sign."""

    line_id: str
    kind: MovementKind
    reference: str
    minor: int


@dataclass(frozen=True, slots=True)
class ReportedPayout:
    """A payout in minor units; its movements less the fee are what was paid.

    `payout_id` is the reference that our bank's statement shows.
    """

    payout_id: str
    currency: Currency
    on: date
    movements: Sequence[PayoutMovement]
    fee_minor: int
    paid_minor: int
