"""Orders: requests to pay later, each answered by one decision."""

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum

from ledger.money import Currency, Money
from lending.terms.product import FIXED_MONTHS, Product


class Channel(StrEnum):
    """Where the order was placed."""

    BRANCH = "branch"
    WEB = "web"
    POS = "pos"


class OrderFault(ValueError):
    """Raised for an invalid order; names the field and its allowed values."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Order:
    """An order at a merchant, or a cash loan when there is no merchant, to be repaid by a product over some months.

    `alternatives`: the checkout can show other ways of repaying beside the one that was asked for.
    """

    order_id: str
    shopper_id: str
    account_id: str
    merchant_id: str | None
    amount: Money
    product: Product
    duration_months: int
    channel: Channel
    application_id: str | None = None
    alternatives: bool = False

    def __post_init__(self) -> None:
        if self.amount.minor <= 0:
            raise OrderFault("amount_minor", "must be greater than zero")
        fixed = FIXED_MONTHS.get(self.product)
        if fixed is not None and self.duration_months != fixed:
            raise OrderFault("duration_months", f"is {fixed} for {self.product}, or left out")
        if self.duration_months < 1:
            raise OrderFault("duration_months", "must be at least 1")

    @property
    def decision_id(self) -> str:
        """The id of the decision on this order, derived from the order; without colons, which separate account names.

        >>> Order("o-1", "s", "a", "m", Money(1, Currency.GBP), Product.PAY_IN_3, 2, Channel.WEB).decision_id
        'd-601b09066f1174ae4af0bccd'
        """
        business_key = f"{self.merchant_id or ''}\n{self.order_id}"
        return "d-" + hashlib.sha256(business_key.encode()).hexdigest()[:24]

    def of(self, amount: Money) -> "Order":
        """The same order for another amount, for a counter-offer."""
        return replace(self, amount=amount)

    def repaid_by(self, product: Product, duration_months: int) -> "Order":
        """The same order repaid in another way, for an alternative."""
        return replace(self, product=product, duration_months=duration_months)


def order_body(order: Order) -> dict[str, str | int | None]:
    """The order as plain values, for the record and its digest."""
    return {
        "order_id": order.order_id,
        "shopper_id": order.shopper_id,
        "account_id": order.account_id,
        "merchant_id": order.merchant_id,
        "amount_minor": order.amount.minor,
        "currency": order.amount.currency.value,
        "product": order.product.value,
        "duration_months": order.duration_months,
        "channel": order.channel.value,
        "application_id": order.application_id,
        # Only when it is asked for: records from before lack the field.
        **({"alternatives": True} if order.alternatives else {}),
    }


def order_from_body(body: dict[str, object]) -> Order:
    """The order from the plain values of `order_body`."""
    merchant_id, application_id = body["merchant_id"], body["application_id"]
    return Order(
        order_id=str(body["order_id"]),
        shopper_id=str(body["shopper_id"]),
        account_id=str(body["account_id"]),
        merchant_id=None if merchant_id is None else str(merchant_id),
        amount=Money(int(str(body["amount_minor"])), Currency(str(body["currency"]))),
        product=Product(str(body["product"])),
        duration_months=int(str(body["duration_months"])),
        channel=Channel(str(body["channel"])),
        application_id=None if application_id is None else str(application_id),
        alternatives=bool(body.get("alternatives", False)),
    )
