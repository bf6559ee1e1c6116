"""The credit policy: versioned rules from a file, compiled to predicates over named facts.

A policy names a currency, its products, and the day from which it holds. A rule compares one fact with a threshold and
states the consequence. For an unknown fact a rule can state another consequence, so that a missing value is never
treated as harmless by accident. The digest of a policy's content is stored with each decision.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from ledger.money import Currency
from lending.terms.basis_points import BasisPoints
from lending.terms.product import Product
from terminal.fault import Fault

Fact = int | float | None
Facts = Mapping[str, Fact]

OWN_FACTS = frozenset(
    {
        "amount_minor",
        "duration_months",
        "vector_age_days",
        "default_probability",
        "exposure_after_minor",
        "affordable_margin_minor",
    }
)
FEATURE_PREFIX = "feature."


class PolicyFault(Fault):
    """Raised for a policy file that cannot be used; names the file, the line, the place in it and the fault."""

    def __init__(self, file: str, place: str, reason: str, line: int | None = None) -> None:
        super().__init__(f"{file}{'' if line is None else f', line {line}'}: {place}: {reason}")
        self.file = file
        self.place = place
        self.reason = reason
        self.line = line

    def at(self, line: int) -> "PolicyFault":
        """The same fault with its line."""
        return PolicyFault(self.file, self.place, self.reason, line)

    @property
    def user_message(self) -> str:
        return f"policy {self}"


class AssessmentStage(StrEnum):
    """The part of the assessment that a rule belongs to; also the order of reasons. `review` is a person's."""

    DATA = "data"
    ELIGIBILITY = "eligibility"
    EXPOSURE = "exposure"
    AFFORDABILITY = "affordability"
    MODEL = "model"
    REVIEW = "review"


class Consequence(StrEnum):
    """The effect of a fired rule. `reduced` can be cured by a smaller amount; the others cannot."""

    DECLINED = "declined"
    REFERRED = "referred"
    REDUCED = "reduced"


class RuleVerdict(StrEnum):
    """The result of one rule in one decision."""

    FIRED = "fired"
    NOT_FIRED = "not_fired"
    NOT_EVALUATED = "not_evaluated"


@dataclass(frozen=True, slots=True)
class MissingFact:
    """The consequence and reason when a rule's fact is unknown."""

    consequence: Consequence
    reason: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: when `fact` is below or above `threshold`, it has a consequence and a reason."""

    rule_id: str
    stage: AssessmentStage
    fact: str
    below: bool
    threshold: int | float
    consequence: Consequence
    reason: str
    missing: MissingFact | None = None

    def read(self, facts: Facts) -> "FactReading":
        """Apply the rule to the facts; a value equal to the threshold is neither below nor above it.

        A fact that is absent, because no vector was found, leaves the rule unevaluated; one that is present but
        unknown (None) has the consequence under `missing`, if there is one.
        """
        value = facts.get(self.fact)
        if value is None:
            if self.missing is None or self.fact not in facts:
                return FactReading(self, RuleVerdict.NOT_EVALUATED, None, None, None)
            return FactReading(self, RuleVerdict.FIRED, None, self.missing.consequence, self.missing.reason)
        fired = value < self.threshold if self.below else value > self.threshold
        if fired:
            return FactReading(self, RuleVerdict.FIRED, value, self.consequence, self.reason)
        return FactReading(self, RuleVerdict.NOT_FIRED, value, None, None)


@dataclass(frozen=True, slots=True)
class FactReading:
    """One rule applied to one applicant: the value it read, and its consequence if it fired."""

    rule: Rule
    verdict: RuleVerdict
    value: Fact
    consequence: Consequence | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Affordability:
    """The features for monthly income and obligations, and the share of the remainder that a shopper may use."""

    income: str
    obligations: tuple[str, ...]
    share_basis_points: int


@dataclass(frozen=True, slots=True)
class CounterOffer:
    """The smallest amount to offer instead of the requested one, and the step between amounts offered."""

    smallest_minor: int
    step_minor: int


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules, limits and terms for one currency and some products, from a given day on."""

    policy_id: str
    version: str
    digest: str
    jurisdiction: str
    currency: Currency
    products: frozenset[Product]
    valid_from: date
    annual_rate_basis_points: BasisPoints
    offer_valid_hours: int
    most_model_reasons: int
    counter_offer: CounterOffer
    affordability: Affordability
    rules: tuple[Rule, ...]
    reasons: Mapping[str, str]

    @property
    def features_read(self) -> frozenset[str]:
        """The names of the features that this policy reads; all must be in the catalogue."""
        named = {rule.fact.removeprefix(FEATURE_PREFIX) for rule in self.rules if rule.fact.startswith(FEATURE_PREFIX)}
        return frozenset(named | {self.affordability.income} | set(self.affordability.obligations))


class Policies:
    """Every version of every policy, to be found by order or by digest."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        self._all = tuple(sorted(policies, key=lambda policy: (policy.valid_from, policy.policy_id, policy.version)))
        self._by_digest = {policy.digest: policy for policy in self._all}

    def __iter__(self) -> Iterator[Policy]:
        return iter(self._all)

    def holding(self, currency: Currency, product: Product, on: date) -> Policy | None:
        """The newest policy for this currency and product that is valid on the day; None if there is none."""
        fitting = [
            policy
            for policy in self._all
            if policy.currency is currency and product in policy.products and policy.valid_from <= on
        ]
        return fitting[-1] if fitting else None

    def by_digest(self, digest: str) -> Policy | None:
        """The policy with this digest, as named by a stored decision; None when its file is gone or was changed."""
        return self._by_digest.get(digest)
