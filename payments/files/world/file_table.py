"""A table of the payment files of a folder: what each one was read to, or why it was refused."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from data_contracts.files import FileFault
from payments.files.world.read_payment_file import FileSummary, read_payment_file, summarise

NOT_PAYMENT_FILES = {"README.md", "manifest.json"}
TABLE_HEADER = "| file | format | entries | booked | own totals that do not hold |\n|---|---|---:|---|---|"


@dataclass(frozen=True, slots=True)
class FileRow:
    """One row; `own_totals` says which do not hold, or why the file was refused."""

    file: str
    format: str
    entries: int | None
    booked: str
    own_totals: str

    @property
    def markdown(self) -> str:
        entries = "" if self.entries is None else f"{self.entries:,}"
        cells = (self.file, self.format, entries, self.booked, self.own_totals)
        return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def rows_of_folder(folder: Path, max_bytes: int) -> Iterator[FileRow]:
    """A row for each file under the folder, in the order of their names; raises FileFault if it is no folder."""
    if not folder.is_dir():
        raise FileFault(folder, 0, "(folder)", "is not a folder")
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in NOT_PAYMENT_FILES):
        name = path.relative_to(folder).as_posix()
        try:
            summary = summarise(*read_payment_file(path, max_bytes))
        except FileFault as fault:
            yield FileRow(name, "", None, "", f"refused: line {fault.line}: {fault.field}: {fault.reason}")
        else:
            yield _row(name, summary)


def _row(name: str, summary: FileSummary) -> FileRow:
    booked = ", ".join(f"{key} {amount}" for key, amount in summary.sums.items())
    broken = "; ".join(f"{each.what.rpartition(': ')[2]} {each.says}, found {each.found}" for each in summary.breaks)
    return FileRow(name, summary.format, summary.entries, booked, f"E26: {broken}" if broken else "none")
