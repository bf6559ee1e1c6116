"""A plan: how an order is repaid, and the statuses of plans and instalments."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import NewType

from ledger.money import Currency, Money
from lending.schedule.due import Due
from lending.terms.dues import BasisPoints
from lending.terms.product import Product


class PlanFault(ValueError):
    """Raised for a plan or a plan event that is inconsistent."""


class Origin(StrEnum):
    """Where a plan came from."""

    CHECKOUT = "checkout"
    IMPORTED = "imported"
    REPLAYED = "replayed"  # a past order that is replayed without a request for a decision


PlanId = NewType("PlanId", str)
"""How an order is repaid, for good."""

InstalmentId = NewType("InstalmentId", str)
"""One part of a plan."""


@dataclass(frozen=True, slots=True)
class Instalment:
    """One part of a plan. Number 0 is paid when the plan is opened."""

    instalment_id: InstalmentId
    number: int
    due_on: date
    principal: Money
    interest: Money

    @property
    def amount(self) -> Money:
        return self.principal + self.interest


@dataclass(frozen=True, slots=True)
class ForeignPurchase:
    """The amount that the merchant gets in its own currency for the whole purchase, and the rate, its source and time.

    `spread`: the part of the purchase that we keep for the conversion.
    """

    payable: Money
    spread: Money
    rate: str
    rate_source: str
    rate_at: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """How an order is repaid, as agreed; it never changes. The principal of its instalments sums to the plan's.

    `order_id` is the order, or the application of an imported loan; `terms_version` the version of the terms file;
    `merchant_discount` the part of the purchase price that we keep; `tax` the tax that the merchant pays on it;
    `taken_from` the source row of an imported plan; `foreign` the payment to a merchant who sells in another currency.
    """

    plan_id: PlanId
    shopper_id: str | None
    account_id: str
    merchant_id: str | None
    order_id: str
    decision_id: str | None
    origin: Origin
    product: Product
    opened_on: date
    principal: Money
    merchant_discount: Money
    annual_rate_basis_points: BasisPoints
    terms_version: str
    instalments: tuple[Instalment, ...]
    taken_from: Mapping[str, str] = field(default_factory=dict)
    tax: Money | None = None
    foreign: ForeignPurchase | None = None

    def __post_init__(self) -> None:
        scheduled = Money.total((each.principal for each in self.instalments), self.currency)
        if scheduled != self.principal:
            raise PlanFault(f"{self.plan_id}: instalments repay {scheduled} of {self.principal}")
        if any(each.amount.minor <= 0 for each in self.instalments):
            raise PlanFault(f"{self.plan_id}: every instalment is more than zero")
        if not self.merchant_discount.minor <= self.principal.minor or self.merchant_discount.minor < 0:
            raise PlanFault(f"{self.plan_id}: a discount of {self.merchant_discount} on {self.principal}")
        kept = self.merchant_discount if self.tax is None else self.merchant_discount + self.tax
        if self.tax is not None and (self.tax.minor < 0 or kept > self.principal):
            raise PlanFault(f"{self.plan_id}: a tax of {self.tax} on {self.principal}")

    @property
    def currency(self) -> Currency:
        return self.principal.currency

    def instalment(self, instalment_id: str) -> Instalment:
        for each in self.instalments:
            if each.instalment_id == instalment_id:
                return each
        raise PlanFault(f"{self.plan_id} has no instalment {instalment_id}")


def plan_id_of(decision_id: str) -> PlanId:
    """The id of the plan that is opened when the offer of this decision is accepted."""
    return PlanId(f"p-{decision_id}")


def decision_id_of(plan_id: PlanId) -> str:
    """The id of the decision from which the plan was opened: the inverse of `plan_id_of`.

    >>> decision_id_of(plan_id_of("d-1"))
    'd-1'
    """
    return plan_id.removeprefix("p-")


def instalments_of(plan_id: str, dues: Iterable[Due]) -> tuple[Instalment, ...]:
    """A schedule's dues as instalments of a plan; their ids begin with the plan's."""
    return tuple(
        Instalment(InstalmentId(f"{plan_id}/{due.number}"), due.number, due.due_on, due.principal, due.interest)
        for due in dues
    )


class InstalmentStatus(StrEnum):
    """The status of an instalment on a day."""

    NOT_DUE = "not_due"
    DUE = "due"
    OVERDUE = "overdue"
    PAID = "paid"


class PlanStatus(StrEnum):
    """The status of a plan."""

    AGREED = "agreed"  # nothing is captured yet
    OPEN = "open"
    PAID = "paid"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"
    CHARGED_OFF = "charged_off"  # still owed, no longer expected
    RECOVERED = "recovered"  # paid after the charge-off
    WRITTEN_OFF = "written_off"  # forgiven


def first_difference(known: Plan, arriving: Plan) -> str | None:
    """The first field in which two plans with one id differ; for an imported plan, the column of its source row."""
    for column in sorted(known.taken_from.keys() | arriving.taken_from.keys()):
        if known.taken_from.get(column) != arriving.taken_from.get(column):
            return column
    return next((name for name in _COMPARED if getattr(known, name) != getattr(arriving, name)), None)


_COMPARED: Sequence[str] = (
    "shopper_id", "account_id", "merchant_id", "order_id", "decision_id", "origin", "product", "opened_on",
    "principal", "merchant_discount", "annual_rate_basis_points", "terms_version", "instalments", "tax", "foreign",
)  # fmt: skip
