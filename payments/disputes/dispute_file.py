"""Reads a provider's file of dispute notices: one row for each stage of each case."""

from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from data_contracts.files import FileFault
from ledger.money import Currency, Money
from lending.plan.event import CashBack, Route
from payments.disputes.dispute import DisputeNotice, DisputeStage
from payments.files.control_file import FileContent, NumberedRow, read_controlled
from payments.ids import AttemptId, CaseId

COLUMNS = (
    "case_id", "stage", "attempt_id", "route", "told_on", "amount_minor", "fee_minor", "currency", "cash_back"
)  # fmt: skip
Word = TypeVar("Word", bound=StrEnum)


def read_notices(content: FileContent) -> list[DisputeNotice]:
    """All notices of the file; raises FileFault. The fee and the way the cash comes back may be empty."""
    return [_notice(content, row) for row in read_controlled(content, COLUMNS)]


def _notice(content: FileContent, row: NumberedRow) -> DisputeNotice:
    path = content.path
    code = row.text(path, "currency")
    currency = Currency.of(code)
    if currency is None:
        raise FileFault(path, row.line, "currency", f"{code!r} is not a currency we know")
    return DisputeNotice(
        case_id=CaseId(row.text(path, "case_id")),
        stage=_word(path, row, "stage", DisputeStage),
        attempt_id=AttemptId(row.text(path, "attempt_id")),
        route=_word(path, row, "route", Route),
        told_on=row.day(content, "told_on"),
        amount=_amount(path, row, "amount_minor", currency),
        fee=_amount(path, row, "fee_minor", currency),
        cash_back=_word(path, row, "cash_back", CashBack) if row.values["cash_back"] else CashBack.NETTED,
    )


def _word(path: Path, row: NumberedRow, column: str, words: type[Word]) -> Word:
    text = row.text(path, column)
    if text not in set(words):
        raise FileFault(path, row.line, column, f"{text!r} is not one of {', '.join(words)}")
    return words(text)


def _amount(path: Path, row: NumberedRow, column: str, currency: Currency) -> Money | None:
    if not row.values[column]:
        return None
    minor = row.whole(path, column)
    if minor <= 0:
        raise FileFault(path, row.line, column, f"{minor} is not greater than zero")
    return Money(minor, currency)
