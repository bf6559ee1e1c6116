"""Samples of banks and providers: each is read to the totals that it states itself, or its fault is named.

The sums are counted here a second time, from the text, by code that shares nothing with the readers.
"""

import re
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from data_contracts.files import FileFault
from payments.files.world.file_table import TABLE_HEADER, rows_of_folder
from payments.files.world.read_payment_file import FileSummary, read_payment_file, summarise
from tests.payments.files.world.samples import LIMIT

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "payment-files.md"
HOLD_NO_STATEMENT = {"camt053.v2.wrong.xml"}


def test_the_table_in_the_reference_is_what_the_command_prints(real_payment_files: Path) -> None:
    table = "\n".join([TABLE_HEADER, *(row.markdown for row in rows_of_folder(real_payment_files, LIMIT))])

    assert table in PAGE.read_text(encoding="utf-8")


def test_every_file_is_read_but_the_one_that_holds_no_statement(real_payment_files: Path) -> None:
    rows = list(rows_of_folder(real_payment_files, LIMIT))

    assert len(rows) >= 57
    assert {Path(row.file).name for row in rows if row.own_totals.startswith("refused")} == HOLD_NO_STATEMENT


def test_booked_entries_of_each_camt_add_up_as_in_its_text(real_payment_files: Path) -> None:
    for path in [*real_payment_files.glob("camt/*.xml"), *real_payment_files.glob("pacs/camt*.xml")]:
        if path.name in HOLD_NO_STATEMENT:
            with pytest.raises(FileFault):
                _read(path)
            continue
        sums: dict[str, Decimal] = {}
        entries = 0
        for entry in _all(path, "Ntry"):
            entries += 1
            amount, side, status = (
                next(each for each in entry if _name(each) == n) for n in ("Amt", "CdtDbtInd", "Sts")
            )
            if "".join(status.itertext()).strip() == "BOOK":
                key = f"{amount.get('Ccy')}_{side.text}"
                sums[key] = sums.get(key, Decimal(0)) + Decimal(amount.text or "")
        assert _figures(_read(path)) == (entries, sums), path.name


def test_transactions_of_each_order_add_up_as_in_its_text(real_payment_files: Path) -> None:
    for path in real_payment_files.glob("pain/*.xml"):
        amounts = [Decimal(each.text or "") for each in _all(path, "InstdAmt")]
        (stated,) = {Decimal(each.text or "") for each in _all(path, "CtrlSum")}
        summary = _read(path)

        assert sum(amounts) == stated == sum(map(Decimal, summary.sums.values())), path.name
        assert (summary.entries, summary.breaks) == (len(amounts), ()), path.name


def test_entries_of_each_nacha_file_add_up_to_its_file_control_record(real_payment_files: Path) -> None:
    for path in real_payment_files.glob("nacha/*.ach"):
        (control,) = re.findall(r"^9(?!9{20}).*", path.read_text(encoding="ascii"), re.MULTILINE)
        summary = _read(path)

        debit, credit = (Decimal(control[at : at + 12]).scaleb(-2) for at in (31, 43))
        assert Decimal(summary.sums.get("USD_DBIT", 0)) == debit, path.name
        assert Decimal(summary.sums.get("USD_CRDT", 0)) == credit, path.name
        assert summary.breaks == (), path.name


def _read(path: Path) -> FileSummary:
    return summarise(*read_payment_file(path, LIMIT))


def _figures(summary: FileSummary) -> tuple[int, dict[str, Decimal]]:
    return summary.entries, {key: Decimal(amount) for key, amount in summary.sums.items()}


def _all(path: Path, name: str) -> list[ET.Element]:
    return [each for each in ET.parse(path).getroot().iter() if _name(each) == name]


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]
