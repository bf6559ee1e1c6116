"""Edits of a policy that can be read and are wrong: each is refused with its file, its line and the reason."""

import pytest

from lending.terms import policy_file
from lending.terms.policy import PolicyFault

SHIPPED = (policy_file.SHIPPED / "gb-monthly-1.toml").read_text(encoding="utf-8")
ANOTHER_RULE = """[[rules]]
id = "tenure-again"
stage = "eligibility"
fact = "feature.tenure_days"
below = {}
consequence = "{}"
reason = "TENURE_SHORT"

[reasons]"""

# what is edited -> (before, after, the first line that has this text after the edit, the reason)
EDITS = {
    "a threshold that is no number": ("above = 31", "above = nan", 'id = "vector-fresh"', "nan is no number"),
    "a threshold without end": ("above = 31", "above = inf", 'id = "vector-fresh"', "inf is no number"),
    "a probability in percent": ("above = 0.30", "above = 30", 'id = "risk-too-high"', "is not from 0 to 1"),
    "a negative probability": ("above = 0.18", "above = -0.15", 'id = "risk-uncertain"', "is not from 0 to 1"),
    "an amount in pounds": ("above = 250_000", "above = 2500.50", 'id = "exposure-limit"', "is no whole number"),
    "a negative amount": ("below = 5_000", "below = -5_000", 'id = "amount-smallest"', "is not from 1"),
    "an age of a year and more": ("above = 31", "above = 4_000", 'id = "vector-fresh"', "is not from 0 to 366"),
    "a threshold that nothing passes": ("above = 0.30", "above = 1", 'id = "risk-too-high"', "never fires"),
    "a duration of none": ("above = 12", "above = 0", 'id = "duration-longest"', "is not from 1 to 120"),
    "a text for a threshold": ("above = 31", 'above = "31"', 'id = "vector-fresh"', "must be a number"),
    "true for a threshold": ("above = 31", "above = true", 'id = "vector-fresh"', "must be a number"),
    "a stage of another fact": (
        'stage = "exposure"', 'stage = "model"', 'id = "exposure-limit"', "exposure_after_minor is of exposure"
    ),
    "a reduction that cures nothing": (
        'below = 90\nconsequence = "declined"', 'below = 90\nconsequence = "reduced"', 'id = "tenure"', "not cured"
    ),
    "what is missing cured by less": (
        '"referred", reason = "MEANS_UNKNOWN" }', '"reduced", reason = "MEANS_UNKNOWN" }',
        'id = "affordable"', "what is missing is not cured",
    ),
    "a rule that another hides": (
        "[reasons]", ANOTHER_RULE.format(30, "referred"), 'id = "tenure-again"', "rule tenure does too"
    ),
    "a rule that stands twice under two ids": (
        "[reasons]", ANOTHER_RULE.format(90, "declined"), 'id = "tenure-again"', "never counts"
    ),
    "rules that leave nothing to pass": (
        "[reasons]", ANOTHER_RULE.format(400, "declined").replace("below = 400", "above = 50"),
        'id = "tenure-again"', "leaves no feature.tenure_days to pass",
    ),
    "more than the whole income": (
        "share_basis_points = 3_000", "share_basis_points = 30_000", "share_basis_points", "is not from 1 to 10000"
    ),
    "no obligations": ('obligations = ["obligations_mean_180d"]', "obligations = []", "obligations = []", "names none"),
    "income as an obligation": (
        '["obligations_mean_180d"]', '["income_mean_180d"]', 'obligations = ["income', "is taken twice"
    ),
    "obligations in one word": (
        '["obligations_mean_180d"]', '"obligations_mean_180d"', "obligations =", "must be a list of names"
    ),
    "a rate of a thousand percent": ("= 990", "= 99_000", "annual_rate", "is not from 0 to 10000"),
    "an offer that never ends": ("offer_valid_hours = 24", "offer_valid_hours = 9_000", "offer_valid", "is not from 1"),
    "an offer that ends at once": ("offer_valid_hours = 24", "offer_valid_hours = 0", "offer_valid", "is not from 1"),
    "no reasons of the model": ("most_model_reasons = 4", "most_model_reasons = 0", "most_model", "is not from 1"),
    "a law of nowhere": ('jurisdiction = "GB"', 'jurisdiction = "UK"', "jurisdiction", "'UK' is none of AT"),
    "a version in words": ('version = "1"', 'version = "one"', "version", "not a whole number"),
    "a version that is no text": ('version = "1"', "version = 1", "version", "must be a text, not 1"),
    "a day with a time": ("valid_from = 2020-01-01", "valid_from = 2020-01-01T00:00:00Z", "valid_from", "be a date"),
    "no product": ('products = ["monthly"]', "products = []", "products", "names no product"),
    "a product twice": ('products = ["monthly"]', 'products = ["monthly", "monthly"]', "products", "names one twice"),
    "a product that nobody has": ('products = ["monthly"]', 'products = ["yearly"]', "products", "'yearly' is none of"),
    "a counter-offer below the smallest amount": (
        "smallest_minor = 5_000", "smallest_minor = 4_000", "smallest_minor", "is below the smallest amount of rule"
    ),
    "a counter-offer above the largest": (
        "smallest_minor = 5_000", "smallest_minor = 999_000_000", "smallest_minor", "is above the largest amount"
    ),
    "a reason that no rule gives": ("[reasons]", '[reasons]\nLUCK = "Bad luck."', "LUCK", "is given by no rule"),
    "a reason without words": (
        '= "The amount is below the smallest that can be paid this way."', '= " "', 'AMOUNT_TOO_SMALL = " "',
        "is not a sentence",
    ),
    "a reason that is a number": (
        '= "The amount is below the smallest that can be paid this way."', "= 7", "AMOUNT_TOO_SMALL = 7",
        "is not a sentence",
    ),
}  # fmt: skip


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_that_is_wrong_is_refused_with_file_line_and_reason(edit: str) -> None:
    before, after, line, reason = EDITS[edit]
    assert before in SHIPPED
    text = SHIPPED.replace(before, after, 1)

    with pytest.raises(PolicyFault) as refusal:
        policy_file.parse_policy(text, "gb-monthly-2.toml")

    fault = refusal.value
    assert fault.file == "gb-monthly-2.toml"
    assert reason in fault.reason
    assert fault.line is not None
    assert str(fault).startswith(f"gb-monthly-2.toml, line {fault.line}: ")
    places = [number for number, each in enumerate(text.splitlines(), 1) if each.strip().startswith(line)]
    assert fault.line in places


