"""How a product's plans are serviced: allocation of payments, late fees, refunds, buckets of days past due."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from ledger.money import Money
from lending.schedule.business_days import BusinessDays
from lending.schedule.day_count import DayCount
from lending.schedule.due_dates import Spacing

_WHOLE = 10_000  # basis points


class Component(StrEnum):
    """A part of what is owed."""

    FEES = "fees"
    INTEREST = "interest"
    PRINCIPAL = "principal"


class RefundPlacing(StrEnum):
    """The instalments that a refund reduces."""

    LAST_FIRST = "last_instalment_first"
    PRO_RATA = "pro_rata"  # every open instalment, in proportion
    REAMORTISE = "re_amortise"  # the instalments not yet due, which are made level again


class EarlyPayment(StrEnum):
    """Where money goes that is paid before its due, and what that does to the rest of the schedule."""

    NEXT_DUES = "next_dues"  # the next instalments are paid; the last ones fall
    NEXT_THEN_LAST = "next_then_last"  # the next instalment is paid, then the last ones
    LAST_DUES = "last_dues"  # the last instalments are paid, each with its interest; the next stay as they are
    EQUAL_PARTS = "equal_parts"  # every instalment is paid an equal part
    SHORTER_TERM = "shorter_term"  # accrued interest is paid, then the principal of the last instalments
    SMALLER_INSTALMENTS = "smaller_instalments"  # accrued interest is paid; every instalment falls in proportion


class LateInterest(StrEnum):
    """How long principal that is past due bears interest."""

    NONE = "none"
    UNTIL_LAST_DUE = "until_last_due"
    UNTIL_PAID = "until_paid"


class PayoffInterest(StrEnum):
    """Up to which day a payment that settles everything owes interest."""

    TO_THE_DAY = "to_the_day"
    TO_THE_NEXT_DUE = "to_the_next_due"  # the whole of the running period, on what is owed on the day


class ChargeOffInterest(StrEnum):
    """What a charge-off does to interest that has not accrued, and to the dues of the debt off the books."""

    ACCRUED = "accrued"  # no further interest is owed; what it leaves of each instalment repays principal
    AGREED = "agreed"  # all interest of the schedule stays owed
    ACCELERATED = "accelerated"  # no further interest is owed, and everything is due that day


class ClaimDue(StrEnum):
    """When the amount of a claim that the shopper's bank won is due again."""

    ORIGINAL_DUES = "original_dues"  # as if the payment had never been made
    NEXT_DUE = "next_due"  # with the first instalment due after that day; the payment stays as it was allocated


class LaterShipment(StrEnum):
    """What a later shipment, or a later part of a loan, does to the instalments that are still open."""

    IN_PROPORTION = "in_proportion"  # each grows by its share of the agreed schedule
    LEVEL_AGAIN = "level_again"  # they are made level again, with the interest from that day; a part is due at once
    OWN_TERM = "own_term"  # it is repaid like a loan of its own, in as many instalments from that day


class DiscountEarning(StrEnum):
    """When the merchant's discount becomes income."""

    REPAID = "repaid"  # in proportion to the principal repaid
    CAPTURED = "captured"  # at once, on capture of the purchase


@dataclass(frozen=True, slots=True)
class LateFeeRule:
    """A fee charged once per instalment that is still open when its days past due exceed the grace."""

    rule: str
    amount: Money
    grace_days: int


