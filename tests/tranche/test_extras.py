"""A library that is not installed is named by the extra that brings it."""

import pytest

from tranche import __main__ as command_line
from tranche import extras
from tranche.__main__ import main
from tranche.stage import STAGES

KNOWN = {
    "serving": ("fastapi", "psycopg"),
    "jobs": ("pyspark", "psycopg"),
    "train": ("scikit-learn",),
    "local": ("psutil", "psycopg"),
}


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "dependencies", lambda: KNOWN)
    monkeypatch.setattr(extras, "CHECKOUT", extras.CHECKOUT / "tranche")  # as if installed


def test_every_stage_but_the_doctor_says_what_it_needs() -> None:
    assert {stage.name for stage in STAGES} - {"doctor"} == set(extras.NEEDED_BY)


@pytest.mark.parametrize(
    ("library", "stage", "said"),
    [
        ("pyspark", "pipelines", "extra 'jobs': pip install \"tranche[jobs]\""),
        ("pyspark.sql", "pipelines", "extra 'jobs': pip install \"tranche[jobs]\""),
        ("psycopg", "pipelines", "extra 'jobs': pip install \"tranche[jobs]\""),
        ("psycopg_pool", "ledger", "extra 'serving': pip install \"tranche[serving]\""),
        ("sklearn", "ledger", "extra 'train': pip install \"tranche[train]\""),
        (
            "psutil",
            "demo",
            "extras 'serving', 'jobs', 'train' and 'local': pip install \"tranche[serving,jobs,train,local]\"",
        ),
    ],
)
def test_the_extra_of_the_stage_comes_before_another_that_brings_the_library(
    library: str, stage: str, said: str
) -> None:
    assert extras.in_words(ModuleNotFoundError(name=library), stage) == f"this needs the {said}"


def test_a_module_that_no_extra_brings_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> int:
        raise ModuleNotFoundError("No module named 'ledger.boooks'", name="ledger.boooks")

    monkeypatch.setattr(command_line, "invoke", missing)

    with pytest.raises(ModuleNotFoundError, match="boooks"):
        main(["contracts", "check"])


def test_in_a_checkout_make_is_the_way_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "CHECKOUT", extras.CHECKOUT.parent)

    assert extras.needs(["dev"]) == (
        "this needs the extra 'dev': pip install \"tranche[dev]\" (in a checkout: make environment)"
    )


def test_a_program_that_is_not_installed_is_missed_like_a_library() -> None:
    with pytest.raises(ModuleNotFoundError) as missed:
        extras.require("no_such_library")

    assert missed.value.name == "no_such_library"
