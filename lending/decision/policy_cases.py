"""The test cases of a policy: a table beside its file, with facts and the outcome that they must have.

The first row, `base`, gives every fact that a rule reads; the others give what differs from it. `unknown` is a fact
without a value, `absent` one that was never looked up because no vector was found.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from lending.terms.policy import Consequence, Fact, Facts, Policy, RuleVerdict
from terminal.fault import Fault

BASE = "base"
APPROVED = "approved"
_UNKNOWN, _ABSENT = "unknown", "absent"
_SEVEREST_FIRST = (Consequence.DECLINED, Consequence.REFERRED, Consequence.REDUCED)


class PolicyCasesFault(Fault):
    """Raised for a table of cases that cannot be read; names the file, the line and the column."""


@dataclass(frozen=True, slots=True)
class PolicyCase:
    """Facts, and what the rules must make of them: the outcome, and the codes of all reasons in any order."""

    name: str
    line: int
    facts: Facts
    outcome: str
    reasons: frozenset[str]


@dataclass(frozen=True, slots=True)
class CaseFailure:
    """A case with another outcome than it says."""

    case: PolicyCase
    outcome: str
    reasons: frozenset[str]

    def __str__(self) -> str:
        found, wanted = _said(self.outcome, self.reasons), _said(self.case.outcome, self.case.reasons)
        return f"{self.case.name}: is {found}, not {wanted}"


def _said(outcome: str, reasons: frozenset[str]) -> str:
    return " ".join([outcome, *sorted(reasons)])


def read_cases(text: str, file: str) -> tuple[PolicyCase, ...]:
    """The cases of a table: columns `case`, one for each fact, `outcome` and `reasons`. Raises PolicyCasesFault."""
    rows = csv.DictReader(text.splitlines(), strict=True)
    head = list(rows.fieldnames or ())
    for column in ("case", "outcome", "reasons"):
        if column not in head:
            raise PolicyCasesFault(f"{file}, line 1: the column {column} is missing")
    facts = [name for name in head if name not in {"case", "outcome", "reasons"}]
    base: dict[str, Fact] = {}
    found = list[PolicyCase]()
    for row in rows:
        case = _case(row, facts, base, f"{file}, line {rows.line_num}", rows.line_num)
        if not found and case.name != BASE:
            raise PolicyCasesFault(f"{file}, line {rows.line_num}: the first case must be {BASE}, not {case.name}")
        base = base or dict(case.facts)
        found.append(case)
    if not found:
        raise PolicyCasesFault(f"{file}: has no case")
    return tuple(found)


def failures(policy: Policy, cases: Sequence[PolicyCase]) -> Iterator[CaseFailure]:
    """The cases whose outcome or reasons are not those of the policy's rules."""
    for case in cases:
        outcome, reasons = outcome_of_rules(policy, case.facts)
        if (outcome, reasons) != (case.outcome, case.reasons):
            yield CaseFailure(case, outcome, reasons)


def untested(policy: Policy, cases: Sequence[PolicyCase]) -> Iterator[tuple[str, str]]:
    """The rules that no case shows, each with what is not shown: firing, just passing, or a missing fact."""
    for rule in policy.rules:
        values = [case.facts[rule.fact] for case in cases if rule.fact in case.facts]
        known = [value for value in values if value is not None]
        if not any(value < rule.threshold if rule.below else value > rule.threshold for value in known):
            yield rule.rule_id, "has no case in which it fires"
        if rule.threshold not in known:
            yield rule.rule_id, f"has no case with {rule.fact} at {rule.threshold}, where it just passes"
        if rule.missing is not None and None not in values:
            yield rule.rule_id, f"has no case without {rule.fact}"


def outcome_of_rules(policy: Policy, facts: Mapping[str, Fact]) -> tuple[str, frozenset[str]]:
    """What the rules make of the facts: the severest consequence or `approved`, and the codes of the reasons."""
    readings = [rule.read(facts) for rule in policy.rules]
    fired = [each for each in readings if each.verdict is RuleVerdict.FIRED]
    consequences = {each.consequence for each in fired}
    severest = next((each.value for each in _SEVEREST_FIRST if each in consequences), APPROVED)
    return severest, frozenset(each.reason for each in fired if each.reason is not None)


def _case(
    row: Mapping[str | None, str | None], facts: Sequence[str], base: Mapping[str, Fact], place: str, line: int
) -> PolicyCase:
    if None in row or None in row.values():
        raise PolicyCasesFault(f"{place}: has not as many columns as the first line")
    cells = {name or "": (text or "").strip() for name, text in row.items()}
    values = dict(base)
    for name in facts:
        text = cells[name]
        if text == _ABSENT:
            values.pop(name, None)
        elif text:
            values[name] = None if text == _UNKNOWN else _number(text, f"{place}: {name}")
        elif not base:
            raise PolicyCasesFault(f"{place}: {name}: the first case gives every fact")
    if cells["outcome"] not in {APPROVED, *Consequence}:
        known = ", ".join(chain((APPROVED,), Consequence))
        raise PolicyCasesFault(f"{place}: outcome: {cells['outcome']!r} is none of {known}")
    return PolicyCase(cells["case"], line, values, cells["outcome"], frozenset(cells["reasons"].split()))


def _number(text: str, place: str) -> int | float:
    try:
        return int(text) if text.lstrip("-").isdigit() else float(text)
    except ValueError as fault:
        raise PolicyCasesFault(f"{place}: {text!r} is no number, {_UNKNOWN} or {_ABSENT}") from fault
