"""Parse rows of the Berka tables: Czech codes, `YYMMDD` days and decimal crowns become our codes and minor units."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import NamedTuple

from pipelines.sources.berka_tables import RowRefused

FREQUENCIES = {
    "POPLATEK MESICNE": "monthly",
    "POPLATEK TYDNE": "weekly",
    "POPLATEK PO OBRATU": "after_transaction",
}
DIRECTIONS = {"PRIJEM": "credit", "VYDAJ": "debit", "VYBER": "debit"}
OPERATIONS = {
    "VKLAD": "cash_in",
    "VYBER": "cash_out",
    "VYBER KARTOU": "card",
    "PREVOD Z UCTU": "transfer_in",
    "PREVOD NA UCET": "transfer_out",
    "": "none",
}
PURPOSES = {
    "UROK": "interest",
    "SLUZBY": "statement_fee",
    "SIPO": "household",
    "DUCHOD": "pension",
    "POJISTNE": "insurance",
    "UVER": "loan_instalment",
    "LEASING": "leasing",
    "SANKC. UROK": "penalty_interest",
    "": "other",
}
STATUSES = {"A": "finished_paid", "B": "finished_unpaid", "C": "running_ok", "D": "running_in_debt"}
ROLES = {"OWNER", "DISPONENT"}


class Account(NamedTuple):
    """An account and its owner, who is the shopper."""

    id: int
    opened_on: date
    frequency: str


class Disposition(NamedTuple):
    """A client's right to an account; only the owner may ask for credit."""

    id: int
    client_id: int
    account_id: int
    role: str


class StandingOrder(NamedTuple):
    """A standing order for a monthly transfer. It has no date, so features must not use it."""

    id: int
    account_id: int
    amount_minor: int
    purpose: str


class BerkaLoan(NamedTuple):
    """A granted loan and its outcome."""

    id: int
    account_id: int
    granted_on: date
    amount_minor: int
    duration_months: int
    status: str


class BerkaTransaction(NamedTuple):
    """A bank transaction on an account."""

    id: int
    account_id: int
    booked_on: date
    direction: str
    operation: str
    amount_minor: int
    balance_minor: int
    purpose: str
    counterparty_bank: str | None
    counterparty_account: str | None


def berka_account(fields: list[str]) -> Account:
    """`account_id;district_id;frequency;date`."""
    account_id, _, frequency, opened_on = fields
    return Account(number(account_id, "account_id"), day(opened_on), code(frequency, FREQUENCIES, "frequency"))


def disposition(fields: list[str]) -> Disposition:
    """`disp_id;client_id;account_id;type`."""
    disp_id, client_id, account_id, role = fields
    if role not in ROLES:
        raise RowRefused(f"type {role!r} is not one of {', '.join(sorted(ROLES))}")
    return Disposition(
        number(disp_id, "disp_id"), number(client_id, "client_id"), number(account_id, "account_id"), role
    )


def standing_order(fields: list[str]) -> StandingOrder:
    """`order_id;account_id;bank_to;account_to;amount;k_symbol`."""
    order_id, account_id, _, _, amount, k_symbol = fields
    return StandingOrder(
        number(order_id, "order_id"),
        number(account_id, "account_id"),
        minor(amount, "amount"),
        code(k_symbol.strip(), PURPOSES, "k_symbol"),
    )


def loan(fields: list[str]) -> BerkaLoan:
    """`loan_id;account_id;date;amount;duration;payments;status`."""
    loan_id, account_id, granted_on, amount, duration, payments, status = fields
    minor(payments, "payments")  # This column is rounded to crowns; the amount paid is in the standing order.
    return BerkaLoan(
        number(loan_id, "loan_id"),
        number(account_id, "account_id"),
        day(granted_on),
        minor(amount, "amount"),
        number(duration, "duration"),
        code(status, STATUSES, "status"),
    )


def berka_transaction(fields: list[str]) -> BerkaTransaction:
    """`trans_id;account_id;date;type;operation;amount;balance;k_symbol;bank;account`."""
    trans_id, account_id, booked_on, kind, operation, amount, balance, k_symbol, bank, counterparty = fields
    return BerkaTransaction(
        number(trans_id, "trans_id"),
        number(account_id, "account_id"),
        day(booked_on),
        code(kind, DIRECTIONS, "type"),
        code(operation, OPERATIONS, "operation"),
        minor(amount, "amount"),
        -minor(balance[1:], "balance") if balance[:1] == "-" else minor(balance, "balance"),
        code(k_symbol.strip(), PURPOSES, "k_symbol"),
        bank or None,
        # Some copies of the data set write "0" and others nothing for "none".
        None if counterparty in {"", "0"} else counterparty,
    )


def number(text: str, column: str) -> int:
    """An id of the source, which is a whole number."""
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise RowRefused(f"{column} {text!r} is not a whole number")
    return int(text)


def minor(text: str, column: str) -> int:
    """Crowns with up to two decimals, in hellers; a third decimal is refused, never rounded."""
    crowns, point, hellers = text.partition(".")
    if not (crowns.isascii() and crowns.isdigit() and len(crowns) <= 12):
        raise RowRefused(f"{column} {text!r} is not an amount")
    if not point:
        return int(crowns) * 100
    if not (hellers.isascii() and hellers.isdigit()):
        raise RowRefused(f"{column} {text!r} is not an amount")
    if len(hellers) > 2:
        raise RowRefused(f"{column} {text!r} has {len(hellers)} decimals, CZK has 2")
    return int(crowns) * 100 + int(hellers.ljust(2, "0"))


@lru_cache(maxsize=4096)
def day(text: str) -> date:
    """A day from `YYMMDD`, in the twentieth century."""
    if not (text.isascii() and text.isdigit() and len(text) == 6):
        raise RowRefused(f"date {text!r} is not YYMMDD")
    try:
        return date(1900 + int(text[:2]), int(text[2:4]), int(text[4:]))
    except ValueError as error:
        raise RowRefused(f"date {text!r} is not a day of the calendar") from error


def code(text: str, words: dict[str, str], column: str) -> str:
    """Our code for a code of the source; an unknown one is refused."""
    word = words.get(text)
    if word is None:
        raise RowRefused(f"{column} {text!r} is not one of {', '.join(sorted(filter(None, words)))}")
    return word
