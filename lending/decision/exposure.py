"""What a shopper owes and may still come to owe."""

from dataclasses import dataclass

from ledger.money import Money


@dataclass(frozen=True, slots=True)
class Exposure:
    """Principal owed on open plans, approved offers that may still become plans, and what both take each month."""

    outstanding: Money
    reserved: Money
    monthly: Money

    def after(self, amount: Money) -> Money:
        """The exposure if this amount were lent too."""
        return self.outstanding + self.reserved + amount
