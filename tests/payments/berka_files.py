"""Contract files made straight from the original Berka tables, so that reconciliation is tested without a lake."""

import csv
import gzip
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

from data_contracts.catalog import contract
from data_contracts.files import write_rows


def table(folder: Path, pattern: str) -> Iterator[dict[str, str]]:
    for path in sorted(folder.glob(pattern)):
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file, delimiter=";")


def day_of(text: str) -> date:
    return date(1900 + int(text[:2]), int(text[2:4]), int(text[4:6]))


def minor(text: str) -> int:
    whole, _, part = text.partition(".")
    return int(whole) * 100 + int(part.ljust(2, "0") or 0)


def instant(day: date) -> datetime:
    return datetime.fromisoformat(f"{day.isoformat()}T00:00:00+00:00")


def write_loans(folder: Path, out: Path) -> int:
    """`granted_loan.v1` of every loan, the instalment from the account's UVER standing order."""
    orders = {
        row["account_id"]: minor(row["amount"]) for row in table(folder, "order.asc.gz") if row["k_symbol"] == "UVER"
    }
    rows = []
    for loan in table(folder, "loan*.asc.gz"):
        granted_on = day_of(loan["date"])
        rows.append(
            {
                "event_id": f"berka:loan:{loan['loan_id']}:granted",
                "event_type": "granted_loan.v1",
                "source": "berka",
                "occurred_at": instant(granted_on),
                "recorded_at": instant(granted_on + timedelta(days=1)),
                "loan_id": loan["loan_id"],
                "application_id": f"berka:loan:{loan['loan_id']}",
                "account_id": loan["account_id"],
                "granted_on": granted_on,
                "amount_minor": minor(loan["amount"]),
                "duration_months": int(loan["duration"]),
                "instalment_minor": orders[loan["account_id"]],
                "currency": "CZK",
            }
        )
    return write_rows(out, contract("granted_loan"), rows).rows


def write_repayments(folder: Path, out: Path) -> int:
    """`repayment_line.v1` of every UVER transaction of an account with a loan."""
    accounts = {loan["account_id"] for loan in table(folder, "loan*.asc.gz")}
    rows = [
        {
            "line_id": f"berka:trans:{row['trans_id']}",
            "account_id": row["account_id"],
            "booked_on": day_of(row["date"]),
            "amount_minor": minor(row["amount"]),
            "currency": "CZK",
            "reference": None,
            "source": "berka",
        }
        for row in table(folder, "trans_recovered*.asc.gz")
        if row["k_symbol"] == "UVER" and row["account_id"] in accounts
    ]
    return write_rows(out, contract("repayment_line"), rows).rows
