"""Reads MT940, the customer statement of SWIFT, by the library mt-940, one statement at a time.

The library passes over what it does not know, so each statement must give as many movements as it has lines `:61:`,
and must satisfy its own balance equation, whose figures are read here.
"""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

import mt940

from payments.files.world.item import Direction, FileAccount, FileEntry, FileItem, ReportedBalance
from payments.files.world.source_file import SourceFile, Spot, differences, plain_decimal

_TAG = re.compile(r":([0-9]{2}[A-Z]?):(.*)")
_BALANCE = re.compile(r"([CD])([0-9]{6})([A-Z]{3})([0-9]{1,15},[0-9]{0,3})")
_MOVEMENT = re.compile(r"([0-9]{6})([0-9]{4})?(R?[CD])([A-Z])?([0-9]{1,15},[0-9]{0,3})([A-Z].{3}.*)")
_TAGS = {"20", "21", "25", "25P", "28", "28C", "34F", "60F", "60M", "61", "86", "62F", "62M", "64", "65", "13", "13D"}
_LONG_TAGS = {"61", "86"}  # the fields of several lines
_LIKE_A_TAG = re.compile(r":?[0-9]{2}[A-Z]?:|:[0-9]?[0-9A-Z]?$|:[0-9]{2}")
_HEADERS = re.compile(r"^\{1:.*\{4:")
_FRAME = re.compile(r"\{[1-5]:.*|-\}.*|-")
LONGEST_STATEMENT = 100_000

# The library prints its patterns when one does not match; what is wrong is said in one line here.
logging.getLogger("mt940").addHandler(logging.NullHandler())
logging.getLogger("mt940").propagate = False


@dataclass(slots=True)
class _Pages:
    """The lines of one statement, by their tags."""

    tags: list[tuple[int, str, list[str]]] = field(default_factory=list)
    lines: int = 0

    def add(self, spot: Spot, line: str) -> None:
        """Add a line, which without a tag goes on with the field before it."""
        self.lines += 1
        if self.lines > LONGEST_STATEMENT:
            raise spot.fault("(statement)", f"has more than {LONGEST_STATEMENT:,} lines")
        match = _TAG.fullmatch(line)
        if match is not None and match[1] in _TAGS:
            self.tags.append((spot.line, match[1], [match[2]]))
        elif match is not None:
            raise spot.fault(f":{match[1]}:", "is not a field of MT940")
        else:
            before = self.tags[-1][1]
            if before not in _LONG_TAGS or _LIKE_A_TAG.match(line):
                raise spot.fault(f":{before}:", f"is followed by {line[:40]!r}, which is no field and no text of one")
            self.tags[-1][2].append(line)

    def text(self) -> str:
        return "\n".join(f":{tag}:" + "\n".join(lines) for _, tag, lines in self.tags) + "\n"

    def only(self, spot: Spot, *names: str) -> tuple[Spot, str]:
        """The line of the one tag that a statement must have under one of the names."""
        found = [(line, lines[0]) for line, tag, lines in self.tags if tag in names]
        if len(found) != 1:
            raise spot.fault(f":{'/'.join(names)}:", f"is there {len(found)} times, needed once")
        line, value = found[0]
        return Spot(spot.path, line), value


def read_mt940(source: SourceFile) -> Iterator[FileItem]:
    """The account, balances and movements of every statement, and balance equations that do not hold."""
    read = 0
    for statement in _statements(source):
        yield from _statement(source, statement)
        read += 1
    if not read:
        raise source.at(0).fault(":20:", "the file holds no statement")


def _statements(source: SourceFile) -> Iterator[_Pages]:
    """The lines of one statement after the other; each begins with `:20:`."""
    statement: _Pages | None = None
    spot, enveloped = source.at(0), False
    for number, text in source.lines():
        spot = source.at(number)
        framed = _HEADERS.sub("", text)
        enveloped = (enveloped or framed != text) and not framed.startswith("-}")
        if not framed.strip() or _FRAME.fullmatch(framed.strip()):
            continue
        if framed.startswith(":20:"):
            if statement is not None:
                yield statement
            statement = _Pages()
        if statement is None:
            raise spot.fault(":20:", "the file does not begin with a statement's reference")
        statement.add(spot, framed)
    if enveloped:
        raise spot.fault("-}", "is missing: the message was cut short")
    if statement is not None:
        yield statement


