"""The profile on which commands work, and the messages about a faulty profile."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command_line import acts_of
from tests.conftest import CHECKOUT
from tests.test_docs import _documented_settings
from tranche.local import join_profile
from tranche.local.join_profile import header, join_current
from tranche.local.profiles import (
    DEMO,
    LOCAL,
    SETTINGS,
    ProfileFault,
    current,
    current_name,
    make_current,
    names,
    profile_named,
)
from tranche.local.runtime import LocalRuntime
from tranche.settings import Settings, point_here

TESTS_ALONE = {"TRANCHE_TEST_DATA", "TRANCHE_FINERACT_E2E", "TRANCHE_FEAST", "TRANCHE_SOAK"}
PLACES = {"TRANCHE_VAR", "TRANCHE_STATE_DIR", "TRANCHE_PROFILES"}


@pytest.fixture(autouse=True)
def own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Profiles of the test's own; what a profile sets is forgotten after it."""
    before = dict(os.environ)
    for name in list(os.environ):
        if name.startswith(("TRANCHE_", "AWS_")) and name != "TRANCHE_STATE_DIR":
            del os.environ[name]
    os.environ["TRANCHE_VAR"] = str(tmp_path)
    yield
    os.environ.clear()
    os.environ.update(before)


def a_file(var: Path, text: str, name: str = "prod") -> Path:
    path = var / "profiles" / f"{name}.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_nothing_is_current_until_something_was_made(tmp_path: Path) -> None:
    assert current(tmp_path) is None
    assert names(tmp_path) == (DEMO, LOCAL)


def test_the_chosen_one_is_current_and_knows_its_runtime(tmp_path: Path) -> None:
    make_current(tmp_path, DEMO)

    profile = current(tmp_path)

    assert profile is not None
    assert (profile.name, profile.exists) == (DEMO, False)
    assert profile.runtime is not None
    assert profile.runtime.folder == tmp_path / "demo" / "runtime"
    assert profile.environment()["TRANCHE_VAR"] == str(tmp_path / "demo" / "runtime" / "var")


def test_a_profile_that_is_not_there_is_said_and_the_current_one_stays(tmp_path: Path) -> None:
    make_current(tmp_path, LOCAL)

    with pytest.raises(ProfileFault, match=r"no profile 'prod': known are demo, local; another is a file .*NAME.toml"):
        make_current(tmp_path, "prod")

    assert current_name(tmp_path) == LOCAL


def test_a_file_is_a_profile_of_an_environment_outside(tmp_path: Path) -> None:
    a_file(tmp_path, 'TRANCHE_AWS_ENDPOINT = ""\nTRANCHE_LAKE_BUCKET = "acme-lake"\nAWS_PROFILE = "acme"\n')

    profile = make_current(tmp_path, "prod")

    assert profile.runtime is None
    assert profile.environment() == {
        "TRANCHE_AWS_ENDPOINT": "",
        "TRANCHE_LAKE_BUCKET": "acme-lake",
        "AWS_PROFILE": "acme",
    }
    assert names(tmp_path) == (DEMO, LOCAL, "prod")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("A = 1\nb = = 2\n", r"prod\.toml:2: ", id="no TOML"),
        pytest.param(
            '\nTRANCHE_LAKE_BUKET = "x"\n',
            r"prod\.toml:2: TRANCHE_LAKE_BUKET is not a setting .*did you mean TRANCHE_LAKE_BUCKET\?",
            id="a slip",
        ),
        pytest.param("TRANCHE_VAR = 'x'\n", r"prod\.toml:1: TRANCHE_VAR is not a setting", id="not a profile's"),
        pytest.param(
            "# here\nTRANCHE_STREAM = 7\n",
            r'prod\.toml:2: TRANCHE_STREAM is 7, not text in quotes like "7"',
            id="number",
        ),
        pytest.param(
            'TRANCHE_STREAM = "s"\nTRANCHE_AWS_ENDPOINT = "ftp://x"\n',
            r"prod\.toml:2: setting TRANCHE_AWS_ENDPOINT must start with http://",
            id="an endpoint of another kind",
        ),
        pytest.param(
            'TRANCHE_DATABASE_URL = "mysql://x"\n',
            r"prod\.toml:1: setting TRANCHE_DATABASE_URL must start with postgresql://",
            id="another database",
        ),
    ],
)
def test_a_wrong_file_is_said_with_line_and_key(text: str, said: str, tmp_path: Path) -> None:
    a_file(tmp_path, text)

    with pytest.raises(ProfileFault, match=said):
        profile_named(tmp_path, "prod")


