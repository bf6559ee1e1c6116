"""A record is read back as it was written, and any change of it is seen."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lending.canonical import canonical, digest, moment
from lending.decision.decision import Decision
from lending.decision.offer import offer_from_body
from lending.decision.record import Inputs, StoredDecision, decision_record, inputs_from_text
from lending.decision.score import Evidence
from lending.terms.product_terms import TermsStamp
from tests.lending.applicants import MODEL, NOON, an_order, decision_on, evidence, owing, pounds, the_policy


def inputs(known: Evidence | None) -> Inputs:
    policy = the_policy()
    terms = TermsStamp("pay-in-3-1", "d" * 64)
    return Inputs(
        an_order(),
        NOON,
        known,
        owing(pounds(3)),
        policy.policy_id,
        policy.version,
        policy.digest,
        MODEL,
        "c" * 64,
        terms,
    )


def stored(decision: Decision, known: Evidence | None = None) -> StoredDecision:
    return decision_record(inputs(known), decision, the_policy())


@given(
    values=st.dictionaries(st.text(min_size=1), st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)))
)
def test_inputs_are_read_back_exactly(values: dict[str, float | None]) -> None:
    written = inputs(evidence(3, **values))

    assert inputs_from_text(stored_text(written)) == written


def stored_text(written: Inputs) -> str:
    return decision_record(written, decision_on(), the_policy()).inputs


def test_inputs_without_evidence_are_read_back_exactly() -> None:
    written = inputs(None)

    assert inputs_from_text(stored_text(written)) == written


def test_a_record_from_before_terms_were_kept_is_read_and_written_again_as_it_is() -> None:
    terms = f',"product_terms":{{"digest":"{"d" * 64}","version":"pay-in-3-1"}}'
    kept = stored_text(inputs(evidence()))
    older = kept.replace(terms, "")

    assert older != kept
    assert inputs_from_text(older).product_terms is None
    assert stored_text(inputs_from_text(older)) == older


def test_a_record_of_another_format_is_refused() -> None:
    text = stored_text(inputs(None)).replace('"format":1', '"format":2')

    with pytest.raises(ValueError, match="record format 2"):
        inputs_from_text(text)


@pytest.mark.parametrize(
    ("decision", "outcome", "valid"),
    [
        pytest.param(decision_on(), "approved", True, id="approved"),
        pytest.param(decision_on(an_order(pounds(600))), "approved_reduced", True, id="approved for less"),
        pytest.param(decision_on(without_evidence=True), "referred", False, id="referred"),
        pytest.param(decision_on(probability=0.9), "declined", False, id="declined"),
    ],
)
def test_each_outcome_is_recorded_with_its_offer_and_expiry(decision: Decision, outcome: str, valid: bool) -> None:
    kept = stored(decision, evidence())
    answer = json.loads(kept.answer)

    assert (kept.outcome, answer["outcome"]) == (outcome, outcome)
    assert kept.expires_at == (NOON + timedelta(hours=24) if valid else None)
    assert [offer_from_body(offer) for offer in answer["offers"]] == ([kept.offer] if valid else [])
    assert bool(answer["reasons"]) is (outcome != "approved")
    assert {rule["rule"] for rule in answer["policy"]["rules"]} == {rule.rule_id for rule in the_policy().rules}


def test_any_byte_of_a_record_changes_its_digest() -> None:
    kept = stored(decision_on(), evidence())

    assert digest(kept.inputs, kept.answer) == kept.digest
    assert digest(kept.inputs.replace("9000", "9001"), kept.answer) != kept.digest
    assert digest(kept.inputs, kept.answer + " ") != kept.digest


def test_a_moment_is_written_in_utc_whatever_its_zone() -> None:
    prague = timezone(timedelta(hours=1))

    assert moment(datetime(1996, 3, 1, 1, tzinfo=prague)) == "1996-03-01T00:00:00.000000Z"
    assert datetime.fromisoformat(moment(NOON)) == NOON
    assert moment(datetime(2026, 1, 1, 0, 0, 0, 5, tzinfo=UTC)) == "2026-01-01T00:00:00.000005Z"


def test_a_record_holds_no_number_that_json_does_not_know() -> None:
    with pytest.raises(ValueError, match="Out of range"):
        canonical({"probability": float("nan")})
