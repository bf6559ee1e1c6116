"""The credit policy: versioned rules from a file, compiled to plain predicates over named facts.

A policy names a currency, the products it is for and the day from which it holds. Each rule reads one fact, compares it
with a threshold and says what follows. A fact may be unknown, and a rule says what follows then, so that missing and
harmless are never the same. Rules are data: the digest of their content is stamped on each decision.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from ledger.money import Currency
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
    """A policy file that cannot be used: names the file, the place in it and what is wrong."""

    def __init__(self, file: str, place: str, reason: str) -> None:
        super().__init__(f"{file}: {place}: {reason}")
        self.file = file
        self.place = place
        self.reason = reason

    @property
    def user_message(self) -> str:
        return f"policy {self}"


class Stage(StrEnum):
    """Which part of the assessment a rule belongs to; also the order in which reasons rank."""

    DATA = "data"
    ELIGIBILITY = "eligibility"
    EXPOSURE = "exposure"
    AFFORDABILITY = "affordability"
    MODEL = "model"


class Consequence(StrEnum):
    """What a fired rule asks for: `reduced` is cured by a smaller amount, the others are not."""

    DECLINED = "declined"
    REFERRED = "referred"
    REDUCED = "reduced"


class Verdict(StrEnum):
    """What became of one rule in one decision."""

    FIRED = "fired"
    NOT_FIRED = "not_fired"
    NOT_EVALUATED = "not_evaluated"


@dataclass(frozen=True, slots=True)
class Missing:
    """What follows when a rule's fact is unknown."""

    consequence: Consequence
    reason: str


@dataclass(frozen=True, slots=True)
class Rule:
    """`fact` below or above `threshold` has a consequence, for a reason."""

    rule_id: str
    stage: Stage
    fact: str
    below: bool
    threshold: int | float
    consequence: Consequence
    reason: str
    missing: Missing | None = None

    def read(self, facts: Facts) -> "Reading":
        """Apply the rule to the facts; a value equal to the threshold is neither below nor above it.

        A fact that is not there at all (no vector was found) leaves the rule unevaluated; one that is there and
        unknown (None) has the consequence under `missing`, if there is one.
        """
        value = facts.get(self.fact)
        if value is None:
            if self.missing is None or self.fact not in facts:
                return Reading(self, Verdict.NOT_EVALUATED, None, None, None)
            return Reading(self, Verdict.FIRED, None, self.missing.consequence, self.missing.reason)
        fired = value < self.threshold if self.below else value > self.threshold
        if fired:
            return Reading(self, Verdict.FIRED, value, self.consequence, self.reason)
        return Reading(self, Verdict.NOT_FIRED, value, None, None)


@dataclass(frozen=True, slots=True)
class Reading:
    """One rule applied to one applicant: the value it read, and what it asks for if it fired."""

    rule: Rule
    verdict: Verdict
    value: Fact
    consequence: Consequence | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Affordability:
    """Which features say what comes in and what must go out each month, and the share of the rest that may be used."""

    income: str
    obligations: tuple[str, ...]
    share_basis_points: int


@dataclass(frozen=True, slots=True)
class CounterOffer:
    """The smallest amount worth offering instead of the one asked for, and the step in which amounts are offered."""

    smallest_minor: int
    step_minor: int


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules, limits and terms for one currency and some products, from a day on."""

    policy_id: str
    version: str
    digest: str
    jurisdiction: str
    currency: Currency
    products: frozenset[Product]
    valid_from: date
    annual_rate_basis_points: int
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
    """Every version of every policy: finds the one that holds for an order, or the one that a digest names."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        self._all = tuple(sorted(policies, key=lambda policy: (policy.valid_from, policy.policy_id, policy.version)))
        self._by_digest = {policy.digest: policy for policy in self._all}

    def __iter__(self) -> Iterator[Policy]:
        return iter(self._all)

    def holding(self, currency: Currency, product: Product, on: date) -> Policy | None:
        """The newest policy for this currency and product that is valid on the day, if there is one."""
        fitting = [
            policy
            for policy in self._all
            if policy.currency is currency and product in policy.products and policy.valid_from <= on
        ]
        return fitting[-1] if fitting else None

    def by_digest(self, digest: str) -> Policy | None:
        """The very policy that a stored decision names, if its file is still the same."""
        return self._by_digest.get(digest)
