"""What a person may decide: coded reasons answer what is referred, nobody exceeds a limit, nothing goes unassessed."""

from dataclasses import replace
from typing import Any

import pytest

from lending.decision.decide_review import ReviewRefused, decide_review
from lending.decision.decision import Approved, ApprovedReduced, Declined, Known, StatedMeans
from lending.decision.review import Review, review_body, review_from_body
from lending.terms.review_terms import ReviewVerdict, review_terms
from tests.lending.applicants import NOON, an_order, evidence, owing, pounds, scored, the_policy

TERMS = review_terms().on("GB", NOON)
MEANS = StatedMeans(200_000, 80_000)
A_DOCUMENT = ("a" * 64,)


def a_review(*reasons: str, **other: Any) -> Review:
    approves = Review("d-1", "c-1", ReviewVerdict.APPROVED, reasons, 9_000, None, (), "ann", None, TERMS.stamp)
    return replace(approves, **other)


def decided(review: Review, probability: float = 0.02, **known: Any) -> object:
    at = Known(known.pop("evidence", evidence()), known.pop("exposure", owing()), NOON, review.means)
    return decide_review(
        an_order(),
        review,
        known=at,
        policy=the_policy(),
        terms=TERMS,
        score_order=lambda _order, _evidence: scored(probability),
    )


def codes(answer: object) -> list[str]:
    assert isinstance(answer, ReviewRefused), answer
    return [each.code for each in answer.objections]


def test_a_raised_risk_is_accepted_by_the_reason_that_answers_it() -> None:
    assert isinstance(decided(a_review("RISK_ACCEPTED"), probability=0.30), Approved)


@pytest.mark.parametrize(
    ("review", "probability", "known", "refused"),
    [
        pytest.param(a_review("NO_SUCH"), 0.02, {}, ["unknown-reason"], id="an unknown code"),
        pytest.param(a_review(), 0.02, {}, ["unknown-reason"], id="no reason at all"),
        pytest.param(a_review("RISK_CONFIRMED"), 0.02, {}, ["other-verdict"], id="a reason to decline"),
        pytest.param(a_review("REVIEW_EXPIRED"), 0.02, {}, ["other-verdict"], id="the clock's reason"),
        pytest.param(a_review("RISK_ACCEPTED", amount_minor=None), 0.02, {}, ["amount"], id="no amount"),
        pytest.param(a_review("RISK_ACCEPTED", amount_minor=9_001), 0.02, {}, ["amount"], id="more than asked"),
        pytest.param(a_review("HISTORY_SEEN"), 0.02, {}, ["document-needed"], id="a document that nobody has"),
        pytest.param(a_review("RISK_ACCEPTED", means=MEANS), 0.02, {}, ["document-needed"], id="means out of thin air"),
        pytest.param(
            a_review("MEANS_VERIFIED", documents=A_DOCUMENT), 0.02, {}, ["means-needed"], id="means that nobody states"
        ),
        pytest.param(a_review("RISK_ACCEPTED"), 0.40, {}, ["not-answered"], id="a risk that is declined"),
        pytest.param(
            a_review("HISTORY_SEEN", documents=A_DOCUMENT), 0.30, {}, ["not-answered"], id="a risk left unanswered"
        ),
        pytest.param(
            a_review("RISK_ACCEPTED"), 0.30, {"exposure": owing(pounds(2_450))}, ["not-within"], id="the limit"
        ),
        pytest.param(
            a_review("HISTORY_SEEN", documents=A_DOCUMENT),
            0.02,
            {"evidence": None},
            ["risk-not-assessed", "means-not-assessed"],
            id="nothing assessed",
        ),
        pytest.param(
            a_review("HISTORY_SEEN", "MEANS_VERIFIED", means=MEANS, documents=A_DOCUMENT),
            0.02,
            {"evidence": None},
            ["risk-not-assessed"],
            id="no risk assessed",
        ),
        pytest.param(
            a_review("HISTORY_SEEN", "RISK_ASSESSED", documents=A_DOCUMENT),
            0.02,
            {"evidence": None},
            ["means-not-assessed"],
            id="no means assessed",
        ),
        pytest.param(
            a_review("MEANS_VERIFIED", means=StatedMeans(81_000, 80_000), documents=A_DOCUMENT),
            0.02,
            {},
            ["not-within"],
            id="documents that show too little",
        ),
    ],
)
def test_what_no_reviewer_may_approve(review: Review, probability: float, known: Any, refused: list[str]) -> None:
    assert codes(decided(review, probability, **known)) == refused


def test_documents_stand_in_for_data_that_there_is_none_of() -> None:
    review = a_review("HISTORY_SEEN", "RISK_ASSESSED", "MEANS_VERIFIED", means=MEANS, documents=A_DOCUMENT)

    answer = decided(review, evidence=None)

    assert isinstance(answer, Approved)
    assert (answer.assessment.score, answer.assessment.means.income_minor) == (None, 200_000)


def test_less_than_was_asked_is_approved_with_the_reasons_against_the_whole() -> None:
    answer = decided(a_review("RISK_ACCEPTED", amount_minor=4_000), probability=0.30, exposure=owing(pounds(2_450)))

    assert isinstance(answer, ApprovedReduced)
    assert answer.assessment.offer.amount == pounds(40)
    assert "EXPOSURE_LIMIT" in [reason.code for reason in answer.reasons]


def test_a_decline_has_the_persons_reasons_in_their_words() -> None:
    review = a_review("RISK_CONFIRMED", verdict=ReviewVerdict.DECLINED, amount_minor=None)

    answer = decided(review)

    assert isinstance(answer, Declined)
    assert [(each.code, each.stage.value) for each in answer.reasons] == [("RISK_CONFIRMED", "review")]
    assert answer.reasons[0].text.startswith("A person looked at")


def test_a_review_is_read_back_as_it_was_written() -> None:
    review = a_review("MEANS_VERIFIED", means=MEANS, documents=A_DOCUMENT, second="bob")

    assert review_from_body(review_body(review)) == review
