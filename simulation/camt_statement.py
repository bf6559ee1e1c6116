"""Writes a bank's statement of one account and one day as a camt.053 message, the way a bank does.

Nothing here is shared with what reads such files: reconciliation is proved on files that it did not write itself.
"""

from datetime import UTC, datetime, time
from pathlib import Path
from xml.etree import ElementTree as ET

from simulation.bank import BookedRow, Statement

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
RETURNED = "AC04"
_MINOR_DIGITS = {"JPY": 0, "KRW": 0, "ISK": 0, "KWD": 3, "BHD": 3, "TND": 3}
_LONGEST_REFERENCE = 35


def write_camt_statement(path: Path, statement: Statement, *, closing_off_by: int = 0) -> None:
    """Write the statement. `closing_off_by` in minor units makes its closing balance wrong, as a faulty bank would."""
    root = ET.Element("Document", xmlns=NAMESPACE)
    message = ET.SubElement(root, "BkToCstmrStmt")
    header = ET.SubElement(message, "GrpHdr")
    made_at = datetime.combine(statement.day, time(23), UTC).isoformat()
    _text(header, "MsgId", statement.statement_id)
    _text(header, "CreDtTm", made_at)
    body = ET.SubElement(message, "Stmt")
    _text(body, "Id", statement.statement_id)
    _text(body, "ElctrncSeqNb", str(statement.number))
    _text(body, "CreDtTm", made_at)
    account = ET.SubElement(body, "Acct")
    _text(ET.SubElement(ET.SubElement(account, "Id"), "Othr"), "Id", statement.account)
    _text(account, "Ccy", statement.currency)
    closing = statement.rows[-1].balance_minor + closing_off_by
    _balance(body, "OPBD", statement.rows[0].balance_minor - statement.rows[0].amount_minor, statement)
    _balance(body, "CLBD", closing, statement)
    _summary(body, statement)
    for row in statement.rows:
        _entry(body, row)
    ET.indent(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.unfinished")
    ET.ElementTree(root).write(draft, encoding="utf-8", xml_declaration=True)
    draft.replace(path)


def amount_text(minor: int, currency: str) -> str:
    """An amount without its sign, as ISO 20022 writes it.

    >>> amount_text(-1234, "GBP"), amount_text(500, "JPY")
    ('12.34', '500')
    """
    digits = _MINOR_DIGITS.get(currency, 2)
    whole, part = divmod(abs(minor), 10**digits)
    return f"{whole}.{part:0{digits}d}" if digits else str(whole)


def _balance(body: ET.Element, code: str, minor: int, statement: Statement) -> None:
    balance = ET.SubElement(body, "Bal")
    _text(ET.SubElement(ET.SubElement(balance, "Tp"), "CdOrPrtry"), "Cd", code)
    _amount(balance, minor, statement.currency)
    _text(ET.SubElement(balance, "Dt"), "Dt", statement.day.isoformat())


def _summary(body: ET.Element, statement: Statement) -> None:
    summary = ET.SubElement(body, "TxsSummry")
    credits_ = [row.amount_minor for row in statement.rows if row.amount_minor > 0]
    debits = [row.amount_minor for row in statement.rows if row.amount_minor < 0]
    for name, amounts in (("TtlCdtNtries", credits_), ("TtlDbtNtries", debits)):
        total = ET.SubElement(summary, name)
        _text(total, "NbOfNtries", str(len(amounts)))
        _text(total, "Sum", amount_text(sum(amounts), statement.currency))


def _entry(body: ET.Element, row: BookedRow) -> None:
    entry = ET.SubElement(body, "Ntry")
    _text(entry, "NtryRef", row.line_id)
    _amount(entry, row.amount_minor, row.currency)
    if row.returns:
        _text(entry, "RvslInd", "true")
    _text(ET.SubElement(entry, "Sts"), "Cd", "BOOK")
    _text(ET.SubElement(entry, "BookgDt"), "Dt", row.booked_on)
    _text(ET.SubElement(entry, "ValDt"), "Dt", row.value_on)
    _text(entry, "AcctSvcrRef", row.line_id)
    _text(ET.SubElement(ET.SubElement(entry, "BkTxCd"), "Prtry"), "Cd", "NTRF")
    details = ET.SubElement(ET.SubElement(entry, "NtryDtls"), "TxDtls")
    fits = len(row.reference) <= _LONGEST_REFERENCE
    _text(ET.SubElement(details, "Refs"), "EndToEndId", row.reference if fits else "NOTPROVIDED")
    _amount(details, row.amount_minor, row.currency)
    other = "Dbtr" if row.amount_minor > 0 else "Cdtr"
    party = ET.SubElement(ET.SubElement(details, "RltdPties"), other)
    _text(ET.SubElement(party, "Pty"), "Nm", row.counterparty)
    if not fits:
        _text(ET.SubElement(details, "RmtInf"), "Ustrd", row.reference)
    if row.returns:
        _text(ET.SubElement(ET.SubElement(details, "RtrInf"), "Rsn"), "Cd", RETURNED)


def _amount(parent: ET.Element, minor: int, currency: str) -> None:
    _text(parent, "Amt", amount_text(minor, currency)).set("Ccy", currency)
    _text(parent, "CdtDbtInd", "DBIT" if minor < 0 else "CRDT")


def _text(parent: ET.Element, name: str, text: str) -> ET.Element:
    element = ET.SubElement(parent, name)
    element.text = text
    return element
