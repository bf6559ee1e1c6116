"""Stages are timed in order, and the one that fails is said by name in words for its user."""

import time
from io import StringIO

import pytest
from rich.console import Console

from terminal.environment import SettingFault
from tranche.demo.stages import DemoStages, StageFailed


def quiet() -> tuple[DemoStages, StringIO]:
    out = StringIO()
    return DemoStages(Console(file=out, width=120)), out


def test_each_stage_is_timed_in_the_order_it_ran() -> None:
    stages, out = quiet()

    with stages.stage("publish", "putting events") as say:
        say("1,234 events")
    with stages.stage("ingest", "reading them"):
        pass

    assert list(stages.seconds) == ["publish", "ingest"]
    assert "1,234 events" in out.getvalue()
    assert "done" in out.getvalue()


def test_a_stage_that_runs_in_parts_has_one_time() -> None:
    stages, _ = quiet()

    for _ in range(2):
        with stages.stage("collect", "a day"):
            pass

    assert list(stages.seconds) == ["collect"]


def test_a_failing_stage_is_named_with_the_words_its_fault_has_for_the_user() -> None:
    stages, _ = quiet()

    with (
        pytest.raises(StageFailed, match=r"stage publish failed: .*TRANCHE_STREAM") as failed,
        stages.stage("publish", "putting events"),
    ):
        raise SettingFault("TRANCHE_STREAM", "is missing", "tranche-events")

    assert failed.value.stage == "publish"
    assert failed.value.user_message == str(failed.value)
    assert stages.seconds == {}


def test_an_interruption_is_not_taken_for_a_fault() -> None:
    stages, _ = quiet()

    with pytest.raises(KeyboardInterrupt), stages.stage("train", "fitting"):
        raise KeyboardInterrupt


def test_the_inner_stage_is_the_one_that_failed() -> None:
    stages, _ = quiet()

    with (
        pytest.raises(StageFailed, match=r"^stage inner failed: ValueError: no"),
        stages.stage("outer", "…"),
        stages.stage("inner", "…"),
    ):
        raise ValueError("no")


def test_work_for_another_stage_in_the_midst_of_one_is_counted_once_and_for_that_stage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stages, clock = quiet()[0], [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])

    with stages.stage("decisions", "asking"):
        clock[0] += 1
        with stages.apart("collect"):
            clock[0] += 30

    assert stages.seconds == {"collect": 30, "decisions": 1}


def test_a_failure_of_work_apart_names_its_own_stage() -> None:
    stages, _ = quiet()

    with (
        pytest.raises(StageFailed, match=r"^stage collect failed"),
        stages.stage("decisions", "asking"),
        stages.apart("collect"),
    ):
        raise ValueError("no")
