"""Act: check every policy of a folder with its table of cases, and name everything that is wrong."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from features.catalog import MODEL_FEATURES
from lending.decision.policy_cases import PolicyCasesFault, failures, read_cases, untested
from lending.terms.policy import FEATURE_PREFIX, Policy, PolicyFault
from lending.terms.policy_file import parse_policy
from lending.terms.policy_lint import findings_between
from lending.terms.policy_place import line_of_place
from terminal.fault import Fault


class NoPolicies(Fault):
    """Raised for a folder without a policy."""


@dataclass(frozen=True, slots=True)
class PolicyTrouble:
    """One thing that is wrong with a file: the line, the place and why."""

    file: str
    line: int
    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.place}: {self.reason}"


@dataclass(frozen=True, slots=True)
class LintedFolder:
    """The policies that can be read, by file; the number of their cases; and everything that is wrong."""

    policies: dict[str, Policy]
    cases: int
    troubles: tuple[PolicyTrouble, ...]


def lint_folder(folder: Path) -> LintedFolder:
    """Check each file alone, with its cases, and all of them together. Raises NoPolicies for an empty folder."""
    files = sorted(folder.glob("*.toml"))
    if not files:
        raise NoPolicies(f"{folder} has no policy: no file that ends in .toml")
    texts = {path.name: path.read_text(encoding="utf-8") for path in files}
    policies, troubles, cases = dict[str, Policy](), list[PolicyTrouble](), 0
    for path in files:
        try:
            policy = parse_policy(texts[path.name], path.name)
        except PolicyFault as fault:
            troubles.append(PolicyTrouble(path.name, fault.line or 1, fault.place, fault.reason))
            continue
        policies[path.name] = policy
        troubles += _unknown_features(policy, path.name, texts[path.name])
        tested, found = _of_cases(policy, path, texts[path.name])
        cases += tested
        troubles += found
    for file, finding in findings_between(policies.items()):
        troubles.append(PolicyTrouble(file, line_of_place(texts[file], finding.place), finding.place, finding.reason))
    return LintedFolder(policies, cases, tuple(troubles))


def _unknown_features(policy: Policy, file: str, text: str) -> Iterator[PolicyTrouble]:
    means = policy.affordability
    read = {"affordability.income": (means.income,), "affordability.obligations": means.obligations}
    for rule in policy.rules:
        if rule.fact.startswith(FEATURE_PREFIX):
            read[f"rule {rule.rule_id}"] = (rule.fact.removeprefix(FEATURE_PREFIX),)
    for place, names in read.items():
        for name in names:
            if name not in MODEL_FEATURES:
                yield PolicyTrouble(file, line_of_place(text, place), place, f"{name} is no feature of the catalogue")


def _of_cases(policy: Policy, path: Path, text: str) -> tuple[int, list[PolicyTrouble]]:
    """The number of a policy's cases, and what is wrong with them."""
    table = path.with_suffix(".csv")
    if not table.exists():
        reason = f"has no table of cases beside it; {table.name} would be it"
        return 0, [PolicyTrouble(path.name, 1, "cases", reason)]
    try:
        cases = read_cases(table.read_text(encoding="utf-8"), table.name)
    except PolicyCasesFault as fault:
        return 0, [PolicyTrouble(table.name, 1, "cases", str(fault))]
    failed = [
        PolicyTrouble(table.name, failure.case.line, "outcome", str(failure)) for failure in failures(policy, cases)
    ]
    missing = [
        PolicyTrouble(path.name, line_of_place(text, f"rule {rule_id}"), f"rule {rule_id}", reason)
        for rule_id, reason in untested(policy, cases)
    ]
    return len(cases), failed + missing
