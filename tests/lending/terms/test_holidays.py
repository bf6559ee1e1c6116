"""Calendars as rows: what ships, what a person puts right, and what a file may not say."""

import tomllib
from datetime import date
from pathlib import Path
from runpy import run_path

import pytest

from lending.terms.holidays import SHIPPED_CALENDARS, calendars, holidays_of
from lending.terms.terms_file import TermsFileFault

CHECKOUT = Path(__file__).parents[3]


def folder(at: Path, rows: str = '2026-12-25 = "Christmas Day"', overrides: str | None = None) -> Path:
    (at / "GB-ENG.toml").write_text(rows)
    if overrides is not None:
        (at / "overrides.toml").write_text(overrides)
    return at


@pytest.mark.parametrize("calendar", calendars())
def test_every_calendar_has_christmas_day_of_every_year(calendar: str) -> None:
    assert all(date(year, 12, 25) in holidays_of(calendar) for year in range(2020, 2061))


def test_the_rows_are_those_of_the_package_they_come_from() -> None:
    pytest.importorskip("holidays")
    rendering = run_path(str(CHECKOUT / "infra" / "calendars.py"))

    assert set(rendering["SOURCES"]) == set(calendars())
    for calendar in calendars():
        rows = {str(day): name for day, name in rendering["rows_of"](calendar).items()}
        assert tomllib.loads((SHIPPED_CALENDARS / f"{calendar}.toml").read_text()) == rows, calendar


def test_a_person_adds_a_holiday_and_makes_one_a_day_of_business(tmp_path: Path) -> None:
    moved = '[GB-ENG]\n2026-06-08 = "A royal jubilee"\n2026-12-25 = false\n'

    assert holidays_of("GB-ENG", folder(tmp_path, overrides=moved)) == {date(2026, 6, 8)}


def test_a_calendar_without_overrides_has_its_rows(tmp_path: Path) -> None:
    assert holidays_of("GB-ENG", folder(tmp_path)) == {date(2026, 12, 25)}


@pytest.mark.parametrize(
    ("rows", "overrides", "says"),
    [
        ('2026-02-30 = "x"', None, "GB-ENG.toml: 2026-02-30: is not a day such as 2026-12-25"),
        ("2026-12-25 = false", None, "GB-ENG.toml: 2026-12-25: False is not the name of a holiday"),
        ('2026-12-25 = ""', None, "2026-12-25: '' is not the name of a holiday"),
        ("= 1", None, "GB-ENG.toml: is not TOML"),
        ("", '[GB]\n2026-06-08 = "x"', "overrides.toml: GB: is no table of one of GB-ENG"),
        ("", '2026-06-08 = "x"', "overrides.toml: 2026-06-08: is no table of one of GB-ENG"),
        (
            "",
            "[GB-ENG]\n2026-06-08 = true",
            "overrides.toml: GB-ENG.2026-06-08: True is not the name of a holiday or f",
        ),
    ],
)
def test_a_wrong_row_is_named_with_its_file(tmp_path: Path, rows: str, overrides: str | None, says: str) -> None:
    with pytest.raises(TermsFileFault, match=says):
        holidays_of("GB-ENG", folder(tmp_path, rows, overrides))


def test_a_calendar_that_no_file_has_is_refused() -> None:
    with pytest.raises(TermsFileFault, match="'ATLANTIS' is none of its calendars: CZ, ECB, GB-ENG, US"):
        holidays_of("ATLANTIS")
