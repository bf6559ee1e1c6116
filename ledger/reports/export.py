"""Act: export the posted books as plain text for another accounting program, which checks the balances."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from ledger.books.posted_books import PostedBooks
from ledger.reports import export_beancount, export_hledger


class Format(StrEnum):
    """A program whose plain-text format can be written."""

    BEANCOUNT = "beancount"
    HLEDGER = "hledger"


@dataclass(frozen=True, slots=True)
class Exported:
    """The numbers of entries, transfers and accounts written."""

    entries: int
    transfers: int
    accounts: int


_DIALECTS = {Format.BEANCOUNT: export_beancount, Format.HLEDGER: export_hledger}


def export(books: PostedBooks, form: Format, write: Callable[[str], object], *, as_of: date | None = None) -> Exported:
    """Write every posted journal valued up to `as_of`, then assertions of each account's final balance."""
    dialect = _DIALECTS[form]
    accounts = books.used_accounts(as_of)
    kinds = {account.name: account.kind for account in accounts}
    entries = transfers = 0
    last = date.min
    write(dialect.opening(accounts))
    for journal in books.journals(as_of):
        write(dialect.entry(journal, kinds))
        entries += 1
        transfers += len(journal.transfers)
        last = max(last, journal.value_date)
    if entries:
        write(dialect.closing(accounts, last))
    return Exported(entries, transfers, len(accounts))
