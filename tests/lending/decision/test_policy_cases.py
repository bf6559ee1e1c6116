"""Tables of cases beside policies: read strictly, judged by the policy's own rules, and complete."""

from dataclasses import replace

import pytest

from lending.decision.policy_cases import PolicyCasesFault, failures, outcome_of_rules, read_cases, untested
from lending.decision.policy_diff import changes
from lending.terms.policy import Policy
from lending.terms.policy_file import SHIPPED, parse_policy

FILES = sorted(path.stem for path in SHIPPED.glob("*.toml"))
TABLE = """case,amount_minor,default_probability,outcome,reasons
base,9000,0.05,approved,
a raised risk,,0.25,referred,RISK_UNCERTAIN
"""


def policy(name: str = "gb-monthly-1") -> Policy:
    return parse_policy((SHIPPED / f"{name}.toml").read_text(encoding="utf-8"), f"{name}.toml")


def table(name: str = "gb-monthly-1") -> str:
    return (SHIPPED / f"{name}.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FILES)
def test_every_policy_that_ships_has_a_table_that_shows_each_rule_and_holds(name: str) -> None:
    cases = read_cases(table(name), f"{name}.csv")

    assert list(failures(policy(name), cases)) == []
    assert list(untested(policy(name), cases)) == []


@pytest.mark.parametrize("name", FILES)
def test_a_rule_moved_by_one_fails_a_case(name: str) -> None:
    held, cases = policy(name), read_cases(table(name), f"{name}.csv")
    for number, rule in enumerate(held.rules):
        step = 0.001 if rule.fact == "default_probability" else 1
        for moved in (rule.threshold - step, rule.threshold + step):
            rules = [*held.rules]
            rules[number] = replace(rule, threshold=moved)
            other = replace(held, rules=tuple(rules))
            assert list(failures(other, cases)) or list(untested(other, cases)), rule.rule_id


def test_a_case_gives_what_differs_from_the_first() -> None:
    base, raised = read_cases(TABLE, "x.csv")

    assert raised.facts == {"amount_minor": 9000, "default_probability": 0.25}
    assert (base.line, raised.line, raised.reasons) == (2, 3, {"RISK_UNCERTAIN"})
    unknown, absent = (
        read_cases(TABLE.replace("0.25", "unknown"), "x")[1],
        read_cases(TABLE.replace("0.25", "absent"), "x")[1],
    )
    assert unknown.facts["default_probability"] is None
    assert "default_probability" not in absent.facts


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("outcome,reasons", "outcome", "x.csv, line 1: the column reasons is missing"),
        ("base,9000", "first,9000", "x.csv, line 2: the first case must be base"),
        ("base,9000", "base,", "x.csv, line 2: amount_minor: the first case gives every fact"),
        ("0.25", "a quarter", "x.csv, line 3: default_probability: 'a quarter' is no number"),
        ("referred", "refered", "x.csv, line 3: outcome: 'refered' is none of approved, declined"),
        (",RISK_UNCERTAIN", "", "x.csv, line 3: has not as many columns"),
        ("RISK_UNCERTAIN", "RISK_UNCERTAIN,x", "x.csv, line 3: has not as many columns"),
    ],
)
def test_a_table_that_cannot_be_read_names_file_line_and_column(before: str, after: str, says: str) -> None:
    with pytest.raises(PolicyCasesFault, match=says):
        read_cases(TABLE.replace(before, after, 1), "x.csv")


def test_a_failure_says_what_is_and_what_should_be() -> None:
    held = policy()
    cases = read_cases(table().replace("referred,DATA_STALE", "declined,DATA_STALE"), "x.csv")

    (failure,) = failures(held, cases)

    assert str(failure) == "vector-fresh: fires: is referred DATA_STALE, not declined DATA_STALE"
    assert outcome_of_rules(held, failure.case.facts) == ("referred", {"DATA_STALE"})


def test_a_difference_is_named_by_setting_and_by_rule() -> None:
    before = policy()
    tenure = next(rule for rule in before.rules if rule.rule_id == "tenure")
    rules = tuple(replace(rule, threshold=30) if rule is tenure else rule for rule in before.rules[:-1])
    after = replace(before, version="2", rules=rules)

    found = {each.place: (each.before, each.after) for each in changes(before, after)}

    assert found == {
        "version": ("1", "2"),
        "rule tenure": (
            "eligibility: feature.tenure_days below 90 is declined (TENURE_SHORT)",
            "eligibility: feature.tenure_days below 30 is declined (TENURE_SHORT)",
        ),
        "rule risk-uncertain": ("model: default_probability above 0.18 is referred (RISK_UNCERTAIN)", None),
    }
    assert list(changes(before, before)) == []
