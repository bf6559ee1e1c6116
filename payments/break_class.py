"""The closed list of break classes: why a line or an expectation has no counterpart."""

from enum import StrEnum


class BreakClass(StrEnum):
    """Why a line or an expectation has no counterpart: the codes of the break taxonomy that payments use."""

    TIMING_EXTERNAL_FIRST = "E2"
    MISSING_EXTERNAL = "E3"
    MISSING_INTERNAL = "E4"
    DUPLICATE_ROW = "E5"
    DUPLICATE_PAYMENT = "E6"
    AMOUNT_DIFFERS = "E7"
    FEE_DIFFERS = "E8"
    RATE_DIFFERS = "E9"
    CURRENCY_DIFFERS = "E10"
    STATUS_CONFLICT = "E11"
    UNKNOWN_OUTCOME = "E12"
    SPLIT_INCOMPLETE = "E13"
    MANY_CANDIDATES = "E14"
    DAMAGED_REFERENCE = "E15"
    RETURNED = "E16"
    PARTLY_SETTLED = "E17"
    RESERVE_HELD = "E18"
    WRONG_ACCOUNT = "E19"
    CUT_OFF = "E20"
    STALE = "E21"
    FILE_FAULT = "E22"
    SCHEMA_DRIFT = "E23"
    INVARIANT = "E24"
    MANUAL_POSTING = "E25"
    STATEMENT_BALANCE = "E26"
