"""Reads a bank's statement in a format of the world (camt.053, MT940, BAI2) into lines, and checks its balances.

Interim reports and notices (camt.052, camt.054) tell of movements that a statement tells too, and files of orders or of
providers are no statement: they are refused here, and `tranche payments read` shows them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from data_contracts.files import FileFault
from ledger.money import Currency, Money
from payments.files.bank_statement import StatementFault, key_of_reference
from payments.files.control_file import FileContent
from payments.files.line import FileLine, ParsedFile, StatementHead
from payments.files.world.item import Direction, EntryDetail, FileEntry, FileItem, OwnTotalBroken, ReportedBalance
from payments.files.world.read_payment_file import read_payment_file
from payments.line_key import LineKind

STATEMENTS = ("camt.053", "mt940", "bai2")
_OPENING, _CLOSING = ("OPBD", "PRCD", "opening", "010"), ("CLBD", "closing", "015")
_NO_REFERENCE = {"NOTPROVIDED", "NONREF", "NONE"}


def looks_like_json(raw: bytes) -> bool:
    """Whether a file begins like JSON, which providers write and banks do not; `{1:` begins a SWIFT message."""
    begin = raw[:80].removeprefix(b"\xef\xbb\xbf").lstrip()
    return begin[:1] in (b"{", b"[") and not begin.startswith(b"{1:")


def looks_like_the_worlds(raw: bytes) -> bool:
    """Whether a file begins like XML, JSON, a SWIFT message, BAI2, Bacs or NACHA, and not like rows with a header."""
    begin = raw[:80].removeprefix(b"\xef\xbb\xbf").lstrip()
    return begin[:1] in (b"<", b"{", b"[", b":") or begin[:2] in (b"01", b"10") or begin[:4] == b"VOL1"


def read_bank_report(content: FileContent, accounts: Mapping[str, str], max_bytes: int) -> ParsedFile:
    """The booked movements of every account of the file, read as they are asked for.

    Raises FileFault, and StatementFault if a total is wrong.
    `accounts` are our names of the account numbers that banks write. Another number is kept: it is not on our chart.
    """
    format_name, items = read_payment_file(content.path, max_bytes)
    if format_name not in STATEMENTS:
        reason = f"{format_name} is no statement of a bank: {', '.join(STATEMENTS)} are reconciled"
        raise FileFault(content.path, 0, "(file)", reason)
    heads: list[StatementHead] = []
    lines = _lines(content, items, accounts, heads, is_camt=format_name == "camt.053")
    return ParsedFile("bank_statement", lines, heads)


def _lines(
    content: FileContent,
    items: Iterable[FileItem],
    accounts: Mapping[str, str],
    heads: list[StatementHead],
    *,
    is_camt: bool,
) -> Iterator[FileLine]:
    """The booked movements; behind the last one, the heads of the statements are put into `heads`."""
    between: dict[tuple[str, str], _Balances] = {}
    for item in items:
        match item:
            case ReportedBalance() if item.account is not None:
                account = accounts.get(item.account, item.account)
                _note(item, between.setdefault((account, item.currency), _Balances()), content)
            case FileEntry() if item.booked and item.amount:
                for line in _lines_of(item, content, accounts, is_camt=is_camt):
                    about = (line.bank_account or "", item.currency)
                    between.setdefault(about, _Balances()).days.add(item.booked_on)
                    yield line
            case OwnTotalBroken():
                reason = f"the file says {item.says}, its entries say {item.found}"
                raise StatementFault(content.path, 0, item.what, reason)
            case _:
                pass
    for key, balances in sorted(between.items()):
        head = balances.head(*key, content)
        if head is not None:
            heads.append(head)


@dataclass(slots=True)
class _Balances:
    """The first opening and the last closing balance of an account, in minor units, and the days of its entries."""

    opening: int | None = None
    closing: int | None = None
    closed_on: date | None = None
    days: set[date | None] = field(default_factory=set)

    def head(self, account: str, currency: str, content: FileContent) -> StatementHead | None:
        """None where the file states no balances, as then nothing can be compared with the books."""
        if self.opening is None or self.closing is None:
            return None
        closed_on = self.closed_on or max((day for day in self.days if day is not None), default=None)
        if closed_on is None:
            raise FileFault(content.path, 0, "closing balance", f"of {account} has no day")
        return StatementHead(account, currency, None, self.opening, self.closing, closed_on)


def _note(balance: ReportedBalance, seen: _Balances, content: FileContent) -> None:
    """Statements of one account follow each other: each opens with what the one before it closed with."""
    minor = _minor(balance.amount, balance.currency, content, 0, f"balance {balance.kind}")
    if balance.kind in _OPENING:
        if seen.opening is None:
            seen.opening = minor
        elif seen.closing is not None and seen.closing != minor:
            reason = f"opens with {minor}, the statement before closed with {seen.closing}"
            raise StatementFault(content.path, 0, f"balance {balance.kind}", reason)
    elif balance.kind in _CLOSING:
        seen.closing, seen.closed_on = minor, balance.on


def _lines_of(
    entry: FileEntry, content: FileContent, accounts: Mapping[str, str], *, is_camt: bool
) -> Iterator[FileLine]:
    """The line of an entry; or one for each of its transactions, where these have amounts that make up the entry's."""
    path = content.path
    booked_on = entry.booked_on or entry.value_on
    if entry.account is None or booked_on is None:
        raise FileFault(path, entry.line, "account" if entry.account is None else "booked on", "is missing")
    content.dated(entry.line, "booked on", booked_on)
    account = accounts.get(entry.account, entry.account)
    kind = LineKind.CREDIT if entry.direction is Direction.CREDIT else LineKind.DEBIT
    parts = [each for each in entry.details if each.amount and each.currency == entry.currency]
    whole = len(parts) < 2 or sum(each.amount or Decimal() for each in parts) != entry.amount
    for number, part in enumerate([None] if whole else parts, 1):
        about = part or (entry.details[0] if len(entry.details) == 1 else None)
        amount = entry.amount if part is None else part.amount or Decimal()
        detail = " ".join(_words(about, entry, is_camt=is_camt))
        yield FileLine(
            line_id=f"{account}/{entry.statement}@{booked_on}/{entry.number}" + ("" if whole else f".{number}"),
            kind=kind,
            amount=Money(_minor(amount, entry.currency, content, entry.line, "amount"), Currency(entry.currency)),
            booked_on=booked_on,
            reported_on=booked_on,
            key=key_of_reference(detail, kind),
            bank_account=account,
            counterparty=entry.counterparty or (None if about is None else about.counterparty),
            detail=detail,
            value_on=entry.value_on,
            row=entry.line,
        )


def _words(about: EntryDetail | None, entry: FileEntry, *, is_camt: bool) -> list[str]:
    """The reference that the payer gave, else the first words of what the bank wrote; with the reason of a return.

    The reference of a camt entry is the bank's own; that of the other formats is the payer's.
    """
    given = () if about is None else (about.end_to_end_id, about.remittance)
    own = (entry.text, entry.reference) if is_camt else (entry.reference, entry.text)
    told = next((each for each in (*given, *own) if each and each.upper() not in _NO_REFERENCE), "")
    reason = entry.reason if about is None else about.reason
    return told.split() + ([] if reason is None else [reason])


def _minor(amount: Decimal, currency: str, content: FileContent, line: int, what: str) -> int:
    """Exact minor units; raises FileFault for a figure with smaller parts than the currency has."""
    unit = Currency(currency)
    minor = amount.scaleb(unit.exponent)
    if minor != minor.to_integral_value():
        raise FileFault(content.path, line, what, f"{amount} {currency} is no whole number of its smallest unit")
    return int(minor)
