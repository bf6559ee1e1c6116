"""What a peer product's name, and the loan's own columns, tell about how it is scheduled and serviced.

The rules give what the peer's own end-to-end tests define for their loan products; other names are read by the same
words.
"""

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


Order = tuple[Part, ...]

_PRINCIPAL_FIRST = (Part.PENALTY, Part.FEE, Part.PRINCIPAL, Part.INTEREST)
_INTEREST_FIRST = (Part.PENALTY, Part.FEE, Part.INTEREST, Part.PRINCIPAL)
_FEES_LAST = (Part.INTEREST, Part.PRINCIPAL, Part.PENALTY, Part.FEE)
_PENALTY_FIRST_FEE_LAST = (Part.PENALTY, Part.INTEREST, Part.PRINCIPAL, Part.FEE)
_PENALTY_LAST = (Part.PRINCIPAL, Part.INTEREST, Part.FEE, Part.PENALTY)


@dataclass(frozen=True, slots=True)
class PeerAllocation:
    """The order of parts for what was due before the day of a payment, what is due on it, and what is due later."""

    late: Order
    due: Order
    ahead: Order


def _alike(order: Order) -> PeerAllocation:
    return PeerAllocation(order, order, order)


DEFAULT = "DEFAULT"
_GOODWILL = "GOODWILL_CREDIT"
_MERCHANT = "MERCHANT_ISSUED_REFUND"
_PAYOUT = "PAYOUT_REFUND"
_DOWN_PAYMENT = "DOWN_PAYMENT"
_INCOME_ADJUSTMENT = "CAPITALIZED_INCOME_ADJUSTMENT"

_USUAL_IN_ADVANCE = {
    DEFAULT: InAdvance.NEXT,
    _GOODWILL: InAdvance.LAST,
    _MERCHANT: InAdvance.REAMORTISED,
    _PAYOUT: InAdvance.NEXT,
}
_CUSTOM_IN_ADVANCE = {**_USUAL_IN_ADVANCE, _GOODWILL: InAdvance.REAMORTISED, _MERCHANT: InAdvance.LAST}
_DOWN_PAYMENT_IN_ADVANCE = {
    DEFAULT: InAdvance.REAMORTISED,
    _MERCHANT: InAdvance.LAST,
    _DOWN_PAYMENT: InAdvance.NEXT,
}


@dataclass(frozen=True, slots=True)
class PeerSettings:
    """How a product's loans work.

    `in_advance` and `allocations` are by kind of payment, `DEFAULT` for the rest; `allocation` and `allocation_ahead`
    are the `DEFAULT` orders for what is due and what is not due yet. `credit_allocation` is None where the product has
    none. `interest_refunding` are the kinds of refund that give interest back.
    `progressive`: the schedule can be worked out again, else it is the older cumulative kind.
    `first_day_bears`: the day of disbursement bears interest, and the day of a due does not.
    `late_bears`: principal that is late goes on to bear interest.
    `rests_at_dues`: a payment lowers the principal that bears interest from the next due on, not from its own day.
    `pays_off_to_rest`: a payoff owes interest up to the next rest, not up to its own day.
    `dues_from_submission`: the dues are counted from the application, not from the disbursement.
    `full_term_tranches`: each disbursement has the whole number of instalments.
    `leap_day_only`: a year has 366 days only for the period that holds 29 February.
    """

    name: str
    progressive: bool
    day_count: str
    down_payment: bool
    down_payment_at_once: bool
    recalculates_interest: bool
    whole_units: bool
    allocations: Mapping[str, PeerAllocation]
    vertical: bool
    in_advance: Mapping[str, InAdvance]
    credit_allocation: Order | None
    interest_refunding: frozenset[str]
    charge_off_interest: ChargeOffInterest
    first_day_bears: bool
    late_bears: bool
    rests_at_dues: bool
    pays_off_to_rest: bool
    dues_from_submission: bool
    full_term_tranches: bool
    leap_day_only: bool

    @property
    def allocation(self) -> Order:
        return self.allocations[DEFAULT].due

    @property
    def allocation_ahead(self) -> Order:
        return self.allocations[DEFAULT].ahead

    @property
    def refunds_interest(self) -> bool:
        return bool(self.interest_refunding)

    def refunds_interest_of(self, kind: str) -> bool:
        return kind in self.interest_refunding

    def allocation_of(self, kind: str) -> PeerAllocation:
        return self.allocations.get(kind, self.allocations[DEFAULT])

    def ahead(self, kind: str) -> InAdvance:
        return self.in_advance.get(kind, self.in_advance[DEFAULT])


