"""Act: export granted loans from the curated lake to a contract's file, from which lending opens plans."""

from dataclasses import dataclass
from pathlib import Path

from data_contracts.catalog import contract
from data_contracts.files import write_rows
from pipelines.lake.table import Tables, the_newest

LOANS = "curated.granted_loans"


@dataclass(frozen=True, slots=True)
class LoansFile:
    """The file written and the snapshot it was made from. `total_minor` is the sum of the amounts lent."""

    path: Path
    loans: int
    total_minor: int
    snapshot_id: int


def export_loans(tables: Tables, out: Path) -> LoansFile:
    """Write every granted loan, in the order of granting. The same snapshot gives the same bytes.

    Raises MissingTable before the first curation.
    """
    granted_loan = contract("granted_loan")
    snapshot = the_newest(tables, LOANS)
    columns = [column.name for column in granted_loan.columns]
    loans = tables.read(LOANS, columns, snapshot_id=snapshot.snapshot_id, equal={}).to_pylist()
    loans.sort(key=lambda loan: (loan["granted_on"], loan["loan_id"]))
    control = write_rows(out, granted_loan, loans)
    return LoansFile(out, control.rows, control.total_minor, snapshot.snapshot_id)
