"""A day's file becomes one event a line, repeated lines included; a row of another form is refused with its line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from data_contracts.catalog import contract
from data_contracts.quarantine import violations_of
from pipelines.sources.online_retail import OnlineRetail, by_day
from pipelines.sources.online_retail_rows import COLUMNS
from pipelines.sources.source import CanonicalEvent, SourceFault

HEADER = ",".join(COLUMNS)
SOLD = "536365,85123A,WHITE HANGING HEART T-LIGHT HOLDER,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom"


def write(folder: Path, *rows: str, day: str = "2010-12-01", header: str = HEADER) -> Path:
    (folder / f"{day}.csv").write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return folder


def bodies(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(event.body) for event in OnlineRetail(folder).read().events]


def test_a_line_becomes_an_event_that_keeps_its_contract(tmp_path: Path) -> None:
    (event,) = OnlineRetail(write(tmp_path, SOLD)).read().events

    body = json.loads(event.body)
    assert violations_of(contract("order_line"), body) == ()
    assert (event.account_id, event.event_type) == ("17850", "order_line.v1")
    assert body["event_id"] == event.event_id == "online_retail:536365/2010-12-01/1"
    assert (body["document"], body["quantity"], body["unit_price_mills"]) == ("sale", 6, 2550)
    assert (body["occurred_at"], body["recorded_at"]) == ("2010-12-01T08:26:00Z", "2010-12-02T00:00:00Z")


def test_a_line_that_repeats_another_is_a_line_of_its_own(tmp_path: Path) -> None:
    assert [body["line_number"] for body in bodies(write(tmp_path, SOLD, SOLD))] == [1, 2]


def test_summer_time_is_the_merchants_and_utc_is_told(tmp_path: Path) -> None:
    row = SOLD.replace("2010-12-01 08:26:00", "2011-08-12 00:30:00")

    (body,) = bodies(write(tmp_path, row, day="2011-08-12"))

    assert body["ordered_on"] == "2011-08-12"
    assert body["occurred_at"] == "2011-08-11T23:30:00Z"
    assert body["recorded_at"] == "2011-08-12T23:00:00Z"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        pytest.param("17850.0", "", {"shopper_id": None}, id="no customer"),
        pytest.param("536365", "C536379", {"document": "cancellation"}, id="a cancellation"),
        pytest.param("536365", "A563185", {"document": "bad_debt"}, id="bad debt"),
        pytest.param(",6,", ",-6,", {"quantity": -6}, id="taken back"),
        pytest.param("2.55", "0.001", {"unit_price_mills": 1}, id="a tenth of a penny"),
        pytest.param("2.55", "-11062.06", {"unit_price_mills": -11_062_060}, id="a negative price"),
        pytest.param("WHITE HANGING HEART T-LIGHT HOLDER", '"A, ""B"""', {"description": 'A, "B"'}, id="quotes"),
    ],
)
def test_what_the_file_says_is_told_in_our_words(tmp_path: Path, old: str, new: str, told: dict[str, object]) -> None:
    (body,) = bodies(write(tmp_path, SOLD.replace(old, new)))

    assert told.items() <= body.items()
    assert violations_of(contract("order_line"), body) == ()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        pytest.param("536365", "X536365", "InvoiceNo 'X536365'", id="an unknown kind of invoice"),
        pytest.param("85123A", "", "StockCode ''", id="no code"),
        pytest.param(",6,", ",6.5,", "Quantity '6.5'", id="half an item"),
        pytest.param("2.55", "2.5501", "has 4 decimals", id="a fourth decimal"),
        pytest.param("2.55", "1e3", "UnitPrice '1e3'", id="a price in powers"),
        pytest.param("17850.0", "17850.5", "CustomerID '17850.5'", id="half a customer"),
        pytest.param("2010-12-01 08", "2010-12-02 08", "not on the day of its file", id="another day"),
        pytest.param("08:26:00", "8am", "InvoiceDate", id="no time"),
        pytest.param(",United Kingdom", "", "has 7 columns", id="a column less"),
    ],
)
def test_a_row_of_another_form_is_refused_with_its_line_and_reason(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    reading = OnlineRetail(write(tmp_path, SOLD, SOLD.replace(old, new), SOLD)).read()

    (reject,) = reading.rejects
    assert (reject.file, reject.line) == ("2010-12-01.csv", 3)
    assert reason in reject.reason
    assert [_number(event) for event in reading.events] == [1, 3]


def test_days_come_in_order_packed_or_not_and_lines_by_their_time(tmp_path: Path) -> None:
    later = SOLD.replace("536365", "540000").replace("2010-12-01", "2010-12-05")
    (tmp_path / "2010-12-05.csv.gz").write_bytes(gzip.compress(f"{HEADER}\n{later}\n".encode()))
    write(tmp_path, SOLD.replace("08:26", "09:00"), SOLD)
    (tmp_path / "SHA256SUMS").write_text("not a day")

    told = [(body["order_id"], body["line_number"]) for body in bodies(tmp_path)]

    assert told == [("536365", 2), ("536365", 1), ("540000", 1)]


def test_a_folder_or_file_of_another_form_is_refused_before_the_first_event(tmp_path: Path) -> None:
    with pytest.raises(SourceFault, match="no such folder"):
        OnlineRetail(tmp_path / "none").read()
    with pytest.raises(SourceFault, match="no file of a day"):
        OnlineRetail(tmp_path).read()
    write(tmp_path, header="Invoice,Code")
    with pytest.raises(SourceFault, match=r"2010-12-01\.csv: line 1: the columns are Invoice, Code"):
        OnlineRetail(tmp_path).read()
    (tmp_path / "2010-12-01.csv.gz").write_bytes(b"")
    with pytest.raises(SourceFault, match=r"2010-12-01\.csv is of the same day"):
        OnlineRetail(tmp_path).read()
    (tmp_path / "2010-12-01.csv").unlink()
    with pytest.raises(SourceFault, match="the columns are "):
        OnlineRetail(tmp_path).read()


def test_the_turnover_is_every_lines_quantity_times_its_price(tmp_path: Path) -> None:
    write(tmp_path, SOLD, SOLD.replace(",6,", ",-2,"), SOLD.replace("2.55", "0.001"))

    assert OnlineRetail(tmp_path).turnover_mills() == 4 * 2550 + 6


def test_the_folder_of_days_is_found_in_or_below_the_one_given(tmp_path: Path) -> None:
    days = tmp_path / "online_retail" / "by-day"
    days.mkdir(parents=True)

    assert {by_day(tmp_path), by_day(tmp_path / "online_retail"), by_day(days)} == {days}


def _number(event: CanonicalEvent) -> int:
    number: int = json.loads(event.body)["line_number"]
    return number
