"""Act of `tranche lending schedule`: amortise loans from a CSV file beside the schedules that others computed.

A faulty row is refused by its line and left out; the others are written. Rows of a case that are not the lines of its
schedule are refused together, because it is unknown which line each of them means.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from ledger.money import AmountFault, Currency, Money
from lending.schedule.amortise import Loan, Method, amortise
from lending.schedule.day_count import DayCount, DayCountFault
from lending.schedule.due import Due, ScheduleFault
from lending.schedule.due_dates import Spacing, Unit
from lending.schedule.table_file import RefusedRow, TableFault, TableFile, TableRow, read_table, write_table

NEEDED = ("case", "principal", "rate_pct", "n", "every", "freq", "start", "days_in_month", "days_in_year")
DEFAULTS = {
    "currency": "GBP",
    "custom_strategy": "",
    "downpay_pct": "0",
    "interest_on_disb_day": "false",
    "method": "DECLINING_BALANCE",
    "multiple_of": "",
}
LINE = ("row", "kind", "from")
OURS = ("our_due", "our_principal_due", "our_interest_due", "our_total_due")

WITHOUT_EFFECT = "FEB_29_PERIOD_ONLY"
STRATEGIES = ("", "FULL_LEAP_YEAR", WITHOUT_EFFECT)

Value = TypeVar("Value")

_MOST_DIGITS = 18
_DECIMAL = re.compile(rf"[0-9]{{1,{_MOST_DIGITS}}}(\.[0-9]{{1,{_MOST_DIGITS}}})?", re.ASCII)
_WHOLE = re.compile(r"[0-9]{1,9}", re.ASCII)
_DAYS_IN_YEAR = {"ACTUAL": None, "DAYS_360": 360, "DAYS_364": 364, "DAYS_365": 365}
_DAYS_IN_MONTH = {"DAYS_30": True, "ACTUAL": False}


@dataclass(frozen=True, slots=True)
class ScheduleReport:
    """The rows and cases written, and the rows refused.

    `without_effect` lists cases with a setting that changes nothing (decision 0025).
    """

    file: Path
    out: Path
    cases: int
    rows: int
    without_effect: tuple[str, ...]
    refused: tuple[RefusedRow, ...]


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a schedule in the oracle's form."""

    row: int
    kind: str
    start: date | None
    due_on: date
    principal: Money
    interest: Money | None

    def ours(self) -> dict[str, str]:
        return {
            "our_due": self.due_on.isoformat(),
            "our_principal_due": self.principal.decimal,
            "our_interest_due": "" if self.interest is None else self.interest.decimal,
            "our_total_due": "" if self.interest is None else (self.principal + self.interest).decimal,
        }


def schedule_file(terms: Path, out: Path) -> ScheduleReport:
    """Write every row of a file of terms with our schedule; a case of one row is expanded to its whole schedule.

    A faulty row is refused and not written. Raises TableFault for a file that is no table.
    """
    table = read_table(terms, NEEDED)
    refused = [fault.row for fault in table.refused]
    cases: dict[str, list[TableRow]] = {}
    for row in table.rows:
        if row["case"]:
            cases.setdefault(row["case"], []).append(row)
        else:
            refused.append(row.fault("case", "is empty").row)
    answers: dict[int, list[dict[str, str]]] = {}
    asked = []
    for case, rows in cases.items():
        answered, faults = _worked_out(rows, table)
        refused += [fault.row for fault in faults]
        for row, cells in answered:
            answers.setdefault(row.line, []).append(cells)
        if answered and answered[0][0].get("custom_strategy") == WITHOUT_EFFECT:
            asked.append(case)
    written = [cells for row in table.rows for cells in answers.get(row.line, ())]
    worked_out = {cells["case"] for cells in written}
    expanded = any(len(cases[case]) == 1 for case in worked_out)
    columns = [column for column in table.columns if column not in OURS]
    columns += [column for column in LINE if expanded and column not in columns]
    columns += OURS
    write_table(out, columns, ({column: cells.get(column, "") for column in columns} for cells in written))
    in_order = tuple(sorted(refused, key=lambda row: row.line))
    return ScheduleReport(terms, out, len(worked_out), len(written), tuple(asked), in_order)


def loan_of(row: TableRow) -> Loan:
    """The loan described by a row; raises TableFault."""
    _one_of(row, "custom_strategy", {strategy: strategy for strategy in STRATEGIES})
    day_count = _day_count(row)
    spacing = Spacing(_whole(row, "every"), _one_of(row, "freq", {unit.name: unit for unit in Unit}))
    code = row.get("currency", DEFAULTS["currency"])
    currency = Currency.of(code)
    if currency is None:
        raise row.fault("currency", f"{code!r} is not a currency we know")
    try:
        principal = Money.parse(row["principal"], currency)
    except AmountFault as error:
        raise row.fault("principal", str(error)) from error
    if principal.minor <= 0:
        raise row.fault("principal", f"{row['principal']} is no amount to lend")
    down_payment = _decimal(row, "downpay_pct")
    if down_payment >= 100:
        raise row.fault("downpay_pct", f"{down_payment} % leaves nothing to lend")
    try:
        return Loan(
            amount=principal,
            annual_rate_percent=_decimal(row, "rate_pct"),
            instalments=_whole(row, "n"),
            spacing=spacing,
            starts_on=_day(row, "start"),
            day_count=day_count,
            method=_one_of(row, "method", {method.name: method for method in Method}),
            down_payment_percent=down_payment,
            first_day_bears_interest=_one_of(row, "interest_on_disb_day", {"true": True, "false": False}),
            multiple_of=_multiple_of(row, currency),
        )
    except ScheduleFault as error:
        raise row.fault("n", str(error)) from error


