"""The decision on one order: a pure function of order, evidence, exposure, score and policy.

Every rule of the policy is read, so that a decline states all its reasons. When a smaller amount would cure every fired
rule, the answer is a counter-offer of the largest amount that breaks no rule.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from ledger.money import Money
from lending.decision.exposure import Exposure
from lending.decision.offer import Offer, make_offer
from lending.decision.order import Order
from lending.decision.score import Evidence, Score
from lending.terms.policy import (
    FEATURE_PREFIX,
    Affordability,
    AssessmentStage,
    Consequence,
    Fact,
    FactReading,
    Policy,
    RuleVerdict,
)
from lending.terms.products import local_day

ScoreOrder = Callable[[Order, Evidence], Score]


@dataclass(frozen=True, slots=True)
class Means:
    """The shopper's means per month, in minor units; None where income or obligations are unknown."""

    income_minor: int | None
    obligations_minor: int | None
    allowance_minor: int | None
    instalment_minor: int

    @property
    def margin_minor(self) -> int | None:
        """What remains after the new instalment; negative when it is not affordable."""
        return None if self.allowance_minor is None else self.allowance_minor - self.instalment_minor


@dataclass(frozen=True, slots=True)
class Assessment:
    """The full assessment of one amount: offer, score, affordability, and the reading of every rule."""

    offer: Offer
    exposure_after: Money
    means: Means
    score: Score | None
    readings: tuple[FactReading, ...]

    def asks_for(self, consequence: Consequence) -> bool:
        return any(reading.consequence is consequence for reading in self.readings)

    @property
    def passed(self) -> bool:
        """Whether no rule fired, risk and affordability were both assessed, and the offer has a schedule."""
        fired = any(reading.verdict is RuleVerdict.FIRED for reading in self.readings)
        assessed = self.score is not None and self.means.margin_minor is not None
        return not fired and assessed and bool(self.offer.instalments)


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason of a decision: the rule that fired, and for a model's reason its `contribution` in log-odds."""

    code: str
    text: str
    stage: AssessmentStage
    rule_id: str
    contribution: float | None = None
    features: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Approved:
    """Approved as asked."""

    asked: Assessment

    @property
    def assessment(self) -> Assessment:
        return self.asked

    @property
    def reasons(self) -> tuple[Reason, ...]:
        return ()


@dataclass(frozen=True, slots=True)
class ApprovedReduced:
    """Approved on the terms of `assessment`, a smaller amount or another way of repaying, for these reasons."""

    asked: Assessment
    assessment: Assessment
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Referred:
    """Passed to a person for review, for these reasons."""

    asked: Assessment
    reasons: tuple[Reason, ...]

    def __post_init__(self) -> None:
        _need_a_reason(self.reasons)

    @property
    def stage(self) -> AssessmentStage:
        """The first stage that refers the order, whatever else a smaller amount would cure."""
        referring = {each.rule.stage for each in self.asked.readings if each.consequence is Consequence.REFERRED}
        return next(stage for stage in AssessmentStage if stage in referring)

    @property
    def assessment(self) -> Assessment:
        return self.asked


@dataclass(frozen=True, slots=True)
class Declined:
    """Declined, for all these reasons."""

    asked: Assessment
    reasons: tuple[Reason, ...]

    def __post_init__(self) -> None:
        _need_a_reason(self.reasons)

    @property
    def assessment(self) -> Assessment:
        return self.asked


Decision = Approved | ApprovedReduced | Referred | Declined


def decide(
    order: Order,
    *,
    evidence: Evidence | None,
    exposure: Exposure,
    policy: Policy,
    score_order: ScoreOrder,
    at: datetime,
) -> Decision:
    """Apply the credit policy to one order at one moment."""
    known = Known(evidence, exposure, at)

    def assess(amount: Money) -> Assessment:
        return assess_amount(order, amount, known, policy, score_order)

    asked = assess(order.amount)
    reasons = fired_reasons(asked, policy)
    if asked.asks_for(Consequence.DECLINED):
        return Declined(asked, reasons)
    if asked.asks_for(Consequence.REFERRED):
        return Referred(asked, reasons)
    if asked.asks_for(Consequence.REDUCED):
        amount = largest_amount(order, known, policy)
        smaller = None if amount is None else assess(amount)
        if smaller is None or not smaller.passed:
            return Declined(asked, reasons)
        return ApprovedReduced(asked, smaller, reasons)
    assert asked.passed, "an order that breaks no rule must have been assessed for risk and affordability"
    return Approved(asked)


