"""Reads the reports of Bacs in XML: unpaid debits (ARUDD), changed mandates (ADDACS, AUDDIS) and claims (DDICA).

The number and value of items that a report states are compared with its items. Field names of ADDACS and AUDDIS are
written with hyphens or in camel case, depending on the bank.
"""

import re
from collections.abc import Iterator
from decimal import Decimal

from payments.files.world.item import (
    Direction,
    FileAccount,
    FileEntry,
    FileItem,
    OwnTotalBroken,
    ReportedStatus,
)
from payments.files.world.source_file import SourceFile, differences, plain_decimal
from payments.files.world.xml_elements import Element, read_elements

BACS_REPORTS = {"ARUDD": "bacs.arudd", "MessagingAdvices": "bacs.advices", "NewAdvices": "bacs.ddica"}

_CODE = re.compile(r"[0-9]{4}|[0-9A-Z]")
_CLAIM_CODE = re.compile(r"[1-8]")


def read_arudd(source: SourceFile) -> Iterator[FileItem]:
    """The debits that were returned unpaid; each takes money back from our account."""
    account, items, total, all_items, reports = "", 0, Decimal(0), 0, 0
    starts = ("OriginatingAccountRecord", "ARUDD")
    ends = ("OriginatingAccount", "ReturnedDebitItem", "Totals")
    for event, element in read_elements(source, starts, ends):
        spot = element.spot
        if event == "start":
            reports += element.name == "ARUDD"
            account, items, total = "", 0, Decimal(0)
        elif element.name == "OriginatingAccount":
            number, sort_code = element.attribute("number"), element.attribute("sortCode")
            account = f"{sort_code or ''} {spot.needed('OriginatingAccount/number', number)}".strip()
            yield FileAccount(account)
        elif element.name == "ReturnedDebitItem":
            items, all_items = items + 1, all_items + 1
            entry = _returned(element, account, all_items)
            total += entry.amount
            yield entry
        else:
            number, value = element.attribute("numberOf"), element.attribute("valueOf")
            if number is not None:
                yield from differences("Totals: numberOf", spot.whole("numberOf", number), items)
            if value is not None:
                says = plain_decimal(spot.amount("valueOf", value))
                yield from differences("Totals: valueOf", says, plain_decimal(total))
    if not reports:
        raise source.at(0).fault("ARUDD", "is missing")


def _returned(element: Element, account: str, number: int) -> FileEntry:
    spot = element.spot
    code = spot.needed("returnCode", element.attribute("returnCode"))
    if not _CODE.fullmatch(code):
        raise spot.fault("returnCode", f"{code[:20]!r} is not a code of one character or four digits")
    return FileEntry(
        line=spot.line,
        statement="ARUDD",
        number=number,
        amount=spot.amount("valueOf", element.attribute("valueOf")),
        currency=spot.currency("currency", element.attribute("currency")),
        direction=Direction.DEBIT,
        status="UNPAID",
        booked=True,
        account=account or None,
        booked_on=spot.day("originalProcessingDate", element.attribute("originalProcessingDate")),
        reference=spot.needed("ref", element.attribute("ref")),
        reason=code,
        counterparty=element.attribute("name", "PayerAccount"),
        text=element.attribute("returnDescription"),
    )


def read_advices(source: SourceFile) -> Iterator[FileItem]:
    """The advices of ADDACS or AUDDIS: one status with its reason for each mandate."""
    headers = advices = 0
    for _, element in read_elements(source, (), ("MessagingHeader", "MessagingAdvice")):
        spot = element.spot
        if element.name == "MessagingHeader":
            headers += 1
            number = _attribute(element, "user-number")
            if number is not None:
                yield FileAccount(number)
            continue
        advices += 1
        code = spot.needed("reason-code", _attribute(element, "reason-code"))
        if not _CODE.fullmatch(code):
            raise spot.fault("reason-code", f"{code[:20]!r} is not a code of one character or four digits")
        day = _attribute(element, "effective-date")
        if day is not None:
            spot.day("effective-date", day)
        reference = spot.needed("reference", _attribute(element, "reference"))
        yield ReportedStatus(_attribute(element, "record-type") or "ADVICE", (code,), reference)
    if not headers and not advices:
        raise source.at(0).fault("MessagingAdvice", "the report holds no advice and no header")


def read_ddica(source: SourceFile) -> Iterator[FileItem]:
    """The indemnity claims against us: each takes money from our account when it is settled, and is not booked yet."""
    claims, total, of_claim, reports, debits = 0, Decimal(0), Decimal(0), 0, 0
    starts = ("NewAdvices",)
    ends = ("DDCollection", "DDICAdvice", "TotalNumberOfNewDDICAdvices", "TotalValueOfDebits")
    for event, element in read_elements(source, starts, ends):
        spot = element.spot
        if event == "start":
            reports += 1
        elif element.name == "DDCollection":
            spot.day("DateOfDirectDebit", element.first("DateOfDirectDebit"))
            of_claim += spot.amount("Amount", element.first("Amount"))
            debits += 1
        elif element.name == "DDICAdvice":
            claims += 1
            entry = _claim(element, claims)
            total += entry.amount
            yield entry
            if debits:
                what = f"line {spot.line}: claim {claims}: TotalAmount"
                yield from differences(what, plain_decimal(entry.amount), plain_decimal(of_claim))
            of_claim, debits = Decimal(0), 0
        else:
            yield from _stated(element, claims, total)
    if not reports:
        raise source.at(0).fault("NewAdvices", "is missing")


def _claim(element: Element, number: int) -> FileEntry:
    spot = element.spot
    code = spot.needed("ReasonCode", element.first("ReasonCode"))
    if not _CLAIM_CODE.fullmatch(code):
        raise spot.fault("ReasonCode", f"{code[:20]!r} is not a reason from 1 to 8")
    return FileEntry(
        line=spot.line,
        statement="DDICA",
        number=number,
        amount=spot.amount("TotalAmount", element.first("TotalAmount")),
        currency="GBP",
        direction=Direction.DEBIT,
        status="CLAIM",
        booked=False,
        reference=spot.needed("SUReference", element.first("SUReference")),
        reason=code,
        counterparty=element.first("PayerName"),
        text=element.first("PayingBankReference"),
    )


def _stated(element: Element, claims: int, total: Decimal) -> Iterator[OwnTotalBroken]:
    value = element.own_text
    if element.name == "TotalNumberOfNewDDICAdvices":
        yield from differences(element.name, element.spot.whole(element.name, value), claims)
    else:
        says = plain_decimal(element.spot.amount(element.name, value))
        yield from differences(element.name, says, plain_decimal(total))


def _attribute(element: Element, name: str) -> str | None:
    first, *rest = name.split("-")
    found = element.attribute(name)
    return found if found is not None else element.attribute(first + "".join(each.title() for each in rest))