@dataclass(frozen=True, slots=True)
class LateFees:
    """The late fee rules and their caps; a cap of None does not limit. No fee is charged on `tolerance` or less.

    `cap_of_order_basis_points` is a share of the purchase, 2500 for a quarter.
    """

    rules: tuple[LateFeeRule, ...] = ()
    cap_per_instalment: Money | None = None
    cap_per_order: Money | None = None
    cap_of_order_basis_points: int | None = None
    tolerance: int = 0  # in minor units

    def room(self, purchase: int, charged: int, on_instalment: int) -> int | None:
        """The largest further fee that the caps allow, in minor units; None without a cap."""
        rooms = []
        if self.cap_per_instalment is not None:
            rooms.append(self.cap_per_instalment.minor - on_instalment)
        if self.cap_per_order is not None:
            rooms.append(self.cap_per_order.minor - charged)
        if self.cap_of_order_basis_points is not None:
            rooms.append(purchase * self.cap_of_order_basis_points // _WHOLE - charged)
        return max(0, min(rooms)) if rooms else None


@dataclass(frozen=True, slots=True)
class Bucket:
    """A range of days past due, from this day until the next bucket begins."""

    name: str
    from_days: int


BUCKETS = (
    Bucket("current", 0), Bucket("1-30", 1), Bucket("31-60", 31), Bucket("61-90", 61), Bucket("91+", 91),
)  # fmt: skip


class TermsFault(ValueError):
    """Raised for servicing terms that are incomplete: a component without a place, or buckets with a gap."""


@dataclass(frozen=True, slots=True)
class InterestRule:
    """Which share of a year bears interest between a due and the next."""

    day_count: DayCount
    spacing: Spacing
    first_day_bears: bool

    def share_of_year(self, after: date, until: date) -> Decimal:
        return self.day_count.share_of_year(after, until, self.spacing, first_day_bears=self.first_day_bears)


@dataclass(frozen=True, slots=True)
class ClaimRule:
    """How the amount of a claim that the shopper's bank won is owed again.

    `restores`: with `next_due`, the components that are owed again, in this order, each up to what the payment had paid
    of it; what is left is owed as principal.
    """

    due: ClaimDue = ClaimDue.ORIGINAL_DUES
    restores: tuple[Component, ...] = (Component.PRINCIPAL,)


@dataclass(frozen=True, slots=True)
class ShipmentRule:
    """How the amount of a shipment, or of a part of a loan, becomes due.

    `multiple_of`, in the smallest unit, `down_payment_percent` and `spacing` are those of the product's schedule.
    """

    later: LaterShipment = LaterShipment.IN_PROPORTION
    multiple_of: int = 1
    down_payment_percent: Decimal = Decimal(0)
    spacing: Spacing | None = None

    @property
    def made_level(self) -> bool:
        """Whether the amounts of a part are worked out on its day, from its principal."""
        return self.later is not LaterShipment.IN_PROPORTION


@dataclass(frozen=True, slots=True)
class ServicingTerms:
    """How plans of a product are serviced.

    `allocation`: what a payment pays first within an instalment; `allocation_past_due`: after its due day, and
    `allocation_in_advance`: before it, where they differ.
    `allocate_across`: a payment pays the first component of all instalments that are due before the next component.
    `interest_stops_in_pause`: days of a pause bear no interest.
    `interest_as_agreed`: interest is what the schedule agreed, whatever is paid when; paying early saves none.
    `refunds_pay`, `goodwill_pays`: a merchant's refund, or goodwill, is allocated as a payment, and what is beyond the
    dues as this says; None: a refund reduces principal by `refund_placing`, goodwill principal, the oldest first.
    `refunds_allocation`, `goodwill_allocation`: what they pay first within an instalment, if not as payments do.
    `refunds_interest`: the interest on refunded goods is given back.
    `days` are those of the plan's jurisdiction.
    """

    version: str = "servicing-1"
    allocation: tuple[Component, ...] = (Component.FEES, Component.INTEREST, Component.PRINCIPAL)
    allocation_past_due: tuple[Component, ...] | None = None
    allocation_in_advance: tuple[Component, ...] | None = None
    allocate_across: bool = False
    late_fees: LateFees = field(default_factory=LateFees)
    buckets: tuple[Bucket, ...] = BUCKETS
    refund_placing: RefundPlacing = RefundPlacing.LAST_FIRST
    discount_earning: DiscountEarning = DiscountEarning.REPAID
    reschedule_resets_delinquency: bool = True
    interest_stops_in_pause: bool = False
    interest: InterestRule | None = None
    interest_as_agreed: bool = False
    early_payment: EarlyPayment = EarlyPayment.NEXT_DUES
    late_interest: LateInterest = LateInterest.NONE
    payoff_interest: PayoffInterest = PayoffInterest.TO_THE_DAY
    refunds_pay: EarlyPayment | None = None
    goodwill_pays: EarlyPayment | None = None
    refunds_allocation: tuple[Component, ...] | None = None
    goodwill_allocation: tuple[Component, ...] | None = None
    refunds_interest: bool = True
    charge_off_interest: ChargeOffInterest = ChargeOffInterest.ACCRUED
    claims: ClaimRule = field(default_factory=ClaimRule)
    shipments: ShipmentRule = field(default_factory=ShipmentRule)
    claim_due_days: int = 14  # a claim upheld after the last due becomes an instalment due this many days later
    days: BusinessDays = field(default_factory=BusinessDays)

    def __post_init__(self) -> None:
        orders = (self.allocation, self.past_due, self.in_advance, self.refunds_allocation, self.goodwill_allocation)
        for order in orders:
            if order is not None and sorted(order) != sorted(Component):
                raise TermsFault(f"{self.version}: allocation names each of {', '.join(Component)} once")
        late = self.late_interest is not LateInterest.NONE
        if self.interest_as_agreed and (late or self.interest_stops_in_pause):
            raise TermsFault(f"{self.version}: interest as agreed neither grows on late money nor stops in a pause")
        starts = [each.from_days for each in self.buckets]
        if not starts or starts[0] != 0 or starts != sorted(set(starts)):
            raise TermsFault(f"{self.version}: buckets begin at 0 days and rise")
        rules = [each.rule for each in self.late_fees.rules]
        if len(rules) != len(set(rules)) or any(each.grace_days < 0 for each in self.late_fees.rules):
            raise TermsFault(f"{self.version}: each late fee rule needs a unique name and a grace of 0 days or more")

    @property
    def past_due(self) -> tuple[Component, ...]:
        """What a payment pays first within an instalment that was due on an earlier day."""
        return self.allocation_past_due or self.allocation

    @property
    def in_advance(self) -> tuple[Component, ...]:
        """What a payment pays first within an instalment that is not due yet."""
        return self.allocation_in_advance or self.allocation
