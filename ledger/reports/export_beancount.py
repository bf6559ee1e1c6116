"""The posted books in beancount's words.

An account is its kind's root and then its own name, part by part, in letters that beancount allows: a part begins with
a capital and `_x` becomes `X` (`plan:p-1:interest_rcv` is `Assets:Plan:P-1:InterestRcv`); every character that this
leaves without a place is `X` and the two digits of each of its UTF-8 bytes. The way back is therefore one.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from ledger.account import Kind
from ledger.books.posted_books import UsedAccount
from ledger.journal import Journal
from ledger.map.flows import money_map

_ROOTS = {
    Kind.ASSET: "Assets",
    Kind.LIABILITY: "Liabilities",
    Kind.INCOME: "Income",
    Kind.EXPENSE: "Expenses",
    Kind.EQUITY: "Equity",
    Kind.MEMORANDUM: "Equity",  # beancount has no sixth root; the names tell the two apart
}
_PLAIN = frozenset("abcdefghijklmnopqrstuvwyz")  # x is left out: X begins an escape
_KEY = re.compile(r"[a-z][a-z0-9_]+")


def account_name(name: str, kind: Kind) -> str:
    """An account's name as beancount takes it.

    >>> account_name("plan:berka-5314:interest_rcv", Kind.ASSET)
    'Assets:Plan:Berka-5314:InterestRcv'
    >>> account_name("merchant:Acme.x:payable", Kind.LIABILITY)
    'Liabilities:Merchant:X41cmeX2ex:Payable'
    """
    return ":".join((_ROOTS[kind], *(_part(part) for part in name.split(":"))))


def own_name(account: str) -> str:
    """The account's name in our books.

    >>> own_name("Liabilities:Merchant:X41cmeX2ex:Payable")
    'merchant:Acme.x:payable'
    """
    return ":".join(_own_part(part) for part in account.split(":")[1:])


def opening(accounts: Iterable[UsedAccount]) -> str:
    """The accounts, each from the first day of a posting."""
    lines = ['option "title" "Tranche"', ""]
    for account in accounts:
        currencies = ",".join(balance.currency for balance in account.balances)
        lines.append(f"{account.since} open {account_name(account.name, account.kind)} {currencies}")
        lines.append(f"  account: {_text(account.name)}")
    return "\n".join([*lines, ""])


def entry(journal: Journal, kinds: Mapping[str, Kind]) -> str:
    """A journal; each transfer is its debit and its credit."""
    flow = money_map().flows.get(journal.flow)
    lines = [
        "",
        f"{journal.value_date} * {_text(journal.flow)} {_text('' if flow is None else flow.title)}",
        f"  entry: {_text(journal.entry_id)}",
        f"  recorded-at: {_text(journal.recorded_at.isoformat())}",
        f"  occurred-at: {_text(journal.occurred_at.isoformat())}",
    ]
    for key, value in sorted(journal.correlation.items()):
        # A key that beancount cannot read, or that would be read as one of the above, keeps its place in a text.
        fits = _KEY.fullmatch(key) is not None and key != "entry"
        lines.append(f"  {key}: {_text(value)}" if fits else f"  ; {_text(f'{key}: {value}')}")
    for transfer in journal.transfers:
        lines.append(f"  {account_name(transfer.debit, kinds[transfer.debit])}  {transfer.amount}")
        lines.append(f"  {account_name(transfer.credit, kinds[transfer.credit])}  {-transfer.amount}")
    return "\n".join([*lines, ""])


def closing(accounts: Iterable[UsedAccount], last: date) -> str:
    """What every account must hold when the day after the last one begins, to the smallest unit."""
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
