"""What counts as the same code: any change of what runs is seen, on every version of Python alike, and nothing else."""

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.code_tree import code_digest, import_closure

CHECKOUT = Path(__file__).resolve().parents[2]
VERSIONS = ("3.11", "3.12", "3.13")

# Each is something whose syntax tree could differ between versions of Python, with the one digest that it has.
SNIPPETS = {
    "f'{amount}'": "42bd6ad930b8ec81",
    "f'a{x!r:>{width}.{places}}b' 'c' f'{y=}'": "07ea62c77afab360",
    "f'{name:<{width}} = {value}'": "00aba158fdc9342a",
    "'a' f'' 'b'": "ad83d077f78276e1",
    "f'{x:}{y:%Y-%m}{{z}}'": "6e8f2d37f5205335",
    "f'''{f'{x:2}'} {d[\"k\"]!s}'''": "23d7f40ab01de4c9",
    "f'{x:{{}}}' f'{(lambda v: v)(1)}'": "42a8ed81933ab503",
    "u'caf\\u00e9', 'caf\u00e9', b'\\x00', 1, 1.0, True, None, ..., 1e999, 2j, -0.0": "478eac861ad87b24",
    "match order:\n"
    "    case {'amount': int(n), **rest} if n > 0: kept = rest\n"
    "    case [first, *_] | (first, None): kept = first\n"
    "    case Order(amount=1 | 2 as n): kept = n\n"
    "    case _: kept = None": "42e0c9cf030e1243",
    "while (chunk := read(1)): total += len(chunk)\nelse: done()": "30de688404a1334c",
    "@cache\n@app.get('/x', status=200)\nasync def f(a: int, /, b: list[str] = [], *c: T, d: int, e=1, **g) -> None:\n"
    "    async with a as b, c: await d\n    return [x async for x in y if x]": "c33bff42294d3018",
    "class A(B, metaclass=C):\n    x: int\n    y: 'A | None' = None\n    (z): int = 1\n"
    "    def f(self): ...": "5df8a3e32c1ad711",
    "def f():\n    global a\n    try: yield from a\n"
    "    except* (E, F) as e: raise G from e\n    finally: del a[1:2, ::3]": "ae65af58026e76a9",
    "x = {**a, 'b': 1}, {*a}, f(*a, **b), a[*b], a if b else c, not a < b <= c is not d, (yield)": "8fb8f8fd96b1dacb",
}


@pytest.mark.parametrize("source", SNIPPETS)
def test_a_tree_has_the_one_digest_that_it_has_on_every_version(source: str) -> None:
    assert code_digest([ast.parse(source)])[:16] == SNIPPETS[source]


def other_pythons() -> list[str]:
    """The interpreters of the other versions that this machine has, by path."""
    versions = [version for version in VERSIONS if version != f"{sys.version_info.major}.{sys.version_info.minor}"]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [
        next(
            (
                each
                for each in [shutil.which(f"python{version}"), *map(str, pyenv.glob(f"{version}.*/bin/python"))]
                if each is not None and runs(each, version)
            ),
            None,
        )
        for version in versions
    ]
    return [each for each in found if each is not None]


