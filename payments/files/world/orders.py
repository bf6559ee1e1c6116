"""Reads orders of ISO 20022, any version: pain.001 and pain.008 of a customer, pacs.003 and pacs.008 between banks.

Each transaction is an entry of the account that the order is about: what a pain.001 pays is a debit of the debtor's
account, what a pain.008 collects a credit of the creditor's. Between banks a pacs.008 credits and a pacs.003 debits.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from payments.files.world.item import Direction, FileAccount, FileEntry, FileItem, OwnTotalBroken
from payments.files.world.source_file import SourceFile, differences, plain_decimal
from payments.files.world.xml_elements import Element, read_elements


@dataclass(frozen=True, slots=True)
class OrderMessage:
    """One kind of order: the element of a transaction, its direction, and whose account and whose name it has."""

    format: str
    transaction: str
    direction: Direction
    own_account: str | None
    other_name: str


ORDERS = {
    "CstmrCdtTrfInitn": OrderMessage("pain.001", "CdtTrfTxInf", Direction.DEBIT, "DbtrAcct", "Cdtr"),
    "CstmrDrctDbtInitn": OrderMessage("pain.008", "DrctDbtTxInf", Direction.CREDIT, "CdtrAcct", "Dbtr"),
    "FIToFICstmrCdtTrf": OrderMessage("pacs.008", "CdtTrfTxInf", Direction.CREDIT, None, "Dbtr"),
    "FIToFICstmrDrctDbt": OrderMessage("pacs.003", "DrctDbtTxInf", Direction.DEBIT, None, "Cdtr"),
    # Older editions name the messages by their numbers.
    "pain.001.001.02": OrderMessage("pain.001", "CdtTrfTxInf", Direction.DEBIT, "DbtrAcct", "Cdtr"),
    "pain.008.001.01": OrderMessage("pain.008", "DrctDbtTxInf", Direction.CREDIT, "CdtrAcct", "Dbtr"),
}

_AMOUNTS = ("Amt/InstdAmt", "Amt/EqvtAmt/Amt", "IntrBkSttlmAmt", "InstdAmt")


@dataclass(slots=True)
class _Totals:
    """The number and sum of transactions, whatever their currencies: so control sums are defined."""

    number: int = 0
    total: Decimal = Decimal(0)

    def add(self, amount: Decimal) -> None:
        self.number += 1
        self.total += amount

    def broken(self, what: str, element: Element) -> Iterator[OwnTotalBroken]:
        number, total = element.first("NbOfTxs"), element.first("CtrlSum", "TtlIntrBkSttlmAmt")
        if number is not None:
            yield from differences(f"{what}: NbOfTxs", element.spot.whole("NbOfTxs", number), self.number)
        if total is not None:
            says = plain_decimal(element.spot.amount("CtrlSum", total))
            yield from differences(f"{what}: control sum", says, plain_decimal(self.total))


def read_orders(source: SourceFile, message: OrderMessage) -> Iterator[FileItem]:
    """The accounts and transactions of an order, and what of its control sums does not hold."""
    whole, part = _Totals(), _Totals()
    account: str | None = None
    message_id = part_id = ""
    header_of: tuple[str | None, str | None] | None = None
    starts, ends = ("PmtInf",), ("GrpHdr", message.transaction, "PmtInf")
    for event, element in read_elements(source, starts, ends):
        spot = element.spot
        if event == "start":
            part, account, part_id = _Totals(), None, ""
        elif element.name == "GrpHdr":
            message_id = spot.needed("GrpHdr/MsgId", element.first("MsgId"))
            sums = element.first("CtrlSum", "TtlIntrBkSttlmAmt")
            number = element.first("NbOfTxs")
            header_of = (
                None if number is None else str(spot.whole("GrpHdr/NbOfTxs", number)),
                None if sums is None else plain_decimal(spot.amount("GrpHdr/CtrlSum", sums)),
            )
        elif element.name == message.transaction:
            if message.own_account and account is None:
                account, part_id = _own_account(element, message.own_account)
                yield FileAccount(account)
            entry = _transaction(element, message, account, part_id or message_id, part.number + 1)
            part.add(entry.amount)
            whole.add(entry.amount)
            yield entry
        else:
            yield from part.broken(f"payment information {element.first('PmtInfId') or ''}".strip(), element)
    if header_of is None:
        raise source.at(0).fault("GrpHdr", "is missing")
    if not whole.number:
        raise source.at(0).fault(message.transaction, "the message holds no transaction")
    number_says, total_says = header_of
    if number_says is not None:
        yield from differences("message: NbOfTxs", number_says, str(whole.number))
    if total_says is not None:
        yield from differences("message: control sum", total_says, plain_decimal(whole.total))


def _own_account(element: Element, name: str) -> tuple[str, str]:
    around = element.ancestor("PmtInf")
    if around is None:
        raise element.spot.fault("PmtInf", "is missing around the transaction")
    found = around.first(f"{name}/Id/IBAN", f"{name}/Id/Othr/Id", f"{name}/Id/PrtryAcct/Id", f"{name}/Id/BBAN")
    return around.spot.needed(f"{name}/Id", found), around.first("PmtInfId") or ""


def _transaction(
    element: Element, message: OrderMessage, account: str | None, statement: str, number: int
) -> FileEntry:
    spot = element.spot
    path = next((path for path in _AMOUNTS if element.has(path)), _AMOUNTS[0])
    amount = spot.amount(path, element.first(path))
    currency = spot.currency(f"{path}/@Ccy", element.attribute("Ccy", path))
    around = element.ancestor("PmtInf")
    asked = around.first("ReqdExctnDt/Dt", "ReqdExctnDt/DtTm", "ReqdExctnDt", "ReqdColltnDt") if around else None
    day = element.first("IntrBkSttlmDt") or asked
    return FileEntry(
        line=spot.line,
        statement=statement,
        number=number,
        amount=amount,
        currency=currency,
        direction=message.direction,
        status="ORDR",
        booked=True,
        account=account,
        value_on=None if day is None else spot.day("day", day),
        reference=element.first("PmtId/EndToEndId", "PmtId/TxId", "PmtId/InstrId"),
        counterparty=element.first(f"{message.other_name}/Nm"),
        text=element.first("RmtInf/Ustrd"),
    )
