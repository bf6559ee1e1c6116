"""`tranche clock`: a person moves the runtime's time on, and never back by mistake."""

from pathlib import Path

import pytest

from terminal import clock
from terminal.command_line import command_of, invoke
from tranche.local.clock import ClockRefused, app, clock_line


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The clock file of a runtime, not there yet."""
    path = tmp_path / "clock"
    monkeypatch.setenv("TRANCHE_CLOCK_FILE", str(path))
    return path


def test_a_clock_that_was_set_stands_until_it_is_advanced(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["set", "2126-12-01T09:00"])
    main(["advance", "1d"])
    main(["advance", "6h"])
    main([])
    main(["--day"])

    assert capsys.readouterr().out.splitlines() == [
        "clock 2126-12-01 09:00 UTC",
        "clock 2126-12-02 09:00 UTC",
        "clock 2126-12-02 15:00 UTC",
        "clock 2126-12-02 15:00 UTC",
        "2126-12-02",
    ]
    assert clock.now().isoformat() == "2126-12-02T15:00:00+00:00"


def test_it_goes_back_only_by_force(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["set", "2126-12-01T09:00"])

    for words in (["set", "2126-12-01T08:59"], ["set", "2000-01-01"], ["clear"]):
        with pytest.raises(ClockRefused, match=r"back from 2126-12-01 09:00 UTC .* --force"):
            main(words)
    main(["set", "2126-12-01T08:59", "--force"])

    assert clock_line() == "clock 2126-12-01 08:59 UTC"


def test_clearing_it_gives_the_machines_time_back(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["set", "2126-12-01T09:00"])
    main(["clear", "--force"])

    assert clock_line() is None
    assert abs((clock.now() - clock.machine_now()).total_seconds()) < 5
    assert capsys.readouterr().out.splitlines()[-1].endswith("the machine's own time")


def test_the_first_advance_starts_from_the_machines_time(file: Path) -> None:
    main(["advance", "1w"])

    assert 6.99 < (clock.now() - clock.machine_now()).total_seconds() / 86_400 <= 7


@pytest.mark.parametrize("text", ["", "1", "d", "0d", "-1d", "1y", "1.5h", "1d6h"])
def test_what_is_no_length_of_time_is_refused(file: Path, text: str) -> None:
    with pytest.raises(ClockRefused, match="no length of time; for example 1d"):
        main(["advance", "--", text])
    assert not file.exists()


def test_without_a_runtime_it_says_what_makes_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRANCHE_CLOCK_FILE", raising=False)

    with pytest.raises(ClockRefused, match="tranche local up"):
        main(["set", "2126-12-01T09:00"])


def main(words: list[str]) -> None:
    """Type `tranche clock` and these words."""
    assert invoke(command_of(app), words, "tranche clock") == 0
