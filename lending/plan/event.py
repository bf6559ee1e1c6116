"""Plan events: the envelope, one body class for each kind of event, and how a body is stored."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from ledger.money import Currency, Money
from lending.schedule.due import Due
from lending.schedule.due_dates import Unit
from lending.terms.basis_points import BasisPoints, basis_points, basis_points_tree
from terminal.fault import Fault


class PaymentChannel(StrEnum):
    """How money came in."""

    ATTEMPT = "attempt"  # an attempt of ours, held while it was under way
    CHECKOUT = "checkout"  # the down payment
    SHOPPER = "shopper"  # the shopper paid through a provider, without an attempt of ours
    TRANSFER = "transfer"  # a line of the bank's statement, on suspense until it was identified
    CREDIT = "credit"  # the shopper's credit balance
    DUPLICATE = "duplicate"  # a second real movement for one due: all of it is the shopper's credit


class FeeKind(StrEnum):
    """Why a fee was charged by hand. Late fees under the terms follow from the calendar and are not events."""

    LATE = "late"
    RETURN = "return"  # what a returned payment cost us, passed on


class Route(StrEnum):
    """Through whom a shopper claims a payment back."""

    DIRECT_DEBIT = "direct_debit"
    CARD = "card"


class CashBack(StrEnum):
    """How we get the money of a claim that we won."""

    WITHDRAWN = "withdrawn"  # the money was never taken from us
    BANK = "bank"
    NETTED = "netted"  # the provider adds it to a payout


class MovedInterest(StrEnum):
    """What happens to the interest of instalments that are moved to other dues."""

    OWED_FIRST = "owed_first"  # interest so far is owed with the first due and bears none; further interest accrues
    WAIVED = "waived"  # interest so far is waived; further interest accrues
    EQUAL_PARTS = (
        "equal_parts"  # interest so far and fees are owed in equal parts; a re-age then bears no further interest
    )
    EQUAL_PARTS_OF_ALL = "equal_parts_of_all"  # likewise, with the interest that the old dues had to come


@dataclass(frozen=True, slots=True)
class Held:
    """The amounts that an attempt's hold reserves, by component; `hold_id` names the hold in the books."""

    hold_id: str
    fees: Money
    interest: Money
    principal: Money


@dataclass(frozen=True, slots=True)
class Opened:
    """The plan begins: the purchase, or its first shipment, is captured; a loan is taken over or granted."""

    captured: Money
    shipment: int = 1


@dataclass(frozen=True, slots=True)
class PartShipped:
    """A later shipment of the order is captured."""

    captured: Money
    shipment: int


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The order, or the part of it that is not captured yet, is cancelled."""


@dataclass(frozen=True, slots=True)
class Paid:
    """Money came in. `payment_id` is the id of the attempt, or of the statement line of a transfer.

    `instalment_id`: the instalment that it was collected for. `held`: what the attempt's hold covers. `from_plan_id`:
    the plan whose credit paid it, if any (that plan has a CreditApplied event). `in_flight`: the principal that an
    attempt held when the money came by another way; it is credit then, which waits for the attempt's outcome. `taking`:
    2 or more for a transfer whose earlier match with a plan was undone.
    """

    amount: Money
    channel: PaymentChannel
    payment_id: str
    provider: str | None = None
    rail: str | None = None
    instalment_id: str | None = None
    held: Held | None = None
    from_plan_id: str | None = None
    in_flight: Money | None = None
    taking: int | None = None

    @property
    def booking_key(self) -> str:
        """What names its journal: the payment, and after the first which taking of it this is."""
        return self.payment_id if self.taking is None else f"{self.payment_id}~{self.taking}"


@dataclass(frozen=True, slots=True)
class PaidOff:
    """Money that settles the plan early. `in_flight`: what the quote left out because it was being collected."""

    amount: Money
    channel: PaymentChannel
    payment_id: str
    provider: str | None = None
    rail: str | None = None
    in_flight: Money | None = None


@dataclass(frozen=True, slots=True)
class Returned:
    """A payment was returned in full."""

    payment_event_id: str
    return_id: str


@dataclass(frozen=True, slots=True)
class Reversed:
    """Cancels an event that was recorded by mistake: the plan is computed as if it had never happened."""

    reversed_event_id: str


@dataclass(frozen=True, slots=True)
class Refunded:
    """The merchant takes back goods for `amount` of the purchase.

    `receivable`: the part of the merchant's share that was already paid out to the merchant. `in_flight`: the principal
    being collected at that time.
    """

    refund_id: str
    amount: Money
    receivable: Money | None = None
    in_flight: Money | None = None


@dataclass(frozen=True, slots=True)
class RefundPaid:
    """A refund reached the shopper, so it can no longer be withheld. The journal is posted by payments."""

    refund_id: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Rescheduled:
    """The open part gets new dues, numbered on from the plan's. Capitalised amounts become principal."""

    dues: tuple[Due, ...]
    capitalise_interest: bool = False
    capitalise_fees: bool = False


