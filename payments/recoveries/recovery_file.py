"""Reads a collection agency's file: one row for each payment that it collected and passed on."""

from pathlib import Path

from data_contracts.files import FileFault
from ledger.money import Currency, Money
from payments.files.control_file import FileContent, NumberedRow, read_controlled, refuse_repeated
from payments.recoveries.recovery import RecoveryNotice

COLUMNS = (
    "recovery_id", "plan_id", "reference", "amount_minor", "commission_minor", "currency", "told_on"
)  # fmt: skip


def read_recoveries(content: FileContent) -> list[RecoveryNotice]:
    """All rows of the file; raises FileFault. The commission may be empty."""
    rows = read_controlled(content, COLUMNS)
    refuse_repeated(content, rows, "recovery_id")
    return [_recovery(content, row) for row in rows]


def _recovery(content: FileContent, row: NumberedRow) -> RecoveryNotice:
    path = content.path
    code = row.text(path, "currency")
    currency = Currency.of(code)
    if currency is None:
        raise FileFault(path, row.line, "currency", f"{code!r} is not a currency we know")
    amount = _positive(path, row, "amount_minor", currency)
    commission = _positive(path, row, "commission_minor", currency) if row.values["commission_minor"] else None
    if commission is not None and commission > amount:
        raise FileFault(path, row.line, "commission_minor", f"{commission} is more than the {amount} collected")
    return RecoveryNotice(
        recovery_id=row.text(path, "recovery_id"),
        plan_id=row.text(path, "plan_id"),
        reference=row.text(path, "reference"),
        amount=amount,
        commission=commission,
        told_on=row.day(content, "told_on"),
    )


def _positive(path: Path, row: NumberedRow, column: str, currency: Currency) -> Money:
    minor = row.whole(path, column)
    if minor <= 0:
        raise FileFault(path, row.line, column, f"{minor} is not greater than zero")
    return Money(minor, currency)