def _statement(source: SourceFile, statement: _Pages) -> Iterator[FileItem]:
    spot = source.at(statement.tags[0][0])
    at, account = statement.only(spot, "25", "25P")
    account = at.needed(":25:", account)
    _, name = statement.only(spot, "28C", "28")
    yield FileAccount(account)
    opening = _balance(statement.only(spot, "60F", "60M"), account, "opening")
    closing = _balance(statement.only(spot, "62F", "62M"), account, "closing")
    yield opening
    net = Decimal(0)
    for entry in _movements(spot, statement, account, name, opening.currency):
        net += entry.amount if entry.direction is Direction.CREDIT else -entry.amount
        yield entry
    yield closing
    what = f"statement {name} of {account}: closing balance"
    if opening.currency != closing.currency:
        yield from differences(f"{what}, its currency", closing.currency, opening.currency)
        return
    yield from differences(what, plain_decimal(closing.amount), plain_decimal(opening.amount + net))


def _balance(found: tuple[Spot, str], account: str, kind: str) -> ReportedBalance:
    spot, value = found
    match = _BALANCE.fullmatch(value.strip())
    if match is None:
        raise spot.fault(f"{kind} balance", f"{value[:40]!r} is not a balance such as C260302EUR100,00")
    side, day, code, amount = match.groups()
    read = spot.amount(f"{kind} balance", _decimal(amount))
    signed = read if side == "C" else -read
    currency = spot.currency(f"{kind} balance", code)
    return ReportedBalance(account, kind, signed, currency, spot.short_day(f"{kind} balance", day))


def _movements(spot: Spot, statement: _Pages, account: str, name: str, currency: str) -> Iterator[FileEntry]:
    written = [(Spot(spot.path, line), lines[0]) for line, tag, lines in statement.tags if tag == "61"]
    for at, value in written:
        match = _MOVEMENT.fullmatch(value)
        if match is None:
            raise at.fault(":61:", f"{value[:40]!r} is not a movement")
        at.short_day(":61: value date", match[1])
        at.amount(":61: amount", _decimal(match[5]))
    try:
        parsed = mt940.models.Transactions()
        parsed.parse(statement.text())
    except Exception as error:  # the library raises whatever its patterns and constructors happen to raise
        raise spot.fault("(statement)", f"cannot be read: {type(error).__name__}") from error
    movements = [each for each in parsed.transactions if "amount" in each.data]
    if len(movements) != len(written):
        raise spot.fault(":61:", f"{len(written)} lines gave {len(movements)} movements")
    for number, ((at, value), movement) in enumerate(zip(written, movements, strict=True), start=1):
        match = _MOVEMENT.fullmatch(value)
        data = movement.data
        amount = abs(Decimal(data["amount"].amount))
        if match is None or amount != Decimal(_decimal(match[5])) or data["status"] != match[3]:
            raise at.fault(":61:", f"{value[:40]!r} was read as {data['status']} {amount}")
        is_reversal = data["status"].startswith("R")
        direction = Direction.CREDIT if data["status"].endswith("C") else Direction.DEBIT
        booked, valued = data.get("guessed_entry_date") or data["date"], data["date"]
        yield FileEntry(
            line=at.line,
            statement=name,
            number=number,
            amount=amount,
            currency=currency,
            direction=direction.opposite if is_reversal else direction,
            status="BOOK",
            booked=True,
            account=account,
            booked_on=at.calendar_day(":61: entry date", booked.year, booked.month, booked.day),
            value_on=at.calendar_day(":61: value date", valued.year, valued.month, valued.day),
            reference=at.text(":61: reference", data.get("customer_reference") or "") or None,
            is_reversal=is_reversal,
            text=at.text(":86:", data.get("transaction_details") or "") or None,
        )


def _decimal(amount: str) -> str:
    return amount.replace(",", ".").removesuffix(".")
