"""The record of a decision as canonical JSON: everything needed to compute it again, and its answer.

`inputs` hold the evidence and what judged it; `answer` is a pure function of them, and the exact bytes sent to the
checkout. Canonical JSON has sorted keys, no spaces, UTF-8, and floats in their shortest exact form.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ledger.map.flow import Flow
from ledger.money import Currency, Money
from lending.canonical import canonical, digest, moment
from lending.decision.decision import (
    Approved,
    ApprovedReduced,
    Assessment,
    Decision,
    Declined,
    Means,
    Reason,
    Referred,
)
from lending.decision.exposure import Exposure
from lending.decision.offer import Offer, missed_payment_body, offer_body
from lending.decision.order import Order, order_body, order_from_body
from lending.decision.review import Review, review_body, review_from_body
from lending.decision.score import Evidence, ModelStamp, Score
from lending.terms.policy import FactReading, Policy
from lending.terms.product import Product
from lending.terms.product_terms import TermsStamp
from lending.terms.review_terms import ReviewVerdict

FORMAT = 1

OUTCOMES = {
    Approved: "approved",
    ApprovedReduced: "approved_reduced",
    Referred: "referred",
    Declined: "declined",
}


@dataclass(frozen=True, slots=True)
class AlternativeStamp:
    """Another way of repaying that was judged, with the policy and the product's terms that judged it."""

    product: Product
    duration_months: int
    policy_id: str
    policy_version: str
    policy_digest: str
    terms: TermsStamp


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of one decision; `code_digest` identifies the code that computed it.

    `product_terms` is None in records from before that field existed; `review` is None unless a person decided.
    """

    order: Order
    at: datetime
    evidence: Evidence | None
    exposure: Exposure
    policy_id: str
    policy_version: str
    policy_digest: str
    model: ModelStamp
    code_digest: str
    product_terms: TermsStamp | None
    review: Review | None = None
    alternatives: tuple[AlternativeStamp, ...] = ()

    @property
    def decision_id(self) -> str:
        """The order's own, or for a review the one that follows from the decision it reviews."""
        return self.order.decision_id if self.review is None else self.review.decision_id


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """A stored decision; `inputs` and `answer` are canonical JSON, `digest` covers both.

    `reviews` names the decision that this one reviews. `offer` is the one of the `offers` that was chosen, and the
    first one until then.
    """

    decision_id: str
    order: Order
    outcome: str
    offer: Offer | None
    decided_at: datetime
    expires_at: datetime | None
    inputs: str
    answer: str
    digest: str
    reviews: str | None = None
    offers: tuple[Offer, ...] = ()

    @property
    def tree(self) -> dict[str, Any]:
        """The answer as plain values."""
        answer: dict[str, Any] = json.loads(self.answer)
        return answer

    @property
    def hold_id(self) -> str:
        """The ledger hold of an approved decision's amount (flow F01)."""
        return f"{Flow.LIMIT_HELD}:{self.decision_id}"


def decision_record(
    inputs: Inputs, decision: Decision, policy: Policy, further: tuple[Offer, ...] = ()
) -> StoredDecision:
    """The decision and its inputs, ready to be stored; `further` are the offers beside the decision's own."""
    offer = decision.assessment.offer if isinstance(decision, Approved | ApprovedReduced) else None
    expires_at = None if offer is None else inputs.at + timedelta(hours=policy.offer_valid_hours)
    written = canonical(inputs_body(inputs))
    offers = () if offer is None else (offer, *further)
    answer = canonical(answer_body(inputs, decision, policy, offers, expires_at))
    return StoredDecision(
        decision_id=inputs.decision_id,
        order=inputs.order,
        outcome=OUTCOMES[type(decision)],
        offer=offer,
        decided_at=inputs.at,
        expires_at=expires_at,
        inputs=written,
        answer=answer,
        digest=digest(written, answer),
        reviews=None if inputs.review is None else inputs.review.reviews,
        offers=offers,
    )


