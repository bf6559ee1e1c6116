"""Rules read facts: below, at and above their threshold, unknown and absent."""

from datetime import date

import pytest

from ledger.money import Currency
from lending.terms import policy_file
from lending.terms.policy import AssessmentStage, Consequence, Facts, MissingFact, Policies, Rule, RuleVerdict
from lending.terms.product import Product

TENURE = Rule(
    "tenure", AssessmentStage.ELIGIBILITY, "feature.tenure_days", True, 90, Consequence.DECLINED, "TENURE_SHORT"
)
STALE = Rule(
    "fresh",
    AssessmentStage.DATA,
    "vector_age_days",
    False,
    31,
    Consequence.REFERRED,
    "DATA_STALE",
    MissingFact(Consequence.REFERRED, "DATA_MISSING"),
)


@pytest.mark.parametrize(
    ("rule", "facts", "verdict", "reason"),
    [
        pytest.param(TENURE, {"feature.tenure_days": 89}, RuleVerdict.FIRED, "TENURE_SHORT", id="the day before"),
        pytest.param(TENURE, {"feature.tenure_days": 90}, RuleVerdict.NOT_FIRED, None, id="the day itself"),
        pytest.param(TENURE, {"feature.tenure_days": 91}, RuleVerdict.NOT_FIRED, None, id="the day after"),
        pytest.param(
            TENURE, {"feature.tenure_days": None}, RuleVerdict.NOT_EVALUATED, None, id="unknown, and nothing said"
        ),
        pytest.param(TENURE, {}, RuleVerdict.NOT_EVALUATED, None, id="no vector at all"),
        pytest.param(STALE, {"vector_age_days": 30}, RuleVerdict.NOT_FIRED, None, id="fresh the day before"),
        pytest.param(STALE, {"vector_age_days": 31}, RuleVerdict.NOT_FIRED, None, id="fresh on the last day"),
        pytest.param(STALE, {"vector_age_days": 32}, RuleVerdict.FIRED, "DATA_STALE", id="stale the day after"),
        pytest.param(
            STALE, {"vector_age_days": None}, RuleVerdict.FIRED, "DATA_MISSING", id="unknown, and a consequence said"
        ),
    ],
)
def test_a_rule_fires_beyond_its_threshold_only(
    rule: Rule, facts: Facts, verdict: RuleVerdict, reason: str | None
) -> None:
    reading = rule.read(facts)

    assert (reading.verdict, reading.reason) == (verdict, reason)


@pytest.mark.parametrize(
    ("currency", "product", "on", "found"),
    [
        pytest.param(Currency.GBP, Product.PAY_IN_3, date(2026, 1, 1), "gb-pay-in-3", id="pounds in three payments"),
        pytest.param(Currency.GBP, Product.MONTHLY, date(2026, 1, 1), "gb-monthly", id="pounds by the month"),
        pytest.param(Currency.GBP, Product.PAY_IN_4, date(2026, 1, 1), "gb-short", id="pounds in four payments"),
        pytest.param(Currency.GBP, Product.PAY_IN_30_DAYS, date(2026, 1, 1), "gb-short", id="pounds in 30 days"),
        pytest.param(Currency.CZK, Product.MONTHLY, date(1996, 3, 1), "cz-monthly", id="crowns by the month"),
        pytest.param(Currency.CZK, Product.PAY_IN_3, date(1996, 3, 1), None, id="crowns in three payments"),
        pytest.param(Currency.USD, Product.MONTHLY, date(2026, 1, 1), None, id="dollars"),
    ],
)
def test_the_policy_follows_currency_and_product(
    currency: Currency, product: Product, on: date, found: str | None
) -> None:
    policy = policy_file.load_policies().holding(currency, product, on)

    assert (policy.policy_id if policy else None) == found


@pytest.mark.parametrize(
    ("on", "version"),
    [
        pytest.param(date(2026, 5, 31), "1", id="the day before"),
        pytest.param(date(2026, 6, 1), "2", id="the day itself"),
        pytest.param(date(2026, 6, 2), "2", id="the day after"),
    ],
)
def test_a_new_version_holds_from_its_day_on(on: date, version: str) -> None:
    text = (policy_file.SHIPPED / "gb-monthly-1.toml").read_text(encoding="utf-8")
    newer = text.replace('version = "1"', 'version = "2"').replace("valid_from = 2020-01-01", "valid_from = 2026-06-01")
    policies = Policies([policy_file.parse_policy(newer, "2.toml"), policy_file.parse_policy(text, "1.toml")])

    holding = policies.holding(Currency.GBP, Product.MONTHLY, on)

    assert holding is not None
    assert holding.version == version