@dataclass(frozen=True, slots=True)
class StatedMeans:
    """A shopper's monthly income and obligations elsewhere as a reviewer read them from documents, in minor units."""

    income_minor: int
    obligations_minor: int


@dataclass(frozen=True, slots=True)
class Known:
    """The inputs of the decision, as known at its moment. What a reviewer read of the means counts before the data."""

    evidence: Evidence | None
    exposure: Exposure
    at: datetime
    stated: StatedMeans | None = None


def assess_amount(order: Order, amount: Money, known: Known, policy: Policy, score_order: ScoreOrder) -> Assessment:
    """Assess an amount of an order in full: risk, affordability, exposure, and every rule."""
    asked = order if amount == order.amount else order.of(amount)
    score = None if known.evidence is None else score_order(asked, known.evidence)
    return _assess(asked, score, known, policy)


def _assess(order: Order, score: Score | None, known: Known, policy: Policy) -> Assessment:
    on = local_day(order.product, order.amount.currency, known.at)
    offer = make_offer(order, policy.annual_rate_basis_points, on)
    exposure_after = known.exposure.after(order.amount)
    evidence = known.evidence
    means = _means(policy.affordability, known, offer)
    facts: dict[str, Fact] = {
        "amount_minor": order.amount.minor,
        "duration_months": order.duration_months,
        "exposure_after_minor": exposure_after.minor,
        "vector_age_days": None if evidence is None else evidence.age_days(known.at),
    }
    if evidence is not None:
        facts |= {FEATURE_PREFIX + name: value for name, value in evidence.values.items()}
    if evidence is not None or known.stated is not None:
        facts["affordable_margin_minor"] = means.margin_minor
    if score is not None:
        facts["default_probability"] = score.default_probability
    return Assessment(offer, exposure_after, means, score, tuple(rule.read(facts) for rule in policy.rules))


def _means(policy: Affordability, known: Known, offer: Offer) -> Means:
    """Income less obligations elsewhere and with us; the policy's share of the remainder may be used."""
    instalment = offer.largest_instalment.minor
    values: Mapping[str, float | None] = {} if known.evidence is None else known.evidence.values
    income = values.get(policy.income)
    elsewhere = [values.get(name) for name in policy.obligations]
    if known.stated is not None:
        income, elsewhere = known.stated.income_minor, [known.stated.obligations_minor]
    given = [int(value) for value in elsewhere if value is not None]
    if income is None or len(given) < len(elsewhere):
        return Means(None if income is None else int(income), None, None, instalment)
    obligations = sum(given) + known.exposure.monthly.minor
    allowance = max(0, int(income) - obligations) * policy.share_basis_points // 10_000
    return Means(int(income), obligations, allowance, instalment)


def largest_amount(order: Order, known: Known, policy: Policy) -> Money | None:
    """The largest smaller amount that cures every curable rule; None when the smallest offer does not.

    Exposure and instalment grow with the amount, so it is found by bisection. The score is not computed here; the
    amount found is assessed in full afterwards.
    """
    step = policy.counter_offer.step_minor

    def cured(steps: int) -> bool:
        smaller = order.of(Money(steps * step, order.amount.currency))
        return not _assess(smaller, None, known, policy).asks_for(Consequence.REDUCED)

    low, high = -(-policy.counter_offer.smallest_minor // step), (order.amount.minor - 1) // step
    if high < low or not cured(low):
        return None
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if cured(middle) else (low, middle - 1)
    return Money(low * step, order.amount.currency)


def fired_reasons(assessment: Assessment, policy: Policy) -> tuple[Reason, ...]:
    """The reasons of every fired rule, by stage and then in the order of the policy; each code once.

    When the rule on risk fired, its reasons are those of the model, because "score too low" explains nothing.
    """
    stages = list(AssessmentStage)
    fired = [reading for reading in assessment.readings if reading.verdict is RuleVerdict.FIRED]
    found: dict[str, Reason] = {}
    for reading in sorted(fired, key=lambda reading: stages.index(reading.rule.stage)):
        rule = reading.rule
        score = assessment.score
        if rule.fact == "default_probability" and score is not None and score.reasons:
            for model in score.reasons[: policy.most_model_reasons]:
                reason = Reason(model.code, model.text, rule.stage, rule.rule_id, model.contribution, model.features)
                found.setdefault(reason.code, reason)
        elif reading.reason is not None:
            found.setdefault(
                reading.reason, Reason(reading.reason, policy.reasons[reading.reason], rule.stage, rule.rule_id)
            )
    return tuple(found.values())


def _need_a_reason(reasons: tuple[Reason, ...]) -> None:
    if not reasons:
        raise ValueError("a refusal needs at least one reason")
