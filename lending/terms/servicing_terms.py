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
    """What principal that is repaid before its due does to the rest of the schedule."""

    NEXT_DUES = "next_dues"  # the next instalments are paid; the last ones fall
    SHORTER_TERM = "shorter_term"  # the last instalments are paid; the next stay as they are
    SMALLER_INSTALMENTS = "smaller_instalments"  # every instalment falls in proportion


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
class ServicingTerms:
    """How plans of a product are serviced.

    With `interest_stops_in_pause`, days of a pause bear no interest; with `late_bears_interest`, principal that is past
    due bears interest until it is paid. `days` are those of the plan's jurisdiction.
    """

    version: str = "servicing-1"
    allocation: tuple[Component, ...] = (Component.FEES, Component.INTEREST, Component.PRINCIPAL)
    late_fees: LateFees = field(default_factory=LateFees)
    buckets: tuple[Bucket, ...] = BUCKETS
    refund_placing: RefundPlacing = RefundPlacing.LAST_FIRST
    discount_earning: DiscountEarning = DiscountEarning.REPAID
    reschedule_resets_delinquency: bool = True
    interest_stops_in_pause: bool = False
    interest: InterestRule | None = None
    early_payment: EarlyPayment = EarlyPayment.NEXT_DUES
    late_bears_interest: bool = False
    claim_due_days: int = 14  # a claim upheld after the last due becomes an instalment due this many days later
    days: BusinessDays = field(default_factory=BusinessDays)

    def __post_init__(self) -> None:
        if sorted(self.allocation) != sorted(Component):
            raise TermsFault(f"{self.version}: allocation names each of {', '.join(Component)} once")
        starts = [each.from_days for each in self.buckets]
        if not starts or starts[0] != 0 or starts != sorted(set(starts)):
            raise TermsFault(f"{self.version}: buckets begin at 0 days and rise")
        rules = [each.rule for each in self.late_fees.rules]
        if len(rules) != len(set(rules)) or any(each.grace_days < 0 for each in self.late_fees.rules):
            raise TermsFault(f"{self.version}: each late fee rule needs a unique name and a grace of 0 days or more")
