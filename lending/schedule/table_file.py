"""Reads and writes CSV files; each fault names the file, line and column."""

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
    """The columns of a file in order, and its rows."""

    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]


def read_table(file: Path, needed: Iterable[str]) -> TableFile:
    """Read a file with at least these columns and one row; raises TableFault."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            return _read(file, lines, needed)
    except OSError as error:
        raise TableFault(file, error.strerror or "cannot be read") from error
    except UnicodeDecodeError as error:
        raise TableFault(file, f"is not UTF-8 at byte {error.start}") from error


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
    rows = []
    columns: tuple[str, ...] = ()
    line = 1
    try:
        for cells in reader:
            if not columns:
                columns = _columns(file, cells, needed)
            elif cells and len(cells) != len(columns):
                raise TableFault(file, f"{len(cells)} cells under {len(columns)} columns", line=line)
            elif cells:
                stripped = (cell.strip() for cell in cells)
                rows.append(TableRow(file, line, dict(zip(columns, stripped, strict=True))))
            line = reader.line_num + 1
    except csv.Error as error:
        raise TableFault(file, str(error), line=line) from error
    if not columns:
        raise TableFault(file, "is empty")
    if not rows:
        raise TableFault(file, "has columns and no row")
    return TableFile(columns, tuple(rows))


def _columns(file: Path, cells: Sequence[str], needed: Iterable[str]) -> tuple[str, ...]:
    columns = tuple(cell.strip() for cell in cells)
    for column in columns:
        if columns.count(column) > 1:
            raise TableFault(file, "occurs twice", line=1, column=column)
    for column in needed:
        if column not in columns:
            raise TableFault(file, "is missing", line=1, column=column)
    return columns
