"""A review: what a person decided about an order that was decided before, and on what grounds."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lending.decision.decision import StatedMeans
from lending.terms.product_terms import TermsStamp
from lending.terms.review_terms import ReviewVerdict


@dataclass(frozen=True, slots=True)
class Review:
    """The verdict of a case on the decision that it `reviews`.

    `reasons` are codes of the terms of reviews. `amount_minor` is the approved amount, None when nothing is approved.
    `documents` are the digests of what the reviewer had. `second` is who looked again, if anybody had to.
    """

    reviews: str
    case_id: str
    verdict: ReviewVerdict
    reasons: tuple[str, ...]
    amount_minor: int | None
    means: StatedMeans | None
    documents: tuple[str, ...]
    by: str
    second: str | None
    terms: TermsStamp

    @property
    def decision_id(self) -> str:
        """The id of the decision that this review makes, derived from the one it reviews: there is one of each.

        >>> reviewed_as("d-601b09066f1174ae4af0bccd")
        'd-5596c3cd7a999bd1f27eca03'
        """
        return reviewed_as(self.reviews)


def reviewed_as(decision_id: str) -> str:
    """The id of the decision that reviews another one."""
    return "d-" + hashlib.sha256(f"review\n{decision_id}".encode()).hexdigest()[:24]


def review_body(review: Review) -> dict[str, Any]:
    """The review as plain values, for the record."""
    means = review.means
    return {
        "reviews": review.reviews,
        "case_id": review.case_id,
        "verdict": review.verdict.value,
        "reasons": list(review.reasons),
        "amount_minor": review.amount_minor,
        "means": None
        if means is None
        else {"income_minor": means.income_minor, "obligations_minor": means.obligations_minor},
        "documents": list(review.documents),
        "by": review.by,
        "second": review.second,
        "terms": {"version": review.terms.version, "digest": review.terms.digest},
    }


def review_from_body(body: Mapping[str, Any]) -> Review:
    """The review from the plain values of `review_body`."""
    return Review(
        reviews=body["reviews"],
        case_id=body["case_id"],
        verdict=ReviewVerdict(body["verdict"]),
        reasons=tuple(body["reasons"]),
        amount_minor=body["amount_minor"],
        means=None if body["means"] is None else StatedMeans(**body["means"]),
        documents=tuple(body["documents"]),
        by=body["by"],
        second=body["second"],
        terms=TermsStamp(**body["terms"]),
    )
