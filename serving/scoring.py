"""Scores orders: computes an order's features, and turns the model's result into a `Score`."""

from features.basket import request_features, requested_instalment
from lending.decision.order import Order
from lending.decision.score import Evidence, ModelStamp, Score, ScoreReason
from models.artefact import Model

# The exponential function may differ between platforms in the last digit; log-odds, which decide the rank, are exact.
PROBABILITY_DIGITS = 12


def stamp(model: Model) -> ModelStamp:
    """The model's identity for the record of a decision."""
    return ModelStamp(model.name, model.version, model.digest, model.feature_set_digest)


def score(model: Model, stamped: ModelStamp, order: Order, evidence: Evidence) -> Score:
    """Score an order on its evidence, with request features computed as in training."""
    inputs = dict(evidence.values) | request_features(
        amount_minor=order.amount.minor,
        duration_months=order.duration_months,
        instalment_minor=requested_instalment(order.amount.minor, order.product.value, order.duration_months),
        lake=evidence.values,
    )
    scored = model.score(inputs)
    return Score(
        default_probability=round(scored.default_probability, PROBABILITY_DIGITS),
        log_odds=scored.log_odds,
        contributions=scored.contributions,
        inputs=inputs,
        reasons=tuple(
            ScoreReason(reason.code, reason.text, reason.contribution, reason.features)
            for reason in model.reasons(scored)
        ),
        model=stamped,
    )
