"""The posted books in hledger's words: an account is its kind and then its own name, `asset:plan:p-1:principal`."""

from collections.abc import Iterable, Mapping
from datetime import date

from ledger.account import Kind
from ledger.books.posted_books import UsedAccount
from ledger.journal import Journal
from ledger.map.flows import money_map

_TYPES = {
    Kind.ASSET: "A",
    Kind.LIABILITY: "L",
    Kind.INCOME: "R",
    Kind.EXPENSE: "X",
    Kind.EQUITY: "E",
    Kind.MEMORANDUM: "E",
}


def account_name(name: str, kind: Kind) -> str:
    """An account's name as hledger takes it.

    >>> account_name("plan:p-1:principal", Kind.ASSET)
    'asset:plan:p-1:principal'
    """
    return f"{kind}:{name}"


def own_name(account: str) -> str:
    """The account's name in our books."""
    return account.partition(":")[2]


def opening(accounts: Iterable[UsedAccount]) -> str:
    """The currencies' form and the accounts, each with its type."""
    accounts = tuple(accounts)
    currencies = sorted({balance.currency for account in accounts for balance in account.balances})
    lines = [f"commodity 1000.{'0' * currency.exponent} {currency}" for currency in currencies]
    lines += [f"account {account_name(each.name, each.kind)}  ; type: {_TYPES[each.kind]}" for each in accounts]
    return "\n".join([*lines, ""])


def entry(journal: Journal, kinds: Mapping[str, Kind]) -> str:
    """A journal; each transfer is its debit and its credit."""
    flow = money_map().flows.get(journal.flow)
    described = {
        "entry": journal.entry_id,
        "recorded-at": journal.recorded_at.isoformat(),
        "occurred-at": journal.occurred_at.isoformat(),
        **dict(sorted(journal.correlation.items())),
    }
    lines = ["", f"{journal.value_date} * {journal.flow} {'' if flow is None else flow.title}".rstrip()]
    lines += [f"    ; {key}: {_one_line(value)}" for key, value in described.items()]
    for transfer in journal.transfers:
        lines.append(f"    {account_name(transfer.debit, kinds[transfer.debit])}  {transfer.amount}")
        lines.append(f"    {account_name(transfer.credit, kinds[transfer.credit])}  {-transfer.amount}")
    return "\n".join([*lines, ""])


def closing(accounts: Iterable[UsedAccount], last: date) -> str:
    """A transaction of nothing at the end of the last day that asserts what every account must hold."""
    lines = ["", f"{last} * balances"]
    for account in accounts:
        name = account_name(account.name, account.kind)
        lines += [f"    {name}  0 {balance.currency} = {balance}" for balance in account.balances]
    return "\n".join([*lines, ""])


def _one_line(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n")
