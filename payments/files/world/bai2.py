"""Reads BAI2, the balance report of banks in North America: records of fields between commas.

Trailers add up all amounts with their signs and count records at three levels. Amounts have no decimal point: the
currency of the account, or else of the group, says how many decimals they have.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from ledger.money import Currency
from payments.files.world.item import Direction, FileAccount, FileEntry, FileItem, OwnTotalBroken, ReportedBalance
from payments.files.world.source_file import SourceFile, Spot, differences

OPENING_LEDGER, CLOSING_LEDGER = "010", "015"
# An 88 goes on with the record before it. A 16 ends in free text, where commas and slashes are text.
CONTINUATION, TEXT_RECORD = "88", "16"
RECORDS = {"01", "02", "03", TEXT_RECORD, "49", CONTINUATION, "98", "99"}
GROUP_STATUSES = {"1": "UPDATE", "2": "DELETION", "3": "CORRECTION", "4": "TEST"}

_SIGNED = re.compile(r"[+-]?[0-9]{1,18}")


@dataclass(slots=True)
class _Report:
    """Where in the file, group and account the reader is, and the sums of each level."""

    level: int = 0
    records: int = 0
    groups: int = 0
    file_total: int = 0
    group_records: int = 0
    group_accounts: int = 0
    group_total: int = 0
    group_currency: str = "USD"
    group_status: str = "1"
    group_day: date | None = None
    account: str = ""
    account_records: int = 0
    account_total: int = 0
    currency: str = "USD"
    number: int = 0
    net: int = 0
    opening: int | None = None
    closing: int | None = None


def read_bai2(source: SourceFile) -> Iterator[FileItem]:
    """The accounts, balances and transactions of every group, and what of the trailers does not hold."""
    report = _Report()
    spot = source.at(0)
    for spot, physical, fields in _records(source):
        if report.level == -1:
            raise spot.fault("record code", "a record comes after the file trailer")
        report.records += physical
        report.group_records += physical
        report.account_records += physical
        yield from _read(report, spot, fields, physical)
    if report.level != -1:
        raise spot.fault("(file)", "ends without a file trailer: it was cut short")


def _records(source: SourceFile) -> Iterator[tuple[Spot, int, list[str]]]:
    """Logical records: their first line, the number of physical records, and their fields."""
    begun: tuple[Spot, int, list[str]] | None = None
    for number, line in source.lines():
        spot, text = source.at(number), line.rstrip()
        if not text:
            continue
        code = text[:2]
        if code not in RECORDS or text[2:3] not in (",", "/"):
            raise spot.fault("record code", f"{text[:3]!r} is not a record of BAI2")
        if code == CONTINUATION:
            if begun is None:
                raise spot.fault("record code", "a file does not begin with a continuation")
            first, physical, fields = begun
            begun = (first, physical + 1, _completed(fields) + _fields(text[3:]))
            continue
        if begun is not None:
            yield begun
        begun = (spot, 1, _fields(text))
    if begun is not None:
        yield begun


def _fields(text: str) -> list[str]:
    return [field.strip() for field in text.removesuffix("/").split(",")]


def _completed(fields: list[str]) -> list[str]:
    """Fields before a continuation: a slash may have cut off empty ones of the last summary of an account."""
    if fields[0] != "03" or {"S", "V", "D"} & set(fields[3:]):
        return fields
    return fields + [""] * (-(len(fields) - 3) % 4)


def _read(report: _Report, spot: Spot, fields: list[str], physical: int) -> Iterator[FileItem]:
    match fields[0]:
        case "01" if report.level == 0 and report.records == physical:
            spot.short_day("file creation date", _field(fields, 3))
            if _field(fields, 8) not in ("2", ""):
                raise spot.fault("version", f"{_field(fields, 8)!r} is not 2")
            report.level = 1
        case "02" if report.level == 1:
            _begin_group(report, spot, fields, physical)
        case "03" if report.level == 2:
            yield from _begin_account(report, spot, fields, physical)
        case "16" if report.level == 3:
            yield from _transaction(report, spot, fields)
        case "49" if report.level == 3:
            yield from _end_account(report, spot, fields)
        case "98" if report.level == 2:
            total, accounts, records = (_signed(spot, "group trailer", _field(fields, place)) for place in (1, 2, 3))
            what = f"group {report.groups}"
            yield from differences(f"{what}: control total", total, report.group_total)
            yield from differences(f"{what}: accounts", accounts, report.group_accounts)
            yield from differences(f"{what}: records", records, report.group_records)
            report.file_total += total
            report.level = 1
        case "99" if report.level == 1:
            total, groups, records = (_signed(spot, "file trailer", _field(fields, place)) for place in (1, 2, 3))
            yield from differences("file: control total", total, report.file_total)
            yield from differences("file: groups", groups, report.groups)
            yield from differences("file: records", records, report.records)
            report.level = -1
        case code:
            raise spot.fault("record code", f"a record {code} is out of place")


def _begin_group(report: _Report, spot: Spot, fields: list[str], physical: int) -> None:
    status = _field(fields, 3)
    if status not in GROUP_STATUSES:
        raise spot.fault("group status", f"{status[:20]!r} is not known")
    report.group_status = status
    report.group_day = spot.short_day("as-of date", _field(fields, 4))
    report.group_currency = spot.currency("group currency", _field(fields, 6) or "USD")
    report.groups += 1
    report.group_records, report.group_accounts, report.group_total = physical, 0, 0
    report.level = 2


def _begin_account(report: _Report, spot: Spot, fields: list[str], physical: int) -> Iterator[FileItem]:
    report.account = spot.needed("account", _field(fields, 1))
    report.currency = spot.currency("account currency", _field(fields, 2) or report.group_currency)
    report.account_records, report.account_total, report.number = physical, 0, 0
    report.net, report.opening, report.closing = 0, None, None
    report.group_accounts += 1
    report.level = 3
    yield FileAccount(report.account)
    place = 3
    while place < len(fields):
        code, text = fields[place], _field(fields, place + 1)
        if not code and not text:
            place += 4
            continue
        if not re.fullmatch(r"[0-9]{3}", code):
            raise spot.fault("type code", f"{code[:20]!r} is not a type of three digits")
        amount = _signed(spot, f"amount of {code}", text or "0")
        report.account_total += amount
        place += 3 + _funds(spot, fields, place + 3)
        if code < "100" and text:
            if code == OPENING_LEDGER:
                report.opening = amount
            if code == CLOSING_LEDGER:
                report.closing = amount
            value = _value(spot, amount, report.currency)
            yield ReportedBalance(report.account, code, value, report.currency, report.group_day)


def _funds(spot: Spot, fields: list[str], place: int) -> int:
    """The number of fields of a funds type at this place, with what it brings along."""
    match _field(fields, place):
        case "" | "0" | "1" | "2" | "Z":
            return 1
        case "V":
            return 3
        case "S":
            return 4
        case "D":
            return 2 + 2 * spot.whole("number of distributions", _field(fields, place + 1))
        case kind:
            raise spot.fault("funds type", f"{kind[:20]!r} is not known")


def _transaction(report: _Report, spot: Spot, fields: list[str]) -> Iterator[FileItem]:
    code = _field(fields, 1)
    if not re.fullmatch(r"[0-9]{3}", code):
        raise spot.fault("type code", f"{code[:20]!r} is not a type of three digits")
    text = _field(fields, 2)
    amount = _signed(spot, "amount", text or "0")
    if amount < 0:
        raise spot.fault("amount", f"{amount} has a sign, which a transaction's type gives it")
    place = 3 + _funds(spot, fields, 3)
    report.account_total += amount
    report.number += 1
    direction = _direction(spot, code)
    if direction is None:
        if amount:
            raise spot.fault("type code", f"{code} is no movement but has the amount {amount}")
        return
    booked = report.group_status in ("1", "3")
    report.net += amount if direction is Direction.CREDIT else -amount
    yield FileEntry(
        line=spot.line,
        statement=f"group {report.groups}",
        number=report.number,
        amount=_value(spot, amount, report.currency),
        currency=report.currency,
        direction=direction,
        status="BOOK" if booked else GROUP_STATUSES[report.group_status],
        booked=booked,
        account=report.account,
        booked_on=report.group_day,
        reference=spot.text("reference", _field(fields, place)) or None,
        text=spot.text("text", ",".join(fields[place + 2 :])) or None,
    )


def _direction(spot: Spot, code: str) -> Direction | None:
    """The direction of a type of transaction; None for one that is information only."""
    match int(code):
        case kind if 100 <= kind <= 399 or 920 <= kind <= 959:
            return Direction.CREDIT
        case kind if 400 <= kind <= 699 or 960 <= kind <= 999:
            return Direction.DEBIT
        case 890:
            return None
        case kind if 700 <= kind <= 799:
            raise spot.fault("type code", f"{code} is a movement of a loan, which is not read")
        case _:
            raise spot.fault("type code", f"{code} is not the type of a transaction")


def _end_account(report: _Report, spot: Spot, fields: list[str]) -> Iterator[OwnTotalBroken]:
    total, records = (_signed(spot, "account trailer", _field(fields, place)) for place in (1, 2))
    what = f"account {report.account}"
    yield from differences(f"{what}: control total", total, report.account_total)
    yield from differences(f"{what}: records", records, report.account_records)
    if report.opening is not None and report.closing is not None and report.group_status in ("1", "3"):
        yield from differences(f"{what}: closing ledger balance", report.closing, report.opening + report.net)
    report.group_total += total
    report.level = 2


def _value(spot: Spot, amount: int, currency: str) -> Decimal:
    value = spot.minor("amount", str(abs(amount)), Currency(currency).exponent)
    return value if amount >= 0 else -value


def _signed(spot: Spot, name: str, text: str) -> int:
    if not _SIGNED.fullmatch(text):
        raise spot.fault(name, f"{text[:40]!r} is not a whole number")
    return int(text)


def _field(fields: list[str], place: int) -> str:
    return fields[place] if place < len(fields) else ""
