"""The bank's camt.053 says what its rows say, to a reader that shares no code with its writer."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from data_contracts.files import FileFault
from payments.files.bank_report import read_bank_report
from payments.files.bank_statement import StatementFault, read_bank_statement
from payments.files.control_file import FileContent
from payments.files.provider_settlement import read_provider_settlement
from simulation.bank import OURS, BankMovement, SimulatedBank, open_bank
from simulation.day_end import StatementForm, end_day
from simulation.faults import FaultKind, fault_of_statement
from simulation.provider import ProviderOrder, open_provider

DAY = date(2026, 1, 5)
LARGE = 2**30


@pytest.fixture
def bank(tmp_path: Path) -> SimulatedBank:
    bank = open_bank(tmp_path)
    bank.open_with("GBP", 1_000_00)
    out = BankMovement("m-2", OURS, -95_00, "GBP", DAY, "mp-1", "m-1 & sons <shop>")
    for movement in (
        BankMovement("m-1", OURS, 40_00, "GBP", DAY, "po-2026-01-04-GBP", "sandbox"),
        out,
        replace(out, movement_id="m-3", amount_minor=95_00, returns=True),
        BankMovement("m-4", OURS, 1, "GBP", DAY, "a text that no reference of thirty-five characters holds", "s-1"),
        BankMovement("m-5", OURS, 10_00, "GBP", DAY, "plan p-1, thank you", "s-1"),
    ):
        bank.move(movement)
    return bank


def written(tmp_path: Path, bank: SimulatedBank, form: StatementForm) -> Path:
    provider = open_provider(tmp_path / form, 7, {})
    report = end_day(DAY, provider, bank, tmp_path / form, tmp_path / "outbox", form=form)
    (name,) = report.files
    return tmp_path / form / name


def test_both_forms_of_a_statement_are_read_to_the_same_movements(tmp_path: Path, bank: SimulatedBank) -> None:
    rows = read_bank_statement(FileContent.of(written(tmp_path, bank, StatementForm.CSV)))
    told = read_bank_report(FileContent.of(written(tmp_path, bank, StatementForm.CAMT)), {}, LARGE)

    shown, entries = list(rows.lines), list(told.lines)
    assert len(entries) == 5
    for row, entry in zip(shown, entries, strict=True):
        said = ("kind", "amount", "booked_on", "key", "bank_account", "counterparty", "detail")
        assert [getattr(entry, name) for name in said] == [getattr(row, name) for name in said]
    (csv_head,), (camt_head,) = rows.statements, told.statements
    assert replace(camt_head, number=csv_head.number) == csv_head


def test_a_line_is_known_to_the_bank_by_the_name_that_its_reader_gives_it(tmp_path: Path, bank: SimulatedBank) -> None:
    told = read_bank_report(FileContent.of(written(tmp_path, bank, StatementForm.CAMT)), {}, LARGE)
    (statement,) = bank.statements(DAY)

    assert [line.line_id for line in list(told.lines)] == [statement.line_id(row) for row in statement.rows]


def test_faults_of_statements_are_planted_and_refused_or_on_the_statement(tmp_path: Path) -> None:
    bank, provider = open_bank(tmp_path), open_provider(tmp_path, 7, {"s-1": ("pays", 1)})
    bank.open_with("GBP", 1_000_00)
    for days in range(18):
        day = DAY + timedelta(days=days)
        provider.charge(ProviderOrder(f"p-{days}/1#1", 50_00, "GBP", "s-1", f"p-{days}/1", day))
        end_day(day, provider, bank, tmp_path / "in", tmp_path / "out", form=StatementForm.CAMT, faulty=True)

    about = {label.kind: label.about for label in bank.labels}
    assert set(about) == {fault_of_statement(number) for number in range(1, 18)} - {None}
    with pytest.raises(StatementFault, match="closing balance"):
        list(read_bank_report(FileContent.of(tmp_path / "in" / about[FaultKind.WRONG_BALANCE]), {}, LARGE).lines)
    with pytest.raises(FileFault, match="cut short"):
        list(read_provider_settlement(FileContent.of(tmp_path / "in" / about[FaultKind.CUT_FILE])).lines)
    statements = [
        read_bank_report(FileContent.of(path), {}, LARGE) for path in (tmp_path / "in").glob("statement-*-GBP.xml")
    ]
    assert about[FaultKind.UNKNOWN_CREDIT] in {line.line_id for file in statements for line in file.lines}
    assert open_bank(tmp_path).labels == bank.labels, "they are kept across restarts"
