"""The payout file, which instructs our bank to pay: one row for each payout."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from data_contracts.files import FileFault
from ledger.money import Currency, Money
from payments.files.control_file import FileContent, read_controlled, refuse_repeated, write_controlled
from payments.ids import PayoutId, RefundPaymentId

COLUMNS = ("payout_id", "payee_id", "amount_minor", "currency", "requested_on")


@dataclass(frozen=True, slots=True)
class Payout:
    """One amount to one payee: a merchant, or a shopper's bank account.

    The bank statement shows `payout_id` as the reference of the debit.
    """

    payout_id: PayoutId | RefundPaymentId
    payee_id: str
    amount: Money
    requested_on: date


def write_payouts(path: Path, payouts: Iterable[Payout]) -> None:
    """Write the payouts in the order of their ids."""
    write_controlled(
        path,
        COLUMNS,
        (
            {
                "payout_id": payout.payout_id,
                "payee_id": payout.payee_id,
                "amount_minor": payout.amount.minor,
                "currency": payout.amount.currency.value,
                "requested_on": payout.requested_on.isoformat(),
            }
            for payout in sorted(payouts, key=lambda payout: payout.payout_id)
        ),
    )


def read_payouts(content: FileContent) -> list[Payout]:
    """All payouts of the file; raises FileFault."""
    path = content.path
    payouts = []
    rows = read_controlled(content, COLUMNS)
    refuse_repeated(content, rows, "payout_id")
    for row in rows:
        code = row.text(path, "currency")
        currency = Currency.of(code)
        if currency is None:
            raise FileFault(path, row.line, "currency", f"{code!r} is not a currency we know")
        amount = Money(row.whole(path, "amount_minor"), currency)
        if amount.minor <= 0:
            raise FileFault(path, row.line, "amount_minor", f"{amount.minor} is not greater than zero")
        payouts.append(
            Payout(
                PayoutId(row.text(path, "payout_id")),
                row.text(path, "payee_id"),
                amount,
                row.day(content, "requested_on"),
            )
        )
    return payouts
