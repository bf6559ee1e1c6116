"""The reasons for which a plan refuses an event. A refusal is a normal answer and carries every reason."""

from dataclasses import dataclass
from enum import StrEnum


class PlanRefusalCode(StrEnum):
    """The reasons, in the order in which they are given."""

    OTHER_CURRENCY = "other_currency"
    NOT_POSITIVE = "not_positive"
    OUT_OF_BOUNDS = "out_of_bounds"
    NOT_IN_THIS_STATUS = "not_in_this_status"
    BEFORE_OPENING = "before_opening"
    AHEAD_OF_ITS_TIME = "ahead_of_its_time"
    ALREADY_OPEN = "already_open"
    BEYOND_THE_ORDER = "beyond_the_order"
    NO_MERCHANT = "no_merchant"
    UNKNOWN_INSTALMENT = "unknown_instalment"
    UNKNOWN_PAYMENT = "unknown_payment"
    UNKNOWN_EVENT = "unknown_event"
    UNKNOWN_CASE = "unknown_case"
    UNKNOWN_FEE = "unknown_fee"
    ID_TAKEN = "id_taken"
    NOT_REVERSIBLE = "not_reversible"
    NOT_RETURNABLE = "not_returnable"
    ALREADY_RETURNED = "already_returned"
    CASE_OPEN = "case_open"
    CASE_CLOSED = "case_closed"
    INCOMPLETE = "incomplete"
    BEYOND_THE_PURCHASE = "beyond_the_purchase"
    BEYOND_THE_MERCHANTS_SHARE = "beyond_the_merchants_share"
    BEYOND_THE_REFUND = "beyond_the_refund"
    BEYOND_THE_PAYMENT = "beyond_the_payment"
    BEYOND_WHAT_IS_OWED = "beyond_what_is_owed"
    BEYOND_THE_CREDIT = "beyond_the_credit"
    BEYOND_THE_FEE = "beyond_the_fee"
    FEE_BEYOND_CAP = "fee_beyond_cap"
    DUES_DO_NOT_REPAY = "dues_do_not_repay"
    EMPTY_PERIOD = "empty_period"
    TOO_EARLY = "too_early"
    NO_DAY_COUNT = "no_day_count"


@dataclass(frozen=True, slots=True)
class PlanRefusal:
    """One reason, with a sentence on what would have been possible."""

    code: PlanRefusalCode
    detail: str

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"
