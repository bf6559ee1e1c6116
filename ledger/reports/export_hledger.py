"""The posted books in hledger's plain text; an account is its kind and our own name, `asset:plan:p-1:principal`."""

from collections.abc import Iterable, Mapping
from datetime import date

from ledger.account import AccountKind
from ledger.books.posted_books import UsedAccount
from ledger.journal import Journal
from ledger.map.flows import money_map

_TYPES = {
    AccountKind.ASSET: "A",
    AccountKind.LIABILITY: "L",
    AccountKind.INCOME: "R",
    AccountKind.EXPENSE: "X",
    AccountKind.EQUITY: "E",
    AccountKind.MEMORANDUM: "E",
}


def account_name(name: str, kind: AccountKind) -> str:
    """The hledger name of an account.

    >>> account_name("plan:p-1:principal", AccountKind.ASSET)
    'asset:plan:p-1:principal'
    """
    return f"{kind}:{name}"


def own_name(account: str) -> str:
    """The name in our books of an hledger account."""
    return account.partition(":")[2]


def opening(accounts: Iterable[UsedAccount]) -> str:
    """Directives for the currencies' formats and for the accounts with their types."""
    accounts = tuple(accounts)
    currencies = sorted({balance.currency for account in accounts for balance in account.balances})
    lines = [f"commodity 1000.{'0' * currency.exponent} {currency}" for currency in currencies]
    lines += [f"account {account_name(each.name, each.kind)}  ; type: {_TYPES[each.kind]}" for each in accounts]
    return "\n".join([*lines, ""])


def entry(journal: Journal, kinds: Mapping[str, AccountKind]) -> str:
    """A journal as an hledger transaction; each transfer becomes a debit and a credit line."""
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
    """A transaction without amounts, at the end of the last day, that asserts every account's balance."""
    lines = ["", f"{last} * balances"]
    for account in accounts:
        name = account_name(account.name, account.kind)
        lines += [f"    {name}  0 {balance.currency} = {balance}" for balance in account.balances]
    return "\n".join([*lines, ""])


def _one_line(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n")
