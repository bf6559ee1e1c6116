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
    CURRENCY_DIFFERS = "E10"
    STATUS_CONFLICT = "E11"
    UNKNOWN_OUTCOME = "E12"
    MANY_CANDIDATES = "E14"
    RETURNED = "E16"
    WRONG_ACCOUNT = "E19"
    FILE_FAULT = "E22"
    SCHEMA_DRIFT = "E23"
    MANUAL_POSTING = "E25"
    STATEMENT_BALANCE = "E26"
