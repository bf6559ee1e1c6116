"""Act: decide an order again as a person reviewed it, by the same path as an automatic decision.

The exposure is locked and read at this moment, the amount is held in the ledger, and the facts are published, all in
the caller's database transaction.
"""

from datetime import datetime
from typing import Protocol

from ledger.books.store import Ledger
from lending.decision.decide_review import Objection, ReviewRefused, decide_review
from lending.decision.decision import Known
from lending.decision.facts import decision_facts
from lending.decision.record import Inputs, StoredDecision, decision_record
from lending.decision.review import Review
from lending.decision.score import Scorer
from lending.decision.underwrite import Decisions, NoPolicy, Publish, Underwritten, policy_for, reserve_offer
from lending.terms.policy import Policies
from lending.terms.review_terms import ReviewTerms


class ReviewedDecisions(Decisions, Protocol):
    """Decisions that can be found by their id."""

    def get(self, decision_id: str) -> StoredDecision | None:
        """The stored decision, or None."""

    def taken(self, decision_id: str) -> bool:
        """Whether the decision became a plan."""


def underwrite_review(
    first: StoredDecision,
    review: Review,
    *,
    terms: ReviewTerms,
    at: datetime,
    code_digest: str,
    policies: Policies,
    scorer: Scorer,
    decisions: ReviewedDecisions,
    ledger: Ledger,
    publish: Publish,
) -> Underwritten | ReviewRefused | NoPolicy:
    """Make the decision of a review, once; `new` is False when it was made before."""
    order = first.order
    found = policy_for(order, policies, at)
    if isinstance(found, NoPolicy):
        return found
    policy, product_terms = found
    opened = decisions.open(order, at)
    exposure = opened.exposure
    made = decisions.get(review.decision_id)
    if made is not None:
        return Underwritten(made, new=False)
    if review.amount_minor is not None and order.product in opened.stopped:
        detail = f"lending in {order.amount.currency} by {order.product} is stopped"
        return ReviewRefused((Objection("lending-stopped", detail),))
    if review.amount_minor is not None and _still_offered(first, at, decisions):
        detail = f"the offer of {first.decision_id} stands or was taken; an order has one plan"
        return ReviewRefused((Objection("offer-open", detail),))
    evidence = scorer.evidence(order.account_id, at)
    inputs = Inputs(
        order=order,
        at=at,
        evidence=evidence,
        exposure=exposure,
        policy_id=policy.policy_id,
        policy_version=policy.version,
        policy_digest=policy.digest,
        model=scorer.model,
        code_digest=code_digest,
        product_terms=product_terms.stamp,
        review=review,
    )
    known = Known(evidence, exposure, at, review.means)
    decision = decide_review(order, review, known=known, policy=policy, terms=terms, score_order=scorer.score)
    if isinstance(decision, ReviewRefused):
        return decision
    stored = decision_record(inputs, decision, policy)
    decisions.add(stored)
    publish(decision_facts(stored, inputs, tuple(reason.code for reason in decision.reasons)))
    # Last, because all approvals write to the same two memorandum accounts, locked until the commit.
    reserve_offer(stored, ledger)
    return Underwritten(stored, new=True)


def _still_offered(first: StoredDecision, at: datetime, decisions: ReviewedDecisions) -> bool:
    """Whether the reviewed decision, approved for less than was asked, may be or is a plan of its own."""
    if first.expires_at is None:
        return False
    return at < first.expires_at or decisions.taken(first.decision_id)
