"""An order's features and their score: the one place where features and model meet lending."""

import hashlib
import inspect
from collections.abc import Iterable
from datetime import datetime
from types import ModuleType

import features.basket
import lending.decision.decision
import lending.decision.exposure
import lending.decision.offer
import lending.decision.order
import lending.decision.record
import lending.decision.score
import lending.schedule.amortise
import lending.schedule.apr
import lending.schedule.day_count
import lending.schedule.due
import lending.schedule.due_dates
import lending.terms.dues
import lending.terms.policy
import lending.terms.product_terms
import lending.terms.products
import models.artefact
import models.reasons
import models.trees
from features.basket import request_features, requested_instalment
from features.catalog import APPLICANT, MODEL_FEATURES, feature_set_digest
from features.freshness import fresh_at, limits_of
from features.store import VectorStore
from lending.decision.order import Order
from lending.decision.score import Evidence, ModelStamp, Score, ScoreReason
from lending.terms.policy import Policy
from models.artefact import Model

# The exponential function may differ between platforms in the last digit; log-odds, which rank, are kept whole.
PROBABILITY_DIGITS = 12

LIMITS = limits_of(APPLICANT.lake, {each.name: APPLICANT.aged_by(each) for each in APPLICANT.lake})
"""How old the data behind a feature may be when a decision reads it."""


class UnfitForServing(Exception):
    """The model or a policy was made for other features than this code computes: it would decide on nonsense."""

    @property
    def user_message(self) -> str:
        return str(self)


def check_fit(model: Model, policies: Iterable[Policy]) -> None:
    """Refuse a model or policy that reads features which this code does not compute."""
    if model.feature_set_digest != feature_set_digest():
        raise UnfitForServing(
            f"model {model.name} ({model.digest[:12]}) was trained on feature set {model.feature_set_digest[:12]}, "
            f"this code computes {feature_set_digest()[:12]}: train and promote a model on the present features"
        )
    known = set(MODEL_FEATURES)
    for policy in policies:
        unknown = sorted(policy.features_read - known)
        if unknown:
            raise UnfitForServing(f"policy {policy.policy_id} {policy.version} reads unknown features: {unknown}")


def stamp(model: Model) -> ModelStamp:
    """What a record says of the model that scored."""
    return ModelStamp(model.name, model.version, model.digest, model.feature_set_digest)


class VectorScorer:
    """A Scorer over the vectors that the lake published and one loaded model."""

    def __init__(self, model: Model, vectors: VectorStore) -> None:
        self._model = model
        self._vectors = vectors
        self.model = stamp(model)

    def evidence(self, account_id: str, at: datetime) -> Evidence | None:
        vector = self._vectors.latest(account_id, self._model.feature_set_digest, at)
        if vector is None:
            return None
        fresh = fresh_at(vector, at, LIMITS)
        return Evidence(
            entity_id=vector.entity_id,
            feature_set_digest=vector.digest,
            as_of=vector.as_of,
            observed_until=vector.observed_until,
            values=fresh.values,
            snapshot_ids=vector.snapshot_ids,
            stale=fresh.stale,
        )

    def score(self, order: Order, evidence: Evidence) -> Score:
        return score(self._model, self.model, order, evidence)


def score(model: Model, stamped: ModelStamp, order: Order, evidence: Evidence) -> Score:
    """Score an order on its evidence, with the request-time features that training computed in the same way."""
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


# All that turns the inputs of a record into its answer.
_COMPUTES: tuple[ModuleType, ...] = (
    features.basket,
    lending.schedule.amortise,
    lending.schedule.apr,
    lending.schedule.day_count,
    lending.decision.decision,
    lending.schedule.due,
    lending.schedule.due_dates,
    lending.decision.exposure,
    lending.decision.offer,
    lending.decision.order,
    lending.terms.policy,
    lending.terms.product_terms,
    lending.terms.products,
    lending.decision.record,
    lending.terms.dues,
    lending.decision.score,
    models.artefact,
    models.reasons,
    models.trees,
)


def code_digest() -> str:
    """The identity of the code that decides: a record keeps it, so that a later difference can be laid at its door."""
    summed = hashlib.sha256()
    for module in _COMPUTES:
        summed.update(f"{module.__name__}\n{inspect.getsource(module)}\n".encode())
    return summed.hexdigest()
