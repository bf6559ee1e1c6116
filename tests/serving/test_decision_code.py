"""The code digest of a record changes with whatever computes an answer, and with nothing else."""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving import decision_code
from serving.code_tree import code_digest
from serving.decision_code import decision_code_digest, decision_modules

CHECKOUT = Path(__file__).resolve().parents[2]

# All whose change may change an answer. A new one is a new line here: does it belong to what decides, or is it reached
# by an import that something else should own?
MODULES = {
    "features.basket",
    "features.feature",
    "ledger.map.flow",
    "ledger.money",
    "lending.canonical",
    "lending.decision.alternatives",
    "lending.decision.decide_review",
    "lending.decision.decision",
    "lending.decision.exposure",
    "lending.decision.offer",
    "lending.decision.order",
    "lending.decision.record",
    "lending.decision.review",
    "lending.decision.score",
    "lending.schedule.amortise",
    "lending.schedule.apr",
    "lending.schedule.business_days",
    "lending.schedule.day_count",
    "lending.schedule.due",
    "lending.schedule.due_dates",
    "lending.terms.basis_points",
    "lending.terms.dues",
    "lending.terms.holidays",
    "lending.terms.policy",
    "lending.terms.policy_file",
    "lending.terms.policy_lint",
    "lending.terms.policy_place",
    "lending.terms.product",
    "lending.terms.product_terms",
    "lending.terms.products",
    "lending.terms.review_terms",
    "lending.terms.servicing_terms",
    "lending.terms.terms_file",
    "models.artefact",
    "models.reasons",
    "models.trees",
    "serving.scoring",
}

_PRINT_DIGEST = (
    "import sys; from serving.code_tree import code_digest, import_closure;"
    "print(code_digest(import_closure(sys.argv[2:], sys.argv[1].split(',')).values()))"
)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The sources of what decides, and of what finds them, in another folder."""
    folder = tmp_path / "another folder"
    for name in [*decision_modules(), "serving.code_tree"]:
        place = Path(*name.split("."))
        file = next(each for each in (place / "__init__.py", place.with_suffix(".py")) if (CHECKOUT / each).is_file())
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / file, folder / file)
    return folder


def digest_in(folder: Path) -> str:
    """The digest that a process gets which imports from that folder alone."""
    roots = [step.__module__ for step in decision_code._STEPS]
    packages = ",".join(each.name for each in folder.iterdir())
    asked = subprocess.run(
        [sys.executable, "-S", "-c", _PRINT_DIGEST, packages, *roots],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    return asked.stdout.strip()


def replace(folder: Path, file: str, old: str, new: str) -> None:
    text = (folder / file).read_text()
    assert old in text, (file, old)
    (folder / file).write_text(text.replace(old, new))


def _sources(folder: Path) -> Iterator[Path]:
    return folder.rglob("*.py")


def test_no_module_takes_part_in_deciding_unseen() -> None:
    with_code = {name for name, tree in decision_modules().items() if code_digest([tree]) != code_digest([])}

    assert with_code == MODULES


def test_no_module_that_decides_imports_by_a_name_made_at_run_time() -> None:
    """Such an import cannot be followed by reading."""
    dynamic = {"import_module", "__import__"}
    for name, tree in decision_modules().items():
        named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        named |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        named |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}

        assert not named & dynamic, name


def test_a_copy_elsewhere_is_the_same_code(copy: Path) -> None:
    assert digest_in(copy) == decision_code_digest()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        pytest.param("ledger/money.py", "(part < odd)", "(part > odd)", id="how money is split"),
        pytest.param(
            "lending/terms/terms_file.py", "_ALL_OF_IT = 10_000", "_ALL_OF_IT = 10_001", id="how terms are read"
        ),
        pytest.param("features/basket.py", '"pay_in_3": 3', '"pay_in_3": 4', id="a feature"),
        pytest.param("models/trees.py", "<=", "<", id="the walk through a tree"),
        pytest.param("lending/decision/record.py", '"calibrated": True', '"calibrated": False', id="the answer"),
    ],
)
def test_one_change_of_what_computes_an_answer_is_other_code(copy: Path, file: str, old: str, new: str) -> None:
    replace(copy, file, old, new)

    assert digest_in(copy) != decision_code_digest()


def test_comments_docstrings_and_imports_are_no_part_of_the_code(copy: Path) -> None:
    for file in _sources(copy):
        text = file.read_text()
        file.write_text(f'"""Another docstring."""\n\nimport json  # added\n{text}\n# The end.\n')

    assert digest_in(copy) == decision_code_digest()


def test_a_module_that_moves_is_the_same_code(copy: Path) -> None:
    (copy / "ledger/coins").mkdir()
    (copy / "ledger/coins/__init__.py").write_text('"""Amounts."""\n')
    (copy / "ledger/money.py").rename(copy / "ledger/coins/amounts.py")
    for file in _sources(copy):
        file.write_text(file.read_text().replace("from ledger.money import", "from ledger.coins.amounts import"))

    assert digest_in(copy) == decision_code_digest()
