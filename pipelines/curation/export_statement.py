"""Act: export repayments on loan accounts from the curated lake to a contract's file, for payments to reconcile."""

from dataclasses import dataclass
from pathlib import Path

from data_contracts.catalog import contract
from data_contracts.files import write_rows
from pipelines.lake.table import Tables, the_newest

BANK_TRANSACTIONS = "curated.bank_transactions"
LOANS = "curated.granted_loans"
# A repayment is a debit of the shopper's account with this purpose, as given by the bank.
REPAYMENT = {"purpose": "loan_instalment", "direction": "debit"}
COLUMNS = ("event_id", "account_id", "booked_on", "amount_minor", "currency", "reference", "source", *REPAYMENT)


@dataclass(frozen=True, slots=True)
class StatementFile:
    """The file written. `on_other_accounts`: repayments without a granted loan, which were left out."""

    path: Path
    lines: int
    total_minor: int
    accounts: int
    on_other_accounts: int
    snapshot_id: int


def export_statement(tables: Tables, out: Path) -> StatementFile:
    """Write every repayment of an account with a granted loan, by day; a line has the id of its bank transaction.

    The same snapshots give the same bytes. Raises MissingTable before the first curation.
    """
    loans, snapshot = the_newest(tables, LOANS), the_newest(tables, BANK_TRANSACTIONS)
    granted = tables.read(LOANS, ["account_id"], snapshot_id=loans.snapshot_id, equal={})
    borrowers = set(granted["account_id"].to_pylist())
    repayments = tables.read(BANK_TRANSACTIONS, COLUMNS, snapshot_id=snapshot.snapshot_id, equal=REPAYMENT).to_pylist()
    lines = [{**row, "line_id": row["event_id"]} for row in repayments if row["account_id"] in borrowers]
    lines.sort(key=lambda line: (line["booked_on"], line["line_id"]))
    control = write_rows(out, contract("repayment_line"), lines)
    return StatementFile(
        path=out,
        lines=control.rows,
        total_minor=control.total_minor,
        accounts=len({line["account_id"] for line in lines}),
        on_other_accounts=len(repayments) - len(lines),
        snapshot_id=snapshot.snapshot_id,
    )