@dataclass(frozen=True, slots=True)
class ReAged:
    """The open part is repaid in new level instalments from `first_due_on` on, at the plan's rate. Fees stay."""

    instalments: int
    first_due_on: date
    every: int
    unit: Unit
    interest: MovedInterest = MovedInterest.OWED_FIRST


@dataclass(frozen=True, slots=True)
class ReAmortised:
    """What is past due moves to the instalments to come, which keep their dues and are made level again."""

    interest: MovedInterest = MovedInterest.OWED_FIRST


@dataclass(frozen=True, slots=True)
class RateChanged:
    """The days after `effective_from` bear interest at another yearly rate; later instalments are made level again."""

    annual_rate_basis_points: BasisPoints
    effective_from: date


@dataclass(frozen=True, slots=True)
class InterestPaused:
    """No interest from `starts` until before `ends`. Dues stay, and days past due count on."""

    starts: date
    ends: date


@dataclass(frozen=True, slots=True)
class DuesMoved:
    """The open due on `due_on` moves to another day, and later dues are counted from there."""

    due_on: date
    moved_to: date


@dataclass(frozen=True, slots=True)
class Extended:
    """More instalments are added; those due from `effective_from` on are made level with them."""

    instalments: int
    effective_from: date


@dataclass(frozen=True, slots=True)
class Terminated:
    """The agreement ends: all principal and the interest so far fall due, and no more interest accrues."""


@dataclass(frozen=True, slots=True)
class Holiday:
    """No payment from `starts` until before `ends`; every open due from `starts` on moves by as many days."""

    starts: date
    ends: date


@dataclass(frozen=True, slots=True)
class Forbearance:
    """Dues stay, but nothing is collected and no day counts as past due from `starts` until before `ends`."""

    starts: date
    ends: date


@dataclass(frozen=True, slots=True)
class FeeCharged:
    """A fee charged by hand, owed with the instalment named, or with the one in whose period `due_on` lies.

    Without either it is owed with the oldest open one. `at_once`: it has a due of its own, on the day it is charged.
    """

    fee_id: str
    amount: Money
    kind: FeeKind = FeeKind.LATE
    instalment_id: str | None = None
    due_on: date | None = None
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class FeeWaived:
    """A fee, or a part of it, is waived; what was paid of that becomes credit."""

    fee_id: str
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class InterestWaived:
    """Accrued interest is waived."""

    amount: Money


@dataclass(frozen=True, slots=True)
class Goodwill:
    """We pay a part for the shopper; it never counts as a repayment of theirs."""

    amount: Money


@dataclass(frozen=True, slots=True)
class Disputed:
    """The shopper disputes `amount` of the purchase with the merchant. `receivable` as in Refunded."""

    case_id: str
    amount: Money
    receivable: Money | None = None


@dataclass(frozen=True, slots=True)
class DisputeSettled:
    """The dispute with the merchant is decided."""

    case_id: str
    for_shopper: bool


@dataclass(frozen=True, slots=True)
class ClaimOpened:
    """The shopper's bank claims a payment back: a charge-back of a card, a late claim on a direct debit.

    `amount`: the part claimed; the whole payment if omitted. `again`: a further stage, under its own case id.
    """

    case_id: str
    payment_event_id: str
    route: Route
    provider: str
    amount: Money | None = None
    chargeback_fee: Money | None = None
    again: bool = False


@dataclass(frozen=True, slots=True)
class ClaimWon:
    """The claim was withdrawn or successfully contested. `chargeback_fee`: what the provider returned of its fee."""

    case_id: str
    cash_back: CashBack = CashBack.NETTED
    bank: str | None = None
    chargeback_fee: Money | None = None


@dataclass(frozen=True, slots=True)
class ClaimLost:
    """The claim was upheld: the shopper owes the amount again or, if it was fraud, it is our loss."""

    case_id: str
    fraud: bool = False


@dataclass(frozen=True, slots=True)
class ChargedOff:
    """The rest is no longer expected but still owed. `allowance`: the part covered by a loss allowance."""

    fraud: bool = False
    allowance: Money | None = None


@dataclass(frozen=True, slots=True)
class Recovered:
    """Money came in after the charge-off. `commission`: what the agency that collected it keeps."""

    amount: Money
    channel: PaymentChannel
    payment_id: str
    provider: str | None = None
    rail: str | None = None
    commission: Money | None = None


@dataclass(frozen=True, slots=True)
class WrittenOff:
    """The rest is forgiven. `allowance`: the part covered by a loss allowance."""

    allowance: Money | None = None


@dataclass(frozen=True, slots=True)
class Frozen:
    """Nothing is collected until further notice: death, insolvency, suspected fraud."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unfrozen:
    """The freeze of the plan ends."""


@dataclass(frozen=True, slots=True)
class CreditApplied:
    """A part of this plan's credit balance paid another plan, which has the Paid event and its journal."""

    amount: Money
    to_plan_id: str


@dataclass(frozen=True, slots=True)
class CreditRefunded:
    """A part of the credit balance is to be paid back to the shopper."""

    refund_id: str
    amount: Money


