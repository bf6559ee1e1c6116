"""The books at the end of a run: both sides per currency, balances by account of the chart, and what money moved."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ledger.account import Kind
from ledger.flows import money_map
from ledger.money import Currency
from ledger.store import Act, Books, Entry
from ledger.store import Ledger as LedgerPort
from tranche.details import Balance, Flow
from tranche.summary import Ledger, Totals

_PLACEHOLDER = re.compile(r":?\{[a-z_]+\}")
# The books' word for it would not fit a picture.
_KINDS = {Kind.MEMORANDUM: "memo"}


class LedgerAndBooks(LedgerPort, Books, Protocol):
    """Books that can be read by account and as a whole."""


@dataclass(frozen=True, slots=True)
class BookRun:
    """The summary's section on the books, and what the report draws of them."""

    summary: Ledger
    balances: tuple[Balance, ...]
    flows: tuple[Flow, ...]
    entries: tuple[Entry, ...]


def read_books(books: LedgerAndBooks, *, verified: bool) -> BookRun:
    """Read everything posted. Debits and credits are summed from the accounts' own counters, not from transfers."""
    posted = posted_entries(books.entries(correlation={}))
    balances = _balances(books, posted)
    totals: dict[str, Totals] = {}
    for balance in balances:
        before = totals.get(balance.currency, Totals(0, 0))
        totals[balance.currency] = Totals(
            before.debits_minor + balance.debits_minor, before.credits_minor + balance.credits_minor
        )
    transfers = sum(len(entry.journal.transfers) for entry in posted)
    summary = Ledger(entries=len(posted), transfers=transfers, totals=totals, verified=verified)
    return BookRun(summary, balances, _flows(posted), tuple(posted))


def posted_entries(entries: Iterable[Entry]) -> list[Entry]:
    """The entries that moved money; a hold only reserves it."""
    return [entry for entry in entries if entry.act is not Act.HOLD]


def form_of(account: str) -> str:
    """An account's line on the chart, without the names of single plans, shoppers or merchants.

    >>> form_of("plan:p-1:principal"), form_of("bank:main"), form_of("suspense:unapplied")
    ('plan:principal', 'bank', 'suspense:unapplied')
    """
    return _PLACEHOLDER.sub("", money_map().account_type(account).pattern)


def _balances(books: LedgerAndBooks, posted: Sequence[Entry]) -> tuple[Balance, ...]:
    accounts = {
        (name, transfer.amount.currency)
        for entry in posted
        for transfer in entry.journal.transfers
        for name in (transfer.debit, transfer.credit)
    }
    sums: dict[tuple[str, str, Currency], list[int]] = defaultdict(lambda: [0, 0])
    for name, currency in sorted(accounts):
        counters = books.balance(name, currency)
        kind = money_map().account_type(name).kind
        line = sums[_KINDS.get(kind, kind.value), form_of(name), currency]
        line[0] += counters.debits_posted
        line[1] += counters.credits_posted
    return tuple(
        Balance(form, kind, currency.value, debits, credits_)
        for (kind, form, currency), (debits, credits_) in sorted(sums.items())
    )


def _flows(posted: Sequence[Entry]) -> tuple[Flow, ...]:
    moved: dict[tuple[str, str, str], tuple[int, int, set[str]]] = {}
    for entry in posted:
        for transfer in entry.journal.transfers:
            key = (form_of(transfer.debit), form_of(transfer.credit), transfer.amount.currency.value)
            amount, times, names = moved.get(key, (0, 0, set()))
            moved[key] = (amount + transfer.amount.minor, times + 1, names | {entry.journal.flow})
    return tuple(
        Flow(debit, credit, currency, amount, times, tuple(sorted(names)))
        for (debit, credit, currency), (amount, times, names) in sorted(moved.items())
    )
