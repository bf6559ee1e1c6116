"""An outside file before it is parsed: its size, its encoding, and the door that every value of it passes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

from data_contracts.files import FileFault
from ledger.money import Currency
from payments.files.world.item import OwnTotalBroken

HEAD_BYTES = 64 * 1024
LONGEST_LINE = 64 * 1024
LONGEST_TEXT = 4096
LARGEST_AMOUNT = Decimal(10**15)
FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2100, 12, 31)
UTF8_BOM = b"\xef\xbb\xbf"

_AMOUNT = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,5})?")
_DAY = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]{1,12})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")
_DIGITS = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Spot:
    """A line of a file. Reads its values strictly, and raises FileFault with file, line and field for any other."""

    path: Path
    line: int

    def fault(self, field: str, reason: str) -> FileFault:
        return FileFault(self.path, self.line, field, reason)

    def text(self, field: str, value: str) -> str:
        """Text with single blanks, without control characters."""
        if value.isalnum() and len(value) <= LONGEST_TEXT:
            return value
        if len(value) > LONGEST_TEXT:
            raise self.fault(field, f"text of {len(value):,} characters; at most {LONGEST_TEXT:,} are read")
        if not value.isprintable() and _CONTROL.search(value):
            raise self.fault(field, f"{_shown(value)} has a control character")
        return " ".join(value.split())

    def needed(self, field: str, value: str | None) -> str:
        """Text that must not be empty."""
        read = self.text(field, value or "")
        if not read:
            raise self.fault(field, "is missing")
        return read

    def amount(self, field: str, value: str | None) -> Decimal:
        """An amount without a sign, of at most five decimals and at most 10^15."""
        if value is None or not _AMOUNT.fullmatch(value):
            value = self.needed(field, value)
        if not _AMOUNT.fullmatch(value):
            raise self.fault(field, f"{_shown(value)} is not an amount such as 2452.00")
        read = Decimal(value)
        if read > LARGEST_AMOUNT:
            raise self.fault(field, f"{value} is larger than 10^15")
        return read

    def minor(self, field: str, value: str | None, decimals: int) -> Decimal:
        """An amount written without a decimal point, whose last `decimals` digits are decimals."""
        return self.amount(field, str(self.whole(field, value))).scaleb(-decimals)

    def whole(self, field: str, value: str | None) -> int:
        """A whole number of ASCII digits without a sign."""
        value = self.needed(field, value)
        if not _DIGITS.fullmatch(value):
            raise self.fault(field, f"{_shown(value)} is not a whole number")
        return int(value)

    def currency(self, field: str, value: str | None) -> str:
        """The code of an active currency."""
        value = self.needed(field, value)
        if Currency.of(value) is None:
            raise self.fault(field, f"{_shown(value)} is not a currency that is known")
        return value

    def day(self, field: str, value: str | None) -> date:
        """The day of an ISO date or time, from 1990 to 2100."""
        value = self.needed(field, value)
        match = _DAY.fullmatch(value)
        if match is None:
            raise self.fault(field, f"{_shown(value)} is not a date such as 2026-02-28")
        year, month, day, hour, minute, second = match.groups()
        if hour is not None and (int(hour) > 23 or int(minute) > 59 or int(second) > 60):
            raise self.fault(field, f"{_shown(value)} is not a time of a day")
        return self.calendar_day(field, int(year), int(month), int(day))

    def short_day(self, field: str, value: str | None) -> date:
        """The day of six digits, YYMMDD; 90 to 99 are years of the last century."""
        value = self.needed(field, value)
        if len(value) != 6 or not _DIGITS.fullmatch(value):
            raise self.fault(field, f"{_shown(value)} is not a day as YYMMDD")
        year = int(value[:2])
        return self.calendar_day(field, year + (1900 if year >= 90 else 2000), int(value[2:4]), int(value[4:]))

    def ordinal_day(self, field: str, value: str | None) -> date:
        """The day of five digits, YYDDD: the year and the number of the day in it."""
        value = self.needed(field, value)
        if len(value) != 5 or not _DIGITS.fullmatch(value):
            raise self.fault(field, f"{_shown(value)} is not a day as YYDDD")
        year, number = int(value[:2]) + (1900 if int(value[:2]) >= 90 else 2000), int(value[2:])
        day = date(year, 1, 1) + timedelta(days=number - 1)
        if number < 1 or day.year != year:
            raise self.fault(field, f"{value} is not a day: {year} has no day {number}")
        return self.calendar_day(field, day.year, day.month, day.day)

    def second(self, field: str, value: object) -> date:
        """The day of a moment in seconds since 1970, in UTC."""
        if type(value) is not int or not 0 <= value < 2**32:
            raise self.fault(field, f"{_shown(str(value))} is not a moment in seconds since 1970")
        moment = datetime.fromtimestamp(value, UTC)
        return self.calendar_day(field, moment.year, moment.month, moment.day)

    def calendar_day(self, field: str, year: int, month: int, day: int) -> date:
        try:
            read = date(year, month, day)
        except ValueError as error:
            raise self.fault(field, f"{year:04}-{month:02}-{day:02} is not a day") from error
        if not FIRST_DAY <= read <= LAST_DAY:
            raise self.fault(field, f"{read} is not between {FIRST_DAY.year} and {LAST_DAY.year}")
        return read


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of the world that was not refused for its size, with its first bytes."""

    path: Path
    size: int
    head: bytes

    @classmethod
    def of(cls, path: Path, max_bytes: int) -> "SourceFile":
        """Look at the file; raises FileFault if it cannot be read, is empty or is larger than the limit."""
        try:
            if not path.is_file():
                raise FileFault(path, 0, "(file)", "is not a file")
            size = path.stat().st_size
            if size > max_bytes:
                raise FileFault(path, 0, "(file)", f"has {size:,} bytes; at most {max_bytes:,} are read")
            with path.open("rb") as file:
                head = file.read(HEAD_BYTES)
        except OSError as error:
            raise FileFault(path, 0, "(file)", error.strerror or str(error)) from error
        if not head.strip():
            raise FileFault(path, 0, "(file)", "the file is empty")
        return cls(path, size, head)

    def at(self, line: int) -> Spot:
        return Spot(self.path, line)

    def open(self) -> BinaryIO:
        return self.path.open("rb")

    def lines(self) -> Iterator[tuple[int, str]]:
        """The lines with their numbers, without their ends; UTF-8 with or without BOM, LF or CRLF."""
        with self.open() as file:
            number = 0
            while raw := file.readline(LONGEST_LINE + 1):
                number += 1
                if len(raw) > LONGEST_LINE:
                    raise self.at(number).fault("(line)", f"is longer than {LONGEST_LINE:,} bytes")
                if number == 1:
                    raw = raw.removeprefix(UTF8_BOM)
                try:
                    text = raw.decode("utf-8").rstrip("\r\n")
                except UnicodeDecodeError as error:
                    raise self.at(number).fault("(line)", "is not UTF-8") from error
                if not text.isprintable() and _CONTROL.search(text):
                    raise self.at(number).fault("(line)", "has a control character")
                yield number, text


def differences(what: str, says: object, found: object) -> Iterator[OwnTotalBroken]:
    """A broken total, unless the file says what was found."""
    if says != found:
        yield OwnTotalBroken(what, str(says), str(found))


def plain_decimal(amount: Decimal) -> str:
    """The same figure in one spelling: 8.850 and 8.85 are equal.

    >>> plain_decimal(Decimal("8.850")), plain_decimal(Decimal("2700.00"))
    ('8.85', '2700')
    """
    text = f"{amount + 0:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _shown(value: str) -> str:
    return repr(value if len(value) <= 40 else f"{value[:40]}…")
