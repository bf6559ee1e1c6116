"""Reads files of repayments that shoppers sent by transfer (contract `repayment_line.v1`)."""

from datetime import date

from data_contracts import catalog
from data_contracts.files import FileFault, read_rows
from ledger.money import Currency, Money
from lending.plan.plan import InstalmentId
from payments.expectation_key import DueKey
from payments.files.control_file import FileContent
from payments.files.line import FileLine, ParsedFile
from payments.files.outside_value import line_of_text, whole_of
from payments.line_key import LineKind

CONTRACT = "repayment_line"


def read_repayment_lines(content: FileContent) -> ParsedFile:
    """All lines of the file; raises FileFault. A reference that names an instalment becomes the line's key."""
    rows = read_rows(content.path, catalog.contract(CONTRACT))
    lines = []
    for number, row in enumerate(rows, 2):
        booked_on, amount_minor, reference = row["booked_on"], row["amount_minor"], row["reference"]
        if not isinstance(booked_on, date) or not isinstance(amount_minor, int):
            raise FileFault(content.path, number, "booked_on", "the contract's types do not hold")
        currency = Currency.of(str(row["currency"]))
        if currency is None:
            raise FileFault(content.path, number, "currency", f"{row['currency']!r} is not a currency we know")
        for column, value in row.items():
            try:
                if isinstance(value, str):
                    line_of_text(value)
                elif isinstance(value, int):
                    whole_of(str(value))
            except ValueError as error:
                raise FileFault(content.path, number, column, str(error)) from error
        lines.append(
            FileLine(
                line_id=str(row["line_id"]),
                kind=LineKind.REPAYMENT,
                amount=Money(amount_minor, currency),
                booked_on=content.dated(number, "booked_on", booked_on),
                reported_on=booked_on,
                key=None if reference is None else DueKey(InstalmentId(str(reference))),
                account_id=str(row["account_id"]),
                detail=str(row["source"]),
                row=number,
            )
        )
    return ParsedFile("repayment_lines", lines)
