"""Reads files of NACHA: entries, returns and notifications of change, in records of 94 characters.

Batch and file control records count records, add up amounts of debits and credits, and add up the routing numbers of
the entries (the hash).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from payments.files.world.item import Direction, FileAccount, FileEntry, FileItem, OwnTotalBroken
from payments.files.world.source_file import SourceFile, Spot, differences

RECORD = 94
HASH_DIGITS = 10**10
# The last digit of a transaction code says what is done to the receiver's account.
_CREDITS, _DEBITS = frozenset("01234"), frozenset("56789")
_ACCOUNT_KINDS = frozenset("2345")  # checking, savings, ledger, loan


@dataclass(slots=True)
class _Sums:
    """Figures of a batch or a file as its control record has them."""

    records: int = 0
    hash: int = 0
    debit: Decimal = Decimal(0)
    credit: Decimal = Decimal(0)

    def add(self, other: "_Sums") -> None:
        self.records += other.records
        self.hash += other.hash
        self.debit += other.debit
        self.credit += other.credit

    def broken(self, what: str, spot: Spot, says: tuple[str, str, str, str]) -> Iterator[OwnTotalBroken]:
        records, routing, debit, credit = says
        yield from differences(f"{what}: entries and addenda", spot.whole("entry count", records), self.records)
        yield from differences(f"{what}: entry hash", spot.whole("entry hash", routing), self.hash % HASH_DIGITS)
        yield from differences(f"{what}: debits", spot.minor("total debit", debit, 2), self.debit)
        yield from differences(f"{what}: credits", spot.minor("total credit", credit, 2), self.credit)


@dataclass(slots=True)
class _Reader:
    """The state between two records."""

    source: SourceFile
    file: _Sums
    batch: _Sums
    header: str | None = None
    effective: str = ""
    company: str = ""
    batches: int = 0
    entry: FileEntry | None = None
    number: int = 0


def read_nacha(source: SourceFile) -> Iterator[FileItem]:
    """The companies and entries of every batch, and what of the control records does not hold."""
    state = _Reader(source, _Sums(), _Sums())
    lines = 0
    ended = False
    spot = source.at(0)
    for number, text in source.lines():
        spot = source.at(number)
        if not text:
            continue
        if len(text) > RECORD:
            raise spot.fault("(record)", f"has {len(text)} characters, a record has {RECORD}")
        record = text.ljust(RECORD)
        lines += 1
        if ended:
            if record != "9" * RECORD:
                raise spot.fault("(record)", "comes after the file control record")
            continue
        kind = record[0]
        if (lines == 1) != (kind == "1"):
            raise spot.fault("record type", "a file begins with its file header, and has one")
        yield from _read_record(state, spot, kind, record)
        if kind == "9":
            ended = True
            yield from _close_file(state, spot, record)
            blocks = spot.whole("block count", record[7:13])
    if not ended:
        raise spot.fault("(file)", "ends without a file control record: it was cut short")
    if -(-lines // 10) != blocks:
        yield OwnTotalBroken("file: blocks of ten records", str(blocks), str(-(-lines // 10)))


def _read_record(state: _Reader, spot: Spot, kind: str, record: str) -> Iterator[FileItem]:
    if kind != "7" and state.entry is not None:
        yield from _finish(state)
    if kind in "678" and state.header is None:
        raise spot.fault("record type", f"a record {kind} is outside a batch")
    match kind:
        case "1":
            _open_file(spot, record)
        case "5":
            yield _open_batch(state, spot, record)
        case "6":
            state.entry = _entry_record(state, spot, record)
        case "7":
            _addenda(state, spot, record)
        case "8":
            yield from _close_batch(state, spot, record)
        case "9":
            pass
        case _:
            raise spot.fault("record type", f"{kind!r} is not known")


def _open_file(spot: Spot, record: str) -> None:
    if record[34:37] != "094" or record[37:39] != "10":
        raise spot.fault("record size", f"{record[34:39]!r} is not 094 and 10")
    spot.short_day("file creation date", record[23:29])


def _open_batch(state: _Reader, spot: Spot, record: str) -> FileAccount:
    if state.header is not None:
        raise spot.fault("record type", "a batch begins before the one before it ended")
    state.header, state.batch, state.number = record, _Sums(), 0
    state.company = spot.needed("company identification", record[40:50])
    state.effective = record[69:75].strip()
    state.batches += 1
    return FileAccount(state.company)


def _close_batch(state: _Reader, spot: Spot, record: str) -> Iterator[OwnTotalBroken]:
    if state.header is None:
        raise spot.fault("record type", "a batch control record closes no batch")
    says = (record[4:10], record[10:20], record[20:32], record[32:44])
    yield from state.batch.broken(f"batch {state.batches}", spot, says)
    if record[87:94] != state.header[87:94]:
        raise spot.fault("batch number", f"{record[87:94]!r} is not that of the batch header")
    state.file.add(state.batch)
    state.header = None


def _entry_record(state: _Reader, spot: Spot, record: str) -> FileEntry:
    code = record[1:3]
    if code[0] not in _ACCOUNT_KINDS or code[1] not in _CREDITS | _DEBITS:
        raise spot.fault("transaction code", f"{code!r} is not known")
    amount = spot.minor("amount", record[29:39], 2)
    direction = Direction.CREDIT if code[1] in _CREDITS else Direction.DEBIT
    state.number += 1
    state.batch.records += 1
    state.batch.hash += spot.whole("receiving institution", record[3:11])
    if direction is Direction.CREDIT:
        state.batch.credit += amount
    else:
        state.batch.debit += amount
    spot.whole("trace number", record[79:94])
    if record[78] not in "01":
        raise spot.fault("addenda indicator", f"{record[78]!r} is neither 0 nor 1")
    effective = state.effective
    return FileEntry(
        line=spot.line,
        statement=f"batch {state.batches}",
        number=state.number,
        amount=amount,
        currency="USD",
        direction=direction,
        status="ENTR",
        booked=True,
        account=state.company,
        # Returns may carry no day, or zeros.
        value_on=spot.short_day("effective entry date", effective) if effective.strip("0") else None,
        reference=spot.text("trace number", record[79:94]),
        counterparty=spot.text("name", record[54:76]) or None,
        text=spot.text("identification", record[39:54]) or None,
    )


def _addenda(state: _Reader, spot: Spot, record: str) -> None:
    if state.entry is None:
        raise spot.fault("record type", "an addenda record follows no entry")
    state.batch.records += 1
    match record[1:3]:
        case "99":
            state.entry = replace(state.entry, status="RETURN", reason=_code(spot, record[3:6], "R"))
        case "98":
            state.entry = replace(state.entry, status="CHANGE", reason=_code(spot, record[3:6], "C"), booked=False)
        case "05" | "02" | "10" | "11" | "12" | "13" | "14" | "15" | "16" | "17" | "18":
            pass
        case kind:
            raise spot.fault("addenda type", f"{kind!r} is not known")


def _code(spot: Spot, code: str, letter: str) -> str:
    if code[0] != letter or not (code[1:].isascii() and code[1:].isdigit()):
        raise spot.fault("reason code", f"{code!r} is not a code such as {letter}01")
    return code


def _finish(state: _Reader) -> Iterator[FileItem]:
    entry = state.entry
    state.entry = None
    if entry is not None:
        yield entry


def _close_file(state: _Reader, spot: Spot, record: str) -> Iterator[OwnTotalBroken]:
    if state.header is not None:
        raise spot.fault("record type", "the file ends before its batch does")
    yield from differences("file: batches", spot.whole("batch count", record[1:7]), state.batches)
    yield from state.file.broken("file", spot, (record[13:21], record[21:31], record[31:43], record[43:55]))
