"""The files that lending and payments take from the curated lake."""

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from data_contracts.catalog import contract
from data_contracts.files import read_rows
from pipelines.curation.export_loans import export_loans
from pipelines.curation.export_statement import export_statement
from pipelines.lake.memory import MemoryTables
from pipelines.lake.table import MissingTable
from tests.pipelines.lake.lake import an_event

REPAYMENT = {"purpose": "loan_instalment", "direction": "debit", "operation": "transfer_out"}


def a_loan(loan_id: str, account_id: str, **values: Any) -> dict[str, Any]:
    values = {"application_id": f"berka:loan:{loan_id}"} | values
    return an_event("granted_loan", f"berka:granted:{loan_id}", account_id, loan_id=loan_id, **values)


def a_bank_transaction(event_id: str, account_id: str, **values: Any) -> dict[str, Any]:
    return an_event("bank_transaction", event_id, account_id, **values)


def a_lake(loans: list[dict[str, Any]], bank_transactions: list[dict[str, Any]]) -> MemoryTables:
    tables = MemoryTables()
    tables.write("curated.granted_loans", pa.Table.from_pylist(loans))
    tables.write("curated.bank_transactions", pa.Table.from_pylist(bank_transactions))
    return tables


def test_every_granted_loan_is_in_the_file_in_the_order_of_granting(tmp_path: Path) -> None:
    later = a_loan("1", "11", granted_on=date(1996, 5, 2), amount_minor=30_000_00)
    earlier = a_loan("2", "12", granted_on=date(1995, 5, 2), amount_minor=20_000_00)
    tables = a_lake([later, earlier], [a_bank_transaction("t", "11")])

    report = export_loans(tables, tmp_path / "loans.csv")

    rows = read_rows(tmp_path / "loans.csv", contract("granted_loan"))
    assert (report.loans, report.total_minor) == (2, 50_000_00)
    assert [row["loan_id"] for row in rows] == ["2", "1"]
    columns = [column.name for column in contract("granted_loan").columns]
    assert rows[1] == {name: later[name] for name in columns}


def test_the_statement_holds_the_repayments_of_accounts_with_a_loan(tmp_path: Path) -> None:
    line = a_bank_transaction("berka:trans:9", "808", booked_on=date(1996, 2, 12), amount_minor=4_500_00, **REPAYMENT)
    tables = a_lake(
        [a_loan("1", "808")],
        [
            a_bank_transaction("other account", "909", **REPAYMENT),
            a_bank_transaction("other purpose", "808", **{**REPAYMENT, "purpose": "household"}),
            a_bank_transaction("other direction", "808", **{**REPAYMENT, "direction": "credit"}),
            line,
        ],
    )

    report = export_statement(tables, tmp_path / "lines.csv")

    assert (report.lines, report.total_minor, report.accounts, report.on_other_accounts) == (1, 4_500_00, 1, 1)
    assert read_rows(tmp_path / "lines.csv", contract("repayment_line")) == [
        {
            "line_id": "berka:trans:9",
            "account_id": "808",
            "booked_on": date(1996, 2, 12),
            "amount_minor": 4_500_00,
            "currency": "CZK",
            "reference": None,
            "source": "berka",
        }
    ]


def test_the_same_rows_give_the_same_bytes_whatever_their_order_in_the_lake(tmp_path: Path) -> None:
    loans = [a_loan(str(n), str(n), granted_on=date(1995, 1, 1 + n % 3)) for n in range(9)]
    lines = [
        a_bank_transaction(f"t{n}", str(n % 9), booked_on=date(1996, 1, 1 + n % 5), **REPAYMENT) for n in range(40)
    ]
    written = []
    for name, tables in {"a": a_lake(loans, lines), "b": a_lake(loans[::-1], lines[::-1])}.items():
        export_loans(tables, tmp_path / name / "loans.csv")
        export_statement(tables, tmp_path / name / "lines.csv")
        written.append([(tmp_path / name / file).read_bytes() for file in ("loans.csv", "lines.csv")])

    assert written[0] == written[1]


@pytest.mark.parametrize("export", [export_loans, export_statement])
def test_before_the_first_curation_an_export_says_what_to_run(export: Any, tmp_path: Path) -> None:
    with pytest.raises(MissingTable, match=r"curated\.granted_loans holds nothing yet; run `tranche pipelines curate`"):
        export(MemoryTables(), tmp_path / "file.csv")

    assert list(tmp_path.iterdir()) == []
