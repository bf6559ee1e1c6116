"""Files of a contract: CSV with a header, one row per record, and a control row at the end.

The control row `#control,<rows>,<total_minor>` shows whether a file was cut short.
A file is read whole or not at all.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from data_contracts.contract import Contract
from data_contracts.quarantine import Typed, typed, violations_of
from terminal.fault import Fault

CONTROL = "#control"
AMOUNT = "amount_minor"


class FileFault(Fault):
    """A contract's file cannot be read; names the file, the line and the field."""

    def __init__(self, file: Path, line: int, field: str, reason: str) -> None:
        super().__init__(f"{file}: line {line}: {field}: {reason}")
        self.file = file
        self.line = line
        self.field = field
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Control:
    """The content of the control row: the number of rows, and the sum of their amounts in minor units."""

    rows: int
    total_minor: int


def write_rows(path: Path, contract: Contract, rows: Iterable[Mapping[str, object]]) -> Control:
    """Write the rows and their control row; the file appears whole or, on a fault, not at all.

    Rows hold values of the contract's types (int, float, bool, date, datetime with UTC, str) or None.
    """
    names = [column.name for column in contract.columns]
    count = total = 0
    unfinished = path.with_name(f".{path.name}.unfinished")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(names)
            for row in rows:
                texts = {name: _text(row.get(name)) for name in names}
                if broken := violations_of(contract, texts):
                    raise FileFault(path, count + 2, broken[0].column, f"{broken[0].value!r} breaks {broken[0].rule}")
                writer.writerow(["" if texts[name] is None else texts[name] for name in names])
                count += 1
                total += int(texts.get(AMOUNT) or 0)
            writer.writerow([CONTROL, count, total])
        os.replace(unfinished, path)  # noqa: PTH105 - the one call that is atomic on every platform
    finally:
        unfinished.unlink(missing_ok=True)
    return Control(count, total)


def read_rows(path: Path, contract: Contract) -> list[dict[str, Typed | None]]:
    """All rows of the file with values of the contract's types; any fault raises FileFault."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise FileFault(path, 0, "(file)", error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise FileFault(path, line, "(file)", "not UTF-8") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        lines = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise FileFault(path, reader.line_num, "(row)", str(error)) from error
    if not lines:
        raise FileFault(path, 1, "(header)", "the file is empty")
    names = [column.name for column in contract.columns]
    if lines[0][1] != names:
        raise FileFault(path, 1, "(header)", f"found {lines[0][1]}, needed {names}")
    control_line, control_row = lines[-1]
    if not control_row or control_row[0] != CONTROL:
        raise FileFault(path, control_line, "(control row)", f"the file does not end with {CONTROL}: it was cut short")
    rows = [_row(path, contract, line, names, row) for line, row in lines[1:-1]]
    _check_control(path, control_line, control_row, rows)
    _check_keys(path, contract, lines[1:-1], rows)
    return rows


def _row(path: Path, contract: Contract, line: int, names: Sequence[str], row: list[str]) -> dict[str, Typed | None]:
    if len(row) != len(names):
        raise FileFault(path, line, "(row)", f"{len(row)} columns, needed {len(names)}")
    texts = {name: value or None for name, value in zip(names, row, strict=True)}
    if broken := violations_of(contract, texts):
        raise FileFault(path, line, broken[0].column, f"{broken[0].value!r} breaks {broken[0].rule}")
    return {
        column.name: None if (text := texts[column.name]) is None else typed(column.type, text)
        for column in contract.columns
    }


def _check_control(path: Path, line: int, control: list[str], rows: Sequence[Mapping[str, object]]) -> None:
    found = [CONTROL, str(len(rows)), str(sum(_amount(row) for row in rows))]
    if control != found:
        raise FileFault(path, line, "(control row)", f"says {','.join(control)!r}, the rows say {','.join(found)!r}")


def _check_keys(
    path: Path, contract: Contract, lines: Sequence[tuple[int, list[str]]], rows: Sequence[Mapping[str, object]]
) -> None:
    seen: dict[tuple[object, ...], int] = {}
    for (line, _), row in zip(lines, rows, strict=True):
        key = tuple(row[name] for name in contract.key)
        if key in seen:
            raise FileFault(path, line, contract.key[0], f"{key[0]!r} is already on line {seen[key]}")
        seen[key] = line


def _amount(row: Mapping[str, object]) -> int:
    amount = row.get(AMOUNT)
    return amount if isinstance(amount, int) else 0


def _text(value: object) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
