"""The port through which payouts to merchants are stored and read."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Protocol

from payments.files.payout_file import Payout
from payments.ids import PayoutId
from payments.merchants.settlement import Item, MerchantBooks, Settlement


class Payouts(Protocol):
    """Stores every payout to a merchant with its items, its reserve and its return. An adapter never commits."""

    def lock(self) -> None:
        """Take the lock for settling, waiting for any other run; held until the caller's transaction ends."""

    def unsettled(self, on: date) -> list[MerchantBooks]:
        """The merchants with something to settle on a day, except those that already have a payout of that day."""

    def keep(self, settlements: Sequence[Settlement]) -> None:
        """Store new payouts with their items and reserves."""

    def keep_return(self, payout_id: PayoutId, line_id: str, reason: str, on: date) -> bool:
        """Store that the bank returned a payout to us, and why; False if that was stored before.

        Raises ledger.store.Conflict if another line returned this payout, or this line returned another payout.
        """

    def of_day(self, day: date) -> list[Payout]:
        """Every payout of a day, in the order of their ids."""

    def get_all(self, payout_ids: Iterable[PayoutId]) -> dict[PayoutId, Payout]:
        """Those of these payouts that exist, by id."""

    def items(self, payout_id: PayoutId) -> tuple[Item, ...]:
        """The items of a payout, by day."""

    def settled(self, entry_id: str) -> bool:
        """Whether an entry of a merchant's payable account is part of a payout."""
