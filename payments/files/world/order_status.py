"""Reads what becomes of orders, ISO 20022 of any version: pain.002 to a customer, pacs.002 between banks."""

from collections.abc import Iterator

from payments.files.world.item import FileItem, ReportedStatus
from payments.files.world.source_file import SourceFile
from payments.files.world.xml_elements import Element, read_elements

STATUS_REPORTS = {"CstmrPmtStsRpt": "pain.002", "FIToFIPmtStsRpt": "pacs.002"}
STATUSES = {
    "ACCC", "ACCP", "ACFC", "ACIS", "ACPD", "ACSC", "ACSP", "ACTC", "ACWC", "ACWP", "BLCK", "CANC", "CPUC", "PART",
    "PATC", "PDNG", "PRES", "RCVD", "RJCT", "RVNC", "RVCM",
}  # fmt: skip

_LEVELS = {
    "OrgnlGrpInfAndSts": ("GrpSts", "OrgnlMsgId"),
    "OrgnlPmtInfAndSts": ("PmtInfSts", "OrgnlPmtInfId"),
    "TxInfAndSts": ("TxSts", "OrgnlEndToEndId"),
}


def read_statuses(source: SourceFile) -> Iterator[FileItem]:
    """The status and reasons of the message, its parts and its transactions."""
    levels = 0
    for _, element in read_elements(source, (), tuple(_LEVELS)):
        levels += 1
        field, reference = _LEVELS[element.name]
        status = element.first(field)
        if status is None:
            continue  # a level without a status of its own says what the levels below have in common
        if status not in STATUSES:
            raise element.spot.fault(field, f"{status[:20]!r} is not a status that is known")
        is_item = element.name == "TxInfAndSts"
        yield ReportedStatus(status, tuple(_reasons(element)), element.first(reference), is_item)
    if not levels:
        raise source.at(0).fault("OrgnlGrpInfAndSts", "the message reports no status")


def _reasons(element: Element) -> list[str]:
    """The codes of the reasons; older editions call the element otherwise."""
    found = []
    for each in [*element.children("StsRsnInf"), *element.children("StsRsnInf/StsRsn")]:
        code = each.first("Rsn/Cd", "Rsn/Prtry", "StsRsn/Cd", "StsRsn/Prtry")
        if code is not None:
            found.append(code)
    return found
