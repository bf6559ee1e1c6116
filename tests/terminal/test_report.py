"""One report in three forms, and what is refused before an act begins."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import typer

from terminal.command_line import command_of, invoke, stage
from terminal.report import ContradictoryForm, Report, reporting

ROWS = [
    {"day": date(2026, 1, 31), "currency": "EUR", "minor": 1250, "late": False, "why": None},
    {"day": date(2026, 2, 28), "currency": "EUR", "minor": -3, "late": True, "why": 'a "part", paid'},
]


def test_the_table_is_the_lines_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert _asked("listed") == 0
    assert capsys.readouterr().out == "first\nsecond\n"


@pytest.mark.parametrize("words", [["--json"], ["--output", "json"]])
def test_json_is_one_object_with_dates_as_iso_and_money_in_minor_units(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _asked("listed", *words) == 0

    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert json.loads(said) == {"rows": [{**row, "day": str(row["day"])} for row in ROWS]}


def test_csv_has_a_header_and_a_line_for_each_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert _asked("listed", "--output", "csv") == 0
    assert capsys.readouterr().out.splitlines() == [
        "day,currency,minor,late,why",
        "2026-01-31,EUR,1250,false,",
        '2026-02-28,EUR,-3,true,"a ""part"", paid"',
    ]


def test_csv_without_rows_is_the_header(capsys: pytest.CaptureFixture[str]) -> None:
    assert _asked("nothing", "--output", "csv") == 0
    assert capsys.readouterr().out == "day\n"


@pytest.mark.parametrize(
    ("act", "words"),
    [
        pytest.param("moved", ["--output", "csv"], id="a form that the act does not have"),
        pytest.param("listed", ["--output", "xml"], id="a form that there is not"),
        pytest.param("listed", ["--json", "--output", "csv"], id="two forms"),
    ],
)
def test_a_wrong_form_is_refused_before_the_act_begins(act: str, words: list[str]) -> None:
    begun: list[str] = []

    with pytest.raises((typer.BadParameter, ContradictoryForm)):
        _asked(act, *words, begun=begun)

    assert begun == []


def test_the_report_says_how_the_command_ends(capsys: pytest.CaptureFixture[str]) -> None:
    assert _asked("broken", "--json") == 1
    assert json.loads(capsys.readouterr().out) == {"moment": "2026-01-01T06:00:00+00:00", "file": "a/b"}


def test_only_the_form_that_was_asked_for_is_made(capsys: pytest.CaptureFixture[str]) -> None:
    assert _asked("costly", "--json") == 0
    with pytest.raises(ZeroDivisionError):
        _asked("costly")


def test_an_act_keeps_its_own_options_beside_those_of_its_report() -> None:
    command: Any = command_of(_app([]))

    assert [parameter.opts for parameter in command.commands["listed"].params] == [
        ["--limit"],
        ["--json"],
        ["--output"],
    ]


@dataclass(frozen=True, slots=True)
class Done:
    moment: datetime
    file: Path


def _app(begun: list[str]) -> typer.Typer:
    app = stage("A trial.")

    @app.command()
    @reporting("day", "currency", "minor", "late", "why")
    def listed(*, limit: int = 2) -> Report:
        begun.append("listed")
        return Report({"rows": ROWS[:limit]}, ["first", "second"], ROWS[:limit])

    @app.command()
    @reporting("day")
    def nothing() -> Report:
        return Report({"rows": []}, [])

    @app.command()
    @reporting()
    def moved() -> Report:
        begun.append("moved")
        return Report({}, [])

    @app.command()
    @reporting()
    def broken() -> Report:
        return Report(Done(datetime(2026, 1, 1, 6, tzinfo=UTC), Path("a/b")), [], exit_code=1)

    @app.command()
    @reporting()
    def costly() -> Report:
        def shown() -> Iterator[str]:
            yield str(1 // 0)

        return Report({}, shown())

    return app


def _asked(act: str, *words: str, begun: list[str] | None = None) -> int:
    return invoke(command_of(_app([] if begun is None else begun)), [act, *words], "trial")
