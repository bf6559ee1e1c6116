"""`tranche lending schedule`: Fineract's printed schedules row by row, other cases, and files that are wrong."""

import csv
from pathlib import Path

import pytest

from lending.schedule.schedule_file import schedule_file
from lending.schedule.table_file import RefusedRow, TableFault
from tests.command_line import acts_of

main = acts_of("lending")

EXPECTED = ("due", "principal_due", "interest_due", "total_due")

# Rows on which we differ from the oracle, as (case, row): ours. None (docs/decisions/0025).
DIFFERENCES: dict[tuple[str, str], tuple[str, ...]] = {}

SETTINGS = {
    "case": "1",
    "principal": "100.00",
    "rate_pct": "12",
    "n": "2",
    "every": "1",
    "freq": "MONTHS",
    "start": "2026-01-31",
    "days_in_month": "DAYS_30",
    "days_in_year": "DAYS_360",
    "custom_strategy": "",
    "downpay_pct": "0",
    "currency": "GBP",
    "interest_on_disb_day": "false",
    "method": "DECLINING_BALANCE",
}


def written(folder: Path, *rows: dict[str, str]) -> Path:
    file = folder / "terms.csv"
    with file.open("w", newline="") as lines:
        writer = csv.DictWriter(lines, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return file


def answers(folder: Path, *rows: dict[str, str]) -> list[dict[str, str]]:
    out = folder / "out.csv"
    schedule_file(written(folder, *rows), out)
    return read(out)


def read(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_every_row_of_every_printed_schedule_is_reproduced(oracles: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    source = oracles / "fineract_schedules.csv"

    report = schedule_file(source, out)

    rows = read(out)
    differing = {
        (row["case"], row["row"]): tuple(row[f"our_{column}"] for column in EXPECTED)
        for row in rows
        if any(row[f"our_{column}"] != row[column] for column in EXPECTED)
    }
    assert (report.cases, report.rows) == (len({row["case"] for row in rows}), len(read(source)))
    assert report.cases >= 20
    assert report.refused == ()
    assert differing == DIFFERENCES


def test_the_half_penny_of_the_oracle_comes_from_its_19_digits(oracles: Path, tmp_path: Path) -> None:
    """327.25 at 24 % for 30 of 360 days is 6.545: a day's share, 0.21816666…67, times 30 is just above the half."""
    out = tmp_path / "out.csv"
    schedule_file(oracles / "fineract_schedules.csv", out)

    row = next(row for row in read(out) if (row["case"], row["row"]) == ("1", "10"))
    assert row["our_interest_due"] == row["interest_due"] == "6.55"


def test_one_row_a_case_becomes_all_rows_of_its_schedule(tmp_path: Path) -> None:
    rows = answers(tmp_path, SETTINGS, {**SETTINGS, "case": "2", "downpay_pct": "25", "method": "FLAT"})

    assert [
        (row["case"], row["row"], row["kind"], row["our_due"], row["our_principal_due"], row["our_interest_due"])
        for row in rows
    ] == [
        ("1", "0", "disbursement", "2026-01-31", "100.00", ""),
        ("1", "1", "repayment", "2026-02-28", "49.75", "1.00"),
        ("1", "2", "repayment", "2026-03-31", "50.25", "0.50"),
        ("2", "0", "disbursement", "2026-01-31", "100.00", ""),
        ("2", "1", "downpayment", "2026-01-31", "25.00", "0.00"),
        ("2", "2", "repayment", "2026-02-28", "37.50", "0.75"),
        ("2", "3", "repayment", "2026-03-31", "37.50", "0.75"),
    ]
    assert [row["from"] for row in rows[:3]] == ["", "2026-01-31", "2026-02-28"]


def test_rows_are_answered_by_kind_whatever_their_order_and_numbers(tmp_path: Path) -> None:
    with_down_payment = {**SETTINGS, "downpay_pct": "10"}
    rows = answers(
        tmp_path,
        {**with_down_payment, "row": "7", "kind": "Down Payment"},
        {**with_down_payment, "row": "8", "kind": "repayment"},
        {**with_down_payment, "row": "9", "kind": "repayment"},
    )

    assert [row["our_principal_due"] for row in rows] == ["10.00", "44.78", "45.22"]


@pytest.mark.parametrize(
    ("currency", "principal", "totals"),
    [("JPY", "10000", ["", "5075", "5075"]), ("KWD", "100.000", ["", "50.751", "50.751"])],
)
def test_a_schedule_is_in_the_smallest_unit_of_its_currency(
    tmp_path: Path, currency: str, principal: str, totals: list[str]
) -> None:
    rows = answers(tmp_path, {**SETTINGS, "currency": currency, "principal": principal})

    assert [row["our_total_due"] for row in rows] == totals


def test_a_case_can_ask_for_instalments_in_multiples_of_a_larger_amount(tmp_path: Path) -> None:
    rows = answers(tmp_path, {**SETTINGS, "multiple_of": "1"}, {**SETTINGS, "case": "2", "multiple_of": "0.5"})

    assert [row["our_total_due"] for row in rows] == ["", "51.00", "50.50", "", "51.00", "50.50"]


def test_settings_that_a_file_leaves_out_have_their_defaults(tmp_path: Path) -> None:
    short = {name: value for name, value in SETTINGS.items() if value not in ("", "0", "false", "DECLINING_BALANCE")}

    assert [row["our_total_due"] for row in answers(tmp_path, short)] == ["", "50.75", "50.75"]


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("principal", "-5", "no amount to lend"),
        ("principal", "0.00", "no amount to lend"),
        ("principal", "1.005", "3 decimals"),
        ("currency", "XXX", "'XXX' is not a currency we know"),
        ("principal", "99999999999999999999", "64 bits"),
        ("rate_pct", "-1", "not a decimal"),
        ("rate_pct", "1e5", "not a decimal"),
        ("rate_pct", "", "not a decimal"),
        ("n", "0", "less than one"),
        ("n", "1201", "1 to 1200"),
        ("n", "1.5", "whole number"),
        ("every", "0", "less than one"),
        ("freq", "YEARS", "none of DAYS, WEEKS, MONTHS"),
        ("start", "31.01.2026", "not a day"),
        ("start", "2026-02-30", "not a day"),
        ("days_in_month", "DAYS_31", "none of DAYS_30, ACTUAL"),
        ("days_in_year", "DAYS_366", "none of ACTUAL, DAYS_360"),
        ("days_in_year", "ACTUAL", "30 days"),
        ("custom_strategy", "LEAP", "none of nothing, FULL_LEAP_YEAR"),
        ("downpay_pct", "100", "leaves nothing"),
        ("interest_on_disb_day", "yes", "none of true, false"),
        ("method", "INTEREST_ONLY", "none of DECLINING_BALANCE, FLAT"),
        ("case", "", "is empty"),
    ],
)
def test_a_row_with_a_wrong_cell_is_refused_by_line_and_column_and_the_others_are_worked_out(
    tmp_path: Path, column: str, value: str, says: str
) -> None:
    file = written(tmp_path, SETTINGS, {**SETTINGS, "case": "2", column: value}, {**SETTINGS, "case": "3"})

    report = schedule_file(file, tmp_path / "out.csv")

    (refused,) = report.refused
    assert (refused.line, refused.column) == (3, column)
    assert says in refused.reason
    assert (report.cases, [row["case"] for row in read(tmp_path / "out.csv")]) == (2, ["1"] * 3 + ["3"] * 3)


def test_a_row_that_disagrees_with_its_case_is_refused_and_the_case_keeps_its_other_lines(tmp_path: Path) -> None:
    row = {**SETTINGS, "kind": "repayment", "n": "3"}
    file = written(tmp_path, row, {**row, "rate_pct": "13"}, row)

    report = schedule_file(file, tmp_path / "out.csv")

    assert report.refused == (RefusedRow(3, "rate_pct", "'13', but '12' on line 2 of the same case"),)
    assert [each["our_due"] for each in read(tmp_path / "out.csv")] == ["2026-02-28", "2026-04-30"]


def test_a_case_whose_first_row_is_wrong_is_computed_from_the_next(tmp_path: Path) -> None:
    row = {**SETTINGS, "kind": "repayment"}
    file = written(tmp_path, {**row, "principal": "1.005"}, row)

    report = schedule_file(file, tmp_path / "out.csv")

    assert [refused.line for refused in report.refused] == [2]
    assert [each["our_principal_due"] for each in read(tmp_path / "out.csv")] == ["50.25"]


@pytest.mark.parametrize(
    ("kinds", "line", "column", "says"),
    [
        (["repayment"] * 3, 4, "kind", "the schedule has no further line 'repayment'"),
        (["repayment", "fee"], 3, "kind", "the schedule has no further line 'fee'"),
        (["disbursement", "repayment"], 3, "n", "the case ends before row 2"),
    ],
)
def test_a_case_without_the_lines_of_its_schedule_is_refused_whole_and_alone(
    tmp_path: Path, kinds: list[str], line: int, column: str, says: str
) -> None:
    rows = [{**SETTINGS, "kind": kind} for kind in kinds]
    file = written(tmp_path, *rows, {**SETTINGS, "case": "2", "kind": ""})

    report = schedule_file(file, tmp_path / "out.csv")

    misfit = next(refused for refused in report.refused if refused.line == line)
    assert (misfit.column, says in misfit.reason) == (column, True)
    assert [refused.line for refused in report.refused] == list(range(2, 2 + len(kinds)))
    assert all(f"for line {line}: " in other.reason for other in report.refused if other != misfit)
    assert {row["case"] for row in read(tmp_path / "out.csv")} == {"2"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "No such file"),
        (b"", "is empty"),
        (b"case,principal\n1,2\n", "line 1, column rate_pct: is missing"),
        (",".join(SETTINGS).encode(), "has columns and no row"),
        (b"case,case\n", "line 1, column case: occurs twice"),
        (b"\xff\xfe", "is not UTF-8"),
        (b'case,"principal', "line 1: unexpected end of data"),
    ],
)
def test_a_file_that_is_no_table_is_named(tmp_path: Path, content: bytes | None, says: str) -> None:
    file = tmp_path / "terms.csv"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(TableFault, match=says):
        schedule_file(file, tmp_path / "out.csv")


