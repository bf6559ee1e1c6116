"""The same cash enters the bank once: a day is told by statements or by files of transfers, never by both."""

from datetime import timedelta
from pathlib import Path

import pytest

from data_contracts.catalog import contract
from data_contracts.files import FileFault, write_rows
from tests.payments.outside import reconciled
from tests.payments.plans import posted, the_adapters
from tests.payments.reconciliation.test_lines_of_the_world import DAY, stated


def sent(path: Path, minor: int, days: int = 0) -> Path:
    line = {
        "line_id": f"{path.stem}-1", "account_id": "a-1", "amount_minor": minor, "currency": "GBP",
        "booked_on": DAY + timedelta(days=days), "reference": None, "source": "seeded",
    }  # fmt: skip
    write_rows(path, contract("repayment_line"), [line])
    return path


@pytest.mark.parametrize("statement_first", [True, False])
def test_a_statement_that_also_shows_the_lines_of_a_file_of_transfers_is_not_booked_beside_it(
    database_url: str, tmp_path: Path, statement_first: bool
) -> None:
    statement, lines = stated(tmp_path / "b.csv", (25_00, "A SHOPPER 1")), sent(tmp_path / "t.csv", 25_00)
    first, second = (statement, lines) if statement_first else (lines, statement)
    with the_adapters(database_url) as ports:
        reconciled(ports, [first], DAY)
        later = reconciled(ports, [second], DAY, loudly=False)

        assert (later.breaks, len(later.files_refused), later.banks_unequal) == ({"E22": 1}, 1, 0)
        assert "would be booked twice" in later.files_refused[0]
        assert posted(ports, "bank:main") == 25_00
        with pytest.raises(FileFault, match=f"{DAY} is told by"):
            reconciled(ports, [second], DAY)


def test_transfers_of_days_after_the_last_statement_are_taken_and_proved(database_url: str, tmp_path: Path) -> None:
    with the_adapters(database_url) as ports:
        reconciled(ports, [stated(tmp_path / "b.csv", (25_00, "A SHOPPER 1"))], DAY)
        later = reconciled(ports, [sent(tmp_path / "t.csv", 7_00, days=1)], DAY + timedelta(days=1))

        assert (later.lines, later.banks_unequal) == (1, 0)
        assert posted(ports, "bank:main") == 32_00


def test_the_first_statement_opens_with_what_files_of_transfers_told_before(database_url: str, tmp_path: Path) -> None:
    with the_adapters(database_url) as ports:
        reconciled(ports, [sent(tmp_path / "t.csv", 7_00, days=-1)], DAY)
        later = reconciled(ports, [stated(tmp_path / "b.csv", (25_00, "A SHOPPER 1"), opening=7_00)], DAY)

        assert (later.lines, later.banks_unequal) == (1, 0)
        assert posted(ports, "bank:main") == 32_00
