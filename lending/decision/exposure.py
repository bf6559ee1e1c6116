"""A shopper's exposure: what they owe, and what they may still owe from approved offers."""

from dataclasses import dataclass

from ledger.money import Money


@dataclass(frozen=True, slots=True)
class Exposure:
    """Principal owed on open plans, amounts of approved offers not yet taken up, and the monthly dues of both."""

    outstanding: Money
    reserved: Money
    monthly: Money

    def after(self, amount: Money) -> Money:
        """The exposure if this amount were lent as well."""
        return self.outstanding + self.reserved + amount
