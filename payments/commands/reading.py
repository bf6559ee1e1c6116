"""Command line: read the files of banks and providers without taking them."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from payments.commands.arguments import LONGEST_LIST
from terminal.report import Report, reporting


@reporting()
def read(
    file: Annotated[Path, typer.Argument(help="A payment file, or with --table a folder of them.")],
    *,
    table: Annotated[bool, typer.Option("--table", help="One row of a Markdown table for each file.")] = False,
) -> Report:
    """Read a payment file of any format that is known, and show its figures; exit 1 when its own totals do not hold."""
    from payments.files.world.file_table import TABLE_HEADER, rows_of_folder
    from payments.files.world.read_payment_file import read_payment_file, summarise
    from payments.settings import max_file_bytes

    if table:
        rows = list(rows_of_folder(file, max_file_bytes()))
        return Report([asdict(row) for row in rows], [TABLE_HEADER, *(row.markdown for row in rows)])
    summary = summarise(*read_payment_file(file, max_file_bytes()))

    def shown() -> Iterator[str]:
        yield f"{summary.format}: {len(summary.accounts):,} accounts, {summary.entries:,} entries"
        for key, amount in summary.sums.items():
            yield f"  booked {key} {amount}"
        for balance in summary.balances[:LONGEST_LIST]:
            yield f"  balance {balance.kind} {balance.amount} {balance.currency} {balance.on or ''}".rstrip()
        for name, counts in (("status", summary.statuses), ("reason", summary.reasons)):
            for code, count in counts.items():
                yield f"  {name} {code} {count:,}"
        for broken in summary.breaks:
            yield f"  E26 {broken.what}: the file says {broken.says}, its entries say {broken.found}"

    return Report(summary, shown(), exit_code=1 if summary.breaks else 0)
