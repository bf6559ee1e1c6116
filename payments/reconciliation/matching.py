"""What a line of a file was found to be: matched by a rule, or a break with its reason.

The rules themselves are SQL: `payments/schema/functions/match_lines.sql`. A line is matched by the first rule that
applies: by id, then by account, amount and the due's window. A line without a match becomes a break. If there are
several candidates, none is chosen.
"""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from payments.break_class import BreakClass
from payments.expectation import Expectation, StatementRow, Window
from payments.expectation_key import ExpectationKey
from payments.line_key import LineKey

VERSION = 1  # version of the rules below; stored with every match


class MatchRule(StrEnum):
    """The rule by which a line was matched."""

    ID = "id"
    ACCOUNT_AMOUNT_WINDOW = "account_amount_window"
    MANUAL = "manual"  # a person said so


def month_of(day: date) -> Window:
    """A due's window: its own calendar month, so that a late payment never takes an older due's place.

    >>> month_of(date(1996, 2, 12)).last.isoformat()
    '1996-02-29'
    """
    return Window(day.replace(day=1), day.replace(day=calendar.monthrange(day.year, day.month)[1]))


@dataclass(frozen=True, slots=True)
class Matched:
    """One line closes one expectation."""

    line: StatementRow
    expectation: Expectation
    rule: MatchRule


@dataclass(frozen=True, slots=True)
class Unexpected:
    """No open expectation fits this line."""

    line: StatementRow
    break_class: BreakClass
    reason: str


@dataclass(frozen=True, slots=True)
class Different:
    """The line names this expectation, but amount or currency differ; neither is closed."""

    line: StatementRow
    expectation: Expectation
    break_class: BreakClass
    reason: str


Outcome = Matched | Unexpected | Different


@dataclass(frozen=True, slots=True)
class Found:
    """What the rules found a line to be, by keys; see `outcome_of`."""

    line_key: LineKey
    found: str
    expected: tuple[ExpectationKey, ...]
    rivals: int | None


def outcome_of(line: StatementRow, found: str, met: Sequence[Expectation], rivals: int | None) -> Outcome:
    """The outcome of a line that the rules found to be `found`: the name of a rule, or the class of a break.

    `met` are the expectations that it closes or differs from, or between which nothing is chosen; `rivals` is the
    largest number of lines that one of them would fit, where a line fits one as well as another.
    """
    if found in _RULES:
        return Matched(line, met[0], _RULES[found])
    broken = BreakClass(found)
    match broken:
        case BreakClass.DUPLICATE_PAYMENT:
            return Different(line, met[0], broken, f"{met[0].key} has been paid already")
        case BreakClass.CURRENCY_DIFFERS | BreakClass.AMOUNT_DIFFERS:
            return Different(line, met[0], broken, f"{line.amount} against {met[0].amount} of {met[0].key}")
        case BreakClass.MANY_CANDIDATES:
            names = ", ".join(str(each.key) for each in met)
            reason = f"another amount than each of {names}"
            if rivals is not None:
                reason = f"not unique: {names} would fit {rivals} lines"
            return Unexpected(line, broken, reason)
        case _:
            return Unexpected(line, broken, f"nothing is open for {_where(line)} in the month of {line.booked_on}")


_RULES = {rule.value: rule for rule in MatchRule}


def _where(line: StatementRow) -> str:
    return f"account {line.account_id}" if line.account_id else f"key {line.key}" if line.key else "no account, no key"
