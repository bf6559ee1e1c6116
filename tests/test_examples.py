"""The examples in docstrings do what they say, in every module that has some."""

import doctest
import importlib
from pathlib import Path

import pytest

from tests.test_conventions import CHECKOUT, PACKAGES

WITH_EXAMPLES = [
    path.relative_to(CHECKOUT)
    for package in PACKAGES
    for path in sorted((CHECKOUT / package).rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=str)
def test_the_examples_of_a_module_are_true(path: Path) -> None:
    module = importlib.import_module(".".join(path.with_suffix("").parts))

    done = doctest.testmod(module)
    assert (done.failed, done.attempted > 0) == (0, True)
