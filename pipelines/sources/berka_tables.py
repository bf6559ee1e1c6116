"""The files of the Berka data set: which must exist, and their rows with file and line number.

They have the original layout: fields separated by semicolons, text in double quotes, one header line, CRLF, no
semicolon or quote inside a text. Files are plain or gzipped. A table may have several files.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol, TypeVar

from pipelines.sources.source import Reject, SourceFault

SOURCE = "berka"
DELIMITER = ";"


@dataclass(frozen=True, slots=True)
class BerkaTable:
    """A table: its header, and the names of its files without `.asc` or `.asc.gz`."""

    name: str
    header: tuple[str, ...]
    stems: tuple[str, ...]


# The original trans.asc is read before recovered parts of it, so for an id in both the original row is kept.
_TRANS = "trans_id account_id date type operation amount balance k_symbol bank account"
TABLES = {
    table.name: table
    for table in (
        BerkaTable("account", ("account_id", "district_id", "frequency", "date"), ("account",)),
        BerkaTable("client", ("client_id", "birth_number", "district_id"), ("client",)),
        BerkaTable("disp", ("disp_id", "client_id", "account_id", "type"), ("disp",)),
        BerkaTable("district", tuple(f"A{number}" for number in range(1, 17)), ("district",)),
        BerkaTable("order", ("order_id", "account_id", "bank_to", "account_to", "amount", "k_symbol"), ("order",)),
        BerkaTable("card", ("card_id", "disp_id", "type", "issued"), ("card",)),
        BerkaTable("loan", ("loan_id", "account_id", "date", "amount", "duration", "payments", "status"), ("loan*",)),
        BerkaTable("trans", tuple(_TRANS.split()), ("trans", "trans_recovered*")),
    )
}


class RowRefused(Exception):
    """Raised for a row that cannot become an event; the reader of the table turns it into a Reject."""


class Identified(Protocol):
    """A parsed row with an id; two rows with the same id must be equal."""

    @property
    def id(self) -> int:
        """The id in the source."""
        ...


Parsed = TypeVar("Parsed", bound=Identified)


@dataclass(frozen=True, slots=True)
class TableContent:
    """A file's decoded lines, identified by a hash of the text, whether or not the file is compressed."""

    path: Path
    sha256: str
    lines: list[str]

    def rows(self) -> Iterator[tuple[int, str]]:
        """Each line after the header with its number, without the empty one after the last line feed."""
        last = len(self.lines) - 1 if self.lines[-1] == "" else len(self.lines)
        return ((number, self.lines[number - 1].removesuffix("\r")) for number in range(2, last + 1))


def find_table_file(folder: Path) -> dict[str, list[Path]]:
    """The files of every table; raises SourceFault, which names tables without a file."""
    if not folder.is_dir():
        raise SourceFault(folder, None, "no such folder")
    files = {table.name: _files_of(table, folder) for table in TABLES.values()}
    if missing := [TABLES[name] for name, found in files.items() if not found]:
        names = ", ".join(" or ".join(f"{stem}.asc[.gz]" for stem in table.stems) for table in missing)
        raise SourceFault(folder, None, f"no file {names}")
    return files


def _files_of(table: BerkaTable, folder: Path) -> list[Path]:
    return [path for stem in table.stems for end in ("asc", "asc.gz") for path in sorted(folder.glob(f"{stem}.{end}"))]


def read_table_file(path: Path, table: BerkaTable) -> TableContent:
    """Read a whole file and check its encoding and layout; raises SourceFault."""
    try:
        raw = path.read_bytes()
        data = gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise SourceFault(path, None, f"cannot be read: {error}") from error
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SourceFault(path, line, f"byte 0x{data[error.start]:02x} is no UTF-8 text") from error
    lines = text.split("\n")
    header = tuple(name.strip('"') for name in lines[0].removesuffix("\r").split(DELIMITER))
    if header != table.header:
        raise SourceFault(path, 1, _wrong_header(lines[0], table))
    return TableContent(path, sha256(data).hexdigest(), lines)


def _wrong_header(line: str, table: BerkaTable) -> str:
    found = line.removesuffix("\r")
    for other in (",", "\t", "|"):
        if tuple(name.strip('"') for name in found.split(other)) == table.header:
            return f"the delimiter is {other!r}, needed {DELIMITER!r}"
    return f"the header of table {table.name} must be {DELIMITER.join(table.header)}, found {found[:200]!r}"


def split(line: str, width: int) -> list[str]:
    """A line's fields without their quotes; raises RowRefused unless there are `width` complete fields."""
    fields = line.split(DELIMITER)
    if len(fields) != width:
        raise RowRefused(f"{len(fields)} columns, needed {width}")
    if '"' in line:
        fields = [text[1:-1] if len(text) > 1 and text[0] == '"' == text[-1] else text for text in fields]
        if any('"' in text for text in fields):
            raise RowRefused("a quote that is not around a whole field")
    return fields


class TableReader:
    """Reads tables of one folder and collects refused rows."""

    def __init__(self, files: dict[str, list[Path]]) -> None:
        self._files = files
        self.rejects: list[Reject] = []

    def check(self, name: str) -> None:
        """Check the layout of the table's files without parsing their rows, which are not used."""
        for path in self._files[name]:
            read_table_file(path, TABLES[name])

    def rows(self, name: str, parse: Callable[[list[str]], Parsed]) -> dict[int, Parsed]:
        """All rows of the table by id. Repeated rows count once; a different row with a known id is refused."""
        table = TABLES[name]
        kept: dict[int, Parsed] = {}
        for path in self._files[name]:
            content = read_table_file(path, table)
            for line, text in content.rows():
                try:
                    row = parse(split(text, len(table.header)))
                except RowRefused as refusal:
                    self._refuse(content, line, text, str(refusal))
                    continue
                known = kept.setdefault(row.id, row)
                if known is not row and known != row:
                    reason = f"{table.header[0]} {row.id} was already given with another row"
                    self._refuse(content, line, text, reason)
        return kept

    def _refuse(self, content: TableContent, line: int, text: str, reason: str) -> None:
        self.rejects.append(Reject(SOURCE, content.path.name, content.sha256, line, reason, text))
