"""Reads a bank statement of one account and one day, and checks the running balance of its rows."""

import re
from collections.abc import Iterator
from datetime import date

from data_contracts.files import FileFault
from ledger.money import Currency, Money
from payments.expectation_key import BroughtBackKey, DebitKey, ExpectationKey, PayoutKey
from payments.files.control_file import FileContent, NumberedRow, controlled_rows
from payments.files.line import FileLine, ParsedFile, StatementHead
from payments.ids import ProviderPayoutId
from payments.line_key import LineKind

COLUMNS = (
    "line_id", "account", "statement", "amount_minor", "balance_minor", "currency", "booked_on", "value_on",
    "reference", "counterparty",
)  # fmt: skip

_REASON = re.compile(r"[A-Z]{1,2}[0-9]{2}")  # a reason code of ISO 20022, such as AC04, or of ACH, such as R03


class StatementFault(FileFault):
    """Raised when the movements do not lead from the opening to the closing balance."""


def read_bank_statement(content: FileContent) -> ParsedFile:
    """The rows of the statement, read as they are asked for.

    Raises FileFault, and StatementFault if a running balance is wrong.
    A statement without movements names no account and no number; it only has a place in the sequence.
    """
    heads: list[StatementHead] = []
    return ParsedFile("bank_statement", _lines(content, heads), heads)


def _lines(content: FileContent, heads: list[StatementHead]) -> Iterator[FileLine]:
    """The rows; behind the last one, the head of the statement is put into `heads`."""
    path = content.path
    first: NumberedRow | None = None
    opening = balance = 0
    closed_on = date.min
    for row in controlled_rows(content, COLUMNS):
        if first is None:
            first = row
            opening = balance = row.whole(path, "balance_minor") - row.whole(path, "amount_minor")
        for column in ("account", "currency", "statement"):
            if row.values[column] != first.values[column]:
                raise FileFault(path, row.line, column, f"{row.values[column]!r} in the statement of another one")
        balance += row.whole(path, "amount_minor")
        if balance != row.whole(path, "balance_minor"):
            raise StatementFault(
                path, row.line, "balance_minor", f"says {row.values['balance_minor']}, adds up to {balance}"
            )
        line = _line(content, row)
        closed_on = max(closed_on, line.booked_on)
        yield line
    if first is not None:
        heads.append(
            StatementHead(
                bank_account=first.text(path, "account"),
                currency=first.text(path, "currency"),
                number=first.whole(path, "statement"),
                opening_minor=opening,
                closing_minor=balance,
                closed_on=closed_on,
            )
        )


def _line(content: FileContent, row: NumberedRow) -> FileLine:
    """A movement; its id is that of its account, year, statement and entry.

    Many banks number entries anew each day, and statements anew each year.
    """
    path = content.path
    code = row.text(path, "currency")
    currency = Currency.of(code)
    if currency is None:
        raise FileFault(path, row.line, "currency", f"{code!r} is not a currency we know")
    minor = row.whole(path, "amount_minor")
    if minor == 0:
        raise FileFault(path, row.line, "amount_minor", "is zero")
    kind = LineKind.CREDIT if minor > 0 else LineKind.DEBIT
    reference = row.values["reference"]
    value_on = row.later_day(path, "value_on") if row.values["value_on"] else None
    booked_on = row.day(content, "booked_on")
    statement = f"{booked_on:%Y}-{row.whole(path, 'statement')}"
    return FileLine(
        line_id=f"{row.text(path, 'account')}/{statement}/{row.text(path, 'line_id')}",
        kind=kind,
        amount=Money(abs(minor), currency),
        booked_on=booked_on,
        reported_on=booked_on,
        key=key_of_reference(reference, kind),
        bank_account=row.text(path, "account"),
        counterparty=row.values["counterparty"] or None,
        detail=reference,
        value_on=value_on,
        row=row.line,
    )


def reason_of_return(reference: str) -> str:
    """The bank's reason code behind the reference of a payment that it returns to us; empty without such a code.

    >>> reason_of_return("mp-2026-03-10-m-1-GBP AC04")
    'AC04'
    >>> reason_of_return("mp-2026-03-10-m-1-GBP FASTER PAYMENT")
    ''
    """
    text = reference.split()[1:]
    return text[0] if text and _REASON.fullmatch(text[0]) else ""


def key_of_reference(reference: str, kind: LineKind) -> ExpectationKey | None:
    """The expectation that a reference names. Text behind it means nothing but for a credit's reason code."""
    name = next(iter(reference.split()), None)
    if name is None:
        return None
    if kind is LineKind.DEBIT:
        return DebitKey(name)
    return BroughtBackKey(name) if reason_of_return(reference) else PayoutKey(ProviderPayoutId(name))