def inputs_body(inputs: Inputs) -> dict[str, Any]:
    """The inputs as plain values."""
    exposure, terms = inputs.exposure, inputs.product_terms
    # Older records lack this field, and replay must reproduce their bytes.
    product_terms = {} if terms is None else {"product_terms": {"version": terms.version, "digest": terms.digest}}
    return {
        "format": FORMAT,
        "at": moment(inputs.at),
        "order": order_body(inputs.order),
        "evidence": None if inputs.evidence is None else _evidence_body(inputs.evidence),
        "exposure": {
            "currency": exposure.outstanding.currency.value,
            "outstanding_minor": exposure.outstanding.minor,
            "reserved_minor": exposure.reserved.minor,
            "monthly_minor": exposure.monthly.minor,
        },
        "policy": {"policy_id": inputs.policy_id, "version": inputs.policy_version, "digest": inputs.policy_digest},
        "model": _model_body(inputs.model),
        "code": {"digest": inputs.code_digest},
        **product_terms,
        **({} if inputs.review is None else {"review": review_body(inputs.review)}),
        **({"alternatives": [_alternative_body(each) for each in inputs.alternatives]} if inputs.alternatives else {}),
    }


def inputs_from_text(text: str) -> Inputs:
    """The inputs of a record; raises ValueError or KeyError for text that is no record."""
    body = json.loads(text)
    if body["format"] != FORMAT:
        raise ValueError(f"record format {body['format']}, this code reads {FORMAT}")
    exposure, policy, evidence = body["exposure"], body["policy"], body["evidence"]
    currency = Currency(exposure["currency"])
    return Inputs(
        order=order_from_body(body["order"]),
        at=datetime.fromisoformat(body["at"]),
        evidence=None if evidence is None else _evidence_from_body(evidence),
        exposure=Exposure(
            outstanding=Money(exposure["outstanding_minor"], currency),
            reserved=Money(exposure["reserved_minor"], currency),
            monthly=Money(exposure["monthly_minor"], currency),
        ),
        policy_id=policy["policy_id"],
        policy_version=policy["version"],
        policy_digest=policy["digest"],
        model=ModelStamp(**body["model"]),
        code_digest=body["code"]["digest"],
        product_terms=TermsStamp(**body["product_terms"]) if "product_terms" in body else None,
        review=review_from_body(body["review"]) if "review" in body else None,
        alternatives=tuple(_alternative_from_body(each) for each in body.get("alternatives", ())),
    )


def answer_body(
    inputs: Inputs, decision: Decision, policy: Policy, offers: tuple[Offer, ...], expires_at: datetime | None
) -> dict[str, Any]:
    """The answer to the checkout, as plain values."""
    order, exposure, judged = inputs.order, inputs.exposure, decision.assessment
    reasons = decision.reasons
    review = inputs.review
    return {
        "decision_id": inputs.decision_id,
        "order_id": order.order_id,
        "application_id": order.application_id,
        "shopper_id": order.shopper_id,
        "account_id": order.account_id,
        "merchant_id": order.merchant_id,
        "jurisdiction": policy.jurisdiction,
        "product": order.product.value,
        "channel": order.channel.value,
        "decided_at": moment(inputs.at),
        "expires_at": None if expires_at is None else moment(expires_at),
        "outcome": OUTCOMES[type(decision)],
        "stage": reasons[0].stage.value if reasons else None,
        "requested": {
            "amount_minor": order.amount.minor,
            "currency": order.amount.currency.value,
            "duration_months": order.duration_months,
        },
        "approved_amount_minor": offers[0].amount.minor if offers else None,
        "offers": [_offer_body(offer, number, order) for number, offer in enumerate(offers, 1)],
        "reasons": [_reason_body(rank, reason) for rank, reason in enumerate(reasons, 1)],
        "score": _score_body(judged.score),
        "affordability": _means_body(judged.means, policy, review),
        "exposure": {
            "outstanding_minor": exposure.outstanding.minor,
            "reserved_minor": exposure.reserved.minor,
            "after_minor": judged.exposure_after.minor,
        },
        "policy": {
            "policy_id": policy.policy_id,
            "version": policy.version,
            "digest": policy.digest,
            "rules": [_reading_body(reading) for reading in decision.asked.readings],
        },
        "model": _model_body(inputs.model),
        "inputs": _age_body(inputs, judged),
        "disclosures": {
            "automated_decision": review is None or review.verdict is ReviewVerdict.EXPIRED,
            "review": decision_can_be_reviewed(decision),
        },
        **({} if review is None else {"reviews": review.reviews, "review": _reviewed_body(review)}),
    }


def decision_can_be_reviewed(decision: Decision) -> bool:
    """Whether a shopper may ask for a review by a person: for every decision but a plain approval."""
    return not isinstance(decision, Approved)


