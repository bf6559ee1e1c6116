"""Reads and writes CSV files; each fault names the file, line and column.

A row that cannot be read costs that row: it is refused by its line beside the others.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from terminal.fault import Fault


class TableFault(Fault, ValueError):
    """Raised for a file that cannot be read as it is; names the file and, where there is one, line and column."""

    def __init__(self, file: Path, reason: str, *, line: int | None = None, column: str | None = None) -> None:
        place = "".join([f", line {line}" if line else "", f", column {column}" if column else ""])
        super().__init__(f"{file}{place}: {reason}")
        self.file, self.line, self.column, self.reason = file, line, column, reason

    @property
    def row(self) -> "RefusedRow":
        """The fault as part of a report."""
        return RefusedRow(self.line or 0, self.column, self.reason)


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """The line, the column where there is one, and why the row was not worked out."""

    line: int
    column: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row and the line of the file on which it begins."""

    file: Path
    line: int
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    def get(self, column: str, missing: str = "") -> str:
        """A cell's text, or `missing` when the cell is empty or the column does not exist."""
        return self.cells.get(column) or missing

    def fault(self, column: str | None, reason: str) -> TableFault:
        return TableFault(self.file, reason, line=self.line, column=column)


@dataclass(frozen=True, slots=True)
class TableFile:
    """The columns of a file in order, its rows, and the rows that could not be read."""

    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
    refused: tuple[TableFault, ...] = ()


def read_table(file: Path, needed: Iterable[str]) -> TableFile:
    """Read a file with at least these columns and one row, readable or not; raises TableFault."""
    try:
        with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as lines:
            return _read(file, lines, needed)
    except OSError as error:
        raise TableFault(file, error.strerror or "cannot be read") from error


def read_whole_table(file: Path, needed: Iterable[str]) -> TableFile:
    """Like `read_table` for a file that counts as a whole or not at all: raises the fault of its first bad row."""
    table = read_table(file, needed)
    if table.refused:
        raise table.refused[0]
    return table


def write_table(file: Path, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> None:
    """Write a file atomically, so that a partial file is never visible; raises TableFault."""
    partial = file.with_name(f".{file.name}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="") as lines:
            writer = csv.DictWriter(lines, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        partial.replace(file)
    except OSError as error:
        raise TableFault(file, error.strerror or "cannot be written") from error


def _read(file: Path, lines: Iterable[str], needed: Iterable[str]) -> TableFile:
    reader = csv.reader(lines, strict=True)
    try:
        columns = _columns(file, next(reader), needed)
    except StopIteration:
        raise TableFault(file, "is empty") from None
    except csv.Error as error:
        raise TableFault(file, str(error), line=1) from error
    rows, refused = [], []
    while True:
        line = reader.line_num + 1
        try:
            row = _row(file, line, next(reader), columns)
        except StopIteration:
            break
        except csv.Error as error:
            refused.append(TableFault(file, str(error), line=line))
        except TableFault as fault:
            refused.append(fault)
        else:
            rows += [row] if row else []
    if not rows and not refused:
        raise TableFault(file, "has columns and no row")
    return TableFile(columns, tuple(rows), tuple(refused))


def _row(file: Path, line: int, cells: Sequence[str], columns: Sequence[str]) -> TableRow | None:
    """The row of these cells, or None for an empty line; raises TableFault."""
    if not cells:
        return None
    if len(cells) != len(columns):
        raise TableFault(file, f"{len(cells)} cells under {len(columns)} columns", line=line)
    for column, cell in zip(columns, cells, strict=True):
        if not _is_text(cell):
            raise TableFault(file, "is not UTF-8", line=line, column=column)
    return TableRow(file, line, {column: cell.strip() for column, cell in zip(columns, cells, strict=True)})


def _is_text(cell: str) -> bool:
    """False where bytes were no UTF-8 and stand in the text as surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in cell)


def _columns(file: Path, cells: Sequence[str], needed: Iterable[str]) -> tuple[str, ...]:
    columns = tuple(cell.strip() for cell in cells)
    if not all(map(_is_text, columns)):
        raise TableFault(file, "is not UTF-8", line=1)
    for column in columns:
        if columns.count(column) > 1:
            raise TableFault(file, "occurs twice", line=1, column=column)
    for column in needed:
        if column not in columns:
            raise TableFault(file, "is missing", line=1, column=column)
    return columns
