"""The decision on a review: a pure function of the review and of what is known when it is made.

A person may overcome what a policy refers or declines, by a coded reason that answers it. Nobody overcomes what a
smaller amount would cure: the limits of amount and exposure, and affordability. Nothing is approved without an
assessment of both risk and affordability, from data or from documents.
"""

from dataclasses import dataclass

from ledger.money import Money
from lending.decision.decision import (
    Approved,
    ApprovedReduced,
    Assessment,
    Declined,
    Known,
    Reason,
    ScoreOrder,
    assess_amount,
    fired_reasons,
)
from lending.decision.order import Order
from lending.decision.review import Review
from lending.terms.policy import AssessmentStage, Consequence, Policy, RuleVerdict
from lending.terms.review_terms import ReviewReason, ReviewTerms, ReviewVerdict

REVIEW_RULE = "review"


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a review cannot be decided as it stands; `code` keeps its meaning for good."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class ReviewRefused:
    """The review contradicts itself or the assessment of this moment. Nothing was decided."""

    objections: tuple[Objection, ...]


def decide_review(
    order: Order, review: Review, *, known: Known, policy: Policy, terms: ReviewTerms, score_order: ScoreOrder
) -> Approved | ApprovedReduced | Declined | ReviewRefused:
    """Decide an order as a person reviewed it, assessed anew with what is known now."""
    given = tuple(reason for code in review.reasons if (reason := terms.reason(code)) is not None)
    faults = _faults(order, review, given)
    if faults:
        return ReviewRefused(faults)
    asked = assess_amount(order, order.amount, known, policy, score_order)
    if review.amount_minor is None:
        return Declined(asked, tuple(_said(reason) for reason in given))
    amount = Money(review.amount_minor, order.amount.currency)
    judged = asked if amount == order.amount else assess_amount(order, amount, known, policy, score_order)
    objections = _objections(judged, given, policy)
    if objections:
        return ReviewRefused(objections)
    if judged is asked:
        return Approved(asked)
    return ApprovedReduced(asked, judged, fired_reasons(asked, policy))


def _faults(order: Order, review: Review, given: tuple[ReviewReason, ...]) -> tuple[Objection, ...]:
    """What in the review itself does not go together."""
    found = []
    unknown = sorted(set(review.reasons) - {reason.code for reason in given})
    if unknown or not given:
        named = ", ".join(unknown) or "no code"
        found.append(Objection("unknown-reason", f"{named} is no reason under {review.terms.version}"))
    for reason in given:
        if reason.verdict is not review.verdict:
            found.append(Objection("other-verdict", f"{reason.code} is a reason for {reason.verdict}"))
        if reason.needs_document and not review.documents:
            found.append(Objection("document-needed", f"{reason.code} needs a document that was received"))
        if reason.needs_means and review.means is None:
            found.append(Objection("means-needed", f"{reason.code} needs the income and obligations that were read"))
    if review.means is not None and not review.documents:
        found.append(Objection("document-needed", "means are read from a document that was received"))
    if (review.verdict is ReviewVerdict.APPROVED) is (review.amount_minor is None):
        found.append(Objection("amount", "an approval has an amount, and nothing else has"))
    if review.amount_minor is not None and not 0 < review.amount_minor <= order.amount.minor:
        found.append(Objection("amount", f"{review.amount_minor} is not from 1 to the requested {order.amount.minor}"))
    return tuple(found)


def _objections(judged: Assessment, given: tuple[ReviewReason, ...], policy: Policy) -> tuple[Objection, ...]:
    """What stands against lending this amount now."""
    answered = frozenset[str]().union(*(reason.answers for reason in given))
    found = []
    for reading in judged.readings:
        if reading.verdict is RuleVerdict.FIRED and reading.reason is not None:
            text = policy.reasons[reading.reason]
            if reading.consequence is Consequence.REDUCED:
                found.append(Objection("not-within", f"{reading.reason}: {text} A smaller amount may be."))
            elif reading.reason not in answered:
                found.append(Objection("not-answered", f"{reading.reason}: {text} No reason given answers it."))
    if judged.score is None and not any(reason.assesses_risk for reason in given):
        found.append(Objection("risk-not-assessed", "there is no score, and no reason given assesses the risk"))
    if judged.means.margin_minor is None:
        found.append(Objection("means-not-assessed", "income or obligations are unknown, and no document states them"))
    if not judged.offer.instalments:
        found.append(Objection("no-schedule", "the amount is too small for the product's schedule"))
    return tuple(found)


def _said(reason: ReviewReason) -> Reason:
    return Reason(reason.code, reason.text, AssessmentStage.REVIEW, REVIEW_RULE)
