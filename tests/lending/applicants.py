"""Builders for decisions: orders, evidence, scores, policies; with defaults for what a case does not care about."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from ledger.money import Currency, Money
from lending.decision.decision import Decision, decide
from lending.decision.exposure import Exposure
from lending.decision.order import Channel, Order
from lending.decision.score import Evidence, ModelStamp, Score, ScoreReason
from lending.terms import policy_file
from lending.terms.policy import Policy
from lending.terms.product import Product

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
FEATURES = "f" * 64
MODEL = ModelStamp("test", "1", "m" * 64, FEATURES)
LOW_BALANCE = ScoreReason("R01", "The lowest balance was low.", 0.8, ("balance_low_90d",))


def pounds(amount: int) -> Money:
    return Money(amount * 100, Currency.GBP)


def an_order(amount: Money | None = None, product: Product = Product.PAY_IN_3, months: int = 2, **other: str) -> Order:
    return Order(
        order_id=other.get("order_id", "o-1"),
        shopper_id=other.get("shopper_id", "s-1"),
        account_id=other.get("account_id", "a-1"),
        merchant_id="m-1",
        amount=amount or pounds(90),
        product=product,
        duration_months=months,
        channel=Channel.WEB,
    )


def evidence(age_days: int = 0, **values: float | None) -> Evidence:
    """Two thousand pounds of income and eight hundred of obligations, seen for a year and until yesterday."""
    known: Mapping[str, float | None] = {
        "income_mean_180d": 200_000.0,
        "obligations_mean_180d": 80_000.0,
        "tenure_days": 365.0,
        "data_age_days": 1.0,
        "penalty_interest_180d": 0.0,
    }
    as_of = NOON - timedelta(days=age_days)
    return Evidence("a-1", FEATURES, as_of, as_of - timedelta(days=1), dict(known) | values, {"curated": 1})


def scored(probability: float, *reasons: ScoreReason) -> Score:
    return Score(probability, -2.0, {}, {}, reasons or (LOW_BALANCE,), MODEL)


def owing(outstanding: Money | None = None, reserved: Money | None = None, monthly: Money | None = None) -> Exposure:
    nothing = pounds(0)
    return Exposure(outstanding or nothing, reserved or nothing, monthly or nothing)


def the_policy(product: Product = Product.PAY_IN_3, currency: Currency = Currency.GBP) -> Policy:
    policy = policy_file.load_policies().holding(currency, product, date(2026, 3, 2))
    assert policy is not None
    return policy


def decision_on(
    order: Order | None = None,
    known: Evidence | None = None,
    *,
    without_evidence: bool = False,
    probability: float = 0.02,
    exposure: Exposure | None = None,
    policy: Policy | None = None,
) -> Decision:
    asked = order or an_order()
    return decide(
        asked,
        evidence=None if without_evidence else known or evidence(),
        exposure=exposure or owing(),
        policy=policy or the_policy(asked.product, asked.amount.currency),
        score_order=lambda _order, _evidence: scored(probability),
        at=NOON,
    )