def runs(python: str, version: str) -> bool:
    """Whether it is an interpreter of that version, and not a mere name for one that is switched off."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    asked = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return (asked.returncode, asked.stdout.strip()) == (0, version)


def test_every_version_on_this_machine_gives_the_same_digests() -> None:
    pythons = other_pythons()
    if not pythons:
        pytest.skip("there is no Python of another version on this machine")
    texts = [*SNIPPETS, *(file.read_text() for file in CHECKOUT.glob("lending/**/*.py"))]
    code = (
        "import ast, json, sys; from serving.code_tree import code_digest;"
        "print(json.dumps([code_digest([ast.parse(text)]) for text in json.load(sys.stdin)]))"
    )

    for python in pythons:
        asked = subprocess.run(
            [python, "-S", "-c", code],
            cwd=CHECKOUT,
            input=json.dumps(texts),
            capture_output=True,
            text=True,
            check=True,
        )

        assert json.loads(asked.stdout) == [code_digest([ast.parse(text)]) for text in texts], python


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("x = 1", "# why\nx = (1)  # one", id="comments and layout"),
        pytest.param("def f():\n    return 1", "'''What.'''\ndef f():\n    '''Why.'''\n    return 1", id="docstrings"),
        pytest.param("x = 1", "x = 1\n'''What x is.'''", id="the docstring of a value"),
        pytest.param("class A(E):\n    '''Why.'''", "class A(E):\n    pass", id="a body without code"),
        pytest.param("from a import b\nb()", "import c\nfrom d.e import b\nb()", id="imports"),
        pytest.param("def f():\n    import a\n    g()", "def f():\n    g()", id="imports in a function"),
        pytest.param("if TYPE_CHECKING:\n    from a import b\nx = 1", "x = 1", id="what only a type checker reads"),
        pytest.param("'it''s'", '"its"', id="quotes"),
    ],
)
def test_what_does_not_run_does_not_count(before: str, after: str) -> None:
    assert code_digest([ast.parse(before)]) == code_digest([ast.parse(after)])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("x = 1", "x = 2", id="a number"),
        pytest.param("x = 1", "x = 1.0", id="its type"),
        pytest.param("x = 1", "x = True", id="a truth"),
        pytest.param("x = '1'", "x = b'1'", id="bytes"),
        pytest.param("x = 'a'", "x = f'a'", id="a text that is formatted"),
        pytest.param("f'{x}'", "f'{x!r}'", id="a conversion"),
        pytest.param("f'{x:2}'", "f'{x:3}'", id="a format"),
        pytest.param("f'{x}a'", "f'a{x}'", id="where a text stands"),
        pytest.param("x < y", "x <= y", id="a comparison"),
        pytest.param("f(a, b)", "f(b, a)", id="the order of arguments"),
        pytest.param("{'a': b, **c}", "{**c, 'a': b}", id="the order of entries"),
        pytest.param("def f(a, *, b=1): return a", "def f(*, a, b=1): return a", id="a parameter's kind"),
        pytest.param("def f(*, a=1, b): return a", "def f(*, a, b=1): return a", id="whose default it is"),
        pytest.param("if a: pass\nelse: b()", "if a: b()", id="which branch"),
        pytest.param("return_ = f''\n", "return_: f''\n", id="a value and a type"),
        pytest.param("def f():\n return ''", "def f():\n return", id="nothing"),
        pytest.param("a()\nb()", "b()\na()", id="the order of statements"),
        pytest.param("def f(): g()", "async def f(): g()", id="waiting"),
    ],
)
def test_what_runs_counts(before: str, after: str) -> None:
    assert code_digest([ast.parse(before)]) != code_digest([ast.parse(after)])


def test_modules_count_whatever_their_order_and_how_many_empty_ones_lie_around_them() -> None:
    one, other, empty = ast.parse("x = 1"), ast.parse("y = 2"), ast.parse("'''A package.'''\nimport one")

    assert code_digest([one, other]) == code_digest([other, empty, one])
    assert code_digest([one, other]) != code_digest([one])
    assert code_digest([one, one]) != code_digest([one])


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder from which modules are imported; no name in it is another module's."""
    folder = tmp_path / "a folder"
    monkeypatch.syspath_prepend(folder)
    for name, text in {
        "tried_a/__init__.py": "",
        "tried_a/start.py": "import json\nfrom tried_a import near\nfrom tried_b.far import thing\n"
        "from . import beside\n"
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from tried_a import typed\n"
        "def f():\n    try:\n        import tried_b.deep.late\n    except E: from tried_a.caught import x\n",
        "tried_a/near.py": "import tried_a.start, tried_c.out",
        "tried_a/beside.py": "match x:\n    case 1:\n        from .case import y\n",
        "tried_a/case.py": "",
        "tried_a/caught.py": "",
        "tried_a/typed.py": "",
        "tried_a/unused.py": "",
        "tried_b/__init__.py": "from tried_b import shown",
        "tried_b/shown.py": "",
        "tried_b/far.py": "raise RuntimeError('run, where it should be read')",
        "tried_b/deep/__init__.py": "",
        "tried_b/deep/late.py": "",
        "tried_c/__init__.py": "",
        "tried_c/out.py": "import tried_a.unused",
    }.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    yield folder
    for name in [name for name in sys.modules if name.startswith("tried_")]:
        del sys.modules[name]


def test_imports_are_followed_wherever_they_stand_without_running_the_modules(packages: Path) -> None:
    assert list(import_closure(["tried_a.start"], {"tried_a", "tried_b"})) == [
        "tried_a",
        "tried_a.beside",
        "tried_a.case",
        "tried_a.caught",
        "tried_a.near",
        "tried_a.start",
        "tried_b",
        "tried_b.deep",
        "tried_b.deep.late",
        "tried_b.far",
        "tried_b.shown",
    ]


def test_a_module_that_is_not_there_is_named(packages: Path) -> None:
    (packages / "tried_a/near.py").write_text("import tried_a.gone")

    with pytest.raises(ModuleNotFoundError, match=r"no module named tried_a\.gone"):
        import_closure(["tried_a.start"], {"tried_a", "tried_b"})
