"""The terms of products by version: how a product is repaid and serviced, and from which day."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

from ledger.money import Currency, Money
from lending.schedule.amortise import Method
from lending.schedule.business_days import BusinessDays
from lending.schedule.day_count import DayCount
from lending.schedule.due_dates import Adjustment, Spacing
from lending.terms.product import Product
from lending.terms.servicing_terms import (
    Bucket,
    ChargeOffInterest,
    ClaimRule,
    Component,
    DiscountEarning,
    EarlyPayment,
    InterestRule,
    LateFeeRule,
    LateFees,
    LateInterest,
    LaterShipment,
    PayoffInterest,
    RefundPlacing,
    ServicingTerms,
    ShipmentRule,
)


class First(StrEnum):
    """The due day of the first instalment."""

    AT_ONCE = "at_once"
    AFTER_A_SPACING = "after_a_spacing"


@dataclass(frozen=True, slots=True)
class Interest:
    """How a product's interest is computed; the yearly rate comes from the policy.

    `as_agreed`: it is owed as the schedule says, whatever is paid when.
    """

    method: Method
    day_count: DayCount
    first_day_bears: bool
    as_agreed: bool = False


@dataclass(frozen=True, slots=True)
class Repayment:
    """The repayment schedule of a product.

    `instalments` is None where the order's months set the number; `interest` is None for a product without interest.
    `multiple_of`: what the down payment and every instalment but the last are multiples of, 1.00 GBP for whole pounds;
    without it, of the currency's smallest unit.
    """

    instalments: int | None
    spacing: Spacing
    first: First
    down_payment_basis_points: int
    business_days: Adjustment
    interest: Interest | None
    multiple_of: Mapping[Currency, Money] = field(default_factory=dict)
    later_shipment: LaterShipment = LaterShipment.IN_PROPORTION

    @property
    def down_payment_percent(self) -> Decimal:
        return Decimal(self.down_payment_basis_points).scaleb(-2)

    def unit(self, currency: Currency) -> int:
        """What each amount but the last is a multiple of, in the smallest unit."""
        unit = self.multiple_of.get(currency)
        return 1 if unit is None else unit.minor

    def shipments(self, currency: Currency) -> ShipmentRule:
        """How the amount of a shipment becomes due."""
        return ShipmentRule(self.later_shipment, self.unit(currency), self.down_payment_percent, self.spacing)


@dataclass(frozen=True, slots=True)
class LateFee:
    """The rule of a late fee, with its amount in each currency."""

    rule: str
    grace_days: int
    amount: Mapping[Currency, Money]


@dataclass(frozen=True, slots=True)
class LateFeeCaps:
    """The caps on late fees: per instalment, per order, and as a share of the order."""

    per_instalment: Mapping[Currency, Money]
    per_order: Mapping[Currency, Money]
    of_order_basis_points: int


@dataclass(frozen=True, slots=True)
class Servicing:
    """How plans are serviced, with the amounts and business days of every currency in which the product is offered."""

    late_fees: tuple[LateFee, ...]
    late_fee_caps: LateFeeCaps
    allocation: tuple[Component, ...]
    allocation_past_due: tuple[Component, ...] | None
    allocation_in_advance: tuple[Component, ...] | None
    allocate_across: bool
    buckets: tuple[Bucket, ...]
    refund_placing: RefundPlacing
    discount_earning: DiscountEarning
    reschedule_resets_delinquency: bool
    interest_stops_in_pause: bool
    early_payment: EarlyPayment
    late_interest: LateInterest
    payoff_interest: PayoffInterest
    refunds_pay: EarlyPayment | None
    goodwill_pays: EarlyPayment | None
    refunds_allocation: tuple[Component, ...] | None
    goodwill_allocation: tuple[Component, ...] | None
    refunds_interest: bool
    charge_off_interest: ChargeOffInterest
    claims: ClaimRule
    late_fee_tolerance: Mapping[Currency, Money]
    claim_due_days: int
    days: Mapping[Currency, BusinessDays]

    @property
    def currencies(self) -> tuple[Currency, ...]:
        """The currencies in which the product is offered: those that the file gives amounts in."""
        return tuple(sorted(self.late_fee_caps.per_order))

    def terms(
        self, version: str, currency: Currency, *, interest: InterestRule | None = None, as_agreed: bool = False
    ) -> ServicingTerms:
        """The servicing terms for plans in one of its currencies; `version` is the name of the terms file."""
        return ServicingTerms(
            version=version,
            allocation=self.allocation,
            allocation_past_due=self.allocation_past_due,
            allocation_in_advance=self.allocation_in_advance,
            allocate_across=self.allocate_across,
            late_fees=LateFees(
                rules=tuple(LateFeeRule(fee.rule, fee.amount[currency], fee.grace_days) for fee in self.late_fees),
                cap_per_instalment=self.late_fee_caps.per_instalment[currency],
                cap_per_order=self.late_fee_caps.per_order[currency],
                cap_of_order_basis_points=self.late_fee_caps.of_order_basis_points,
                tolerance=self.late_fee_tolerance[currency].minor,
            ),
            buckets=self.buckets,
            refund_placing=self.refund_placing,
            discount_earning=self.discount_earning,
            reschedule_resets_delinquency=self.reschedule_resets_delinquency,
            interest_stops_in_pause=self.interest_stops_in_pause,
            interest=interest,
            interest_as_agreed=as_agreed,
            early_payment=self.early_payment,
            late_interest=self.late_interest,
            payoff_interest=self.payoff_interest,
            refunds_pay=self.refunds_pay,
            goodwill_pays=self.goodwill_pays,
            refunds_allocation=self.refunds_allocation,
            goodwill_allocation=self.goodwill_allocation,
            refunds_interest=self.refunds_interest,
            charge_off_interest=self.charge_off_interest,
            claims=self.claims,
            claim_due_days=self.claim_due_days,
            days=self.days[currency],
        )


@dataclass(frozen=True, slots=True)
class TermsStamp:
    """The terms file that a decision used: its version and the digest of its content."""

    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class ProductTerms:
    """One version of a product's terms. `effective_until` is the last day on which plans are opened under it."""

    version: str
    digest: str
    product: Product
    effective_from: date
    effective_until: date | None
    repayment: Repayment
    servicing: Servicing

    def servicing_terms(self, currency: Currency) -> ServicingTerms:
        """The servicing terms for plans in one currency."""
        bears = self.repayment.interest
        rule = None
        if bears is not None:
            rule = InterestRule(bears.day_count, self.repayment.spacing, bears.first_day_bears)
        as_agreed = bears is not None and bears.as_agreed
        terms = self.servicing.terms(self.version, currency, interest=rule, as_agreed=as_agreed)
        return replace(terms, shipments=self.repayment.shipments(currency))

    @property
    def stamp(self) -> TermsStamp:
        return TermsStamp(self.version, self.digest)


@dataclass(frozen=True, slots=True)
class ImportedProduct:
    """The repayment terms of loans granted by others: one due a month, first on or after day `first_due_day`."""

    version: str
    product: Product
    annual_rate_basis_points: int
    first_due_day: int
    servicing: Servicing

    def servicing_terms(self, currency: Currency) -> ServicingTerms:
        """The servicing terms for plans in one of its currencies."""
        return self.servicing.terms(self.version, currency)