def test_a_file_that_is_no_toml_names_the_line() -> None:
    with pytest.raises(PolicyFault, match=r"x\.toml, line 12: TOML"):
        policy_file.parse_policy("\n" * 11 + "a = = 1", "x.toml")


def policies(**texts: str) -> None:
    policy_file.read_policies({f"{name}.toml": text for name, text in texts.items()})


def test_two_policies_of_one_scope_and_day_are_refused() -> None:
    other = SHIPPED.replace('policy_id = "gb-monthly"', 'policy_id = "gb-other"')

    with pytest.raises(PolicyFault, match=r"b\.toml, line 9: valid_from: on 2020-01-01 a\.toml begins to hold"):
        policies(a=SHIPPED, b=other)
    policies(a=SHIPPED, b=other.replace("2020-01-01", "2020-01-02"))
    policies(a=SHIPPED, b=other.replace('["monthly"]', '["pay_in_4"]'))


def test_one_version_in_two_files_is_refused() -> None:
    with pytest.raises(PolicyFault, match=r"gb-monthly 1 is the one of a\.toml too"):
        policies(a=SHIPPED, b=SHIPPED.replace("2020-01-01", "2021-01-01"))


def test_versions_hold_from_later_and_later_days() -> None:
    second = SHIPPED.replace('version = "1"', 'version = "2"')

    with pytest.raises(PolicyFault, match=r"b\.toml, line 9: valid_from: version 1 holds from 2020-01-01, a later"):
        policies(a=SHIPPED, b=second.replace("2020-01-01", "2019-06-01"))
    policies(a=SHIPPED, b=second.replace("2020-01-01", "2026-06-01"))


def test_one_id_stays_with_its_law_and_currency() -> None:
    second = SHIPPED.replace('version = "1"', 'version = "2"').replace("2020-01-01", "2026-06-01")

    with pytest.raises(PolicyFault, match="version 1 is for GB in GBP: use another id"):
        policies(a=SHIPPED, b=second.replace('"GB"', '"IE"'))
