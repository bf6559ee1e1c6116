"""Scores orders on a shopper's published vectors."""

from datetime import datetime

from features.catalog import APPLICANT
from features.freshness import fresh_at, limits_of
from features.store import VectorStore
from lending.decision.order import Order
from lending.decision.score import Evidence, Score
from models.artefact import Model
from serving.scoring import score, stamp

LIMITS = limits_of(APPLICANT.lake, {each.name: APPLICANT.aged_by(each) for each in APPLICANT.lake})
"""The maximum age of the data behind a feature when a decision reads it."""


class VectorScorer:
    """A Scorer over the published vectors and one loaded model."""

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
