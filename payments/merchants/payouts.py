"""What settling with merchants needs of the payouts that were made."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Protocol

from payments.files.payout_file import Payout
from payments.ids import PayoutId
from payments.merchants.settlement import Item, MerchantBooks, Settlement


class Payouts(Protocol):
    """Keeps every payout to a merchant, its items, its reserve, and whether it came back. An adapter never commits."""

    def lock(self) -> None:
        """Wait for any other run that is settling; until the caller's transaction ends no other run settles."""

    def unsettled(self, on: date) -> list[MerchantBooks]:
        """The merchants with something to settle on a day, except those that have their payout of the day."""

    def keep(self, settlements: Sequence[Settlement]) -> None:
        """Keep new payouts with all that they are made of."""

    def keep_return(self, payout_id: PayoutId, line_id: str, reason: str, on: date) -> bool:
        """Keep that the bank brought a payout back, and why; False when that was known.

        Raises ledger.store.Conflict when the payout came back by another line, or the line brought back another payout.
        """

    def of_day(self, day: date) -> list[Payout]:
        """Every payout of a day, in the order of their ids."""

    def get_all(self, payout_ids: Iterable[PayoutId]) -> dict[PayoutId, Payout]:
        """Those of these payouts that are known, by id."""

    def items(self, payout_id: PayoutId) -> tuple[Item, ...]:
        """What a payout is made of, by day."""

    def settled(self, entry_id: str) -> bool:
        """Whether a payout holds an entry of a merchant's payable account."""
