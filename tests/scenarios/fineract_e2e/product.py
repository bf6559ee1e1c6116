"""What a peer product's name, and the loan's own columns, tell about how it is scheduled and serviced."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

DOWN_PAYMENT_PERCENT = 25


class InAdvance(StrEnum):
    """Where a payment goes that is more than what is due."""

    NEXT = "NEXT_INSTALLMENT"
    LAST = "LAST_INSTALLMENT"
    NEXT_THEN_LAST = "NEXT_LAST_INSTALLMENT"
    REAMORTISED = "REAMORTIZATION"


class Part(StrEnum):
    """A part of what is owed; the peer tells penalties from fees."""

    PENALTY = "PENALTY"
    FEE = "FEE"
    INTEREST = "INTEREST"
    PRINCIPAL = "PRINCIPAL"


class ChargeOffInterest(StrEnum):
    """What a charge-off does to interest that has not accrued."""

    KEPT = "kept"
    ZERO = "zero"
    ACCELERATED = "accelerated"


_PRINCIPAL_FIRST = (Part.PENALTY, Part.FEE, Part.PRINCIPAL, Part.INTEREST)
_INTEREST_FIRST = (Part.PENALTY, Part.FEE, Part.INTEREST, Part.PRINCIPAL)
_FEES_LAST = (Part.INTEREST, Part.PRINCIPAL, Part.PENALTY, Part.FEE)

DEFAULT = "DEFAULT"
_USUAL_IN_ADVANCE = {
    DEFAULT: InAdvance.NEXT,
    "GOODWILL_CREDIT": InAdvance.LAST,
    "MERCHANT_ISSUED_REFUND": InAdvance.REAMORTISED,
    "PAYOUT_REFUND": InAdvance.NEXT,
}


@dataclass(frozen=True, slots=True)
class PeerSettings:
    """How a product's loans work.

    `day_count` and `credit_allocation` are None where the name does not tell them. `in_advance` is by kind of payment,
    `DEFAULT` for the rest. `progressive`: the schedule can be worked out again, else it is the older cumulative kind.
    `first_day_bears`: the day of disbursement bears interest, and the day of a due does not.
    """

    name: str
    progressive: bool
    day_count: str | None
    down_payment: bool
    down_payment_at_once: bool
    recalculates_interest: bool
    whole_units: bool
    allocation: tuple[Part, ...]
    allocation_ahead: tuple[Part, ...]
    vertical: bool
    in_advance: Mapping[str, InAdvance]
    credit_allocation: tuple[Part, ...] | None
    refunds_interest: bool
    charge_off_interest: ChargeOffInterest
    first_day_bears: bool

    def ahead(self, kind: str) -> InAdvance:
        return self.in_advance.get(kind, self.in_advance[DEFAULT])


def settings_of(name: str, strategy: str = "") -> PeerSettings:
    """The settings of a product, from its name and the allocation strategy that the loan names."""
    progressive = any(word in name for word in ("ADV_", "ADVANCED", "PROGRESSIVE", "EMI", "NO_INTEREST_RECALCULATION"))
    progressive = progressive or strategy == "ADVANCED_PAYMENT_ALLOCATION"
    allocation, ahead = _allocation(name, strategy, progressive=progressive)
    return PeerSettings(
        name=name,
        progressive=progressive,
        day_count=_day_count(name),
        down_payment="DOWNPAYMENT" in name,
        down_payment_at_once="DOWNPAYMENT_AUTO" in name or "AUTO_DOWNPAYMENT" in name,
        recalculates_interest=_recalculates(name),
        whole_units=_whole_units(name),
        allocation=allocation,
        allocation_ahead=ahead,
        vertical="VERTICAL" in name,
        in_advance=_in_advance(name),
        credit_allocation=_credit_allocation(name),
        refunds_interest="INTEREST_REFUND" in name or "INT_REFUND" in name or "REFUND_FULL" in name,
        charge_off_interest=_charge_off_interest(name),
        first_day_bears="INTEREST_RECOGNITION" in name or "INT_RECOGNITION" in name,
    )


def _day_count(name: str) -> str | None:
    for word, day_count in (
        ("360_30", "30/360"),
        ("ACTUAL_ACTUAL", "actual/actual"),
        ("365_ACTUAL", "actual/365"),
        ("360_ACTUAL", "actual/360"),
    ):
        if word in name:
            return day_count
    # products made from the peer's usual product with daily recalculation, whose names do not say it
    if name.startswith("LP2_ADV_CUSTOM_PMT_ALLOC_PROGRESSIVE") or "DAILY_INTEREST_RECALCULATION_" in name:
        return "30/360"
    return None


_RECALCULATES = (
    "RECALC", "IR_DAILY", "INTEREST_REFUND_FULL", "INT_REFUND_FULL", "360_30_ACCRUAL_ACTIVITY", "INTEREST_RECOGNITION",
)  # fmt: skip


def _recalculates(name: str) -> bool:
    if any(word in name for word in ("NO_INTEREST_RECALC", "NO_INT_RECALC")):
        return False
    return any(word in name for word in _RECALCULATES) or name.startswith("LP2_ADV_CUSTOM_PMT_ALLOC_PROGRESSIVE")


def _whole_units(name: str) -> bool:
    """Level instalments in whole units of money, of the older products and of those that name it."""
    if "MULTIPLES_OF" in name:
        return True
    of_the_older = ("LP2_ADV_PYMNT_ACCELERATE_MATURITY", "LP2_ADV_PYMNT_ZERO_INTEREST_CHARGE_OFF_BEHAVIOUR")
    if name.startswith(("LP1", *of_the_older)):
        return True
    own = ("EMI", "INTEREST_DAILY", "PROGRESSIVE_LOAN_SCHEDULE", "PROG_SCHEDULE", "RECALC", "FIXED_LENGTH", "ADV_PYMNT")
    return not any(word in name for word in own)


def _allocation(name: str, strategy: str, *, progressive: bool) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """The order of parts for what is due, and for what is paid in advance."""
    if not progressive:
        due, found, ahead = strategy.removeprefix("DUE_").partition("_IN_ADVANCE_")
        return (_parts(due), _parts(ahead)) if found else (_parts(strategy), _parts(strategy))
    if name.startswith("LP2_ADV_CUSTOM_PMT_ALLOC_PROGRESSIVE"):
        order = _FEES_LAST
    elif "PMT_ALLOC_1" in name or "CUSTOM_PAYMENT_ALLOC" in name or "ACCELERATE_MATURITY" in name:
        order = _INTEREST_FIRST
    else:
        order = _PRINCIPAL_FIRST
    return order, order


def _parts(words: str) -> tuple[Part, ...]:
    plain = words.replace("PENALTIES", "PENALTY").replace("FEES", "FEE")
    found = sorted((plain.find(part), part) for part in Part if part in plain)
    return tuple(part for _, part in found) if len(found) == len(Part) else _INTEREST_FIRST


def _in_advance(name: str) -> Mapping[str, InAdvance]:
    if "LAST_INSTALLMENT" in name:
        return {DEFAULT: InAdvance.LAST}
    if "REFUND_FULL" in name or name.startswith("LP1"):
        return {DEFAULT: InAdvance.NEXT}
    if ("ZERO_INTEREST_CHARGE_OFF" in name and "RECALC" in name) or "INTEREST_REFUND_INTEREST_RECALC" in name:
        return {DEFAULT: InAdvance.NEXT}
    return _USUAL_IN_ADVANCE


def _credit_allocation(name: str) -> tuple[Part, ...] | None:
    if "CREDIT_ALLOCATION" in name:
        return _INTEREST_FIRST
    if "CHARGEBACK_ALLOCATION_PRINCIPAL_FIRST" in name:
        return (Part.PRINCIPAL, Part.INTEREST, Part.PENALTY, Part.FEE)
    if "CHARGEBACK_ALLOCATION_INTEREST_FIRST" in name:
        return (Part.INTEREST, Part.PENALTY, Part.FEE, Part.PRINCIPAL)
    _, found, order = name.partition("CHARGEBACK_")
    if not found:
        return None
    told = [Part(word) for word in order.split("_") if word in Part.__members__]
    return (*told, *(part for part in Part if part not in told)) if told else None


def _charge_off_interest(name: str) -> ChargeOffInterest:
    if "ACCELERATE_MATURITY" in name:
        return ChargeOffInterest.ACCELERATED
    if any(word in name for word in ("ZERO_INTEREST_CHARGE_OFF", "ZERO_INT_CHARGE_OFF", "ZERO_CHARGE_OF")):
        return ChargeOffInterest.ZERO
    return ChargeOffInterest.KEPT