def settings_of(name: str, strategy: str = "") -> PeerSettings:
    """The settings of a product, from its name and the allocation strategy that the loan names."""
    progressive = strategy == "ADVANCED_PAYMENT_ALLOCATION" or _has(
        name, "ADV_", "ADVANCED", "PROGRESSIVE", "EMI", "NO_INTEREST_RECALCULATION", "ACCELERATE_MATURITY"
    )
    recalculates = _recalculates(name)
    whole_units = _whole_units(name, recalculates=recalculates)
    in_advance = _in_advance(name)
    return PeerSettings(
        name=name,
        progressive=progressive,
        day_count=_day_count(name, by_day=progressive and recalculates and not whole_units),
        down_payment=(_has(name, "DOWNPAYMENT", "_DP_") and _DOWN_PAYMENT_ONLY_NAMED not in name)
        or name in _DOWN_PAYMENT_NOT_NAMED,
        down_payment_at_once=_has(name, *_DOWN_PAYMENT_AT_ONCE) or name == _CAPITALISED_INCOME,
        recalculates_interest=recalculates,
        whole_units=whole_units,
        allocations=_allocations(name, in_advance) if progressive else {DEFAULT: _strategy(strategy)},
        vertical="VERTICAL" in name,
        in_advance=in_advance,
        credit_allocation=_credit_allocation(name),
        interest_refunding=frozenset((_MERCHANT, _PAYOUT)) if _has(name, *_REFUNDS_INTEREST) else frozenset(),
        charge_off_interest=_charge_off_interest(name),
        first_day_bears=_has(name, "INTEREST_RECOGNITION", "INT_RECOGNITION"),
        late_bears=recalculates and "NO_CALC_ON_PAST_DUE" not in name,
        rests_at_dues=recalculates and _has(name, *_RESTS_AT_DUES),
        pays_off_to_rest="TILL_REST_FREQUENCY" in name,
        dues_from_submission=_dues_from_submission(name),
        full_term_tranches="FULL_TERM_TRANCHE" in name,
        leap_day_only=_has(name, "LEAP_YEAR", "RECALC_ZERO_CHARGE_OF"),
    )


def _has(name: str, *words: str) -> bool:
    return any(word in name for word in words)


# products whose names leave out what they are made of
_CAPITALISED_INCOME = "LP2_PROGRESSIVE_ADVANCED_PAYMENT_ALLOCATION_CAPITALIZED_INCOME"
_DOWN_PAYMENT_NOT_NAMED = {
    _CAPITALISED_INCOME,
    "LP2_ADV_PYMNT_ZERO_INTEREST_CHARGE_OFF_DELINQUENT_REASON_INTEREST_RECALC_CAPITALIZED_INCOME",
}
_DOWN_PAYMENT_ONLY_NAMED = "VERTICAL_INTEREST_REC"
_WITHOUT_RECALCULATION_OR_WHOLE_UNITS = "LP2_ADV_PYMNT_ZERO_INTEREST_CHARGE_OFF"
_RECALCULATION_ONLY_NAMED = "LP1_INTEREST_360_30_DECLINING_BALANCE_PERIOD_DAILY_INT_RECALC"

_DOWN_PAYMENT_AT_ONCE = (
    "DOWNPAYMENT_AUTO", "AUTO_DOWNPAYMENT", "DOWNPAYMENT_INTEREST_AUTO", "RECALC_DOWNPAYMENT_ACCRUAL", "_DP_",
)  # fmt: skip
_REFUNDS_INTEREST = (
    "INTEREST_REFUND", "INT_REFUND", "REFUND_FULL", "LP2_ADV_CUSTOM_PMT_ALLOC", "RECALC_ZERO_CHARGE_OF",
)  # fmt: skip
_RESTS_AT_DUES = (
    "RECALCULATION_SARP", "RECALCULATION_SAR_", "RECALCULATION_SAME_AS_REPAYMENT", "DAILY_ALLOW_PARTIAL_PERIOD",
)  # fmt: skip
_RECALCULATES = (
    "RECALC", "_IR_", "INTEREST_REFUND_FULL", "INT_REFUND_FULL", "360_30_ACCRUAL_ACTIVITY", "INTEREST_RECOGNITION",
    "BUYDOWN_FEES", "WRITE_OFF_REASON_MAP", "CLASSIFICATION_INCOME_MAP", "LP2_ADV_CUSTOM_PMT_ALLOC_PROGRESSIVE",
)  # fmt: skip


def _recalculates(name: str) -> bool:
    if _has(name, "NO_INTEREST_RECALC", "NO_INT_RECALC") or name == _RECALCULATION_ONLY_NAMED:
        return False
    return _has(name, *_RECALCULATES)