Body = (
    Opened | PartShipped | Cancelled | Paid | PaidOff | Returned | Reversed | Refunded | RefundPaid | Rescheduled
    | Holiday | Forbearance | FeeCharged | FeeWaived | InterestWaived | Goodwill | Disputed | DisputeSettled
    | ClaimOpened | ClaimWon | ClaimLost | ChargedOff | Recovered | WrittenOff | Frozen | Unfrozen | CreditApplied
    | CreditRefunded | ReAged | ReAmortised | RateChanged | InterestPaused | DuesMoved | Extended | Terminated
)  # fmt: skip

KINDS: Mapping[str, type[Body]] = {
    "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in body.__name__).lstrip("_"): body
    for body in get_args(Body)
}
_KIND_OF = {body: kind for kind, body in KINDS.items()}


class EventFault(Fault, ValueError):
    """Raised for a stored event that cannot be read: names the kind or the field."""


@dataclass(frozen=True, slots=True)
class PlanEvent:
    """Something that happened to a plan. `cause` is the id of the attempt, statement line or case behind it.

    `value_date` is the day from which it counts. `event_id` is derived from the cause, so recording it is idempotent.
    """

    event_id: str
    plan_id: str
    value_date: date
    occurred_at: datetime
    recorded_at: datetime
    cause: str
    body: Body

    @property
    def kind(self) -> str:
        return event_kind(self.body)


def event_kind(body: Body) -> str:
    """The name under which a body's kind is stored.

    >>> event_kind(Returned("paid:a-1", "r-1"))
    'returned'
    """
    return _KIND_OF[type(body)]


def first_event_difference(known: PlanEvent, arriving: PlanEvent) -> str | None:
    """The first field in which two events with one id differ, or None. `recorded_at` may differ."""
    compared = (each.name for each in fields(PlanEvent) if each.name != "recorded_at")
    return next((name for name in compared if getattr(known, name) != getattr(arriving, name)), None)


def tree_of(body: Body) -> dict[str, Any]:
    """A body as plain values, for storage as JSON; fields that are None are left out.

    >>> tree_of(Goodwill(Money(500, Currency.GBP)))
    {'amount': {'minor': 500, 'currency': 'GBP'}}
    """
    plain = _plain(body)
    assert isinstance(plain, dict)
    return plain


def body_of(kind: str, tree: Mapping[str, Any]) -> Body:
    """The body from which `tree_of` made this tree; raises EventFault if it cannot be read.

    >>> body_of("goodwill", {"amount": {"minor": 500, "currency": "GBP"}})
    Goodwill(amount=Money(minor=500, currency=<Currency.GBP: 'GBP'>))
    >>> body_of("gift", {})
    Traceback (most recent call last):
    lending.plan.event.EventFault: 'gift' is no kind of plan event
    """
    if kind not in KINDS:
        raise EventFault(f"{kind!r} is no kind of plan event")
    body: Body = _read_fields(KINDS[kind], tree, kind)
    return body


def _plain(value: Any) -> Any:  # noqa: PLR0911 - one case a form
    if isinstance(value, Money):
        return {"minor": value.minor, "currency": value.currency.value}
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Decimal):
        return basis_points_tree(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if is_dataclass(value):
        named = ((each.name, getattr(value, each.name)) for each in fields(value))
        return {name: _plain(inner) for name, inner in named if inner is not None}
    return value


@cache
def _types(form: type) -> Mapping[str, Any]:
    return get_type_hints(form)


def _read(form: Any, value: Any, where: str) -> Any:
    """Convert a plain value to the type that a field declares."""
    if form == BasisPoints:
        return _read_rate(value, where)
    if get_origin(form) is UnionType:
        form = next(each for each in get_args(form) if each is not NoneType)
    if get_origin(form) is tuple:
        return tuple(_read(get_args(form)[0], each, f"{where}[{place}]") for place, each in enumerate(value))
    if is_dataclass(form) and form is not Money:
        return _read_fields(form, value, where)
    try:
        read = _READERS.get(form, form)(value)
    except (KeyError, TypeError, ValueError) as error:
        raise EventFault(f"{where}: {value!r} cannot be read: {error}") from error
    if form in {str, int, bool} and type(value) is not form:
        raise EventFault(f"{where}: {value!r} is not {form.__name__}")
    return read


def _read_rate(value: Any, where: str) -> BasisPoints:
    try:
        return basis_points(value if type(value) is int else str(value))
    except ValueError as error:
        raise EventFault(f"{where}: {value!r} cannot be read: {error}") from error


def _read_fields(form: Any, value: Any, where: str) -> Any:
    types = _types(form)
    if not isinstance(value, Mapping):
        raise EventFault(f"{where}: {value!r} has no fields")
    unknown = value.keys() - types.keys()
    if unknown:
        raise EventFault(f"{where}.{min(unknown)}: no such field")
    try:
        return form(**{name: _read(types[name], inner, f"{where}.{name}") for name, inner in value.items()})
    except TypeError as error:
        raise EventFault(f"{where}: {error}") from error


_READERS: Mapping[Any, Callable[[Any], Any]] = {
    Money: lambda value: Money(value["minor"], Currency(value["currency"])),
    date: date.fromisoformat,
}