def test_a_profile_may_set_every_setting_that_is_documented_and_says_where_things_are() -> None:
    ours = {name for name in SETTINGS if name.startswith("TRANCHE_")}

    assert ours == _documented_settings() - TESTS_ALONE - PLACES


def test_what_the_caller_has_set_wins_over_a_profile_and_its_credentials_are_left_alone() -> None:
    os.environ |= {"TRANCHE_STREAM": "mine", "AWS_SESSION_TOKEN": "kept"}

    point_here({"TRANCHE_STREAM": "theirs", "TRANCHE_AWS_ENDPOINT": "", "AWS_PROFILE": "acme"}, local=False)

    assert (os.environ["TRANCHE_STREAM"], os.environ["AWS_SESSION_TOKEN"]) == ("mine", "kept")
    assert os.environ["AWS_PROFILE"] == "acme"


def test_a_command_of_a_caller_who_says_where_everything_is_joins_no_profile(tmp_path: Path) -> None:
    a_file(tmp_path, 'TRANCHE_STREAM = "theirs"')
    make_current(tmp_path, "prod")
    os.environ |= {"TRANCHE_DATABASE_URL": "postgresql://x", "TRANCHE_AWS_ENDPOINT": ""}

    assert join_current("ledger", []) is None
    assert "TRANCHE_STREAM" not in os.environ


def test_a_program_started_on_the_demos_world_still_finds_every_profile(tmp_path: Path) -> None:
    point_here(profile_named(tmp_path, DEMO).environment())

    assert Settings.from_environment().var == tmp_path
    assert os.environ["TRANCHE_VAR"] == str(tmp_path / "demo" / "runtime" / "var")


def test_a_command_is_pointed_at_the_clock_of_its_runtime(tmp_path: Path) -> None:
    environment = profile_named(tmp_path, LOCAL).environment()

    assert environment["TRANCHE_CLOCK_FILE"] == str(tmp_path / "local" / "clock")


def test_the_header_says_profile_and_clock_on_a_terminal_and_not_beside_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    a_file(tmp_path, f'TRANCHE_CLOCK_FILE = "{tmp_path}/clock"\n')
    (tmp_path / "clock").write_text("1997-03-01T00:00:00Z\n")
    make_current(tmp_path, "prod")

    join_current("contracts", [])
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    join_current("contracts", ["--json"])
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    join_current("contracts", [])
    assert capsys.readouterr().err == "profile prod · clock 1997-03-01T00:00:00Z\n"


def test_a_profile_without_a_clock_of_its_own_says_none(tmp_path: Path) -> None:
    assert header(profile_named(tmp_path, LOCAL)) == "profile local"


def test_every_stage_that_needs_services_is_one_of_the_command_line() -> None:
    from tranche.stage import STAGES

    assert set(join_profile.NEEDS) <= {stage.name for stage in STAGES if stage.works_on_profile}


def test_use_lists_what_is_known_and_what_makes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a_file(tmp_path, "broken =\n")
    make_current(tmp_path, LOCAL)

    assert acts_of("use")([]) == 0

    said = capsys.readouterr().out
    assert "  demo        not made yet: make demo\n* local       not made yet: tranche local up\n" in said
    assert "prod.toml:1: " in said


def test_without_any_runtime_the_error_says_what_makes_one() -> None:
    done = tranche("ledger", "verify")

    assert done.returncode == 2
    assert "make demo makes one" in done.stderr
    assert "tranche local up makes an empty one" in done.stderr


@pytest.mark.slow
def test_commands_start_what_they_need_at_once_or_apart_and_leave_it_up(tmp_path: Path) -> None:
    runtime = LocalRuntime(tmp_path / "local")
    runtime.bring_up(only=("postgres",))
    runtime.down()
    try:
        both = [start("ledger", "verify", "--json") for _ in range(2)]

        said = [each.communicate(timeout=120) for each in both]

        assert [each.returncode for each in both] == [0, 0], said
        assert [json.loads(out)["faults"] for out, _ in said] == [[], []]
        assert sum("… PostgreSQL" in err for _, err in said) >= 1
        assert runtime.missing() == ("aws", "provider")
        down = tranche("local", "down", "--json")
        assert json.loads(down.stdout) == {"stopped": {"local": ["postgres"]}}
        assert runtime.missing(("postgres",)) == ("postgres",)
    finally:
        runtime.reset()


def start(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tranche", *words]
    return subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def tranche(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tranche", *words]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=120)