_COUNTED_FROM_SUBMISSION = (
    "START_SUBMITTED", "INTEREST_DAILY_INTEREST_RECALCULATION", "INTEREST_RECALC_DAILY_INSTALLMENT_FEE",
    "LP2_ADV_PYMNT_360_30_INTEREST_RECALC", "LP2_ADV_CUSTOM_PMT_ALLOC_PROGRESSIVE_LOAN_SCHEDULE", "_DP_IR_",
    "LP2_INTEREST_RECALCULATION_ACCELERATE_MATURITY",
)  # fmt: skip
_COUNTED_FROM_DISBURSEMENT = ("HORIZONTAL_360_30_USD", "INTEREST_RECALCULATION_ZERO_INTEREST_CHARGE_OFF")


def _dues_from_submission(name: str) -> bool:
    return _has(name, *_COUNTED_FROM_SUBMISSION) and not name.endswith(_COUNTED_FROM_DISBURSEMENT)


def _whole_units(name: str, *, recalculates: bool) -> bool:
    """Level instalments in whole units of money, of the older products and of those made from them."""
    if _has(name, "MULTIPLES_OF", "DELINQUENT_REASON"):
        return True
    if name.startswith("LP1"):
        return not _has(name, "INTEREST_FLAT_SAR", "INTEREST_FLAT_DAILY")
    own = ("ADV_PMT_ALLOC", "EMI", "360_30", "_DP_", "RECALCULATION_CHARGEBACK")
    return not (recalculates or _has(name, *own) or name == _WITHOUT_RECALCULATION_OR_WHOLE_UNITS)


def _day_count(name: str, *, by_day: bool) -> str:
    """`by_day`: the product is one of those that work interest out again day by day."""
    for word, day_count in (
        ("360_30", "30/360"),
        ("ACTUAL_ACTUAL", "actual/actual"),
        ("365_ACTUAL", "actual/365"),
        ("360_ACTUAL", "actual/360"),
    ):
        if word in name:
            return day_count
    if by_day and "ADV_PMT_ALLOC" not in name:
        return "30/360"
    if "NO_INTEREST_RECALCULATION_CHARGEBACK" in name or name == _WITHOUT_RECALCULATION_OR_WHOLE_UNITS:
        return "30/360"
    return "actual/actual"


def _strategy(words: str) -> PeerAllocation:
    """The orders of an older product, from the name of its allocation strategy."""
    due, found, ahead = words.removeprefix("DUE_").partition("_IN_ADVANCE_")
    return PeerAllocation(_parts(due), _parts(due), _parts(ahead)) if found else _alike(_parts(words))


def _parts(words: str) -> Order:
    plain = words.replace("PENALTIES", "PENALTY").replace("FEES", "FEE")
    found = sorted((plain.find(part), part) for part in Part if part in plain)
    return tuple(part for _, part in found) if len(found) == len(Part) else _INTEREST_FIRST


_DEFAULT_ALLOCATIONS = (
    ("LP2_ADV_CUSTOM_PMT_ALLOC_PROGRESSIVE_LOAN_SCHEDULE_HORIZONTAL_360_30_USD", _alike(_PRINCIPAL_FIRST)),
    ("LP2_ADV_CUSTOM_PMT_ALLOC_PROGRESSIVE", _alike(_FEES_LAST)),
    ("LP2_ADV_CUSTOM_PAYMENT_ALLOC", _alike(_INTEREST_FIRST)),
    ("PMT_ALLOC_1", _alike(_INTEREST_FIRST)),
    ("ALLOCATION_PENALTY_FIRST", _alike(_PENALTY_FIRST_FEE_LAST)),
    ("LP2_ADV_PYMNT_ACCELERATE_MATURITY_CHARGE_OFF_BEHAVIOUR", _alike(_INTEREST_FIRST)),
    (
        "ACCELERATE_MATURITY_CHARGE_OFF_BEHAVIOUR_LAST_INSTALLMENT",
        PeerAllocation(_INTEREST_FIRST, _PRINCIPAL_FIRST, _INTEREST_FIRST),
    ),
    ("ACCELERATE_MATURITY_CHARGE_OFF_BEHAVIOUR", PeerAllocation(_INTEREST_FIRST, _PRINCIPAL_FIRST, _PRINCIPAL_FIRST)),
    ("CONTRACT_TERMINATION", PeerAllocation(_INTEREST_FIRST, _PRINCIPAL_FIRST, _PRINCIPAL_FIRST)),
    (
        "LP2_ADV_PYMNT_ZERO_INTEREST_CHARGE_OFF_BEHAVIOUR",
        PeerAllocation(_PRINCIPAL_FIRST, _PRINCIPAL_FIRST, _INTEREST_FIRST),
    ),
)


