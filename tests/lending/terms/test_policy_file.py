"""A policy that could not be explained, or would lend without an assessment, is refused with its file and place."""

import re
from decimal import Decimal

import pytest

from lending.terms import policy_file
from lending.terms.policy import PolicyFault

SHIPPED = (policy_file.SHIPPED / "gb-monthly-1.toml").read_text(encoding="utf-8")


def _without_rule(text: str, rule_id: str) -> str:
    rules = re.split(r"(?=\[\[rules\]\]|\[reasons\])", text)
    kept = [part for part in rules if f'id = "{rule_id}"' not in part]
    assert len(kept) == len(rules) - 1
    return "".join(kept)


def test_every_policy_that_ships_is_sound() -> None:
    assert {policy.policy_id for policy in policy_file.load_policies()} == {
        "cz-monthly",
        "gb-monthly",
        "gb-pay-in-3",
        "gb-short",
    }


def test_comments_and_order_do_not_change_a_policys_digest() -> None:
    reordered = SHIPPED.replace('version = "1"\n', "") + "# a remark\n"
    reordered = reordered.replace('policy_id = "gb-monthly"\n', 'policy_id = "gb-monthly"\nversion = "1"\n')

    assert policy_file.parse_policy(reordered, "x").digest == policy_file.parse_policy(SHIPPED, "x").digest


def test_any_figure_changes_a_policys_digest() -> None:
    other = SHIPPED.replace("above = 250_000", "above = 250_001")

    assert policy_file.parse_policy(other, "x").digest != policy_file.parse_policy(SHIPPED, "x").digest


def test_a_policys_rate_may_have_more_digits_than_basis_points() -> None:
    exact = SHIPPED.replace("annual_rate_basis_points = 990", 'annual_rate_basis_points = "948.22"')

    assert policy_file.parse_policy(exact, "x").annual_rate_basis_points == Decimal("948.22")
    assert policy_file.parse_policy(SHIPPED, "x").annual_rate_basis_points == 990


@pytest.mark.parametrize(
    ("before", "after", "place"),
    [
        pytest.param('version = "1"\n', "", "top level: `version` is missing", id="a field is missing"),
        pytest.param('version = "1"', 'versoin = "1"', "`version` is missing", id="a field is misspelt"),
        pytest.param(
            'version = "1"', 'version = "1"\nowner = "x"', "`owner` is not a known setting", id="a field too many"
        ),
        pytest.param('currency = "GBP"', 'currency = "XXX"', "XXX", id="a currency nobody knows"),
        pytest.param("offer_valid_hours = 24", "offer_valid_hours = 1.5", "terms.offer_valid_hours", id="half an hour"),
        pytest.param(
            "= 990", '= "9.9 %"', "terms.annual_rate_basis_points: '9.9 %' is not a rate", id="a rate in words"
        ),
        pytest.param(
            "= 990", "= 990.5", "terms.annual_rate_basis_points: must be a whole", id="a rate that is rounded"
        ),
        pytest.param('stage = "data"', 'stage = "luck"', "rule vector-fresh: 'luck'", id="an unknown stage"),
        pytest.param('fact = "amount_minor"', 'fact = "shoe_size"', "`shoe_size` is no fact", id="an unknown fact"),
        pytest.param("above = 31", "above = 31\nbelow = 1", "either `below` or `above`", id="two thresholds"),
        pytest.param("above = 31\n", "", "either `below` or `above`", id="no threshold"),
        pytest.param('reason = "TENURE_SHORT"', 'reason = "TENURE"', "TENURE has no text", id="a reason without text"),
        pytest.param('id = "tenure"', 'id = "affordable"', "rule affordable: stands twice", id="an id used twice"),
        pytest.param("step_minor = 100", "step_minor = 0", "counter_offer", id="a step of nothing"),
        pytest.param("[terms]", "[terms", "TOML", id="not TOML"),
    ],
)
def test_a_faulty_policy_is_refused_by_name(before: str, after: str, place: str) -> None:
    assert before in SHIPPED

    with pytest.raises(PolicyFault, match=r"gb\.toml") as refusal:
        policy_file.parse_policy(SHIPPED.replace(before, after, 1), "gb.toml")

    assert place in refusal.value.user_message


@pytest.mark.parametrize(
    ("rule_id", "fact"),
    [
        ("vector-fresh", "vector_age_days"),
        ("affordable", "affordable_margin_minor"),
        ("exposure-limit", "exposure_after_minor"),
    ],
)
def test_a_policy_that_skips_an_assessment_is_refused(rule_id: str, fact: str) -> None:
    with pytest.raises(PolicyFault, match=f"no rule reads `{fact}`"):
        policy_file.parse_policy(_without_rule(SHIPPED, rule_id), "gb.toml")


def test_a_risk_too_high_cannot_be_cured_by_lending_less() -> None:
    text = SHIPPED.replace('above = 0.30\nconsequence = "declined"', 'above = 0.30\nconsequence = "reduced"')

    with pytest.raises(PolicyFault, match="not cured by a smaller amount"):
        policy_file.parse_policy(text, "gb.toml")
