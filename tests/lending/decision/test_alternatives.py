"""Other ways of repaying: offered beside the one that was asked for or instead of it, each judged by its own policy."""

from dataclasses import replace

import pytest

from lending.decision.alternatives import Alternative, ways_of_repaying, with_alternatives
from lending.decision.decision import Approved, ApprovedReduced, Decision, Declined, Known, Referred, decide
from lending.decision.exposure import Exposure
from lending.decision.offer import Offer, missed_payment_body
from lending.decision.order import Order
from lending.decision.score import Evidence
from lending.decision.underwrite import alternatives_of
from lending.terms import policy_file
from lending.terms.policy import Policies
from lending.terms.product import Product
from tests.lending.applicants import NOON, an_order, evidence, owing, pounds, scored, the_policy

POLICIES = policy_file.load_policies()


def decided(
    order: Order, known: Evidence | None = None, probability: float = 0.02, exposure: Exposure | None = None
) -> tuple[Decision, tuple[Offer, ...], tuple[Alternative, ...]]:
    at = Known(known or evidence(), exposure or owing(), NOON)
    policy = the_policy(order.product, order.amount.currency)

    def score(_order: Order, _evidence: Evidence) -> object:
        return scored(probability)

    first = decide(order, evidence=at.evidence, exposure=at.exposure, policy=policy, score_order=score, at=NOON)  # type: ignore[arg-type]
    ways = alternatives_of(order, POLICIES, NOON)
    return (*with_alternatives(order, first, at, ways, score), ways)  # type: ignore[arg-type]


def ways_in(offers: tuple[Offer, ...]) -> list[tuple[Product, int]]:
    return [(each.product, each.duration_months) for each in offers]


def test_what_is_approved_comes_with_every_other_way_of_repaying_it() -> None:
    decision, further, _ = decided(an_order(pounds(90)))

    assert isinstance(decision, Approved)
    assert ways_in(further) == [
        (Product.MONTHLY, 3),
        (Product.MONTHLY, 6),
        (Product.MONTHLY, 12),
        (Product.PAY_IN_4, 2),
        (Product.PAY_IN_30_DAYS, 1),
    ]
    assert {each.amount for each in further} == {pounds(90)}
    assert all(each.instalments and each.apr_percent is not None for each in further)


def test_a_way_that_cannot_be_afforded_is_left_out() -> None:
    """The whole in thirty days is more than a month leaves; in parts it is not."""
    decision, further, _ = decided(an_order(pounds(450)))

    assert isinstance(decision, Approved)
    assert (Product.PAY_IN_30_DAYS, 1) not in ways_in(further)
    assert (Product.MONTHLY, 6) in ways_in(further)


def test_what_is_too_much_to_repay_at_once_is_offered_over_more_time() -> None:
    """Too much for 30 days, by any amount: a longer plan for the whole is the counter-offer."""
    order = an_order(pounds(1_500), product=Product.MONTHLY, months=3)

    decision, further, _ = decided(order)

    assert isinstance(decision, ApprovedReduced)
    assert decision.assessment.offer.amount < pounds(1_500)
    assert ways_in(further) == [(Product.MONTHLY, 6), (Product.MONTHLY, 12)]
    assert {each.amount for each in further} == {pounds(1_500)}


def test_a_decline_that_other_terms_cure_becomes_a_counter_offer_with_the_reasons_against_what_was_asked() -> None:
    """Nothing can be repaid in 30 days, because even the smallest amount is more than the month leaves."""
    poor = evidence(income_mean_180d=83_000.0)  # 9 pounds a month may be used; the smallest amount is 10
    decision, further, _ = decided(an_order(pounds(20), product=Product.PAY_IN_30_DAYS, months=1), poor)

    assert isinstance(decision, ApprovedReduced)
    assert [reason.code for reason in decision.reasons] == ["UNAFFORDABLE"]
    chosen = (decision.assessment.offer, *further)
    assert {each.amount for each in chosen} == {pounds(20)}
    assert all(each.largest_instalment <= pounds(9) for each in chosen)


@pytest.mark.parametrize(("probability", "outcome"), [(0.40, Declined), (0.30, Referred)])
def test_no_other_product_is_a_way_round_a_risk(
    probability: float, outcome: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even one whose own policy would lend at any risk."""
    lenient = [
        replace(each, rules=tuple(rule for rule in each.rules if rule.fact != "default_probability"))
        for each in POLICIES
        if Product.PAY_IN_4 in each.products
    ]
    monkeypatch.setitem(globals(), "POLICIES", Policies(lenient))

    decision, further, ways = decided(an_order(), probability=probability)

    assert isinstance(decision, outcome)
    assert (further, len(ways)) == ((), 2)


def test_a_full_limit_leaves_nothing_to_offer() -> None:
    decision, further, _ = decided(an_order(), exposure=owing(pounds(2_500)))

    assert isinstance(decision, Declined)
    assert further == ()


def test_each_way_of_repaying_is_listed_once_without_the_one_that_was_asked_for() -> None:
    ways = [(each.product, each.duration_months) for each in ways_of_repaying(an_order())]

    assert len(ways) == len(set(ways)) == 5
    assert (Product.PAY_IN_3, 2) not in ways


def test_an_offer_says_what_follows_when_a_payment_is_missed() -> None:
    _, further, _ = decided(an_order(pounds(90)))
    said = missed_payment_body(further[0])

    assert [each["amount_minor"] > 0 for each in said["late_fees"]] == [True]
    assert said["late_fees_at_most_minor"] > 0