def _allocations(name: str, in_advance: Mapping[str, InAdvance]) -> Mapping[str, PeerAllocation]:
    """The kinds of payment that a product names have the usual order, whatever the order of the rest."""
    usual = _alike(_PRINCIPAL_FIRST)
    default = next((allocation for word, allocation in _DEFAULT_ALLOCATIONS if word in name), usual)
    if _has(name, "PMT_ALLOC_1", "PMT_ALLOC_PROGRESSIVE_INTEREST_DAILY"):
        return {DEFAULT: default}
    found = {**dict.fromkeys(in_advance, usual), DEFAULT: default}
    if _DOWN_PAYMENT in in_advance:
        found |= dict.fromkeys((_MERCHANT, _DOWN_PAYMENT), _alike(_PENALTY_FIRST_FEE_LAST))
    if "ADJ_CUSTOM_ALLOC" in name:
        found[_INCOME_ADJUSTMENT] = _alike(_PENALTY_LAST)
    return found


_ALL_NEXT = {DEFAULT: InAdvance.NEXT}
_ALL_LAST = {DEFAULT: InAdvance.LAST}
_IN_ADVANCE: tuple[tuple[str, Mapping[str, InAdvance]], ...] = (
    ("TILL_REST_FREQUENCY_DATE_LAST_INSTALLMENT", {**_USUAL_IN_ADVANCE, DEFAULT: InAdvance.LAST}),
    ("LAST_INSTALLMENT", _ALL_LAST),
    ("ALLOCATION_PENALTY_FIRST", _ALL_LAST),
    ("HORIZONTAL_360_30_USD", {**_CUSTOM_IN_ADVANCE, _GOODWILL: InAdvance.NEXT}),
    ("LP2_ADV_CUSTOM_PMT_ALLOC_PROGRESSIVE", _CUSTOM_IN_ADVANCE),
    ("_DP_", _DOWN_PAYMENT_IN_ADVANCE),
    ("AUTO_ADVANCED_CUSTOM_PAYMENT_ALLOCATION", {**_USUAL_IN_ADVANCE, **_DOWN_PAYMENT_IN_ADVANCE}),
    ("LP1", _ALL_NEXT),
    ("REFUND_FULL", _ALL_NEXT),
    ("INTEREST_REFUND_INTEREST_RECALC", _ALL_NEXT),
    ("DAILY_ALLOW_PARTIAL_PERIOD", _ALL_NEXT),
    ("INTEREST_RECALCULATION_ZERO_INTEREST_CHARGE_OFF_BEHAVIOUR", _ALL_NEXT),
    ("ZERO_INTEREST_CHARGE_OFF_ACCRUAL_ACTIVITY", _ALL_NEXT),
    ("LP2_ADV_INTEREST_DAILY_EMI_ACTUAL_ACTUAL_INTEREST_RECALC_ZERO_CHARGE_OF", _ALL_NEXT),
)


def _in_advance(name: str) -> Mapping[str, InAdvance]:
    if name == _WITHOUT_RECALCULATION_OR_WHOLE_UNITS:
        return _ALL_NEXT
    return next((rules for word, rules in _IN_ADVANCE if word in name), _USUAL_IN_ADVANCE)


_CREDIT_ALLOCATIONS = (
    ("HORIZONTAL_360_30_USD", _PRINCIPAL_FIRST),
    ("CREDIT_ALLOCATION", _INTEREST_FIRST),
    ("ADV_PMT_ALLOC_FIXED_LENGTH", _INTEREST_FIRST),
    ("CHARGEBACK_ALLOCATION_PRINCIPAL_FIRST", (Part.PRINCIPAL, Part.INTEREST, Part.PENALTY, Part.FEE)),
    ("CHARGEBACK_ALLOCATION_INTEREST_FIRST", (Part.INTEREST, Part.PENALTY, Part.FEE, Part.PRINCIPAL)),
    ("MULTIDISBURSE_CHARGEBACK", (Part.INTEREST, Part.FEE, Part.PRINCIPAL, Part.PENALTY)),
    ("FULL_TERM_TRANCHE_CHARGEBACK", (Part.INTEREST, Part.FEE, Part.PRINCIPAL, Part.PENALTY)),
)


def _credit_allocation(name: str) -> Order | None:
    found = next((order for word, order in _CREDIT_ALLOCATIONS if word in name), None)
    if found is not None or "CHARGEBACK_" not in name:
        return found
    told = [Part(word) for word in name.partition("CHARGEBACK_")[2].split("_") if word in Part.__members__]
    return (*told, *(part for part in Part if part not in told)) if told else None


def _charge_off_interest(name: str) -> ChargeOffInterest:
    if _has(name, "ACCELERATE_MATURITY", "ACC_MATUR"):
        return ChargeOffInterest.ACCELERATED
    if _has(name, "ZERO_INTEREST_CHARGE_OFF", "ZERO_INT_CHARGE_OFF", "ZERO_CHARGE_OF", *_ZERO_NOT_NAMED):
        return ChargeOffInterest.ZERO
    return ChargeOffInterest.KEPT


_ZERO_NOT_NAMED = ("CASH_ACCOUNTING", "PMT_ALLOC_PROGRESSIVE_INTEREST_DAILY", "HORIZONTAL_360_30_USD")
