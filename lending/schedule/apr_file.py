"""Act of `tranche lending apr`: read flows from a CSV file and write each row with its annual percentage rate.

A faulty row is refused by its line and left out; the others are written.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from lending.schedule.apr import (
    AprFault,
    CashFlow,
    UnitPayment,
    annual_percentage_rate,
    regulation_z_rate,
    rounded_rate,
)
from lending.schedule.table_file import RefusedRow, TableFault, TableRow, read_table, write_table

NEEDED = ("method", "flows_json")
OURS = "our_apr_pct"

_DECIMALS_WITHOUT_A_PUBLISHED_RATE = 6
_MOST_DECIMALS = 12
_RATIO = re.compile(r"-?[0-9]{1,9}(/[1-9][0-9]{0,8}|\.[0-9]{1,18})?", re.ASCII)
_MOST_PERIODS = 10_000
_MOST_DIGITS = 18


@dataclass(frozen=True, slots=True)
class AprReport:
    """The number of rows written and where, and the rows refused."""

    file: Path
    out: Path
    rows: int
    refused: tuple[RefusedRow, ...]


def apr_file(flows: Path, out: Path) -> AprReport:
    """Write every row of a file of flows with its rate, to as many decimals as the published rate, or six.

    A faulty row is refused and not written. Raises TableFault for a file that is no table.
    """
    table = read_table(flows, NEEDED)
    columns = [*(column for column in table.columns if column != OURS), OURS]
    refused = [fault.row for fault in table.refused]
    rows = []
    for row in table.rows:
        try:
            rows.append({**row.cells, OURS: str(rounded_rate(rate_of(row), _decimals(row)))})
        except TableFault as fault:
            refused.append(fault.row)
    write_table(out, columns, rows)
    return AprReport(flows, out, len(rows), tuple(sorted(refused, key=lambda row: row.line)))


def rate_of(row: TableRow) -> Decimal:
    """The rate of one row in percent, by the row's method; raises TableFault."""
    method = next((read for name, read in _METHODS.items() if row["method"].startswith(name)), None)
    if method is None:
        raise row.fault("method", f"{row['method']!r} begins with none of {', '.join(_METHODS)}")
    try:
        body = json.loads(row["flows_json"], parse_float=Decimal, parse_int=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise row.fault("flows_json", f"is not JSON: {error}") from error
    try:
        return method(body)
    except AprFault as error:
        raise row.fault("flows_json", f"no rate, {error.code}: {error}") from error
    except _FlowFault as error:
        raise row.fault("flows_json", str(error)) from error


class _FlowFault(ValueError):
    """Raised for JSON that does not have the form of its method."""


def _by_the_equation(body: Any) -> Decimal:
    """The EU and UK rate of `[[years, amount], …]`; years as fraction or decimal, amounts to the borrower negative.

    Years count from the first drawdown; a charge paid before it has negative years.
    """
    if not isinstance(body, list):
        raise _FlowFault("is not a list of [years, amount]")
    return annual_percentage_rate([CashFlow(_years(pair[0]), _amount(pair[1])) for pair in map(_of(2), body)])


def _by_regulation_z(body: Any) -> Decimal:
    """The Regulation Z rate of an advance, unit periods per year and `[[unit periods, fraction, amount], …]`."""
    if not isinstance(body, dict):
        raise _FlowFault("is not an object with advance, unit_periods_per_year and payments_t_f_amount")
    names = ("advance", "unit_periods_per_year", "payments_t_f_amount")
    for name in names:
        if name not in body:
            raise _FlowFault(f"{name} is missing")
    advance, in_year, payments = (body[name] for name in names)
    if not isinstance(payments, list):
        raise _FlowFault("payments_t_f_amount is not a list of [unit periods, fraction, amount]")
    return regulation_z_rate(
        _amount(advance),
        _per_year(in_year),
        [UnitPayment(_count(each[0]), _fraction(each[1]), _amount(each[2])) for each in map(_of(3), payments)],
    )


_METHODS: dict[str, Callable[[Any], Decimal]] = {
    "EU_ANNEX_I": _by_the_equation,
    "US_REGZ_APPENDIX_J": _by_regulation_z,
}


def _of(length: int) -> Callable[[Any], list[Any]]:
    def checked(part: Any) -> list[Any]:
        if not isinstance(part, list) or len(part) != length:
            raise _FlowFault(f"{_text(part)} is not a list of {length}")
        return part

    return checked


def _years(value: Any) -> Fraction:
    years = _ratio(value)
    if years is None:
        raise _FlowFault(f"{_text(value)} is not a time in years such as 1/12")
    return years


def _per_year(value: Any) -> Fraction:
    periods = _ratio(value)
    if periods is None or periods <= 0:
        raise _FlowFault(f"{_text(value)} is not a positive number of unit periods such as 12 or 365/45")
    return periods


def _ratio(value: Any) -> Fraction | None:
    """A number, or the text of a decimal or a fraction; None for anything else."""
    if isinstance(value, Decimal):
        text = f"{value:f}" if abs(value.adjusted()) <= _MOST_DIGITS else ""
    else:
        text = value if isinstance(value, str) else ""
    return Fraction(text) if _RATIO.fullmatch(text) else None


def _amount(value: Any) -> Decimal:
    if not isinstance(value, Decimal) or not value.is_finite() or abs(value.adjusted()) > _MOST_DIGITS:
        raise _FlowFault(f"{_text(value)} is not an amount")
    return value


def _fraction(value: Any) -> Decimal:
    if not isinstance(value, Decimal) or not 0 <= value < 1:
        raise _FlowFault(f"{_text(value)} is not a fraction of a unit period")
    return value


def _count(value: Any) -> int:
    if not isinstance(value, Decimal) or value != value.to_integral_value() or not 0 <= value <= _MOST_PERIODS:
        raise _FlowFault(f"{_text(value)} is not a whole number from 0 to {_MOST_PERIODS}")
    return int(value)


def _decimals(row: TableRow) -> int:
    text = row.get("published_decimals", str(_DECIMALS_WITHOUT_A_PUBLISHED_RATE))
    if not text.isascii() or not text.isdigit() or int(text) > _MOST_DECIMALS:
        raise row.fault("published_decimals", f"{text!r} is not a number of decimals from 0 to {_MOST_DECIMALS}")
    return int(text)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no amount")


def _text(value: Any) -> str:
    return json.dumps(value, default=str)
