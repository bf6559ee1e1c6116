"""The posted books in the plain-text format of beancount.

An account name is the root for its kind followed by our own name, part by part, in characters that beancount allows. A
part begins with a capital, and `_x` becomes `X` (`plan:p-1:interest_rcv` is `Assets:Plan:P-1:InterestRcv`). Every other
character becomes `X` and two hexadecimal digits for each of its UTF-8 bytes, so the name can be decoded.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from ledger.account import AccountKind
from ledger.books.posted_books import UsedAccount
from ledger.journal import Journal
from ledger.map.flows import money_map

_ROOTS = {
    AccountKind.ASSET: "Assets",
    AccountKind.LIABILITY: "Liabilities",
    AccountKind.INCOME: "Income",
    AccountKind.EXPENSE: "Expenses",
    AccountKind.EQUITY: "Equity",
    AccountKind.MEMORANDUM: "Equity",  # beancount has no sixth root; the account names keep the two kinds apart
}
_PLAIN = frozenset("abcdefghijklmnopqrstuvwyz")  # without x, because X begins an escape
_KEY = re.compile(r"[a-z][a-z0-9_]+")


def account_name(name: str, kind: AccountKind) -> str:
    """The beancount name of an account.

    >>> account_name("plan:berka-5314:interest_rcv", AccountKind.ASSET)
    'Assets:Plan:Berka-5314:InterestRcv'
    >>> account_name("merchant:Acme.x:payable", AccountKind.LIABILITY)
    'Liabilities:Merchant:X41cmeX2ex:Payable'
    """
    return ":".join((_ROOTS[kind], *(_part(part) for part in name.split(":"))))


def own_name(account: str) -> str:
    """The name in our books of a beancount account.

    >>> own_name("Liabilities:Merchant:X41cmeX2ex:Payable")
    'merchant:Acme.x:payable'
    """
    return ":".join(_own_part(part) for part in account.split(":")[1:])


def opening(accounts: Iterable[UsedAccount]) -> str:
    """Directives that open the accounts, each on its first value date."""
    lines = ['option "title" "Tranche"', ""]
    for account in accounts:
        currencies = ",".join(balance.currency for balance in account.balances)
        lines.append(f"{account.since} open {account_name(account.name, account.kind)} {currencies}")
        lines.append(f"  account: {_text(account.name)}")
    return "\n".join([*lines, ""])


def entry(journal: Journal, kinds: Mapping[str, AccountKind]) -> str:
    """A journal as a beancount transaction; each transfer becomes a debit and a credit line."""
    flow = money_map().flows.get(journal.flow)
    lines = [
        "",
        f"{journal.value_date} * {_text(journal.flow)} {_text('' if flow is None else flow.title)}",
        f"  entry: {_text(journal.entry_id)}",
        f"  recorded-at: {_text(journal.recorded_at.isoformat())}",
        f"  occurred-at: {_text(journal.occurred_at.isoformat())}",
    ]
    for key, value in sorted(journal.correlation.items()):
        # A key that beancount cannot read, or that equals one of the keys above, is written as a comment.
        fits = _KEY.fullmatch(key) is not None and key != "entry"
        lines.append(f"  {key}: {_text(value)}" if fits else f"  ; {_text(f'{key}: {value}')}")
    for transfer in journal.transfers:
        lines.append(f"  {account_name(transfer.debit, kinds[transfer.debit])}  {transfer.amount}")
        lines.append(f"  {account_name(transfer.credit, kinds[transfer.credit])}  {-transfer.amount}")
    return "\n".join([*lines, ""])


def closing(accounts: Iterable[UsedAccount], last: date) -> str:
    """Assertions of every account's exact balance at the start of the day after the last one."""
    lines = [""]
    for account in accounts:
        name = account_name(account.name, account.kind)
        for balance in account.balances:
            number, currency = str(balance).split()
            lines.append(f"{last + timedelta(days=1)} balance {name}  {number} ~ 0 {currency}")
    return "\n".join([*lines, ""])


def _part(part: str) -> str:
    first, rest = part[0], part[1:]
    begun = first.upper() if first in _PLAIN else first if first.isdecimal() and first.isascii() else _bytes(first)
    return begun + re.sub(r"_[a-wyz]|[^a-z0-9-]", lambda found: _inside(found[0]), rest)


def _inside(found: str) -> str:
    return found[1].upper() if len(found) > 1 else _bytes(found)


def _bytes(character: str) -> str:
    return "".join(f"X{byte:02x}" for byte in character.encode())


def _own_part(part: str) -> str:
    own = bytearray()
    for position, found in enumerate(re.finditer(r"X[0-9a-f]{2}|.", part)):
        token = found[0]
        if len(token) > 1:
            own.append(int(token[1:], 16))
        elif token.isupper():
            own += (token.lower() if position == 0 else f"_{token.lower()}").encode()
        else:
            own += token.encode()
    return own.decode()


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
