"""What the product can do is reached by a command, a route or a DAG, or the page on what is not reached says why.

A DAG runs commands, so commands and routes are the ways in. A module is reached when one of them imports it, at once
or inside a function. The demo and the simulation are left out: what only they do is not done for a lender.
"""

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from features.catalog import FEATURE_SETS, MODEL_FEATURES
from ledger.grant import database_roles
from ledger.map.flow import Flow
from lending.acts.act import ACTS
from lending.plan.event import KINDS
from terminal.database import DatabaseProcess
from tests.test_conventions import CHECKOUT, PACKAGES
from tranche.stage import STAGES

PAGE = CHECKOUT / "docs" / "not-reached.md"
ROW = re.compile(r"^\| (event|flow|product|contract|role|feature group|policy) \| `([^`]+)` \| (.+) \|$", re.MULTILINE)

WORLDS = ("simulation", "tranche.demo")
# Modules that read what is in the books, and book nothing.
READERS = ("ledger.reports", "ledger.map", "ledger.proof")
FOLD = "lending.plan"


def test_every_kind_of_event_is_recorded_by_something_or_listed() -> None:
    assert _compared("event", KINDS, _recorded_kinds()) == ([], [])


def test_every_flow_of_the_map_is_booked_by_something_or_listed() -> None:
    assert _compared("flow", {flow.name for flow in Flow}, _booked_flows()) == ([], [])


def test_every_product_is_offered_or_imported_or_listed() -> None:
    files = {path.stem: tomllib.loads(path.read_text()) for path in (CHECKOUT / "lending" / "products").glob("*.toml")}
    policies = [tomllib.loads(path.read_text()) for path in (CHECKOUT / "lending" / "policies").glob("*.toml")]
    offered = {product for policy in policies for product in policy["products"]}
    reached = {
        name
        for name, terms in files.items()
        if terms.get("product") in offered or (name.startswith("imported-") and _is_called("imported_product"))
    }

    assert _compared("product", files, reached) == ([], [])


def test_every_contract_is_written_or_read_by_something_or_listed() -> None:
    contracts = {path.parent.name for path in (CHECKOUT / "data_contracts").rglob("v*.odcs.yaml")}
    said = {
        word
        for module in _reached_modules()
        if not module.startswith("data_contracts")
        for node in ast.walk(_tree(module))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for word in re.findall(r"[a-z_]+", node.value)
    }

    assert _compared("contract", contracts, contracts & said) == ([], [])


def test_every_role_of_the_database_is_taken_on_or_listed() -> None:
    texts = [path.read_text() for package in PACKAGES for path in (CHECKOUT / package).rglob("*.sql")]
    roles = {role for text in texts for role in re.findall(r"CREATE ROLE (\w+)", text)} | {*database_roles()}
    code = "".join((CHECKOUT / _file_of(module)).read_text() for module in _reached_modules())
    processes = {each.role for each in DatabaseProcess if f"DatabaseProcess.{each.name}" in code}

    assert roles
    assert _compared("role", roles, {role for role in roles if role in code} | processes) == ([], [])


def test_every_group_of_features_is_used_by_the_model_or_a_policy_or_listed() -> None:
    """A group is used when one of its features is."""
    rules = "".join(path.read_text() for path in (CHECKOUT / "lending" / "policies").glob("*.toml"))
    used = {*re.findall(r"\w+", rules), *MODEL_FEATURES}
    features = [each for kind in FEATURE_SETS.values() for each in (*kind.lake, *kind.request)]

    groups = {each.group for each in features}
    assert _compared("feature group", groups, {each.group for each in features if each.name in used}) == ([], [])