@pytest.mark.parametrize(("row", "says"), [("1,2\n", "2 cells under 14 columns"), ('"1', "unexpected end of data")])
def test_a_line_that_is_no_row_is_refused(tmp_path: Path, row: str, says: str) -> None:
    file = written(tmp_path, SETTINGS)
    file.write_text(file.read_text() + row)

    report = schedule_file(file, tmp_path / "out.csv")

    assert (report.cases, report.refused) == (1, (RefusedRow(3, None, says),))


def test_the_command_says_what_it_wrote_and_which_setting_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, {**SETTINGS, "custom_strategy": "FEB_29_PERIOD_ONLY"})

    assert main(["schedule", "--terms", str(file), "--out", str(tmp_path / "out.csv")]) == 0

    said = capsys.readouterr()
    assert said.out.endswith("out.csv: 1 cases, 3 rows\n")
    assert said.err == "case 1: FEB_29_PERIOD_ONLY changes nothing, each day counts by its own year\n"


def test_the_command_names_each_refused_row_and_ends_with_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, SETTINGS, {**SETTINGS, "case": "2", "n": "0"})

    assert main(["schedule", "--terms", str(file), "--out", str(tmp_path / "out.csv")]) == 1

    said = capsys.readouterr()
    assert said.out.endswith("out.csv: 1 cases, 3 rows, 1 rows refused\n")
    assert said.err == f"{file}, line 3, column n: 0 is less than one\n"
