"""The one clock of every command."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from terminal import clock
from terminal.clock import ClockFault, clock_of


def test_the_clock_file_is_the_time_and_is_read_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "clock"
    monkeypatch.setenv("TRANCHE_CLOCK_FILE", str(file))

    file.write_text("1996-03-01T09:00:00Z\n")
    first = clock.now()
    file.write_text("1996-03-02T01:00:00+02:00\n")

    assert first == datetime(1996, 3, 1, 9, tzinfo=UTC)
    assert clock.now() == datetime(1996, 3, 1, 23, tzinfo=UTC)
    assert clock.today().isoformat() == "1996-03-01"


def test_while_there_is_no_clock_file_the_machines_time_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANCHE_CLOCK_FILE", str(tmp_path / "clock"))
    before = clock.machine_now()
    with_a_path_but_no_file = clock.now()
    monkeypatch.delenv("TRANCHE_CLOCK_FILE")

    assert before <= with_a_path_but_no_file <= clock.now() <= clock.machine_now()


def test_the_machines_time_does_not_follow_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "clock").write_text("1996-03-01T09:00:00Z\n")
    monkeypatch.setenv("TRANCHE_CLOCK_FILE", str(tmp_path / "clock"))

    assert clock.machine_now().year > 1996


def test_a_clock_file_without_a_time_is_named(tmp_path: Path) -> None:
    (tmp_path / "clock").write_text("yesterday")

    with pytest.raises(ClockFault, match="clock: 'yesterday' is not an ISO time"):
        clock_of(tmp_path / "clock")()
