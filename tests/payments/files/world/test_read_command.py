"""`tranche payments read`: figures of a file as JSON or for people, and how the command ends."""

import json
from pathlib import Path

import pytest

from data_contracts.files import FileFault
from payments.settings import max_file_bytes
from terminal.environment import SettingFault
from tests.command_line import acts_of
from tests.payments.files.world.samples import MT940, PAIN001, Booking, a_camt, a_file

main = acts_of("payments")


def test_the_figures_of_a_file_are_one_json_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["read", str(a_file(tmp_path, PAIN001)), "--json"])

    assert code == 0
    assert json.loads(capsys.readouterr().out) == {
        "format": "pain.001",
        "accounts": ["CH5604835012345678009", "CH5604835012345678010"],
        "entries": 3,
        "sums": {"CHF_DBIT": "1016.00", "EUR_DBIT": "100.50"},
        "balances": [],
        "statuses": {"ORDR": 3},
        "reasons": {},
        "breaks": [],
    }


def test_balances_are_shown_with_their_sign(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["read", str(a_file(tmp_path, MT940)), "--json"])

    assert json.loads(capsys.readouterr().out)["balances"][2] == {
        "account": "DE87200500001234567890",
        "kind": "opening",
        "amount": "-20.00",
        "currency": "EUR",
        "on": "2026-03-01",
    }


def test_a_file_that_does_not_add_up_ends_with_1_and_the_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = a_file(tmp_path, a_camt([Booking("10.01")]))

    assert main(["read", str(path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["breaks"] == [
        {"what": "statement S-7: closing balance in GBP", "says": "110", "found": "110.01", "break_class": "E26"}
    ]
    assert main(["read", str(path)]) == 1
    assert "E26 statement S-7" in capsys.readouterr().out


def test_a_file_that_cannot_be_read_is_a_fault_with_its_line_and_field(tmp_path: Path) -> None:
    path = a_file(tmp_path, a_camt([Booking("ten")]))

    with pytest.raises(FileFault, match=f"{path}: line 7: Ntry/Amt: 'ten' is not an amount"):
        main(["read", str(path)])


def test_the_setting_limits_the_size_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = a_file(tmp_path, PAIN001)
    monkeypatch.setenv("TRANCHE_MAX_FILE_BYTES", str(path.stat().st_size - 1))

    with pytest.raises(FileFault, match="at most"):
        main(["read", str(path)])

    monkeypatch.setenv("TRANCHE_MAX_FILE_BYTES", str(path.stat().st_size))
    assert main(["read", str(path)]) == 0


def test_the_limit_is_2_gib_unless_it_is_set() -> None:
    assert max_file_bytes({}) == 2 * 1024**3


@pytest.mark.parametrize("text", ["0", "-1", "2 GiB", "1_000"])
def test_a_limit_that_is_no_number_of_bytes_is_refused(text: str) -> None:
    with pytest.raises(SettingFault, match="TRANCHE_MAX_FILE_BYTES"):
        max_file_bytes({"TRANCHE_MAX_FILE_BYTES": text})


def test_a_folder_is_shown_as_a_table_in_which_a_bad_file_spoils_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.xml").write_text(PAIN001)
    (tmp_path / "b.xml").write_text("<html/>")
    (tmp_path / "c.xml").write_text(a_camt([Booking("10.01")]))

    assert main(["read", str(tmp_path), "--table"]) == 0
    assert capsys.readouterr().out.splitlines()[2:] == [
        "| a.xml | pain.001 | 3 | CHF_DBIT 1016.00, EUR_DBIT 100.50 | none |",
        "| b.xml |  |  |  | refused: line 1: (file): XML <html> holds no message that is read |",
        "| c.xml | camt.053 | 1 | GBP_CRDT 10.01 | E26: closing balance in GBP 110, found 110.01 |",
    ]