def _evidence_body(evidence: Evidence) -> dict[str, Any]:
    # Only when there are any: records from before staleness lack the field.
    stale = {"stale": list(evidence.stale)} if evidence.stale else {}
    return {
        "entity_id": evidence.entity_id,
        "feature_set_digest": evidence.feature_set_digest,
        "as_of": moment(evidence.as_of),
        "observed_until": None if evidence.observed_until is None else moment(evidence.observed_until),
        "values": dict(evidence.values),
        "snapshot_ids": dict(evidence.snapshot_ids),
        **stale,
    }


def _evidence_from_body(body: Mapping[str, Any]) -> Evidence:
    observed_until = body["observed_until"]
    return Evidence(
        entity_id=body["entity_id"],
        feature_set_digest=body["feature_set_digest"],
        as_of=datetime.fromisoformat(body["as_of"]),
        observed_until=None if observed_until is None else datetime.fromisoformat(observed_until),
        values=body["values"],
        snapshot_ids=body["snapshot_ids"],
        stale=tuple(body.get("stale", ())),
    )


def _model_body(model: ModelStamp) -> dict[str, str]:
    return {
        "name": model.name,
        "version": model.version,
        "digest": model.digest,
        "feature_set_digest": model.feature_set_digest,
    }


def _reason_body(rank: int, reason: Reason) -> dict[str, Any]:
    return {
        "rank": rank,
        "code": reason.code,
        "text": reason.text,
        "stage": reason.stage.value,
        "rule": reason.rule_id,
        "contribution": reason.contribution,
        "features": list(reason.features),
    }


def _reading_body(reading: FactReading) -> dict[str, Any]:
    return {"rule": reading.rule.rule_id, "verdict": reading.verdict.value, "value": reading.value}


def _score_body(score: Score | None) -> dict[str, Any] | None:
    if score is None:
        return None
    return {"default_probability": score.default_probability, "log_odds": score.log_odds, "calibrated": True}


def _offer_body(offer: Offer, number: int, order: Order) -> dict[str, Any]:
    """An offer; beside others also with what follows when a payment is missed, so that they can be compared."""
    missed = {"missed_payment": missed_payment_body(offer)} if order.alternatives else {}
    return offer_body(offer, number) | missed


def _alternative_body(stamp: AlternativeStamp) -> dict[str, Any]:
    return {
        "product": stamp.product.value,
        "duration_months": stamp.duration_months,
        "policy": {"policy_id": stamp.policy_id, "version": stamp.policy_version, "digest": stamp.policy_digest},
        "product_terms": {"version": stamp.terms.version, "digest": stamp.terms.digest},
    }


def _alternative_from_body(body: Mapping[str, Any]) -> AlternativeStamp:
    policy, months = body["policy"], body["duration_months"]
    terms = TermsStamp(**body["product_terms"])
    return AlternativeStamp(
        Product(body["product"]), months, policy["policy_id"], policy["version"], policy["digest"], terms
    )


def _reviewed_body(review: Review) -> dict[str, Any]:
    return {
        "case_id": review.case_id,
        "verdict": review.verdict.value,
        "reasons": list(review.reasons),
        "by": review.by,
        "second": review.second,
        "terms": {"version": review.terms.version, "digest": review.terms.digest},
    }


def _means_body(means: Means, policy: Policy, review: Review | None) -> dict[str, Any]:
    stated = review is not None and review.means is not None
    return {
        "method": "monthly means from documents" if stated else "monthly means from bank transactions",
        "share_basis_points": policy.affordability.share_basis_points,
        "income_minor": means.income_minor,
        "obligations_minor": means.obligations_minor,
        "allowance_minor": means.allowance_minor,
        "instalment_minor": means.instalment_minor,
        "margin_minor": means.margin_minor,
    }


def _age_body(inputs: Inputs, judged: Assessment) -> dict[str, Any]:
    """The age of the evidence, and the model's inputs that were unknown."""
    evidence = inputs.evidence
    given = {} if judged.score is None else judged.score.inputs
    stale = {"stale": sorted(evidence.stale)} if evidence is not None and evidence.stale else {}
    return {
        "feature_set_digest": inputs.model.feature_set_digest,
        "as_of": None if evidence is None else moment(evidence.as_of),
        "observed_until": None
        if evidence is None or evidence.observed_until is None
        else moment(evidence.observed_until),
        "age_days": None if evidence is None else evidence.age_days(inputs.at),
        "unknown": sorted(name for name, value in given.items() if value is None),
        **stale,
    }
