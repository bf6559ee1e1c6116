"""`tranche lab` opens a notebook."""

import pytest

from tranche.fault import RuntimeFault
from tranche.local.lab import NOTEBOOK, notebook_file


def test_the_notebook_that_is_opened_at_first_is_there() -> None:
    assert notebook_file(NOTEBOOK).is_file()
    assert notebook_file(f"{NOTEBOOK}.py") == notebook_file(NOTEBOOK)


def test_a_notebook_that_there_is_not_is_named_with_those_that_there_are() -> None:
    with pytest.raises(RuntimeFault, match="no notebook 'two_applicants'; there are one_applicant"):
        notebook_file("two_applicants")
