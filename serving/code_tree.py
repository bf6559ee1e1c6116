"""Code as syntax trees: the modules that some others import, and a digest that only a change of behaviour changes.

The digest leaves out comments, layout, docstrings, import statements and the names of the modules, so it survives a
module's move to another folder. It is the same on Python 3.11, 3.12 and 3.13. Needs the standard library only.
"""

import ast
import hashlib
import importlib.util
import json
from collections.abc import Collection, Iterable, Iterator
from importlib.abc import InspectLoader
from importlib.machinery import ModuleSpec
from typing import Any


def import_closure(roots: Iterable[str], packages: Collection[str]) -> dict[str, ast.Module]:
    """The modules `roots` and all that they import, directly or through others, from these packages: by name, parsed.

    Counts imports inside functions too, but not those under `if TYPE_CHECKING`. Looks modules up where Python itself
    would import them from and runs no more than the `__init__` of their packages.
    """
    trees: dict[str, ast.Module] = {}
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in trees:
            spec = _spec(name)
            tree = trees[name] = ast.parse(_source(spec))
            waiting.extend(_imported(tree, spec, packages))
    return dict(sorted(trees.items()))


def code_digest(trees: Iterable[ast.Module]) -> str:
    """The identity of some modules' code, whatever their names and their order.

    A module without any code of its own, as most `__init__` are, does not count.
    """
    modules = sorted(_module_digest(tree) for tree in trees if any(_running(tree.body)))
    return hashlib.sha256("\n".join(modules).encode()).hexdigest()


def _module_digest(tree: ast.Module) -> str:
    text = json.dumps(_plain(tree), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _spec(name: str) -> ModuleSpec:
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(f"no module named {name}", name=name)
    return spec


def _source(spec: ModuleSpec) -> str:
    source = spec.loader.get_source(spec.name) if isinstance(spec.loader, InspectLoader) else None
    if source is None:
        raise ImportError(f"module {spec.name} is installed without its source", name=spec.name)
    return source


def _imported(tree: ast.Module, spec: ModuleSpec, packages: Collection[str]) -> Iterator[str]:
    """The modules of these packages that a module imports, each with the packages around it."""
    imported = [spec.name]
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            imported += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = importlib.util.resolve_name("." * node.level + (node.module or ""), spec.parent)
            imported += [module]
            if _is_in(module, packages):
                imported += [f"{module}.{alias.name}" for alias in node.names if _is_module(module, alias.name)]
    for name in imported:
        if _is_in(name, packages):
            parts = name.split(".")
            yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def _is_in(name: str, packages: Collection[str]) -> bool:
    return name.partition(".")[0] in packages


def _is_module(package: str, name: str) -> bool:
    """Whether `from package import name` imports a module rather than something that a module holds."""
    # Looking for a module inside another would run that one: only a package holds modules.
    if _spec(package).submodule_search_locations is None:
        return False
    return importlib.util.find_spec(f"{package}.{name}") is not None


def _statements(node: ast.AST) -> Iterator[ast.stmt]:
    """All statements inside a node that can be executed, at any depth."""
    for field in node._fields:
        children = getattr(node, field, None)
        for child in _executed(children) if isinstance(children, list) else ():
            if isinstance(child, ast.stmt):
                yield child
            if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
                yield from _statements(child)


def _executed(nodes: Iterable[Any]) -> Iterator[Any]:
    """These nodes, with the `else` of each `if TYPE_CHECKING` in its place."""
    for node in nodes:
        if isinstance(node, ast.If) and _is_type_checking(node.test):
            yield from _executed(node.orelse)
        else:
            yield node


def _is_type_checking(test: ast.expr) -> bool:
    match test:
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return True
    return False


def _running(nodes: Iterable[Any]) -> Iterator[Any]:
    """These nodes without the statements that compute nothing: imports, docstrings, `pass` and `...`."""
    for node in _executed(nodes):
        is_constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not is_constant and not isinstance(node, ast.Import | ast.ImportFrom | ast.Pass):
            yield node


def _plain(value: Any) -> Any:
    """A node as plain JSON: fields that are empty are left out, since each version of Python adds some of its own."""
    if isinstance(value, list):
        return [_plain(each) for each in _running(value)]
    if not isinstance(value, ast.AST):
        return value
    kind = type(value).__name__
    if isinstance(value, ast.Constant | ast.MatchSingleton):
        # `ascii`, because what `repr` escapes depends on the Unicode tables of the interpreter.
        return [kind, type(value.value).__name__, ascii(value.value)]
    if isinstance(value, ast.JoinedStr):
        # Python 3.12 ends some formats with a text that is empty.
        return [kind, [_plain(part) for part in value.values if not _is_empty(part)]]
    # Whether a name is read or written follows from where it is.
    fields = {name: _plain(getattr(value, name, None)) for name in value._fields if name != "ctx"}
    return [kind, {name: field for name, field in fields.items() if field not in (None, [])}]


def _is_empty(part: ast.expr) -> bool:
    return isinstance(part, ast.Constant) and part.value == ""
