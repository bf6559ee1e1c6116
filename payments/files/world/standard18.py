"""Reads Bacs Standard 18: labels of 80 characters and records of 100, or 106 with a processing day of their own.

The user trailer label (UTL1) has the totals. Records that come without labels have no totals to compare with.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from payments.files.world.item import Direction, FileAccount, FileEntry, FileItem, OwnTotalBroken
from payments.files.world.source_file import SourceFile, Spot, differences

LABELS = ("VOL1", "HDR1", "HDR2", "UHL1", "EOF1", "EOF2", "UTL1")
LENGTHS = (100, 106)
DEBITS = {"01", "17", "18", "19"}
INSTRUCTIONS = {"0N", "0C", "0S"}
CREDITS = {"99", "Z4", "Z5"}


@dataclass(slots=True)
class _File:
    """What the labels say, and the sums of the records so far."""

    labels: list[str] = field(default_factory=list)
    day: date | None = None
    records: int = 0
    accounts: set[str] = field(default_factory=set)
    count: dict[Direction, int] = field(default_factory=lambda: dict.fromkeys(Direction, 0))
    total: dict[Direction, Decimal] = field(default_factory=lambda: dict.fromkeys(Direction, Decimal(0)))


def read_standard18(source: SourceFile) -> Iterator[FileItem]:
    """The records of the file as entries of the accounts that they debit or credit, and totals that do not hold."""
    state = _File()
    spot = source.at(0)
    for number, text in source.lines():
        spot = source.at(number)
        if not text.strip():
            continue
        if text[:4] in LABELS:
            yield from _label(state, spot, text)
        else:
            yield from _record(state, spot, text)
    if not state.records:
        raise spot.fault("(file)", "holds no record")
    if state.labels and state.labels[-1] != "UTL1":
        raise spot.fault("(file)", "ends without its user trailer label: it was cut short")


def _label(state: _File, spot: Spot, text: str) -> Iterator[OwnTotalBroken]:
    name = text[:4]
    expected = LABELS[len(state.labels)] if len(state.labels) < len(LABELS) else "nothing"
    if name != expected or (state.records > 0) != (name in ("EOF1", "EOF2", "UTL1")):
        raise spot.fault("(label)", f"{name} where {expected} or a record is expected")
    state.labels.append(name)
    if name == "UHL1":
        state.day = spot.ordinal_day("processing day", text[5:10])
    if name == "UTL1":
        debit, credit = state.total[Direction.DEBIT], state.total[Direction.CREDIT]
        yield from differences("UTL1: debits", spot.minor("debit total", text[4:17], 2), debit)
        yield from differences("UTL1: credits", spot.minor("credit total", text[17:30], 2), credit)
        counts = state.count
        yield from differences(
            "UTL1: number of debits", spot.whole("debit count", text[30:37]), counts[Direction.DEBIT]
        )
        yield from differences(
            "UTL1: number of credits", spot.whole("credit count", text[37:44]), counts[Direction.CREDIT]
        )


def _record(state: _File, spot: Spot, text: str) -> Iterator[FileItem]:
    if len(text) not in LENGTHS:
        raise spot.fault("(record)", f"has {len(text)} characters, a record has 100 or 106")
    if state.labels and state.labels[-1] != "UHL1":
        raise spot.fault("(record)", "does not stand between the header and the trailer labels")
    code = text[15:17]
    if code not in DEBITS | INSTRUCTIONS | CREDITS:
        raise spot.fault("transaction code", f"{code!r} is not known")
    account = f"{_digits(spot, 'own sort code', text[17:23])} {_digits(spot, 'own account', text[23:31])}"
    other = f"{_digits(spot, 'sort code', text[0:6])} {_digits(spot, 'account', text[6:14])}"
    amount = spot.minor("amount", text[35:46], 2)
    if code in INSTRUCTIONS and amount:
        raise spot.fault("amount", f"an instruction {code} has the amount {amount}")
    direction = Direction.DEBIT if code in DEBITS else Direction.CREDIT
    state.records += 1
    if code not in INSTRUCTIONS:
        state.count[direction] += 1
        state.total[direction] += amount
    if account not in state.accounts:
        state.accounts.add(account)
        yield FileAccount(account)
    yield FileEntry(
        line=spot.line,
        statement="",
        number=state.records,
        amount=amount,
        currency="GBP",
        direction=direction,
        status=code,
        booked=code not in INSTRUCTIONS,
        account=account,
        value_on=spot.ordinal_day("processing day", text[101:106]) if len(text) == 106 else state.day,
        reference=spot.text("reference", text[64:82]) or None,
        counterparty=spot.text("name", text[82:100]) or other,
        text=other,
    )


def _digits(spot: Spot, name: str, value: str) -> str:
    spot.whole(name, value)
    return value
