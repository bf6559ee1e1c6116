"""Reads policy files and checks them; a fault names the file and the place in it."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

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
from lending.terms.policy_lint import findings, findings_between
from lending.terms.policy_place import line_of_place
from lending.terms.product import Product
from lending.terms.terms_file import content_digest
from terminal.lenders_own import lenders_own

Known = TypeVar("Known", bound=StrEnum)

SHIPPED = Path(str(files("lending"))) / "policies"

_HEAD = {"policy_id", "version", "jurisdiction", "currency", "products", "valid_from"}
_TERMS = {"annual_rate_basis_points", "offer_valid_hours", "most_model_reasons"}
_COUNTER_OFFER = {"smallest_minor", "step_minor"}
_AFFORDABILITY = {"income", "obligations", "share_basis_points"}
_RULE = {"id", "stage", "fact", "consequence", "reason"}


def policies_folder() -> Path:
    """The folder of the lender's policies, or of those that ship."""
    return lenders_own("policies", SHIPPED)


def load_policies(folder: Path | None = None) -> Policies:
    """Load every policy in the folder, the lender's own if none is named; raises `PolicyFault` for the first fault."""
    texts = {
        path.name: path.read_text(encoding="utf-8") for path in sorted((folder or policies_folder()).glob("*.toml"))
    }
    return Policies(read_policies(texts).values())


def read_policies(texts: Mapping[str, str]) -> dict[str, Policy]:
    """The policies by file, from their texts by file; raises `PolicyFault` for the first that cannot be used."""
    found = {file: parse_policy(text, file) for file, text in texts.items()}
    for file, finding in findings_between(found.items()):
        raise PolicyFault(file, finding.place, finding.reason, line_of_place(texts[file], finding.place))
    return found


def parse_policy(text: str, file: str) -> Policy:
    """Parse one policy from the text of its file; raises `PolicyFault` with its line."""
    try:
        policy = _parsed(text, file)
    except PolicyFault as fault:
        if fault.line is None:
            raise fault.at(line_of_place(text, fault.place)) from fault
        raise
    for finding in findings(policy):
        raise PolicyFault(file, finding.place, finding.reason, line_of_place(text, finding.place))
    return policy


def _parsed(text: str, file: str) -> Policy:
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise PolicyFault(file, "TOML", str(fault), _line_in(str(fault))) from fault
    _fields(content, file, "top level", _HEAD | {"terms", "counter_offer", "affordability", "rules", "reasons"})
    _kinds(content, file)
    terms, counter_offer, means = content["terms"], content["counter_offer"], content["affordability"]
    _fields(terms, file, "terms", _TERMS)
    _fields(counter_offer, file, "counter_offer", _COUNTER_OFFER)
    _fields(means, file, "affordability", _AFFORDABILITY)
    _means_kinds(means, file)
    whole, rate = dict(terms), terms["annual_rate_basis_points"]
    if isinstance(rate, str):  # more digits than whole basis points
        terms = {**terms, "annual_rate_basis_points": _rate(rate, file)}
        del whole["annual_rate_basis_points"]
    _whole_numbers(whole, file, "terms")
    _whole_numbers(counter_offer, file, "counter_offer")
    policy = Policy(
        policy_id=content["policy_id"],
        version=content["version"],
        digest=content_digest(content),
        jurisdiction=content["jurisdiction"],
        currency=_one_of(Currency, content["currency"], file, "currency"),
        products=frozenset(_one_of(Product, product, file, "products") for product in content["products"]),
        valid_from=content["valid_from"],
        counter_offer=CounterOffer(**counter_offer),
        affordability=Affordability(means["income"], tuple(means["obligations"]), means["share_basis_points"]),
        rules=tuple(_rule(number, entry, file) for number, entry in enumerate(content["rules"], 1)),
        reasons=content["reasons"],
        **terms,
    )
    if len(policy.products) < len(content["products"]):
        raise PolicyFault(file, "products", "names one twice")
    _lint(policy, file)
    return policy


def _kinds(content: Mapping[str, Any], file: str) -> None:
    """Refuse a setting of the top level that is of another kind than it is read as."""
    for name in ("policy_id", "version", "jurisdiction", "currency"):
        if not isinstance(content[name], str):
            raise PolicyFault(file, name, f"must be a text, not {content[name]!r}")
    if not isinstance(content["valid_from"], date) or isinstance(content["valid_from"], datetime):
        raise PolicyFault(file, "valid_from", f"must be a date, not {content['valid_from']!r}")
    if not isinstance(content["products"], list):
        raise PolicyFault(file, "products", f"must be a list, not {content['products']!r}")
    for name in ("terms", "counter_offer", "affordability", "reasons"):
        if not isinstance(content[name], dict):
            raise PolicyFault(file, name, f"must be a table, not {content[name]!r}")
    if not isinstance(content["rules"], list) or not all(isinstance(each, dict) for each in content["rules"]):
        raise PolicyFault(file, "rules", "must be tables, each under [[rules]]")


def _means_kinds(means: Mapping[str, Any], file: str) -> None:
    if not isinstance(means["income"], str):
        raise PolicyFault(file, "affordability.income", f"must be the name of a feature, not {means['income']!r}")
    names = means["obligations"]
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise PolicyFault(file, "affordability.obligations", f"must be a list of names of features, not {names!r}")
    _whole_numbers({"share_basis_points": means["share_basis_points"]}, file, "affordability")


def _one_of(kind: type[Known], value: Any, file: str, place: str) -> Known:
    try:
        return kind(value)
    except ValueError as fault:
        raise PolicyFault(file, place, f"{value!r} is none of {', '.join(kind)}") from fault


def _line_in(message: str) -> int | None:
    found = re.search(r"at line (\d+)", message)
    return None if found is None else int(found.group(1))


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
    for name in ("id", "fact", "reason"):
        if not isinstance(entry[name], str):
            raise PolicyFault(file, place, f"`{name}` must be a text, not {entry[name]!r}")
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
    if missing is not None and not isinstance(missing, dict):
        raise PolicyFault(file, place, f"`missing` must be a table, not {missing!r}")
    if missing is not None:
        _fields(missing, file, f"{place}, missing", {"consequence", "reason"})
    return Rule(
        rule_id=entry["id"],
        stage=_one_of(AssessmentStage, entry["stage"], file, place),
        fact=fact,
        below=comparisons == ["below"],
        threshold=threshold,
        consequence=_one_of(Consequence, entry["consequence"], file, place),
        reason=entry["reason"],
        missing=None if missing is None else _missing(missing, file, place),
    )


def _missing(entry: Mapping[str, Any], file: str, place: str) -> MissingFact:
    if not isinstance(entry["reason"], str):
        raise PolicyFault(file, f"{place}, missing", f"`reason` must be a text, not {entry['reason']!r}")
    return MissingFact(_one_of(Consequence, entry["consequence"], file, f"{place}, missing"), entry["reason"])


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
