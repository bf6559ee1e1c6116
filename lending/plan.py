"""A plan: how an order is repaid, and where it stands after what has been paid and returned."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from enum import StrEnum

from ledger.money import Currency, Money
from lending.due import Due
from lending.order import Product


class PlanFault(ValueError):
    """Raised for a plan or an event of one that cannot be."""


class Origin(StrEnum):
    """Where a plan came from."""

    CHECKOUT = "checkout"
    IMPORTED = "imported"
    REPLAYED = "replayed"  # an order of the past that nobody asked us to decide


@dataclass(frozen=True, slots=True)
class Instalment:
    """One part of a plan. Number 0 is paid when the plan is opened."""

    instalment_id: str
    number: int
    due_on: date
    principal: Money
    interest: Money

    @property
    def amount(self) -> Money:
        return self.principal + self.interest


@dataclass(frozen=True, slots=True)
class ForeignPurchase:
    """What the merchant gets in its own currency for the whole purchase; the rate, its source and time are facts.

    `spread`: what we keep of the purchase for the conversion.
    """

    payable: Money
    spread: Money
    rate: str
    rate_source: str
    rate_at: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """How an order is repaid, as agreed; it never changes. Its instalments' principal sums to the plan's.

    `order_id` is the order, or the application of an imported loan; `terms_version` the file the terms came from;
    `merchant_discount` what the merchant leaves us of the purchase; `taken_from` the source's row of an imported plan;
    `tax` what the merchant pays on the discount; `foreign` what it gets where it sells in another currency.
    """

    plan_id: str
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
    annual_rate_basis_points: int
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


def plan_id_of(decision_id: str) -> str:
    """The id of the plan that an accepted decision becomes."""
    return f"p-{decision_id}"


def instalments_of(plan_id: str, dues: Iterable[Due]) -> tuple[Instalment, ...]:
    """A schedule's dues as a plan's instalments, named after the plan."""
    return tuple(
        Instalment(f"{plan_id}/{due.number}", due.number, due.due_on, due.principal, due.interest) for due in dues
    )


class EventKind(StrEnum):
    """What can happen to an instalment."""

    PAID = "paid"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True)
class PlanEvent:
    """Money that repaid a part or all of an instalment, or that went back. `cause` is the attempt or line behind it.

    `event_id` comes from the cause, so that recording it again changes nothing.
    """

    event_id: str
    plan_id: str
    instalment_id: str
    kind: EventKind
    principal: Money
    interest: Money
    value_date: date
    occurred_at: datetime
    recorded_at: datetime
    cause: str

    @property
    def amount(self) -> Money:
        return self.principal + self.interest


class InstalmentStatus(StrEnum):
    """Where an instalment stands on a day."""

    NOT_DUE = "not_due"
    DUE = "due"
    OVERDUE = "overdue"
    PAID = "paid"


class PlanStatus(StrEnum):
    """Where a plan stands."""

    AGREED = "agreed"  # nothing is captured yet
    OPEN = "open"
    PAID = "paid"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"
    CHARGED_OFF = "charged_off"  # still owed, no longer expected
    RECOVERED = "recovered"  # paid after the charge-off
    WRITTEN_OFF = "written_off"  # forgiven


@dataclass(frozen=True, slots=True)
class Standing:
    """A plan after its events: what is left of each instalment, by id."""

    plan: Plan
    open_principal: Mapping[str, Money]
    open_interest: Mapping[str, Money]

    @property
    def outstanding(self) -> Money:
        """The principal still owed."""
        return Money.total(self.open_principal.values(), self.plan.currency)

    @property
    def status(self) -> PlanStatus:
        return PlanStatus.OPEN if any(self.open(each).minor for each in self.plan.instalments) else PlanStatus.PAID

    def open(self, instalment: Instalment) -> Money:
        """What is left to pay of an instalment."""
        return self.open_principal[instalment.instalment_id] + self.open_interest[instalment.instalment_id]

    def status_of(self, instalment: Instalment, as_of: date) -> InstalmentStatus:
        """An instalment's place on a day; a return puts it back with its original due date."""
        if self.open(instalment).minor == 0:
            return InstalmentStatus.PAID
        if as_of < instalment.due_on:
            return InstalmentStatus.NOT_DUE
        return InstalmentStatus.DUE if as_of == instalment.due_on else InstalmentStatus.OVERDUE


def fold(plan: Plan, events: Iterable[PlanEvent]) -> Standing:
    """Where a plan stands after these events, in whatever order they are given. Raises PlanFault.

    No instalment is paid beyond what is due or given back beyond what was paid: an excess is the caller's to place.
    """
    principal = {each.instalment_id: each.principal for each in plan.instalments}
    interest = {each.instalment_id: each.interest for each in plan.instalments}
    for event in events:
        instalment = plan.instalment(event.instalment_id)
        paid = event.kind is EventKind.PAID
        principal[instalment.instalment_id] += -event.principal if paid else event.principal
        interest[instalment.instalment_id] += -event.interest if paid else event.interest
    for each in plan.instalments:
        for left, whole in ((principal, each.principal), (interest, each.interest)):
            if not 0 <= left[each.instalment_id].minor <= whole.minor:
                raise PlanFault(f"{each.instalment_id}: {left[each.instalment_id]} would be left of {whole}")
    return Standing(plan, principal, interest)


def shares(standing: Standing, instalment: Instalment, amount: Money) -> tuple[Money, Money]:
    """A payment on an instalment as (interest, principal), interest first. Raises PlanFault on an excess."""
    left = standing.open(instalment)
    if not 0 < amount.minor <= left.minor:
        raise PlanFault(f"{instalment.instalment_id}: {amount} against {left} that is left")
    interest = min(amount, standing.open_interest[instalment.instalment_id])
    return interest, amount - interest


def first_difference(known: Plan, arriving: Plan) -> str | None:
    """The first field in which two plans under one id differ; of an imported plan, the column of its source's row."""
    for column in sorted(known.taken_from.keys() | arriving.taken_from.keys()):
        if known.taken_from.get(column) != arriving.taken_from.get(column):
            return column
    return next((name for name in _COMPARED if getattr(known, name) != getattr(arriving, name)), None)


def first_event_difference(known: PlanEvent, arriving: PlanEvent) -> str | None:
    """The first field in which two events under one id differ; when we first knew of it may differ."""
    compared = (each.name for each in fields(PlanEvent) if each.name != "recorded_at")
    return next((name for name in compared if getattr(known, name) != getattr(arriving, name)), None)


_COMPARED: Sequence[str] = (
    "shopper_id", "account_id", "merchant_id", "order_id", "decision_id", "origin", "product", "opened_on",
    "principal", "merchant_discount", "annual_rate_basis_points", "terms_version", "instalments", "tax", "foreign",
)  # fmt: skip
