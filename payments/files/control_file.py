"""CSV files by which money is settled: a header, rows, and a control row with the number of rows and their total.

The control row is `#control,<rows>,<total_minor>`; the total adds up amounts without their signs, so that a lost pair
of opposite rows is detected. Files are read whole or refused, and written atomically.
"""

import csv
import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from data_contracts.files import FileFault

CONTROL = "#control"
AMOUNT = "amount_minor"

Row = Mapping[str, str]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FileContent:
    """The content of a file, read once: its name, its bytes, and their hash, which identifies the file.

    No row may have a day after `latest`, the day on which the file came: a mistyped year is no money of the future.
    """

    path: Path
    raw: bytes
    latest: date = date.max

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.raw).hexdigest()

    @classmethod
    def of(cls, path: Path, *, latest: date = date.max) -> "FileContent":
        """Read the file; raises FileFault if it cannot be read."""
        try:
            return cls(path, path.read_bytes(), latest)
        except OSError as error:
            raise FileFault(path, 0, "(file)", error.strerror or str(error)) from error

    def dated(self, line: int, column: str, day: date) -> date:
        """The day of a row; raises FileFault if it is after the file came."""
        if day > self.latest:
            raise FileFault(self.path, line, column, f"{day} is after {self.latest}, the day on which the file came")
        return day


def last_begun_day(at: datetime) -> date:
    """The latest day that has begun anywhere at a moment, 14 hours ahead of UTC: banks date rows by their own clocks.

    >>> str(last_begun_day(datetime(2026, 3, 31, 10, tzinfo=UTC)))
    '2026-04-01'
    """
    return (at.astimezone(UTC) + timedelta(hours=14)).date()


@dataclass(frozen=True, slots=True)
class NumberedRow:
    """A row by column, with its line number in the file."""

    line: int
    values: Row

    def text(self, path: Path, column: str) -> str:
        """The value of a column; raises FileFault if it is empty."""
        if not self.values[column]:
            raise FileFault(path, self.line, column, "is empty")
        return self.values[column]

    def whole(self, path: Path, column: str) -> int:
        """An integer in minor units, with an optional sign."""
        return self._read(path, column, int, "not a whole number")

    def day(self, content: FileContent, column: str) -> date:
        """An ISO date that is not after the file came."""
        read = self._read(content.path, column, date.fromisoformat, "not a date such as 2026-02-28")
        return content.dated(self.line, column, read)

    def _read(self, path: Path, column: str, convert: Callable[[str], T], trouble: str) -> T:
        text = self.values[column]
        try:
            return convert(text)
        except ValueError as error:
            raise FileFault(path, self.line, column, f"{text!r} is {trouble}") from error


def read_controlled(content: FileContent, columns: Sequence[str]) -> list[NumberedRow]:
    """The rows of a file. Any fault in the header, a row or the control row raises FileFault with line and field."""
    path = content.path
    try:
        text = content.raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.raw[: error.start].count(b"\n") + 1
        raise FileFault(path, line, "(file)", "not UTF-8") from error
    reader = csv.reader(text.splitlines(), strict=True)
    try:
        lines = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise FileFault(path, reader.line_num, "(row)", str(error)) from error
    if not lines:
        raise FileFault(path, 1, "(header)", "the file is empty")
    if lines[0][1] != list(columns):
        raise FileFault(path, 1, "(header)", f"found {lines[0][1]}, needed {list(columns)}")
    last_line, control = lines[-1]
    if control[:1] != [CONTROL]:
        raise FileFault(path, last_line, "(control row)", f"the file does not end with {CONTROL}: it was cut short")
    rows = [_row(path, columns, line, row) for line, row in lines[1:-1]]
    total = sum(abs(row.whole(path, AMOUNT)) for row in rows)
    if control != [CONTROL, str(len(rows)), str(total)]:
        found = f"{CONTROL},{len(rows)},{total}"
        raise FileFault(path, last_line, "(control row)", f"says {','.join(control)}, the rows say {found}")
    return rows


def write_controlled(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write the rows and their control row. Deterministic: the same rows give the same bytes."""
    written = list(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    with unfinished.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([[row[column] for column in columns] for row in written])
        writer.writerow([CONTROL, len(written), sum(abs(int(str(row[AMOUNT]))) for row in written)])
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def _row(path: Path, columns: Sequence[str], line: int, row: list[str]) -> NumberedRow:
    if len(row) != len(columns):
        raise FileFault(path, line, "(row)", f"{len(row)} columns, needed {len(columns)}")
    return NumberedRow(line, dict(zip(columns, row, strict=True)))
