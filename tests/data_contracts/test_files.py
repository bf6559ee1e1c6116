"""A contract's file is written and read whole, or not at all."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from data_contracts.catalog import contract
from data_contracts.files import Control, FileFault, read_rows, write_rows

LINES = contract("repayment_line")


def a_line(number: int = 1, **changes: object) -> dict[str, Any]:
    return {
        "line_id": f"berka:trans:{number}",
        "account_id": "808",
        "booked_on": date(1996, 3, 12),
        "amount_minor": 4492_00,
        "currency": "CZK",
        "reference": None,
        "source": "berka",
    } | changes


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "lines.csv"
    rows = [a_line(1), a_line(2, reference='a "quoted", text')]

    assert write_rows(path, LINES, rows) == Control(rows=2, total_minor=8984_00)
    assert path.read_text().splitlines()[-1] == "#control,2,898400"
    assert read_rows(path, LINES) == rows


def test_times_keep_their_zone(tmp_path: Path) -> None:
    applications = contract("credit_application")
    at = datetime(1996, 3, 12, 9, 30, tzinfo=UTC)
    row = {
        "event_id": "e",
        "event_type": "credit_application.v1",
        "source": "seeded",
        "occurred_at": at,
        "recorded_at": at,
        "application_id": "a",
        "shopper_id": "s",
        "account_id": "808",
        "merchant_id": None,
        "applied_at": at,
        "amount_minor": 120_00,
        "currency": "GBP",
        "product": "pay_in_3",
        "duration_months": 2,
        "channel": "web",
    }
    write_rows(tmp_path / "file.csv", applications, [row])

    assert read_rows(tmp_path / "file.csv", applications) == [row]


def test_a_file_without_rows_still_has_its_control_row(tmp_path: Path) -> None:
    write_rows(tmp_path / "none.csv", LINES, [])

    assert read_rows(tmp_path / "none.csv", LINES) == []


def test_a_row_that_breaks_the_contract_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileFault, match=r"line 3: amount_minor: '0' breaks amount_minor.minimum"):
        write_rows(tmp_path / "lines.csv", LINES, [a_line(1), a_line(2, amount_minor=0)])

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "field"),
    [
        pytest.param("449200,CZK,,berka\nberka:trans:2", "449201,CZK,,berka\nberka:trans:2", 4, "control", id="sum"),
        pytest.param("#control,2,", "#control,3,", 4, "control", id="count"),
        pytest.param("#control,2,898400\n", "", 3, "control", id="cut short"),
        pytest.param("line_id,", "line,", 1, "header", id="header"),
        pytest.param(",", ";", 1, "header", id="delimiter"),
        pytest.param("1996-03-12", "1996-02-30", 2, "booked_on", id="impossible date"),
        pytest.param("449200", "4492.00", 2, "amount_minor", id="decimals"),
        pytest.param("CZK", "crowns", 2, "currency", id="unknown code"),
        pytest.param("CZK,,berka", "CZK,berka", 2, "row", id="a column too few"),
        pytest.param("berka:trans:2", "berka:trans:1", 3, "line_id", id="the same line twice"),
        pytest.param("berka:trans:2", '"berka', 4, "row", id="a quote that never closes"),
    ],
)
def test_a_faulty_file_is_refused_whole_with_line_and_field(
    tmp_path: Path, old: str, new: str, line: int, field: str
) -> None:
    path = tmp_path / "lines.csv"
    write_rows(path, LINES, [a_line(1), a_line(2)])
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new) if old == "," else text.replace(old, new, 1))

    with pytest.raises(FileFault) as fault:
        read_rows(path, LINES)

    assert fault.value.line == line
    assert field in fault.value.field
    assert str(path) in fault.value.user_message


def test_a_file_that_is_missing_empty_or_undecodable_is_named(tmp_path: Path) -> None:
    for content, line in ((None, 0), (b"", 1), (b"line_id\n\xff\n", 2)):
        path = tmp_path / "lines.csv"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(FileFault) as fault:
            read_rows(path, LINES)
        assert fault.value.line == line
