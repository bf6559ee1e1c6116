"""The demo says plainly why it cannot begin, and leaves nothing behind when it cannot."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from tests.command_line import acts_of
from tests.tranche.builders import a_summary
from tranche.demo.demo import DemoFault, DemoRequest, DemoSource, berka_folder, course_of, demo, retail_days
from tranche.local.clock_file import ClockFile
from tranche.report.summary import Planted

main = acts_of("demo")


def test_a_folder_without_the_tables_is_said_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(DemoFault, match=r"no Berka tables in .*expected account.asc") as fault:
        demo(DemoRequest(data=tmp_path / "nowhere"), tmp_path / "demo", Console(file=StringIO()))

    assert str(tmp_path / "nowhere") in fault.value.user_message
    assert not (tmp_path / "demo").exists()


def test_the_tables_may_lie_in_the_folder_or_in_its_berka(tmp_path: Path) -> None:
    inner = tmp_path / "berka"
    inner.mkdir()
    (inner / "account.asc.gz").touch()

    assert berka_folder(tmp_path) == inner
    assert berka_folder(inner) == inner


def test_without_data_the_world_is_the_seeded_one(tmp_path: Path) -> None:
    (tmp_path / "account.asc").touch()

    assert course_of(DemoRequest(), tmp_path).name == "seeded"
    assert course_of(DemoRequest(data=tmp_path), tmp_path).name == "berka"


@pytest.mark.parametrize(
    ("source", "data", "said"),
    [
        pytest.param(DemoSource.ONLINE_RETAIL, None, "needs --data", id="days of nowhere"),
        pytest.param(DemoSource.ONLINE_RETAIL, Path(), "no days of Online Retail in", id="a folder without days"),
        pytest.param(DemoSource.BERKA, None, "needs --data", id="tables of nowhere"),
        pytest.param(DemoSource.SEEDED, Path(), "makes its own data", id="data for a made-up world"),
    ],
)
def test_a_source_and_data_that_do_not_go_together_are_said(
    tmp_path: Path, source: DemoSource, data: Path | None, said: str
) -> None:
    request = DemoRequest(data=None if data is None else tmp_path / data, source=source)

    with pytest.raises(DemoFault, match=said):
        demo(request, tmp_path / "demo", Console(file=StringIO()))

    assert not (tmp_path / "demo").exists()


def test_the_days_may_lie_in_or_below_the_folder_given(tmp_path: Path) -> None:
    days = tmp_path / "online_retail" / "by-day"
    days.mkdir(parents=True)
    (days / "2010-12-01.csv").touch()

    for folder in (tmp_path, days.parent, days):
        assert retail_days(DemoRequest(data=folder, source=DemoSource.ONLINE_RETAIL)) == days


def test_a_day_that_is_none_is_named_with_its_option() -> None:
    with pytest.raises(DemoFault, match=r"--train-until is '31.12.1995'.*--train-until 1995-12-31"):
        main(["--train-until", "31.12.1995"])


@pytest.mark.parametrize(
    ("planted", "code"),
    [pytest.param(Planted(3, 3), 0, id="all found"), pytest.param(Planted(3, 2), 1, id="one missed")],
)
def test_the_exit_code_says_whether_every_promise_was_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], planted: Planted, code: int, tmp_path: Path
) -> None:
    """The run itself is replaced here: only what the command makes of its figures is in question."""
    summary = replace(a_summary(), planted={"late": planted})
    monkeypatch.setenv("TRANCHE_VAR", str(tmp_path))  # the command makes its world the current one
    monkeypatch.setattr("tranche.demo.demo.demo", lambda _request, _folder, _console: summary)

    assert main(["--json"]) == code

    assert json.loads(capsys.readouterr().out) == summary.as_tree()


def test_the_clock_shows_what_it_was_set_to_and_never_half_a_time(tmp_path: Path) -> None:
    clock = ClockFile(tmp_path / "clock")

    clock.show(datetime(1996, 3, 1, 12, tzinfo=UTC))
    clock.show(datetime(1996, 3, 2, tzinfo=UTC))

    assert (tmp_path / "clock").read_text() == "1996-03-02T00:00:00Z\n"
    assert [path.name for path in tmp_path.iterdir()] == ["clock"]
