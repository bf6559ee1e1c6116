"""A provider's file of dispute notices, taken by the command."""

from datetime import date
from pathlib import Path

import pytest

from data_contracts.files import FileFault
from lending.plan.event import CashBack, Route
from payments.disputes.dispute import DisputeNotice, DisputeStage
from payments.disputes.dispute_file import COLUMNS, read_notices
from payments.files.control_file import FileContent, write_controlled
from tests.command_line import acts_of
from tests.payments.plans import pounds

main = acts_of("payments")

ROW = {
    "case_id": "cb-1", "stage": "opened", "attempt_id": "p-1/1#1", "route": "card", "told_on": "2026-03-03",
    "amount_minor": "2500", "fee_minor": "", "currency": "GBP", "cash_back": "",
}  # fmt: skip


def a_file(folder: Path, **changed: str) -> Path:
    file = folder / "disputes.csv"
    write_controlled(file, COLUMNS, [ROW | changed])
    return file


def test_a_row_is_a_notice(tmp_path: Path) -> None:
    (notice,) = read_notices(FileContent.of(a_file(tmp_path)))
    assert notice == DisputeNotice(
        "cb-1", DisputeStage.OPENED, "p-1/1#1", Route.CARD, date(2026, 3, 3), pounds(25_00), None, CashBack.NETTED
    )


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("stage", "maybe"),
        ("route", "pigeon"),
        ("currency", "XXX"),
        ("amount_minor", "0"),
        ("cash_back", "soon"),
        ("told_on", "2027-03-03"),
    ],
)
def test_a_row_that_cannot_be_is_named(tmp_path: Path, column: str, value: str) -> None:
    with pytest.raises(FileFault) as caught:
        read_notices(FileContent.of(a_file(tmp_path, **{column: value}), latest=date(2026, 3, 4)))
    assert caught.value.field == column


def test_the_command_lists_what_it_could_not_take(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRANCHE_DATABASE_URL", database_url)

    assert main(["disputes", "--file", str(a_file(tmp_path))]) == 1

    assert "cb-1: there is no attempt p-1/1#1" in capsys.readouterr().out
