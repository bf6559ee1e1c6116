"""Reads policy files and checks them; a fault names the file and the place in it."""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

from ledger.money import Currency
from lending.terms.basis_points import BasisPoints, basis_points
from lending.terms.policy import (
    FEATURE_PREFIX,
    OWN_FACTS,
    Affordability,
    AssessmentStage,
    Consequence,
    CounterOffer,
    MissingFact,
    Policies,
    Policy,
    PolicyFault,
    Rule,
)
from lending.terms.product import Product
from lending.terms.terms_file import content_digest

SHIPPED = Path(str(files("lending"))) / "policies"

_HEAD = {"policy_id", "version", "jurisdiction", "currency", "products", "valid_from"}
_TERMS = {"annual_rate_basis_points", "offer_valid_hours", "most_model_reasons"}
_COUNTER_OFFER = {"smallest_minor", "step_minor"}
_AFFORDABILITY = {"income", "obligations", "share_basis_points"}
_RULE = {"id", "stage", "fact", "consequence", "reason"}


def load_policies(folder: Path = SHIPPED) -> Policies:
    """Load every policy in the folder; raises `PolicyFault` for the first file that cannot be used."""
    return Policies(
        [parse_policy(path.read_text(encoding="utf-8"), path.name) for path in sorted(folder.glob("*.toml"))]
    )


def parse_policy(text: str, file: str) -> Policy:
    """Parse one policy from the text of its file; raises `PolicyFault`."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise PolicyFault(file, "TOML", str(fault)) from fault
    _fields(content, file, "top level", _HEAD | {"terms", "counter_offer", "affordability", "rules", "reasons"})
    terms, counter_offer, means = content["terms"], content["counter_offer"], content["affordability"]
    _fields(terms, file, "terms", _TERMS)
    _fields(counter_offer, file, "counter_offer", _COUNTER_OFFER)
    _fields(means, file, "affordability", _AFFORDABILITY)
    whole, rate = dict(terms), terms["annual_rate_basis_points"]
    if isinstance(rate, str):  # more digits than whole basis points
        terms = {**terms, "annual_rate_basis_points": _rate(rate, file)}
        del whole["annual_rate_basis_points"]
    _whole_numbers(whole, file, "terms")
    _whole_numbers(counter_offer, file, "counter_offer")
    if not isinstance(content["valid_from"], date):
        raise PolicyFault(file, "valid_from", f"must be a date, not {content['valid_from']!r}")
    try:
        policy = Policy(
            policy_id=content["policy_id"],
            version=content["version"],
            digest=content_digest(content),
            jurisdiction=content["jurisdiction"],
            currency=Currency(content["currency"]),
            products=frozenset(Product(product) for product in content["products"]),
            valid_from=content["valid_from"],
            counter_offer=CounterOffer(**counter_offer),
            affordability=Affordability(means["income"], tuple(means["obligations"]), means["share_basis_points"]),
            rules=tuple(_rule(number, entry, file) for number, entry in enumerate(content["rules"], 1)),
            reasons=content["reasons"],
            **terms,
        )
    except ValueError as fault:
        raise PolicyFault(file, "top level", str(fault)) from fault
    _lint(policy, file)
    return policy


def _fields(table: Mapping[str, Any], file: str, place: str, wanted: set[str]) -> None:
    for name in sorted(wanted - table.keys()):
        raise PolicyFault(file, place, f"`{name}` is missing")
    for name in sorted(table.keys() - wanted):
        raise PolicyFault(file, place, f"`{name}` is not a known setting")


def _rate(text: str, file: str) -> BasisPoints:
    try:
        return basis_points(text)
    except ValueError as fault:
        raise PolicyFault(file, "terms.annual_rate_basis_points", str(fault)) from fault


def _whole_numbers(table: Mapping[str, Any], file: str, place: str) -> None:
    for name, value in table.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise PolicyFault(file, f"{place}.{name}", f"must be a whole number, not {value!r}")


def _rule(number: int, entry: Mapping[str, Any], file: str) -> Rule:
    place = f"rule {entry.get('id', number)}"
    comparisons = sorted({"below", "above"} & entry.keys())
    if len(comparisons) != 1:
        raise PolicyFault(file, place, "needs either `below` or `above`")
    _fields(entry, file, place, _RULE | set(comparisons) | ({"missing"} & entry.keys()))
    fact = entry["fact"]
    if fact not in OWN_FACTS and not fact.startswith(FEATURE_PREFIX):
        raise PolicyFault(
            file, place, f"`{fact}` is no fact; known are {', '.join(sorted(OWN_FACTS))} and feature.<name>"
        )
    threshold = entry[comparisons[0]]
    if isinstance(threshold, bool) or not isinstance(threshold, int | float):
        raise PolicyFault(file, place, f"`{comparisons[0]}` must be a number, not {threshold!r}")
    if entry["stage"] == AssessmentStage.REVIEW:
        raise PolicyFault(file, place, "the stage review is that of a person's reasons, not of a rule")
    missing = entry.get("missing")
    if missing is not None:
        _fields(missing, file, f"{place}, missing", {"consequence", "reason"})
    try:
        return Rule(
            rule_id=entry["id"],
            stage=AssessmentStage(entry["stage"]),
            fact=fact,
            below=comparisons == ["below"],
            threshold=threshold,
            consequence=Consequence(entry["consequence"]),
            reason=entry["reason"],
            missing=None if missing is None else MissingFact(Consequence(missing["consequence"]), missing["reason"]),
        )
    except ValueError as fault:
        raise PolicyFault(file, place, str(fault)) from fault


def _lint(policy: Policy, file: str) -> None:
    """Refuse a policy whose decisions could lack an explanation or an assessment of risk and affordability."""
    _unique([rule.rule_id for rule in policy.rules], file)
    for rule in policy.rules:
        for code in [rule.reason, *([rule.missing.reason] if rule.missing else [])]:
            if code not in policy.reasons:
                raise PolicyFault(file, f"rule {rule.rule_id}", f"reason {code} has no text under [reasons]")
        if rule.fact == "default_probability" and rule.consequence is Consequence.REDUCED:
            raise PolicyFault(file, f"rule {rule.rule_id}", "too high a risk is not cured by a smaller amount")
    if not 1 <= policy.counter_offer.step_minor <= policy.counter_offer.smallest_minor:
        raise PolicyFault(file, "counter_offer", "must hold: 1 <= step_minor <= smallest_minor")
    for fact in ("default_probability", "exposure_after_minor", "affordable_margin_minor", "vector_age_days"):
        rules = [rule for rule in policy.rules if rule.fact == fact]
        if not rules:
            raise PolicyFault(file, "rules", f"no rule reads `{fact}`: nothing may be approved without it")
        if fact in {"vector_age_days", "affordable_margin_minor"} and not any(rule.missing for rule in rules):
            raise PolicyFault(file, "rules", f"no rule says what follows when `{fact}` is missing")


def _unique(names: Sequence[str], file: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise PolicyFault(file, f"rule {name}", "stands twice")
