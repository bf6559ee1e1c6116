"""The files that provider and bank exchange with us, in their own code: rows with a control row, and payout orders.

The form is an agreement between the parties (`#control,<rows>,<total>` ends a file); the code on each side of it is
that side's own.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

END = "#control"
ORDER_COLUMNS = ["payout_id", "payee_id", "amount_minor", "currency", "requested_on"]


class OrderFileRefused(Exception):
    """Raised by the bank for a file of orders that it does not carry out, with the reason."""


@dataclass(frozen=True, slots=True)
class PaymentOrder:
    """An order to the bank to pay one payee from our account."""

    payout_id: str
    payee_id: str
    amount_minor: int
    currency: str
    requested_on: date


def write_ended_rows(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write rows and the row that ends them; the same rows give the same bytes."""
    told = [[row[column] for column in columns] for row in rows]
    amount = list(columns).index("amount_minor")
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.unfinished")
    with draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([columns, *told, [END, len(told), sum(abs(int(str(row[amount]))) for row in told)]])
    draft.replace(path)


def cut_short(path: Path, cut: Path) -> None:
    """Write the file again without its last row, as when a transfer breaks off."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    cut.write_text("".join(lines[:-1]), encoding="utf-8")


def read_bank_orders(path: Path) -> list[PaymentOrder]:
    """The orders of a file; raises OrderFileRefused for one that is not whole, and then none is carried out."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    if not rows or rows[0] != ORDER_COLUMNS:
        raise OrderFileRefused(f"{path}: it does not begin with {','.join(ORDER_COLUMNS)}")
    if rows[-1][:1] != [END]:
        raise OrderFileRefused(f"{path}: the file does not end with {END}: it was cut short")
    try:
        orders = [
            PaymentOrder(payout, payee, int(amount), code, date.fromisoformat(day))
            for payout, payee, amount, code, day in rows[1:-1]
        ]
    except ValueError as error:
        raise OrderFileRefused(f"{path}: {error}") from error
    if rows[-1][1:] != [str(len(orders)), str(sum(abs(each.amount_minor) for each in orders))]:
        raise OrderFileRefused(f"{path}: its last row does not agree with its {len(orders)} orders")
    if any(each.amount_minor <= 0 for each in orders):
        raise OrderFileRefused(f"{path}: an amount is not greater than zero")
    return orders
