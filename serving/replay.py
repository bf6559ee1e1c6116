"""Computes stored decisions again from their records, and reports the cause when the bytes differ."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from features.postgres import PostgresVectors
from features.store import VectorStore
from lending.canonical import digest
from lending.decision.alternatives import Alternative, with_alternatives
from lending.decision.decide_review import ReviewRefused, decide_review
from lending.decision.decision import Known, decide
from lending.decision.order import Order
from lending.decision.postgres import PostgresDecisions
from lending.decision.record import Inputs, StoredDecision, decision_record, inputs_from_text
from lending.decision.score import Evidence, Score
from lending.terms.policy import Policies, Policy
from lending.terms.products import NoSuchProduct, local_day, products
from lending.terms.review_terms import review_terms
from models import artefact
from models.artefact import ArtefactFault, Model
from serving import scoring
from serving.decision_code import decision_code_digest
from serving.postgres import Connection
from terminal.fault import Fault


class Cause(StrEnum):
    """The cause of a difference between a stored and a recomputed decision."""

    DATA = "data"
    RULE = "rule"
    MODEL = "model"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Identical:
    """The recomputed `answer` equals the stored one byte for byte."""

    decision_id: str
    answer: str


@dataclass(frozen=True, slots=True)
class Differs:
    """The decision cannot be reproduced; `detail` names the cause."""

    decision_id: str
    cause: Cause
    detail: str


class Models(Protocol):
    """Finds models by digest."""

    def find(self, digest: str) -> Model:
        """The verified model; raises `ArtefactFault` when it is missing or damaged."""


class ModelFolder:
    """A folder of exported models, each loaded once."""

    def __init__(self, models_dir: Path) -> None:
        self._models_dir = models_dir
        self._loaded: dict[str, Model] = {}

    def find(self, digest: str) -> Model:
        if digest not in self._loaded:
            model = artefact.load_model(self._models_dir / digest)
            if model.digest != digest:
                raise ArtefactFault(self._models_dir / digest, f"holds another model, {model.digest[:12]}")
            self._loaded[digest] = model
        return self._loaded[digest]


def recompute(stored: StoredDecision, models: Models, policies: Policies, vectors: VectorStore) -> Identical | Differs:
    """Compute the decision again from its record alone, and compare the bytes.

    The record is first checked against its own digest and the stored vector. Policy, product terms and model are then
    found by their digests. When all of them are unchanged and the answer still differs, the cause is the code, or, if
    that is unchanged too and dues have moved, the calendar.
    """
    if digest(stored.inputs, stored.answer) != stored.digest:
        return Differs(stored.decision_id, Cause.DATA, "the record is not the one that was written: its digest differs")
    inputs = inputs_from_text(stored.inputs)
    changed = _changed_features(inputs, vectors)
    if changed:
        detail = f"the vector of {inputs.order.account_id} has since changed: {', '.join(changed)}"
        return Differs(stored.decision_id, Cause.DATA, detail)
    policy = policies.by_digest(inputs.policy_digest)
    changed_terms = _changed_terms(inputs)
    gone = [_missing_policy(inputs, policies)] if policy is None else []
    gone += [
        f"policy {each.policy_id} version {each.policy_version} ({each.policy_digest[:12]}) was changed or is gone"
        for each in inputs.alternatives
        if policies.by_digest(each.policy_digest) is None
    ]
    if policy is None or gone or changed_terms:
        return Differs(stored.decision_id, Cause.RULE, "; ".join(gone + changed_terms))
    try:
        model = models.find(inputs.model.digest)
    except ArtefactFault as fault:
        return Differs(stored.decision_id, Cause.MODEL, f"model {inputs.model.digest[:12]}: {fault}")
    again = decide_again(inputs, model, policy, policies)
    if again is not None and again.answer == stored.answer and again.inputs == stored.inputs:
        return Identical(stored.decision_id, again.answer)
    return _answered_otherwise(stored, again, inputs)


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """The number of decisions replayed, and each one that differs."""

    replayed: int
    differing: tuple[Differs, ...]

    @property
    def identical(self) -> int:
        return self.replayed - len(self.differing)

    def as_json(self) -> dict[str, Any]:
        return {
            "replayed": self.replayed,
            "identical": self.identical,
            "differing": [
                {"decision_id": differs.decision_id, "cause": differs.cause.value, "detail": differs.detail}
                for differs in self.differing
            ],
        }


class NoSuchDecision(Fault, LookupError):
    """Raised when there is no decision with this id."""

    @property
    def user_message(self) -> str:
        return f"there is no decision {self.args[0]}"


def replay_decision(
    connection: Connection, decision_id: str, models_dir: Path, policies: Policies
) -> Identical | Differs:
    """Compute one stored decision again; raises `NoSuchDecision` for an unknown id."""
    stored = PostgresDecisions(connection).get(decision_id)
    if stored is None:
        raise NoSuchDecision(decision_id)
    return recompute(stored, ModelFolder(models_dir), policies, PostgresVectors(connection))


def replay_all(connection: Connection, models_dir: Path, policies: Policies) -> ReplayReport:
    """Compute every stored decision again."""
    models, vectors = ModelFolder(models_dir), PostgresVectors(connection)
    count, differing = 0, []
    for stored in PostgresDecisions(connection).all():
        count += 1
        result = recompute(stored, models, policies, vectors)
        if isinstance(result, Differs):
            differing.append(result)
    return ReplayReport(count, tuple(differing))


def decide_again(inputs: Inputs, model: Model, policy: Policy, policies: Policies) -> StoredDecision | None:
    """The decision, computed again; None for a review that is refused now."""

    def score_order(order: Order, evidence: Evidence) -> Score:
        return scoring.score(model, inputs.model, order, evidence)

    review = inputs.review
    if review is None:
        decision = decide(
            inputs.order,
            evidence=inputs.evidence,
            exposure=inputs.exposure,
            policy=policy,
            score_order=score_order,
            at=inputs.at,
        )
        known = Known(inputs.evidence, inputs.exposure, inputs.at)
        ways = [
            Alternative(each.product, each.duration_months, held, each.terms)
            for each in inputs.alternatives
            if (held := policies.by_digest(each.policy_digest)) is not None
        ]
        decision, further = with_alternatives(inputs.order, decision, known, ways, score_order)
        return decision_record(inputs, decision, policy, further)
    terms = review_terms().by_digest(review.terms.digest)
    assert terms is not None, "terms that changed are found before"
    known = Known(inputs.evidence, inputs.exposure, inputs.at, review.means)
    reviewed = decide_review(inputs.order, review, known=known, policy=policy, terms=terms, score_order=score_order)
    return None if isinstance(reviewed, ReviewRefused) else decision_record(inputs, reviewed, policy)


def _changed_features(inputs: Inputs, vectors: VectorStore) -> list[str]:
    """Features whose published value differs from the one read; a vector that was deleted counts as unchanged.

    A value that was too old to count was not used by the decision, so it is not compared.
    """
    evidence = inputs.evidence
    if evidence is None:
        return []
    now = vectors.latest(evidence.entity_id, evidence.feature_set_digest, evidence.as_of)
    if now is None or now.as_of != evidence.as_of:
        return []
    names = sorted((evidence.values.keys() | now.values.keys()) - set(evidence.stale))
    return [name for name in names if evidence.values.get(name) != now.values.get(name)]


def _missing_policy(inputs: Inputs, policies: Policies) -> str:
    named = f"{inputs.policy_id} version {inputs.policy_version}"
    same = [p for p in policies if (p.policy_id, p.version) == (inputs.policy_id, inputs.policy_version)]
    if same:
        return f"policy {named} was {inputs.policy_digest[:12]} and is {same[0].digest[:12]}: its rules were changed"
    return f"policy {named} ({inputs.policy_digest[:12]}) is gone"


def _changed_terms(inputs: Inputs) -> list[str]:
    """The differences between the terms of product and review and those of the record, if the record states them."""
    return [*_changed_product(inputs), *_changed_review_terms(inputs), *_changed_alternatives(inputs)]


def _changed_alternatives(inputs: Inputs) -> list[str]:
    now = {terms.version: terms.digest for terms in products().all()}
    return [
        f"terms {each.terms.version} of {each.product} ({each.terms.digest[:12]}) were changed or are gone"
        for each in inputs.alternatives
        if now.get(each.terms.version) != each.terms.digest
    ]


def _changed_review_terms(inputs: Inputs) -> list[str]:
    review = inputs.review
    if review is None or review_terms().by_digest(review.terms.digest) is not None:
        return []
    return [f"terms of reviews {review.terms.version} ({review.terms.digest[:12]}) were changed or are gone"]


def _changed_product(inputs: Inputs) -> list[str]:
    then = inputs.product_terms
    if then is None:
        return []
    product = inputs.order.product
    day = local_day(product, inputs.order.amount.currency, inputs.at)
    try:
        now = products().on(product, day)
    except NoSuchProduct:
        return [f"terms {then.version} ({then.digest[:12]}) of {product} are gone"]
    if now.version != then.version:
        return [f"terms of {product} on {day} were {then.version} and are {now.version}"]
    if now.digest != then.digest:
        return [
            f"terms {then.version} of {product} were {then.digest[:12]} and are {now.digest[:12]}: they were changed"
        ]
    return []


def _answered_otherwise(stored: StoredDecision, again: StoredDecision | None, inputs: Inputs) -> Differs:
    if again is None:
        return Differs(stored.decision_id, Cause.CODE, "the review that was decided then would be refused now")
    then, now = inputs.code_digest, decision_code_digest()
    places = _differences(json.loads(stored.answer), json.loads(again.answer), "") or ["the record's form"]
    if now == then and inputs.product_terms is not None and any(place.endswith("/due_on") for place in places):
        cause, why = Cause.RULE, "the code is the same: the holidays of the calendar were changed"
    else:
        changed = "the code is the same" if now == then else f"the code was {then[:12]} and is {now[:12]}"
        unknown = "; the record does not say which terms it read" if inputs.product_terms is None else ""
        cause, why = Cause.CODE, f"{changed}{unknown}"
    return Differs(stored.decision_id, cause, f"{', '.join(places[:5])} differ; {why}")


def _differences(before: Any, now: Any, place: str) -> list[str]:
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        names = sorted(before.keys() | now.keys())
        return [found for name in names for found in _differences(before.get(name), now.get(name), f"{place}/{name}")]
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = enumerate(zip(before, now, strict=True), start=1)
        return [found for number, pair in pairs for found in _differences(*pair, f"{place}/{number}")]
    return [] if before == now else [place]
