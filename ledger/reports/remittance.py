"""A merchant's remittance advice: what was sold, discounted, taxed, refunded, kept back and paid, and what is left."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import partial
from pathlib import Path

from ledger.account import Side
from ledger.books.account_entries import AccountEntries, moved
from ledger.books.store import Entry
from ledger.map.flow import Flow
from ledger.money import Currency, Money

COLUMNS = (
    "value_date", "kind", "entry_id", "order_id", "plan_id", "payout_id", "currency", "goods", "discount", "vat",
    "owed", "kept_back", "paid", "balance",
)  # fmt: skip


class RemittanceKind(StrEnum):
    """Why an amount is on the advice."""

    SALE = "sale"
    REFUND = "refund"
    DISPUTE = "dispute"
    PAYOUT = "payout"
    RETURNED_PAYOUT = "returned_payout"
    RESERVE = "reserve"
    OTHER = "other"


_KINDS: Mapping[str, RemittanceKind] = {
    Flow.PURCHASE_CAPTURED: RemittanceKind.SALE,
    Flow.TAXED_PURCHASE_CAPTURED: RemittanceKind.SALE,
    Flow.FOREIGN_PURCHASE: RemittanceKind.SALE,
    Flow.MERCHANT_SETTLED: RemittanceKind.PAYOUT,
    Flow.PAYOUT_RETURNED: RemittanceKind.RETURNED_PAYOUT,
    Flow.MERCHANT_RESERVE: RemittanceKind.RESERVE,
    Flow.REFUND_BEFORE_SETTLEMENT: RemittanceKind.REFUND,
    Flow.REFUND_AFTER_SETTLEMENT: RemittanceKind.REFUND,
    Flow.PARTIAL_REFUND: RemittanceKind.REFUND,
    Flow.REFUND_AFTER_CHARGE_OFF: RemittanceKind.REFUND,
    Flow.DISPUTE_OPENED: RemittanceKind.DISPUTE,
    Flow.DISPUTE_DECIDED: RemittanceKind.DISPUTE,
    Flow.FOREIGN_PURCHASE_REFUNDED: RemittanceKind.REFUND,
}
_GOODS = {RemittanceKind.SALE, RemittanceKind.REFUND, RemittanceKind.DISPUTE}


@dataclass(frozen=True, slots=True)
class RemittanceLine:
    """One entry as the merchant sees it; a refund's amounts are less than zero.

    `owed` is what it adds to what we owe: goods less discount and tax. `kept_back` goes to the reserve, `paid` is on
    its way to the merchant's bank, and `balance` is what we owe after it, less what the merchant owes us.
    """

    value_date: date
    kind: RemittanceKind
    entry_id: str
    order_id: str
    plan_id: str
    payout_id: str
    goods: Money
    discount: Money
    tax: Money
    owed: Money
    kept_back: Money
    paid: Money
    balance: Money


@dataclass(frozen=True, slots=True)
class Remittance:
    """A merchant's advice of a period and currency: it closes with opening plus owed less kept back less paid."""

    merchant_id: str
    first: date
    last: date
    opening: Money
    lines: tuple[RemittanceLine, ...]

    @property
    def currency(self) -> Currency:
        return self.opening.currency

    @property
    def closing(self) -> Money:
        return self.lines[-1].balance if self.lines else self.opening

    def total(self, column: str, *kinds: RemittanceKind) -> Money:
        """A column's sum, of lines of these kinds or of all."""
        wanted = [line for line in self.lines if not kinds or line.kind in kinds]
        return Money.total((getattr(line, column) for line in wanted), self.currency)


def remittances(books: AccountEntries, merchant_id: str, first: date, last: date) -> tuple[Remittance, ...]:
    """The advice of a period, one for each currency in which the merchant ever had an entry."""
    payable, receivable, reserve = (f"merchant:{merchant_id}:{name}" for name in ("payable", "receivable", "reserve"))
    entries = [entry for entry in books.entries_on((payable, receivable, reserve)) if entry.journal.value_date <= last]
    flows = {entry.journal.entry_id: entry.journal.flow for entry in entries}
    currencies = {transfer.amount.currency for entry in entries for transfer in entry.journal.transfers}
    found = []
    for currency in sorted(currencies):
        balance = opening = 0
        lines = []
        for entry in sorted(entries, key=lambda entry: entry.journal.value_date):  # stable: then as recorded
            owed = moved(entry, currency, Side.CREDIT, {payable, receivable, reserve}.__contains__)
            kept_back = moved(entry, currency, Side.CREDIT, reserve.__eq__)
            balance += owed - kept_back
            if entry.journal.value_date < first:
                opening = balance
            elif owed or kept_back:
                kind = _KINDS.get(flows.get(entry.reverses or entry.journal.entry_id, ""), RemittanceKind.OTHER)
                lines.append(_line(entry, kind, currency, owed, kept_back, balance))
        if lines or opening:
            found.append(Remittance(merchant_id, first, last, Money(opening, currency), tuple(lines)))
    return tuple(found)


def write_remittances(path: Path, advices: Sequence[Remittance]) -> None:
    """Write the lines as CSV, amounts as decimals."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(_row(line) for advice in advices for line in advice.lines)


def _line(  # noqa: PLR0917 - the one call above
    entry: Entry, kind: RemittanceKind, currency: Currency, owed: int, kept_back: int, balance: int
) -> RemittanceLine:
    of = partial(moved, entry, currency, Side.CREDIT)
    discount = tax = paid = 0
    if kind in _GOODS:
        discount, tax = of(_is_discount), of("tax:payable".__eq__)
    elif kind in {RemittanceKind.PAYOUT, RemittanceKind.RETURNED_PAYOUT}:
        owed, paid = 0, -owed
    ids: Mapping[str, str] = entry.journal.correlation
    return RemittanceLine(
        value_date=entry.journal.value_date,
        kind=kind,
        entry_id=entry.journal.entry_id,
        order_id=ids.get("order_id", ""),
        plan_id=ids.get("plan_id", ""),
        payout_id=ids.get("payout_id", ""),
        goods=Money(owed + discount + tax if kind in _GOODS else 0, currency),
        discount=Money(discount, currency),
        tax=Money(tax, currency),
        owed=Money(owed, currency),
        kept_back=Money(kept_back, currency),
        paid=Money(paid, currency),
        balance=Money(balance, currency),
    )


def _is_discount(account: str) -> bool:
    return account == "inc:discount" or account.endswith(":deferred_discount")


def _row(line: RemittanceLine) -> Iterator[str]:
    yield line.value_date.isoformat()
    yield line.kind.value
    yield line.entry_id
    yield line.order_id
    yield line.plan_id
    yield line.payout_id
    yield line.owed.currency.value
    for amount in (line.goods, line.discount, line.tax, line.owed, line.kept_back, line.paid, line.balance):
        yield amount.decimal
