"""The credit policy applied: every rule on its edge, all reasons, counter-offers, and what must never happen."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.money import Money
from lending.decision.decision import Approved, ApprovedReduced, Decision, Declined, Referred, decide
from lending.decision.exposure import Exposure
from lending.decision.order import Order
from lending.decision.score import Evidence, ScoreReason
from lending.terms.policy import RuleVerdict
from lending.terms.product import Product
from tests.lending.applicants import NOON, an_order, decision_on, evidence, owing, pounds, scored, the_policy


def codes(decision: Decision) -> list[str]:
    return [reason.code for reason in decision.reasons]


@pytest.mark.parametrize(
    ("known", "outcome", "reasons"),
    [
        pytest.param(evidence(), Approved, [], id="nothing speaks against it"),
        pytest.param(evidence(age_days=31), Approved, [], id="a vector of its last fresh day"),
        pytest.param(evidence(age_days=32), Referred, ["DATA_STALE"], id="a vector a day too old"),
        pytest.param(evidence(data_age_days=45.0), Approved, [], id="an account quiet for the longest time"),
        pytest.param(evidence(data_age_days=46.0), Referred, ["ACCOUNT_SILENT"], id="an account quiet for too long"),
        pytest.param(evidence(data_age_days=None), Referred, ["NO_HISTORY"], id="an account without bookings"),
        pytest.param(evidence(tenure_days=60.0), Approved, [], id="the shortest tenure"),
        pytest.param(evidence(tenure_days=59.0), Declined, ["TENURE_SHORT"], id="a tenure a day too short"),
        pytest.param(evidence(penalty_interest_180d=3.0), Approved, [], id="overdrawn three times"),
        pytest.param(evidence(penalty_interest_180d=4.0), Declined, ["PENALTY_INTEREST"], id="overdrawn four times"),
        pytest.param(evidence(income_mean_180d=None), Referred, ["MEANS_UNKNOWN"], id="an unknown income"),
        pytest.param(evidence(obligations_mean_180d=None), Referred, ["MEANS_UNKNOWN"], id="unknown obligations"),
    ],
)
def test_evidence_is_judged_on_its_edges(known: Evidence, outcome: type, reasons: list[str]) -> None:
    decision = decision_on(known=known)

    assert (type(decision), codes(decision)) == (outcome, reasons)


@pytest.mark.parametrize(
    ("probability", "outcome"),
    [
        pytest.param(0.22, Approved, id="at the point of referral"),
        pytest.param(0.2201, Referred, id="above the point of referral"),
        pytest.param(0.35, Referred, id="at the cut-off"),
        pytest.param(0.3501, Declined, id="above the cut-off"),
    ],
)
def test_risk_is_judged_at_its_cut_offs(probability: float, outcome: type) -> None:
    assert type(decision_on(probability=probability)) is outcome


@pytest.mark.parametrize(
    ("amount_minor", "outcome", "approved_minor"),
    [
        pytest.param(999, Declined, None, id="a penny too little"),
        pytest.param(1_000, Approved, 1_000, id="the smallest amount"),
        pytest.param(50_000, Approved, 50_000, id="the largest amount"),
        pytest.param(50_001, ApprovedReduced, 50_000, id="a penny too much"),
    ],
)
def test_amounts_are_judged_at_their_limits(amount_minor: int, outcome: type, approved_minor: int | None) -> None:
    decision = decision_on(an_order(Money(amount_minor, pounds(1).currency)))

    assert type(decision) is outcome
    if approved_minor is not None:
        assert decision.assessment.offer.amount.minor == approved_minor


@pytest.mark.parametrize(
    ("outstanding", "outcome", "approved"),
    [
        pytest.param(2_399, Approved, pounds(100), id="room for more than is asked"),
        pytest.param(2_400, Approved, pounds(100), id="room for just what is asked"),
        pytest.param(2_401, ApprovedReduced, pounds(99), id="a pound too little room"),
        pytest.param(2_490, ApprovedReduced, pounds(10), id="room for the smallest offer"),
        pytest.param(2_491, Declined, None, id="room for less than the smallest offer"),
        pytest.param(9_999, Declined, None, id="no room at all"),
    ],
)
def test_exposure_leaves_room_or_cuts_the_offer(outstanding: int, outcome: type, approved: Money | None) -> None:
    half = pounds(outstanding // 2)
    exposure = owing(outstanding=half, reserved=pounds(outstanding) - half)

    decision = decision_on(an_order(pounds(100)), exposure=exposure)

    assert type(decision) is outcome
    assert codes(decision) == ([] if outcome is Approved else ["EXPOSURE_LIMIT"])
    if approved is not None:
        assert decision.assessment.offer.amount == approved


def test_a_good_risk_that_cannot_afford_the_instalment_is_offered_what_it_can() -> None:
    """Income 1,000, obligations 800: thirty per cent of the rest is 60 a month, three payments of at most 60."""
    decision = decision_on(an_order(pounds(240)), evidence(income_mean_180d=100_000.0), probability=0.001)

    assert isinstance(decision, ApprovedReduced)
    assert codes(decision) == ["UNAFFORDABLE"]
    assert decision.assessment.offer.amount == pounds(180)
    assert decision.assessment.means.margin_minor == 0


def test_a_good_risk_that_can_afford_nothing_is_declined_for_affordability() -> None:
    decision = decision_on(known=evidence(income_mean_180d=80_000.0), probability=0.001)

    assert isinstance(decision, Declined)
    assert codes(decision) == ["UNAFFORDABLE"]


def test_instalments_of_open_plans_count_as_obligations() -> None:
    """Thirty per cent of 1,200 is 360; with 1,100 a month for open plans, thirty per cent of 100 is left."""
    free, burdened = decision_on(), decision_on(exposure=owing(monthly=pounds(1_100)))

    assert free.assessment.means.margin_minor == 36_000 - 3_000
    assert burdened.assessment.means.margin_minor == 3_000 - 3_000


def test_a_decline_names_every_rule_that_fired_and_the_models_reasons_last() -> None:
    known = evidence(tenure_days=10.0, penalty_interest_180d=9.0, income_mean_180d=80_000.0)

    decision = decision_on(an_order(pounds(600)), known, probability=0.9)

    assert isinstance(decision, Declined)
    assert codes(decision) == ["TENURE_SHORT", "PENALTY_INTEREST", "AMOUNT_TOO_LARGE", "UNAFFORDABLE", "R01"]
    assert decision.reasons[-1].contribution == 0.8


def test_a_model_that_gives_no_reason_is_still_explained() -> None:
    def unexplained(_order: Order, _evidence: Evidence):  # type: ignore[no-untyped-def] # noqa: ANN202
        score = scored(0.9)
        return type(score)(score.default_probability, score.log_odds, {}, {}, (), score.model)

    decision = decide(
        an_order(), evidence=evidence(), exposure=owing(), policy=the_policy(), score_order=unexplained, at=NOON
    )

    assert codes(decision) == ["RISK_TOO_HIGH", "RISK_UNCERTAIN"]


def test_without_a_vector_nothing_about_it_is_evaluated_and_a_person_decides() -> None:
    decision = decision_on(without_evidence=True)

    assert isinstance(decision, Referred)
    assert codes(decision) == ["DATA_MISSING"]
    verdicts = {reading.rule.rule_id: reading.verdict for reading in decision.asked.readings}
    assert verdicts["tenure"] is verdicts["risk-too-high"] is verdicts["affordable"] is RuleVerdict.NOT_EVALUATED
    assert verdicts["exposure-limit"] is RuleVerdict.NOT_FIRED


def test_a_vector_from_the_future_is_no_older_than_fresh() -> None:
    known = evidence(age_days=-1)

    assert known.as_of == NOON + timedelta(days=1)
    assert isinstance(decision_on(known=known), Approved)


amounts = st.integers(1, 400_000)
maybe = st.one_of(st.none(), st.floats(0, 900_000))


@given(
    amount=amounts,
    product=st.sampled_from([Product.PAY_IN_3, Product.MONTHLY]),
    months=st.integers(1, 24),
    probability=st.floats(0, 1),
    owed=st.tuples(amounts, amounts, amounts),
    income=maybe,
    obligations=maybe,
    tenure=st.floats(0, 400),
    age=st.integers(0, 60),
    vector=st.booleans(),
)
def test_whatever_is_asked_the_answer_is_explained_and_within_limits(  # noqa: PLR0917 - one per thing that varies
    amount: int,
    product: Product,
    months: int,
    probability: float,
    owed: tuple[int, int, int],
    income: float | None,
    obligations: float | None,
    tenure: float,
    age: int,
    vector: bool,
) -> None:
    gbp = pounds(1).currency
    order = an_order(Money(amount, gbp), product, 2 if product is Product.PAY_IN_3 else months)
    exposure = Exposure(*(Money(part, gbp) for part in owed))
    known = evidence(age, income_mean_180d=income, obligations_mean_180d=obligations, tenure_days=tenure)

    decision = decision_on(order, known, without_evidence=not vector, probability=probability, exposure=exposure)

    if isinstance(decision, Approved):
        assert decision.reasons == ()
    else:
        assert decision.reasons
        assert all(reason.text for reason in decision.reasons)
    if isinstance(decision, Approved | ApprovedReduced):
        assessed = decision.assessment
        assert assessed.score is not None
        assert vector
        assert probability <= 0.35
        assert assessed.offer.amount <= order.amount
        assert exposure.after(assessed.offer.amount).minor <= 250_000
        assert assessed.means.margin_minor is not None
        assert assessed.means.margin_minor >= 0
        assert sum(due.principal.minor for due in assessed.offer.instalments) == assessed.offer.amount.minor
    if isinstance(decision, ApprovedReduced):
        assert decision.assessment.offer.amount < order.amount


@given(amount=st.integers(20_000, 400_000), outstanding=st.integers(0, 250_000), income=st.integers(80_000, 400_000))
def test_a_counter_offer_is_the_largest_that_breaks_no_rule(amount: int, outstanding: int, income: int) -> None:
    gbp = pounds(1).currency
    order, known = an_order(Money(amount, gbp)), evidence(income_mean_180d=float(income))
    exposure = owing(outstanding=Money(outstanding, gbp))
    decision = decision_on(order, known, exposure=exposure)
    if not isinstance(decision, ApprovedReduced):
        return
    next_larger = Money(decision.assessment.offer.amount.minor + 100, gbp)

    again = decision_on(order.of(decision.assessment.offer.amount), known, exposure=exposure)
    larger = decision_on(order.of(next_larger), known, exposure=exposure)

    assert isinstance(again, Approved)
    assert next_larger >= order.amount or not isinstance(larger, Approved)


def test_the_same_question_has_the_same_answer() -> None:
    risk = ScoreReason("R02", "Much cash was drawn.", 0.2, ("cash_share_180d",))
    asked = {"evidence": evidence(), "exposure": owing(), "policy": the_policy(), "at": NOON}

    first, second = (
        decide(an_order(), score_order=lambda _o, _e: scored(0.9, risk), **asked)
        for _ in range(2)  # type: ignore[arg-type]
    )

    assert first == second
