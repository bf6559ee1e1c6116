"""The page of break classes has every class with what the policy says of it, every rule and every state."""

import re
from pathlib import Path

from payments.rail_profile import load_profile
from payments.reconciliation.matching import MatchRule
from payments.rules.expectation_state import STEPS, ExpectationState

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "break-classes.md"
BY_A_PERSON = {"manual", "forced"}


def rows_of(first_column: str) -> list[list[str]]:
    """The cells of the table with this heading."""
    table = PAGE.read_text(encoding="utf-8").split(f"| {first_column} |", 1)[1].split("\n\n", 1)[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def test_every_class_stands_on_the_page_with_what_the_policy_says_of_it() -> None:
    rows = {cells[0]: cells for cells in rows_of("class")}
    profile = load_profile()

    assert list(rows) == [f"E{number}" for number in range(1, 27)]
    assert all(all(rows[name][at] for at in (1, 2, 6)) for name in rows), "what it is, how it is found, what to do"
    assert {each.value: rows[each.value][3:6] for each in profile.treatments} == {
        name.value: [each.owner, each.severity, str(each.days)] for name, each in profile.treatments.items()
    }


def test_every_rule_of_matching_stands_on_the_page() -> None:
    named = {cells[0].strip("`") for cells in rows_of("rule")} - {"(none)"}

    assert named == {each.value for each in MatchRule} - BY_A_PERSON


def test_every_state_stands_on_the_page_and_those_that_lead_nowhere_are_named() -> None:
    leads = {state: cells[2] for cells in rows_of("state") for state in re.findall(r"\w+", cells[0])}

    assert leads.keys() == {each.value for each in ExpectationState}
    assert {state for state, to in leads.items() if to == "nothing"} == {s.value for s in STEPS if not STEPS[s]}