def test_every_policy_is_read_by_something_or_listed() -> None:
    """Those of lending are read as a folder; a file of payments is read by its name."""
    files = {path.name for package in ("lending", "payments") for path in (CHECKOUT / package / "policies").iterdir()}
    read = {
        node.value
        for module in _reached_modules()
        for node in ast.walk(_tree(module))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    lending = (
        {path.name for path in (CHECKOUT / "lending" / "policies").iterdir()} if _is_called("load_policies") else set()
    )

    assert _compared("policy", files, lending | (files & read)) == ([], [])


def test_a_line_of_the_page_has_a_reason_and_stands_for_something_that_there_is() -> None:
    known = {"event": set(KINDS), "flow": {flow.name for flow in Flow}}

    for what, name, why in ROW.findall(PAGE.read_text(encoding="utf-8")):
        assert name in known.get(what, {name}), f"{what} {name}"
        assert len(why) > len("no reason at all"), f"{what} {name}"


@pytest.mark.parametrize(
    ("source", "made"),
    [
        ("from lending.plan.event import Paid\ndef f(): return Paid(1)", {"paid"}),
        ("from lending.plan.event import Paid\ndef f(x): return isinstance(x, Paid)", set()),
        ("def f(x):\n    match x:\n        case Paid(): pass", set()),
        ("x = Other()", set()),
    ],
)
def test_what_counts_as_recording_an_event(source: str, made: set[str]) -> None:
    assert _made_kinds(ast.parse(source)) == made


def _compared(what: str, wanted: Iterable[str], reached: Iterable[str]) -> tuple[list[str], list[str]]:
    """What is neither reached nor listed, and what is listed although it is reached."""
    listed = {name for kind, name, _ in ROW.findall(PAGE.read_text(encoding="utf-8")) if kind == what}
    return sorted({*wanted} - {*reached} - listed), sorted(listed & {*reached})


@cache
def _recorded_kinds() -> frozenset[str]:
    """The kinds of event that acts or reached modules make."""
    kinds = {kind for kind, body in KINDS.items() if any(act.event is body for act in ACTS.values())}
    for module in _reached_modules():
        if not module.startswith(FOLD):
            kinds |= _made_kinds(_tree(module))
    return frozenset(kinds)


def _made_kinds(tree: ast.Module) -> set[str]:
    kind_of = {body.__name__: kind for kind, body in KINDS.items()}
    return {
        kind_of[node.func.id]
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kind_of
    }


@cache
def _booked_flows() -> frozenset[str]:
    """Flows named by reached modules, and those that the fold books for the events that something records."""
    flows = {
        flow
        for module in _reached_modules()
        if not module.startswith((FOLD, *READERS))
        for flow in _flows_in(_tree(module))
    }
    return frozenset(flows | _flows_of_the_fold(_recorded_kinds()))


def _flows_of_the_fold(kinds: Iterable[str]) -> set[str]:
    """Follow names from the cases of these kinds, and from what the fold does every day, to the flows they lead to."""
    named = _definitions(FOLD)
    todo = [*_names_of_cases({KINDS[kind].__name__ for kind in kinds})]
    seen: set[str] = set()
    flows: set[str] = set()
    while todo:
        name = todo.pop()
        if name in seen or name not in named:
            continue
        seen.add(name)
        for node in named[name]:
            flows |= _flows_in(node)
            todo += _names_in(node)
    assert flows, "the fold has no cases of kinds any more: this test has to follow it"
    return flows


def _names_of_cases(bodies: set[str]) -> Iterator[str]:
    """Names in the cases of these bodies, and in `fold` itself, outside of any case."""
    for node in ast.walk(_tree(f"{FOLD}.fold")):
        if isinstance(node, ast.match_case):
            classes = {each.id for each in ast.walk(node.pattern) if isinstance(each, ast.Name)}
            if classes & bodies:
                for statement in node.body:
                    yield from _names_in(statement)
        elif isinstance(node, ast.FunctionDef) and node.name in {"fold", "_apply_all"}:
            yield from (name for name in _names_in(node) if name != "_apply")


def _definitions(package: str) -> Mapping[str, list[ast.stmt]]:
    """Functions, methods and constants of a package by name."""
    found: dict[str, list[ast.stmt]] = {}
    for module in _modules():
        if module.startswith(f"{package}."):
            for node in ast.walk(_tree(module)):
                if isinstance(node, ast.FunctionDef) and module != f"{FOLD}.fold":
                    found.setdefault(node.name, []).append(node)
            for statement in _tree(module).body:
                if isinstance(statement, ast.Assign | ast.AnnAssign):
                    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                    for target in targets:
                        if isinstance(target, ast.Name):
                            found.setdefault(target.id, []).append(statement)
    return found


def _names_in(node: ast.AST) -> list[str]:
    plain = [each.id for each in ast.walk(node) if isinstance(each, ast.Name)]
    return plain + [each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)]


def _flows_in(node: ast.AST) -> set[str]:
    return {
        each.attr
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id == "Flow"
    }


def _is_called(name: str) -> bool:
    return any(
        name in _names_in(_tree(module)) for module in _reached_modules() if not module.startswith("lending.terms")
    )


@cache
def _reached_modules() -> frozenset[str]:
    """Modules that a command or a route imports, at the start or when it runs."""
    todo = [stage.module for stage in STAGES if not stage.module.startswith(WORLDS)] + ["serving.app"]
    reached: set[str] = set()
    while todo:
        module = todo.pop()
        if module in reached or module not in _modules() or module.startswith(WORLDS):
            continue
        reached.add(module)
        todo += _imported(module)
    return frozenset(reached)


def _imported(module: str) -> Iterator[str]:
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{each.name}" for each in node.names)


@cache
def _modules() -> frozenset[str]:
    paths = (path.relative_to(CHECKOUT) for package in PACKAGES for path in (CHECKOUT / package).rglob("*.py"))
    return frozenset(".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in paths)


def _file_of(module: str) -> Path:
    path = Path(*module.split("."))
    return path.with_suffix(".py") if (CHECKOUT / path.with_suffix(".py")).is_file() else path / "__init__.py"


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse((CHECKOUT / _file_of(module)).read_text(encoding="utf-8"))