def _worked_out(
    rows: list[TableRow], table: TableFile
) -> tuple[list[tuple[TableRow, dict[str, str]]], list[TableFault]]:
    """The good rows of a case with their answers, and the faults of the others."""
    lines: list[_Line] | None = None
    first: TableRow | None = None
    faults: dict[int, TableFault] = {}
    for row in rows:
        try:
            if first is None:
                lines, first = _lines(row), row
            else:
                loan_of(row)
                _agrees(row, first, table)
        except TableFault as fault:
            faults[row.line] = fault
    if lines is None:
        return [], list(faults.values())
    try:
        answered = [(row, cells) for row, cells in _answered(rows, lines) if row.line not in faults]
    except TableFault as misfit:
        because = f"its case is refused for line {misfit.line}: {misfit.reason}"
        refused = {row.line: row.fault(None, because) for row in rows} | faults
        return [], [misfit if line == misfit.line else fault for line, fault in refused.items()]
    return answered, list(faults.values())


def _agrees(row: TableRow, first: TableRow, table: TableFile) -> None:
    for column in (*NEEDED, *DEFAULTS):
        if column in table.columns and row[column] != first[column]:
            raise row.fault(column, f"{row[column]!r}, but {first[column]!r} on line {first.line} of the same case")


def _lines(row: TableRow) -> list[_Line]:
    loan = loan_of(row)
    try:
        dues = amortise(loan)
    except ScheduleFault as error:
        raise row.fault("n", str(error)) from error
    lines = [_Line(0, "disbursement", None, loan.starts_on, loan.amount, None)]
    start = loan.starts_on
    for number, due in enumerate(dues, 1):
        lines.append(_line(number, due, start))
        start = due.due_on
    return lines


def _line(number: int, due: Due, start: date) -> _Line:
    kind = "repayment" if due.number else "downpayment"
    return _Line(number, kind, start if due.number else None, due.due_on, due.principal, due.interest)


def _answered(rows: list[TableRow], lines: list[_Line]) -> Iterator[tuple[TableRow, dict[str, str]]]:
    """Each row with its line of the schedule: all lines for a single row, else the next line of the row's kind.

    A case may omit its disbursement and down payment, but no repayment.
    """
    if len(rows) == 1:
        for line in lines:
            own = {"row": str(line.row), "kind": line.kind, "from": line.start.isoformat() if line.start else ""}
            yield rows[0], {**rows[0].cells, **own, **line.ours()}
        return
    left = {kind: iter([line for line in lines if _kind(line.kind) == kind]) for kind in ("d", "p", "r")}
    for row in rows:
        kind = _kind(row.get("kind"))
        asked = next(left.get(kind, iter(())), None)
        if asked is None:
            known = ", ".join(dict.fromkeys(line.kind for line in lines))
            raise row.fault("kind", f"the schedule has no further line {row.get('kind')!r}; it has {known}")
        yield row, {**row.cells, **asked.ours()}
    for line in left["r"]:
        raise rows[-1].fault("n", f"the case ends before row {line.row} of its schedule, due on {line.due_on}")


def _kind(text: str) -> str:
    """The kind of a line in any spelling as one letter: d(isbursement), (down) p(ayment), r(epayment), or empty."""
    letters = re.sub(r"[^a-z]", "", text.lower())
    return {"disbursement": "d", "downpayment": "p", "repayment": "r"}.get(letters, "")


def _day_count(row: TableRow) -> DayCount:
    thirty = _one_of(row, "days_in_month", _DAYS_IN_MONTH)
    days_in_year = _one_of(row, "days_in_year", _DAYS_IN_YEAR)
    try:
        return DayCount(thirty, days_in_year)
    except DayCountFault as error:
        raise row.fault("days_in_year", str(error)) from error


def _one_of(row: TableRow, column: str, known: Mapping[str, Value]) -> Value:
    text = row.get(column, DEFAULTS.get(column, ""))
    if text not in known:
        raise row.fault(column, f"{text!r} is none of {', '.join(name or 'nothing' for name in known)}")
    return known[text]


def _decimal(row: TableRow, column: str) -> Decimal:
    return _read(row, column, _DECIMAL, Decimal, "a decimal such as 9.9, not below zero")


def _multiple_of(row: TableRow, currency: Currency) -> int:
    """What each instalment is a multiple of, in the smallest unit; 1 where the row does not say."""
    text = row.get("multiple_of")
    if not text:
        return 1
    try:
        unit = Money.parse(text, currency).minor
    except AmountFault as error:
        raise row.fault("multiple_of", str(error)) from error
    if unit < 1:
        raise row.fault("multiple_of", f"{text} is not above zero")
    return unit


def _whole(row: TableRow, column: str) -> int:
    number = _read(row, column, _WHOLE, int, "a whole number")
    if number < 1:
        raise row.fault(column, f"{number} is less than one")
    return number


def _day(row: TableRow, column: str) -> date:
    text = row.get(column)
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError as error:
        raise row.fault(column, f"{text!r} is not a day such as 2026-01-31") from error


def _read(row: TableRow, column: str, form: re.Pattern[str], read: Callable[[str], Value], meaning: str) -> Value:
    text = row.get(column, DEFAULTS.get(column, ""))
    if form.fullmatch(text) is None:
        raise row.fault(column, f"{text!r} is not {meaning}")
    return read(text)
