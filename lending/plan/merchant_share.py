"""Split a part of the purchase into the merchant's share, our discount and the tax, exact to the unit."""

from dataclasses import dataclass

from lending.plan.proportion import proportion_of


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the purchase. `merchant` is in the merchant's currency."""

    amount: int = 0
    discount: int = 0
    tax: int = 0
    merchant: int = 0

    def __add__(self, other: "Share") -> "Share":
        return Share(
            self.amount + other.amount,
            self.discount + other.discount,
            self.tax + other.tax,
            self.merchant + other.merchant,
        )

    def __sub__(self, other: "Share") -> "Share":
        return Share(
            self.amount - other.amount,
            self.discount - other.discount,
            self.tax - other.tax,
            self.merchant - other.merchant,
        )


def part_of(captured: Share, given_back: Share, amount: int, *, foreign: bool = False) -> Share:
    """The split of a further refunded part. Computed cumulatively, so that the parts sum to the whole.

    >>> whole, none = Share(100, 5, 0, 95), Share()
    >>> first = part_of(whole, none, 50)
    >>> first, part_of(whole, first, 50)
    (Share(amount=50, discount=3, tax=0, merchant=47), Share(amount=50, discount=2, tax=0, merchant=48))
    """
    by_now = given_back.amount + amount
    discount = max(0, proportion_of(captured.discount, by_now, captured.amount) - given_back.discount)
    tax = max(0, proportion_of(captured.tax, by_now, captured.amount) - given_back.tax)
    merchant = amount - discount - tax
    if foreign:
        merchant = max(0, proportion_of(captured.merchant, by_now, captured.amount) - given_back.merchant)
    return Share(amount, discount, tax, merchant)
