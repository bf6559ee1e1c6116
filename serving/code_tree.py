"""Syntax trees of modules and their imports, and a digest of them that changes only with behaviour.

The digest ignores comments, layout, docstrings, imports and the names of modules, so it survives moving a module to
another folder. It is the same on Python 3.11, 3.12 and 3.13. Uses only the standard library.
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
    """The modules `roots` and everything they import, directly or not, from these packages; parsed, by name.

    Includes imports inside functions, but not those under `if TYPE_CHECKING`. Modules are found on Python's import
    path, and only the `__init__` of their packages is executed.
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
    """A digest of the code of some modules, independent of their names and order.

    Modules without code, such as most `__init__`, do not count.
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
    """The modules of these packages that a module imports, with their parent packages."""
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
    """Whether `from package import name` imports a module rather than an attribute."""
    # Only packages contain modules; looking for a submodule of another module would execute that one.
    if _spec(package).submodule_search_locations is None:
        return False
    return importlib.util.find_spec(f"{package}.{name}") is not None


def _statements(node: ast.AST) -> Iterator[ast.stmt]:
    """All executable statements inside a node, at any depth."""
    for field in node._fields:
        children = getattr(node, field, None)
        for child in _executed(children) if isinstance(children, list) else ():
            if isinstance(child, ast.stmt):
                yield child
            if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
                yield from _statements(child)


def _executed(nodes: Iterable[Any]) -> Iterator[Any]:
    """These nodes, with each `if TYPE_CHECKING` replaced by its `else`."""
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
    """These nodes without statements that compute nothing: imports, docstrings, `pass` and `...`."""
    for node in _executed(nodes):
        is_constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not is_constant and not isinstance(node, ast.Import | ast.ImportFrom | ast.Pass):
            yield node


def _plain(value: Any) -> Any:
    """A node as plain JSON without empty fields, because each version of Python adds some."""
    if isinstance(value, list):
        return [_plain(each) for each in _running(value)]
    if not isinstance(value, ast.AST):
        return value
    kind = type(value).__name__
    if isinstance(value, ast.Constant | ast.MatchSingleton):
        # `ascii`, because the escapes of `repr` depend on the interpreter's Unicode tables.
        return [kind, type(value.value).__name__, ascii(value.value)]
    if isinstance(value, ast.JoinedStr):
        # Python 3.12 ends some f-strings with an empty text.
        return [kind, [_plain(part) for part in value.values if not _is_empty(part)]]
    # The context (load or store) follows from the position.
    fields = {name: _plain(getattr(value, name, None)) for name in value._fields if name != "ctx"}
    return [kind, {name: field for name, field in fields.items() if field not in (None, [])}]


def _is_empty(part: ast.expr) -> bool:
    return isinstance(part, ast.Constant) and part.value == ""
