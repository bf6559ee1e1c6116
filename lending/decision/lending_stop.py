"""A stop of lending: from its moment on nothing is approved in its scope, until somebody lifts it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ledger.money import Currency
from lending.terms.product import Product
from terminal.fault import Fault


class StopFault(Fault):
    """Raised for a stop that cannot be made or lifted."""


@dataclass(frozen=True, slots=True)
class Lift:
    """That a stop ended: when, by whom and why."""

    lifted_at: datetime
    lifted_by: str
    reason: str


@dataclass(frozen=True, slots=True)
class LendingStop:
    """A stop. Without a currency it is of all of them, without a product likewise."""

    stop_id: str
    currency: Currency | None
    product: Product | None
    stopped_at: datetime
    stopped_by: str
    reason: str
    lift: Lift | None = None

    @property
    def scope(self) -> str:
        """What it stops, in words."""
        by = "" if self.product is None else f" by {self.product}"
        return f"lending in {self.currency or 'any currency'}{by}"


class LendingStops(Protocol):
    """Stores stops and their lifts, which never change."""

    def add(self, stop: LendingStop) -> bool:
        """Store a stop; False when its id is taken."""

    def lift(self, stop_id: str, lift: Lift) -> bool:
        """End a stop; False when there is none of this id, or it was lifted before."""

    def listed(self) -> Sequence[LendingStop]:
        """Every stop there ever was, the newest first."""


def stop_lending(stop: LendingStop, stops: LendingStops) -> LendingStop:
    """Stop lending in a scope from now on. Every decision that begins after the commit sees it. Raises StopFault."""
    if not stop.reason.strip():
        raise StopFault("a stop needs a reason")
    if not stops.add(stop):
        raise StopFault(f"there is a stop {stop.stop_id} already")
    return stop


def lift_stop(stop_id: str, lift: Lift, stops: LendingStops) -> None:
    """Lend again in the scope of a stop, unless another stop covers it too. Raises StopFault."""
    if not lift.reason.strip():
        raise StopFault("lifting a stop needs a reason")
    if not stops.lift(stop_id, lift):
        raise StopFault(f"there is no stop {stop_id} that holds; `tranche policy stops` lists them")
