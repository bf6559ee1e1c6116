"""What differs between two policies, setting by setting and rule by rule, in the words of their files."""

from collections.abc import Iterator
from dataclasses import dataclass

from lending.terms.policy import Policy, Rule


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """One difference. `before` is None for what is new, `after` for what is gone."""

    place: str
    before: str | None
    after: str | None


def changes(before: Policy, after: Policy) -> Iterator[PolicyChange]:
    """Every difference, settings first and then rules in the order of the new policy."""
    one, other = dict(_settings(before)), dict(_settings(after))
    for place in one | other:
        if one.get(place) != other.get(place):
            yield PolicyChange(place, one.get(place), other.get(place))
    old, new = ({rule.rule_id: said(rule) for rule in policy.rules} for policy in (before, after))
    for rule_id in new | old:
        if old.get(rule_id) != new.get(rule_id):
            yield PolicyChange(f"rule {rule_id}", old.get(rule_id), new.get(rule_id))


def said(rule: Rule) -> str:
    """A rule in one line."""
    missing = rule.missing
    without = "" if missing is None else f"; without it {missing.consequence} ({missing.reason})"
    side = "below" if rule.below else "above"
    return f"{rule.stage}: {rule.fact} {side} {rule.threshold} is {rule.consequence} ({rule.reason}){without}"


def _settings(policy: Policy) -> Iterator[tuple[str, str]]:
    yield "policy_id", policy.policy_id
    yield "version", policy.version
    yield "jurisdiction", policy.jurisdiction
    yield "currency", policy.currency.value
    yield "products", ", ".join(sorted(policy.products))
    yield "valid_from", policy.valid_from.isoformat()
    yield "terms.annual_rate_basis_points", str(policy.annual_rate_basis_points)
    yield "terms.offer_valid_hours", str(policy.offer_valid_hours)
    yield "terms.most_model_reasons", str(policy.most_model_reasons)
    yield "counter_offer.smallest_minor", str(policy.counter_offer.smallest_minor)
    yield "counter_offer.step_minor", str(policy.counter_offer.step_minor)
    yield "affordability.income", policy.affordability.income
    yield "affordability.obligations", ", ".join(policy.affordability.obligations)
    yield "affordability.share_basis_points", str(policy.affordability.share_basis_points)
    for code, text in policy.reasons.items():
        yield f"reasons.{code}", text
