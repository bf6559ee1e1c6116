"""Writes lending/calendars/*.toml from the package holidays: `python infra/calendars.py`.

Rows rather than the package itself, so that a schedule computed again falls due on the same days, whatever the package
says by then.
"""

from datetime import date
from pathlib import Path

import holidays

CALENDARS = Path(__file__).parents[1] / "lending" / "calendars"
YEARS = range(2020, 2061)
SOURCES = {
    "CZ": "the Czech Republic",
    "ECB": "the euro's payment system",
    "GB-ENG": "England",
    "US": "the United States",
}


def rows_of(name: str) -> dict[date, str]:
    """The holidays of a calendar by day, as the package has them."""
    if name == "ECB":
        return dict(holidays.financial_holidays("XECB", years=YEARS, language="en_US"))
    country, _, part = name.partition("-")
    return dict(holidays.country_holidays(country, subdiv=part or None, years=YEARS, language="en_US"))


if __name__ == "__main__":
    for name, where in SOURCES.items():
        lines = [
            f"# Holidays of {where}, {YEARS[0]} to {YEARS[-1]}.",
            "# Rendered by infra/calendars.py; do not edit: overrides.toml puts a day right.",
            "",
        ]
        lines += [f'{day} = "{what}"' for day, what in sorted(rows_of(name).items())]
        (CALENDARS / f"{name}.toml").write_text("\n".join([*lines, ""]), encoding="utf-8")
