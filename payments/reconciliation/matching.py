"""What a line of a file was found to be: matched by a rule, or a break with its reason.

The rules themselves are SQL: `payments/schema/functions/match_lines.sql`. A line is matched by the first rule that
applies: by the ids that it names, by account, amount and the due's window, or by a damaged reference. A line without a
match becomes a break. If there are several candidates, none is chosen.
"""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from ledger.money import Money
from payments.break_class import BreakClass
from payments.expectation import Expectation, StatementRow, Window
from payments.expectation_key import ExpectationKey
from payments.line_key import LineKey

VERSION = 2  # version of the rules below; stored with every match


class MatchRule(StrEnum):
    """The rule by which a line was matched."""

    ID = "id"
    TOLERANCE = "tolerance"  # by id, with a difference that is booked
    PARTS = "parts"  # several lines that name one payout and make it up
    NAMED_SUM = "named_sum"  # one credit that names several payouts and is their sum
    ACCOUNT_AMOUNT_WINDOW = "account_amount_window"
    REFERENCE = "reference"  # a damaged reference, with amount and days, unique on both sides
    RATE = "rate"  # by id, in another currency, at an agreed rate


def month_of(day: date) -> Window:
    """A due's window: its own calendar month, so that a late payment never takes an older due's place.

    >>> month_of(date(1996, 2, 12)).last.isoformat()
    '1996-02-29'
    """
    return Window(day.replace(day=1), day.replace(day=calendar.monthrange(day.year, day.month)[1]))


@dataclass(frozen=True, slots=True)
class Matched:
    """A line closes an expectation; with other lines by PARTS, and with other expectations by NAMED_SUM."""

    line: StatementRow
    expectation: Expectation
    rule: MatchRule


@dataclass(frozen=True, slots=True)
class Unexpected:
    """No open expectation fits this line. `candidates` would, but nothing says which, or that it is meant at all."""

    line: StatementRow
    break_class: BreakClass
    reason: str
    candidates: tuple[ExpectationKey, ...] = ()


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
    """What the rules found a line to be, by keys; see `outcomes_of`."""

    line_key: LineKey
    found: str
    expected: tuple[ExpectationKey, ...]
    rivals: int | None


def outcomes_of(line: StatementRow, found: str, met: Sequence[Expectation], rivals: int | None) -> list[Outcome]:
    """The outcomes of a line that the rules found to be `found`: the name of a rule, or the class of a break.

    `met` are the expectations that it closes or differs from, or between which nothing is chosen; `rivals` is the
    largest number of lines that one of them would fit, where a line fits one as well as another. There is one outcome,
    or a match with each expectation of a sum.
    """
    if found in _RULES:
        return [Matched(line, each, _RULES[found]) for each in met]
    return [_broken(line, BreakClass(found), met, rivals)]


def _broken(line: StatementRow, broken: BreakClass, met: Sequence[Expectation], rivals: int | None) -> Outcome:
    reason = _reason(line, broken, met, rivals)
    if broken in _ABOUT_ONE:
        return Different(line, met[0], broken, reason)
    return Unexpected(line, broken, reason, tuple(each.key for each in met))


_ABOUT_ONE = {
    BreakClass.DUPLICATE_PAYMENT,
    BreakClass.CURRENCY_DIFFERS,
    BreakClass.AMOUNT_DIFFERS,
    BreakClass.PARTLY_SETTLED,
}


def _reason(line: StatementRow, broken: BreakClass, met: Sequence[Expectation], rivals: int | None) -> str:
    match broken:
        case BreakClass.DUPLICATE_PAYMENT:
            reason = f"{met[0].key} has been paid already"
        case BreakClass.CURRENCY_DIFFERS | BreakClass.AMOUNT_DIFFERS:
            reason = f"{line.amount} against {met[0].amount} of {met[0].key}"
        case BreakClass.PARTLY_SETTLED:
            reason = f"{line.amount} of {met[0].amount} of {met[0].key} has come; the rest is awaited"
        case BreakClass.SPLIT_INCOMPLETE:
            reason = _gap(line, met)
        case BreakClass.DAMAGED_REFERENCE:
            reason = _damaged(line, met, rivals)
        case BreakClass.MANY_CANDIDATES if rivals is not None:
            reason = f"not unique: {_names(met)} would fit {rivals} lines"
        case BreakClass.MANY_CANDIDATES:
            reason = f"another amount than each of {_names(met)}"
        case _:
            reason = f"nothing is open for {_where(line)} in the month of {line.booked_on}"
    return reason


def _names(met: Sequence[Expectation]) -> str:
    return ", ".join(str(each.key) for each in met)


def _damaged(line: StatementRow, met: Sequence[Expectation], rivals: int | None) -> str:
    """What a damaged reference, or a payment without one, may be."""
    told = f"{line.detail!r}" if line.detail else f"key {line.key}" if line.key else "no reference"
    single = any(each.amount == line.amount for each in met)
    unique = "" if rivals is None else f", which would fit {rivals} lines"
    return (
        f"{told} names nothing of ours: {_names(met)} {'would be' if single else 'together make'} {line.amount}{unique}"
    )


def _gap(line: StatementRow, named: Sequence[Expectation]) -> str:
    """What is missing from a sum, or too much, with all that it names."""
    names = ", ".join(f"{each.key} of {each.amount}{' (paid already)' if each.met else ''}" for each in named)
    awaited = (each.amount for each in named if not each.met and each.amount.currency is line.amount.currency)
    gap = line.amount - Money.total(awaited, line.amount.currency)
    if not gap.minor:
        return f"{line.amount} names {names}: not all of them are open, or another line names them too"
    return f"{line.amount} names {names}: {_worth(gap)}"


def _worth(gap: Money) -> str:
    return f"{gap} too much" if gap.minor > 0 else f"{-gap} is missing"


_RULES = {rule.value: rule for rule in MatchRule}


def _where(line: StatementRow) -> str:
    return f"account {line.account_id}" if line.account_id else f"key {line.key}" if line.key else "no account, no key"
