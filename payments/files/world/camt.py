"""Reads camt.052, camt.053 and camt.054 of any version: the reports, statements and notifications of a bank.

Only entries of status BOOK are money. In the direction of an entry a reversal is accounted for already, so its
indicator changes no sign. A statement with an opening and a closing balance must satisfy its balance equation.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from payments.files.world.item import (
    Direction,
    EntryDetail,
    FileAccount,
    FileEntry,
    FileItem,
    OwnTotalBroken,
    ReportedBalance,
)
from payments.files.world.source_file import SourceFile, differences, plain_decimal
from payments.files.world.xml_elements import Element, read_elements

MESSAGES = {"BkToCstmrAcctRpt": "camt.052", "BkToCstmrStmt": "camt.053", "BkToCstmrDbtCdtNtfctn": "camt.054"}

_STATEMENTS = ("Rpt", "Stmt", "Ntfctn")
_PARTS = ("Acct", "Bal", "TxsSummry", "Ntry")
_OPENING = ("OPBD", "PRCD")
_CLOSING = "CLBD"


@dataclass(slots=True)
class _Statement:
    """What is known of a statement while its entries are read."""

    id: str = ""
    account: str | None = None
    entries: int = 0
    balances: list[tuple[str, Decimal, str]] = field(default_factory=list)
    net: dict[str, Decimal] = field(default_factory=dict)
    count: dict[str, int] = field(default_factory=lambda: {"CRDT": 0, "DBIT": 0})
    total: dict[str, Decimal] = field(default_factory=lambda: {"CRDT": Decimal(0), "DBIT": Decimal(0)})
    booked_count: dict[str, int] = field(default_factory=lambda: {"CRDT": 0, "DBIT": 0})
    booked_total: dict[str, Decimal] = field(default_factory=lambda: {"CRDT": Decimal(0), "DBIT": Decimal(0)})
    summary: list[tuple[str, str, str, str]] = field(default_factory=list)
    details: list[EntryDetail] = field(default_factory=list)
    is_part: bool = False


def read_camt(source: SourceFile) -> Iterator[FileItem]:
    """The accounts, balances and entries of every statement of the message, and what of its totals does not hold."""
    statement: _Statement | None = None
    statements = 0
    for event, element in read_elements(source, _STATEMENTS, (*_STATEMENTS, *_PARTS, "TxDtls")):
        if event == "start":
            statements += 1
            statement = _Statement()
        elif statement is None:
            continue
        elif element.name == "TxDtls":
            statement.details.append(_detail(element))
        elif element.name in _STATEMENTS:
            yield from _end(element, statement)
            statement = None
        elif element.parent_name in _STATEMENTS:
            yield from _part(element, statement)
    if not statements:
        raise source.at(0).fault("/".join(_STATEMENTS), "the message holds no statement")


def _part(element: Element, statement: _Statement) -> Iterator[FileItem]:
    """What one part of a statement brings: its account, a balance, its summary or an entry."""
    match element.name:
        case "Ntry":
            yield from _entry(element, statement, tuple(statement.details))
            statement.details = []
        case "Acct":
            statement.account = _account(element)
            yield FileAccount(statement.account)
        case "Bal":
            yield _balance(element, statement)
        case _:
            _read_summary(element, statement)


def _end(element: Element, statement: _Statement) -> Iterator[FileItem]:
    if statement.account is None:
        raise element.spot.fault("Acct", "is missing")
    statement.id = element.first("Id") or ""
    statement.is_part = _is_part(element)
    yield from _broken_totals(statement)


def _account(element: Element) -> str:
    found = element.first("Id/IBAN", "Id/Othr/Id", "Id/PrtryAcct/Id", "Id/BBAN", "Id/UPIC")
    return element.spot.needed("Acct/Id", found)


def _direction(element: Element) -> Direction:
    code = element.spot.needed("CdtDbtInd", element.first("CdtDbtInd"))
    if code not in ("CRDT", "DBIT"):
        raise element.spot.fault("CdtDbtInd", f"{code[:20]!r} is neither CRDT nor DBIT")
    return Direction(code)


def _balance(element: Element, statement: _Statement) -> ReportedBalance:
    spot = element.spot
    amount = spot.amount("Bal/Amt", element.first("Amt"))
    currency = spot.currency("Bal/Amt/@Ccy", element.attribute("Ccy", "Amt"))
    signed = amount if _direction(element) is Direction.CREDIT else -amount
    kind = spot.needed("Bal/Tp", element.first("Tp/CdOrPrtry/Cd", "Tp/CdOrPrtry/Prtry", "Tp/Cd", "Tp/Prtry"))
    day = element.first("Dt/Dt", "Dt/DtTm")
    statement.balances.append((kind, signed, currency))
    on = spot.day("Bal/Dt", day) if day is not None else None
    return ReportedBalance(statement.account, kind, signed, currency, on)


def _detail(element: Element) -> EntryDetail:
    amount, currency = element.first("Amt", "AmtDtls/TxAmt/Amt"), None
    if amount is not None:
        code = element.attribute("Ccy", "Amt") or element.attribute("Ccy", "AmtDtls/TxAmt/Amt")
        currency = element.spot.currency("TxDtls/Amt/@Ccy", code)
    # Of a movement between others and us, the other side is the debtor of a credit and the creditor of a debit.
    other = "Dbtr" if element.first("CdtDbtInd") != "DBIT" else "Cdtr"
    return EntryDetail(
        None if amount is None else element.spot.amount("TxDtls/Amt", amount),
        currency,
        element.first("Refs/EndToEndId"),
        element.first("Refs/MndtId"),
        element.first("RtrInf/Rsn/Cd", "RtrInf/Rsn/Prtry", "RtrInf/RtrRsn/Cd", "RtrInf/RtrRsn/Prtry"),
        element.first("RmtInf/Ustrd", "RmtInf/Strd/CdtrRefInf/Ref"),
        element.first(f"RltdPties/{other}/Nm", f"RltdPties/{other}/Pty/Nm"),
    )


def _entry(element: Element, statement: _Statement, details: tuple[EntryDetail, ...]) -> Iterator[FileItem]:
    spot = element.spot
    statement.entries += 1
    amount = spot.amount("Ntry/Amt", element.first("Amt"))
    currency = spot.currency("Ntry/Amt/@Ccy", element.attribute("Ccy", "Amt"))
    direction = _direction(element)
    status = element.first("Sts/Cd", "Sts/Prtry", "Sts")
    status = spot.needed("Ntry/Sts", status)
    if status not in ("BOOK", "PDNG", "INFO", "FUTR"):
        raise spot.fault("Ntry/Sts", f"{status[:20]!r} is not a status of an entry that is known")
    reversal = element.first("RvslInd")
    if reversal not in (None, "true", "false", "0", "1"):
        raise spot.fault("Ntry/RvslInd", f"{reversal!r} is neither true nor false")
    booked = status == "BOOK"
    booked_on, value_on = element.first("BookgDt/Dt", "BookgDt/DtTm"), element.first("ValDt/Dt", "ValDt/DtTm")
    if not statement.id:
        around = element.ancestor("Stmt") or element.ancestor("Rpt") or element.ancestor("Ntfctn")
        statement.id = (around.first("Id") if around else None) or ""
    if statement.account is None:
        raise spot.fault("Acct", "is missing before the first entry")
    entry = FileEntry(
        line=spot.line,
        statement=statement.id,
        number=statement.entries,
        amount=amount,
        currency=currency,
        direction=direction,
        status=status,
        booked=booked,
        account=statement.account,
        booked_on=None if booked_on is None else spot.day("Ntry/BookgDt", booked_on),
        value_on=None if value_on is None else spot.day("Ntry/ValDt", value_on),
        reference=element.first("AcctSvcrRef", "NtryRef"),
        is_reversal=reversal in ("true", "1"),
        reason=next((each.reason for each in details if each.reason), None),
        text=element.first("AddtlNtryInf"),
        details=details,
    )
    statement.count[direction] += 1
    statement.total[direction] += amount
    if booked:
        statement.booked_count[direction] += 1
        statement.booked_total[direction] += amount
        signed = amount if direction is Direction.CREDIT else -amount
        statement.net[currency] = statement.net.get(currency, Decimal(0)) + signed
    yield entry
    yield from _batch_totals(element, entry)


def _batch_totals(element: Element, entry: FileEntry) -> Iterator[OwnTotalBroken]:
    """The number and sum of the transactions of an entry, where the file gives both them and the transactions."""
    name = f"line {entry.line}: entry {entry.number}"
    amounts = [each.amount for each in entry.details if each.amount is not None and each.currency == entry.currency]
    if len(amounts) > 1 and len(amounts) == len(entry.details) and not element.has("Chrgs"):
        yield from differences(
            f"{name}: sum of its transactions", plain_decimal(entry.amount), plain_decimal(sum(amounts, Decimal()))
        )
    if len(entry.details) < 2:
        return
    batches = element.children("NtryDtls/Btch")
    if len(batches) != 1:
        return
    number, total = batches[0].first("NbOfTxs"), batches[0].first("TtlAmt")
    if number is not None:
        counted = batches[0].spot.whole("Btch/NbOfTxs", number)
        yield from differences(f"{name}: NbOfTxs of its batch", counted, len(entry.details))
    code = batches[0].attribute("Ccy", "TtlAmt")
    of_batch = [each.amount for each in entry.details if each.amount is not None and each.currency == code]
    if total is not None and len(of_batch) == len(entry.details):
        says = batches[0].spot.amount("Btch/TtlAmt", total)
        yield from differences(
            f"{name}: TtlAmt of its batch", plain_decimal(says), plain_decimal(sum(of_batch, Decimal()))
        )


def _read_summary(element: Element, statement: _Statement) -> None:
    spot = element.spot
    for part, name in (("TtlNtries", ""), ("TtlCdtNtries", "CRDT"), ("TtlDbtNtries", "DBIT")):
        number, total = element.first(f"{part}/NbOfNtries"), element.first(f"{part}/Sum")
        if number is not None:
            statement.summary.append((f"{part}/NbOfNtries", name, "count", str(spot.whole(part, number))))
        if total is not None:
            statement.summary.append((f"{part}/Sum", name, "sum", plain_decimal(spot.amount(part, total))))


def _is_part(element: Element) -> bool:
    for name in ("StmtPgntn", "RptPgntn", "NtfctnPgntn"):
        if element.has(name):
            return element.first(f"{name}/PgNb") != "1" or element.first(f"{name}/LastPgInd") not in ("true", "1")
    return False


def _broken_totals(statement: _Statement) -> Iterator[OwnTotalBroken]:
    """A page of several has the totals of all of them, so only those of a statement on one page are checked.

    Banks differ in whether a summary counts pending entries, so either is right.
    """
    for what, direction, measure, says in statement.summary:
        sides = (direction,) if direction else ("CRDT", "DBIT")
        if measure == "count":
            found = {str(sum(each[side] for side in sides)) for each in (statement.count, statement.booked_count)}
        else:
            totals = (statement.total, statement.booked_total)
            found = {plain_decimal(sum((each[side] for side in sides), Decimal())) for each in totals}
        if says not in found and not statement.is_part:
            yield OwnTotalBroken(f"statement {statement.id}: {what}", says, " or ".join(sorted(found)))
    kinds = {each[0] for each in statement.balances}
    kind = next((each for each in _OPENING if each in kinds), None)
    opening = list(dict.fromkeys(each for each in statement.balances if each[0] == kind))
    closing = list(dict.fromkeys(each for each in statement.balances if each[0] == _CLOSING))
    for found_balances in (opening, closing):
        if len(found_balances) > 1 and not statement.is_part:
            first, second = (f"{amount} {currency}" for _, amount, currency in found_balances[:2])
            yield OwnTotalBroken(f"statement {statement.id}: {found_balances[0][0]}", first, second)
    if len(closing) != 1 or len(opening) != 1:
        return
    (_, start, currency), (_, end, end_currency) = opening[0], closing[0]
    if currency != end_currency or set(statement.net) - {currency}:
        net_found = ", ".join([f"{start} {currency}", *(f"{net} {code}" for code, net in statement.net.items())])
        yield OwnTotalBroken(f"statement {statement.id}: closing balance", f"{end} {end_currency}", net_found)
        return
    if statement.is_part:
        return
    found_end = start + statement.net.get(currency, Decimal(0))
    yield from differences(
        f"statement {statement.id}: closing balance in {currency}", plain_decimal(end), plain_decimal(found_end)
    )
