"""CSV files by which money is settled: a header, rows, and a control row with the number of rows and their total.

The control row is `#control,<rows>,<total_minor>`; the total adds up amounts without their signs, so that a lost pair
of opposite rows is detected. Files are read whole or refused, and written atomically.
"""

import csv
import hashlib
import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, TypeVar

from data_contracts.files import FileFault
from payments.files.outside_value import day_in_range, day_of, line_of_text, whole_of

CONTROL = "#control"
AMOUNT = "amount_minor"

Row = Mapping[str, str]
T = TypeVar("T")


@dataclass(frozen=True)
class FileContent:
    """The content of a file, read piece by piece: its name, and the hash of its bytes, which identifies the file.

    No row may have a day after `latest`, the day on which the file came: a mistyped year is no money of the future.
    With `raw`, that is the content instead of what is on the disk.
    """

    path: Path
    raw: bytes | None = None
    latest: date = date.max

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the bytes, as first read."""
        return self._digest_now()

    @classmethod
    def of(cls, path: Path, *, latest: date = date.max, max_bytes: int | None = None) -> "FileContent":
        """The file; raises FileFault if it cannot be read, is too large, or has a name that cannot be stored."""
        try:
            path.name.encode("utf-8")
        except UnicodeEncodeError as error:
            raise FileFault(Path(ascii(path.name).strip("'")), 0, "(file)", "its name is not UTF-8") from error
        try:
            size = path.stat().st_size
            if max_bytes is not None and size > max_bytes:
                raise FileFault(path, 0, "(file)", f"has {size:,} bytes; at most {max_bytes:,} are read")
            content = cls(path, None, latest)
            assert content.digest, "the file can be read"
        except OSError as error:
            raise FileFault(path, 0, "(file)", error.strerror or str(error)) from error
        return content

    def open(self) -> BinaryIO:
        return self.path.open("rb") if self.raw is None else io.BytesIO(self.raw)

    def begin(self, length: int) -> bytes:
        """The first bytes."""
        with self.open() as file:
            return file.read(length)

    def parts(self, length: int) -> Iterator[bytes]:
        """The bytes in parts of at most `length`; none of an empty file."""
        with self.open() as file:
            while part := file.read(length):
                yield part

    def check_unchanged(self) -> None:
        """Raise FileFault if the bytes are no longer those of the hash: somebody wrote while the file was read."""
        if self._digest_now() != self.digest:
            raise FileFault(self.path, 0, "(file)", "changed while it was read")

    def text(self) -> io.TextIOWrapper:
        """The content as text, with or without a byte order mark; see `not_utf8` for what is no UTF-8."""
        return io.TextIOWrapper(self.open(), encoding="utf-8-sig", newline="")

    def not_utf8(self) -> FileFault:
        """The fault that names the first line which is not UTF-8."""
        with self.open() as file:
            for number, line in enumerate(file, 1):
                try:
                    line.decode("utf-8")
                except UnicodeDecodeError:
                    return FileFault(self.path, number, "(file)", "not UTF-8")
        return FileFault(self.path, 0, "(file)", "changed while it was read")

    def _digest_now(self) -> str:
        found = hashlib.sha256()
        for part in self.parts(1024 * 1024):
            found.update(part)
        return found.hexdigest()

    def dated(self, line: int, column: str, day: date) -> date:
        """The day of a row; raises FileFault if it is outside the days we keep, or after the file came."""
        try:
            day_in_range(day)
        except ValueError as error:
            raise FileFault(self.path, line, column, str(error)) from error
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
        """An integer in minor units, with an optional minus sign, within the amounts we keep."""
        return self._read(path, column, whole_of)

    def day(self, content: FileContent, column: str) -> date:
        """An ISO date that is not after the file came."""
        return content.dated(self.line, column, self._read(content.path, column, day_of))

    def later_day(self, path: Path, column: str) -> date:
        """An ISO date that may be after the file came, such as the day on which interest starts."""
        return self._read(path, column, day_of)

    def _read(self, path: Path, column: str, convert: Callable[[str], T]) -> T:
        try:
            return convert(self.values[column])
        except ValueError as error:
            raise FileFault(path, self.line, column, str(error)) from error


def read_controlled(content: FileContent, columns: Sequence[str]) -> list[NumberedRow]:
    """The rows of a file. Any fault in the header, a row or the control row raises FileFault with line and field."""
    return list(controlled_rows(content, columns))


def controlled_rows(content: FileContent, columns: Sequence[str]) -> Iterator[NumberedRow]:
    """Like `read_controlled`, row by row. They count only once the last one was read, because of the control row."""
    path = content.path
    lines = _csv_lines(content)
    line, header = next(lines, (1, None))
    if header is None:
        raise FileFault(path, 1, "(header)", "the file is empty")
    if header != list(columns):
        raise FileFault(path, 1, "(header)", f"found {header}, needed {list(columns)}")
    count = total = 0
    number, behind = line, header
    for line, values in lines:
        if behind is not header:
            row = _row(path, columns, number, behind)
            count, total = count + 1, total + abs(row.whole(path, AMOUNT))
            yield row
        number, behind = line, values
    if behind[:1] != [CONTROL]:
        raise FileFault(path, line, "(control row)", f"the file does not end with {CONTROL}: it was cut short")
    if behind != [CONTROL, str(count), str(total)]:
        found = f"{CONTROL},{count},{total}"
        raise FileFault(path, line, "(control row)", f"says {','.join(behind)!r}, the rows say {found!r}")


def _csv_lines(content: FileContent) -> Iterator[tuple[int, list[str]]]:
    with content.text() as text:
        reader = csv.reader(text, strict=True)
        try:
            for row in reader:
                yield reader.line_num, row
        except csv.Error as error:
            raise FileFault(content.path, reader.line_num, "(row)", str(error)) from error
        except UnicodeDecodeError as error:
            raise content.not_utf8() from error


def refuse_repeated(content: FileContent, rows: Iterable[NumberedRow], column: str) -> None:
    """Raise FileFault if two rows of the file have the same value in the column that identifies a row."""
    seen: dict[str, int] = {}
    for row in rows:
        value = row.values[column]
        if value in seen:
            raise FileFault(content.path, row.line, column, f"{value!r} stands on line {seen[value]} too")
        seen[value] = row.line


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
    if not "".join(row).isprintable():
        row = [_printable(path, line, column, text) for column, text in zip(columns, row, strict=True)]
    return NumberedRow(line, dict(zip(columns, row, strict=True)))


def _printable(path: Path, line: int, column: str, text: str) -> str:
    try:
        return line_of_text(text)
    except ValueError as error:
        raise FileFault(path, line, column, str(error)) from error
