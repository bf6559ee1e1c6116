"""The holidays of a jurisdiction or payment system, read from the rows in the folder of calendars."""

import tomllib
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from lending.terms.terms_file import TermsFileFault
from terminal.lenders_own import lenders_own

SHIPPED_CALENDARS = Path(str(files("lending"))) / "calendars"
OVERRIDES = "overrides"


@cache
def holidays_of(calendar: str, folder: Path | None = None) -> frozenset[date]:
    """The days without business in a calendar, with what a person has put right. Raises TermsFileFault.

    >>> date(2026, 12, 25) in holidays_of("GB-ENG"), date(2026, 12, 24) in holidays_of("GB-ENG")
    (True, False)
    """
    folder = folder or _calendars_folder()
    if calendar not in calendars(folder):
        raise TermsFileFault(f"{folder}: {calendar!r} is none of its calendars: {', '.join(calendars(folder))}")
    rows = _days(folder / f"{calendar}.toml", _read(folder / f"{calendar}.toml"))
    rows |= _overrides(folder).get(calendar, {})
    return frozenset(day for day, name in rows.items() if name is not False)


def calendars(folder: Path | None = None) -> tuple[str, ...]:
    """The names of the calendars in a folder, the lender's own if none is named."""
    files_in = (folder or _calendars_folder()).glob("*.toml")
    return tuple(sorted(file.stem for file in files_in if file.stem != OVERRIDES))


def _calendars_folder() -> Path:
    return lenders_own("calendars", SHIPPED_CALENDARS)


def _overrides(folder: Path) -> Mapping[str, dict[date, str | bool]]:
    """By calendar, the days that a person has put right: the name of a holiday, or False for a day of business."""
    file = folder / f"{OVERRIDES}.toml"
    tables = _read(file) if file.is_file() else {}
    for name, table in tables.items():
        if name not in calendars(folder) or not isinstance(table, dict):
            raise TermsFileFault(f"{file}: {name}: is no table of one of {', '.join(calendars(folder))}")
    return {name: _days(file, table, f"{name}.", removes=True) for name, table in tables.items()}


def _days(file: Path, table: Mapping[str, Any], place: str = "", *, removes: bool = False) -> dict[date, str | bool]:
    found: dict[date, str | bool] = {}
    for text, name in table.items():
        try:
            day = date.fromisoformat(text)
        except ValueError:
            raise TermsFileFault(f"{file}: {place}{text}: is not a day such as 2026-12-25") from None
        if not (isinstance(name, str) and name) and not (removes and name is False):
            kinds = "the name of a holiday or false" if removes else "the name of a holiday"
            raise TermsFileFault(f"{file}: {place}{text}: {name!r} is not {kinds}")
        found[day] = name
    return found


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise TermsFileFault(f"{file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TermsFileFault(f"{file}: is not TOML: {error}") from error
