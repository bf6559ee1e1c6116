"""What is wrong with a policy although each setting can be read: rules without effect, gaps, and unlikely values.

Each finding names the place in the file as `policy_place` finds it: a rule by its id, a setting by its path.
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise

from lending.terms.policy import FEATURE_PREFIX, AssessmentStage, Consequence, Policy, Rule

JURISDICTIONS = frozenset(
    {
        "AT", "AU", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR", "HR", "HU", "IE",
        "IT", "JP", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK", "US",
    }
)  # fmt: skip
"""Countries, by ISO 3166, whose law a policy may follow: those with a currency that the books keep."""

_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_CODE = re.compile(r"[A-Z0-9]+(?:_[A-Z0-9]+)*")
_LONGEST_TEXT = 200
_HIGHEST_RATE = 10_000
_LONGEST_OFFER_HOURS = 24 * 30
_MOST_REASONS = 10
_LARGEST_AMOUNT = 10**15
_LONGEST_MONTHS = 120
_OLDEST_DAYS = 366

_RANGES: dict[str, tuple[float, float]] = {
    "amount_minor": (1, _LARGEST_AMOUNT),
    "exposure_after_minor": (1, _LARGEST_AMOUNT),
    "affordable_margin_minor": (-_LARGEST_AMOUNT, _LARGEST_AMOUNT),
    "duration_months": (1, _LONGEST_MONTHS),
    "vector_age_days": (0, _OLDEST_DAYS),
    "default_probability": (0, 1),
}
_STAGES = {
    "amount_minor": AssessmentStage.ELIGIBILITY,
    "duration_months": AssessmentStage.ELIGIBILITY,
    "exposure_after_minor": AssessmentStage.EXPOSURE,
    "affordable_margin_minor": AssessmentStage.AFFORDABILITY,
    "vector_age_days": AssessmentStage.DATA,
    "default_probability": AssessmentStage.MODEL,
}
# A smaller amount helps where the fact falls with it, or grows when it falls.
_CURABLE = {("amount_minor", False), ("exposure_after_minor", False), ("affordable_margin_minor", True)}
_SEVERITY = (Consequence.REDUCED, Consequence.REFERRED, Consequence.DECLINED)


@dataclass(frozen=True, slots=True)
class PolicyFinding:
    """One thing that is wrong: the place in the file, and why."""

    place: str
    reason: str


def findings(policy: Policy) -> Iterator[PolicyFinding]:
    """Everything wrong with one policy, in the order of its file."""
    yield from _head(policy)
    yield from _terms(policy)
    for rule in policy.rules:
        yield from _rule(rule)
    yield from _between(policy.rules)
    yield from _amounts(policy)
    yield from _reasons(policy)


def findings_between(policies: Iterable[tuple[str, Policy]]) -> Iterator[tuple[str, PolicyFinding]]:
    """What is wrong between policies, each with its file: one scope held twice, and versions out of order."""
    known = list(policies)
    for (first, one), (second, other) in combinations(known, 2):
        shared = one.products & other.products
        if (one.policy_id, one.version) == (other.policy_id, other.version):
            yield second, PolicyFinding("version", f"{other.policy_id} {other.version} is the one of {first} too")
        elif one.currency is other.currency and shared and one.valid_from == other.valid_from:
            products = ", ".join(sorted(shared))
            reason = f"on {other.valid_from} {first} begins to hold for {other.currency} {products} too"
            yield second, PolicyFinding("valid_from", reason)
    for policy_id in sorted({policy.policy_id for _, policy in known}):
        versions = sorted(
            ((file, policy) for file, policy in known if policy.policy_id == policy_id and policy.version.isdigit()),
            key=lambda each: int(each[1].version),
        )
        for (_, before), (file, after) in pairwise(versions):
            if after.valid_from <= before.valid_from and after.version != before.version:
                reason = f"version {before.version} holds from {before.valid_from}, a later version holds from later on"
                yield file, PolicyFinding("valid_from", reason)
            if (after.jurisdiction, after.currency) != (before.jurisdiction, before.currency):
                reason = f"version {before.version} is for {before.jurisdiction} in {before.currency}: use another id"
                yield file, PolicyFinding("policy_id", reason)


def _head(policy: Policy) -> Iterator[PolicyFinding]:
    if not _ID.fullmatch(policy.policy_id):
        yield PolicyFinding("policy_id", f"{policy.policy_id!r} is not small letters and digits with hyphens between")
    if not (policy.version.isascii() and policy.version.isdigit() and int(policy.version)):
        yield PolicyFinding("version", f"{policy.version!r} is not a whole number above zero, as text")
    if policy.jurisdiction not in JURISDICTIONS:
        yield PolicyFinding("jurisdiction", f"{policy.jurisdiction!r} is none of {', '.join(sorted(JURISDICTIONS))}")
    if not policy.products:
        yield PolicyFinding("products", "names no product, so nobody is decided by it")


def _terms(policy: Policy) -> Iterator[PolicyFinding]:
    for name, value, least, most in (
        ("terms.annual_rate_basis_points", policy.annual_rate_basis_points, 0, _HIGHEST_RATE),
        ("terms.offer_valid_hours", policy.offer_valid_hours, 1, _LONGEST_OFFER_HOURS),
        ("terms.most_model_reasons", policy.most_model_reasons, 1, _MOST_REASONS),
        ("affordability.share_basis_points", policy.affordability.share_basis_points, 1, 10_000),
    ):
        if not least <= value <= most:
            yield PolicyFinding(name, f"{value} is not from {least} to {most}")
    means = policy.affordability
    if not means.obligations:
        yield PolicyFinding("affordability.obligations", "names none, so every income is free")
    for name in means.obligations:
        if means.obligations.count(name) > 1 or name == means.income:
            yield PolicyFinding("affordability.obligations", f"{name} is taken twice")
            return


def _rule(rule: Rule) -> Iterator[PolicyFinding]:
    place, threshold = f"rule {rule.rule_id}", rule.threshold
    if not _ID.fullmatch(rule.rule_id):
        yield PolicyFinding(place, "its id is not small letters and digits with hyphens between")
    if not math.isfinite(threshold):
        yield PolicyFinding(place, f"its threshold {threshold} is no number to compare with")
        return
    least, most = _RANGES.get(rule.fact, (-_LARGEST_AMOUNT, _LARGEST_AMOUNT))
    if not least <= threshold <= most:
        yield PolicyFinding(place, f"its threshold {threshold} is not from {least} to {most}, as {rule.fact} is")
    elif (rule.below and threshold == least) or (not rule.below and threshold == most):
        yield PolicyFinding(
            place, f"never fires: {rule.fact} is never {'below' if rule.below else 'above'} {threshold}"
        )
    if rule.fact in _RANGES and rule.fact != "default_probability" and not float(threshold).is_integer():
        yield PolicyFinding(place, f"its threshold {threshold} is no whole number, and {rule.fact} always is")
    stages = {AssessmentStage.DATA, AssessmentStage.ELIGIBILITY} if rule.fact.startswith(FEATURE_PREFIX) else {
        _STAGES[rule.fact]
    }  # fmt: skip
    if rule.stage not in stages:
        yield PolicyFinding(place, f"is of the stage {rule.stage}, and {rule.fact} is of {' or '.join(sorted(stages))}")
    if rule.consequence is Consequence.REDUCED and (rule.fact, rule.below) not in _CURABLE:
        yield PolicyFinding(place, "is not cured by a smaller amount, so it cannot lead to one")
    if rule.missing is not None and rule.missing.consequence is Consequence.REDUCED:
        yield PolicyFinding(place, "what is missing is not cured by a smaller amount")


def _between(rules: tuple[Rule, ...]) -> Iterator[PolicyFinding]:
    for one, other in combinations(rules, 2):
        if one.fact != other.fact:
            continue
        if one.below is not other.below:
            below, above = (one, other) if one.below else (other, one)
            if above.threshold < below.threshold:
                yield PolicyFinding(f"rule {other.rule_id}", f"with rule {one.rule_id} it leaves no {one.fact} to pass")
            continue
        for first, second in ((one, other), (other, one)):
            if _hides(first, second):
                reason = f"never counts: whenever it fires, rule {first.rule_id} does too and is at least as severe"
                yield PolicyFinding(f"rule {second.rule_id}", reason)
                break


def _hides(first: Rule, second: Rule) -> bool:
    """Whether the first rule fires whenever the second does, with a consequence that is at least as severe."""
    wider = first.threshold >= second.threshold if first.below else first.threshold <= second.threshold
    return wider and _SEVERITY.index(first.consequence) >= _SEVERITY.index(second.consequence)


def _amounts(policy: Policy) -> Iterator[PolicyFinding]:
    """A counter-offer that the policy's own rules on amounts would refuse is never made."""
    smallest = policy.counter_offer.smallest_minor
    for rule in policy.rules:
        if rule.fact == "amount_minor" and rule.below and smallest < rule.threshold:
            reason = f"{smallest} is below the smallest amount of rule {rule.rule_id}"
            yield PolicyFinding("counter_offer.smallest_minor", reason)
        if rule.fact == "amount_minor" and not rule.below and smallest > rule.threshold:
            reason = f"{smallest} is above the largest amount of rule {rule.rule_id}"
            yield PolicyFinding("counter_offer.smallest_minor", reason)


def _reasons(policy: Policy) -> Iterator[PolicyFinding]:
    given = {rule.reason for rule in policy.rules} | {rule.missing.reason for rule in policy.rules if rule.missing}
    for code, text in policy.reasons.items():
        place = f"reasons.{code}"
        if not _CODE.fullmatch(code):
            yield PolicyFinding(place, "a code is capital letters and digits with underscores between")
        if not isinstance(text, str) or not text.strip() or len(text) > _LONGEST_TEXT:
            yield PolicyFinding(place, f"is not a sentence of up to {_LONGEST_TEXT} characters")
        if code not in given:
            yield PolicyFinding(place, "is given by no rule")
