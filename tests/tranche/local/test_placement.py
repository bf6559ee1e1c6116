"""A runtime's data lies under the user's state directory, whatever the path of the checkout."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tranche.fault import RuntimeFault
from tranche.local.placement import check_home, home_of, homes, make_home
from tranche.local.runtime import LocalRuntime
from tranche.settings import state_dir


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state directory with a space in its path, and a short one."""
    folder = Path(tempfile.mkdtemp(prefix="a state ", dir="/tmp")).resolve()
    monkeypatch.setenv("TRANCHE_STATE_DIR", str(folder))
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("user", "environ", "expected"),
    [
        pytest.param(1000, {"TRANCHE_STATE_DIR": "/srv/t"}, "/srv/t", id="the one that was set"),
        pytest.param(0, {"TRANCHE_STATE_DIR": "/srv/t"}, "/srv/t", id="as root too"),
        pytest.param(0, {"XDG_STATE_HOME": "/x"}, "/var/lib/tranche", id="root's is where everybody may pass"),
        pytest.param(1000, {"XDG_STATE_HOME": "/x"}, "/x/tranche", id="the one of the desktop"),
        pytest.param(1000, {"XDG_STATE_HOME": "x"}, "~/.local/state/tranche", id="a relative one is passed over"),
        pytest.param(1000, {}, "~/.local/state/tranche", id="the usual one"),
    ],
)
def test_where_the_state_directory_is(
    user: int, environ: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)

    assert state_dir(environ) == Path(expected).expanduser()


def test_a_folder_has_one_home_and_another_folder_another(state: Path, tmp_path: Path) -> None:
    assert home_of(tmp_path / "one") == home_of(tmp_path / "one")
    assert home_of(tmp_path / "one") != home_of(tmp_path / "two")
    assert home_of(tmp_path / "one").parent == state
    assert len(home_of(tmp_path / "one").name) == 8


def test_a_runtime_stays_where_it_was_made(state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_home(tmp_path / "one")
    monkeypatch.setenv("TRANCHE_STATE_DIR", str(tmp_path / "elsewhere"))

    assert home_of(tmp_path / "one") == made
    assert home_of(tmp_path / "two").parent == tmp_path / "elsewhere"


def test_a_copy_of_a_checkout_does_not_share_the_data_of_the_original(state: Path, tmp_path: Path) -> None:
    made = make_home(tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "copy")

    assert home_of(tmp_path / "copy") != made


def test_data_whose_checkout_is_gone_is_found(state: Path, tmp_path: Path) -> None:
    home = make_home(tmp_path / "gone")
    shutil.rmtree(tmp_path / "gone")

    assert homes() == {home: tmp_path / "gone"}


def test_a_path_without_room_for_a_socket_is_said_with_the_setting_that_moves_it(tmp_path: Path) -> None:
    with pytest.raises(RuntimeFault, match=r"too long a path for a socket.*set TRANCHE_STATE_DIR to"):
        check_home(tmp_path / ("long" * 25))

    assert list(tmp_path.iterdir()) == []


def test_a_state_directory_that_cannot_be_written_is_said_with_the_setting_that_moves_it() -> None:
    with tempfile.NamedTemporaryFile(dir="/tmp") as file, pytest.raises(RuntimeFault) as fault:
        check_home(Path(file.name) / "home")

    assert "cannot be written" in str(fault.value)
    assert "set TRANCHE_STATE_DIR to" in str(fault.value)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["with a space", "long/" * 60], ids=["a space", "three hundred characters"])
def test_a_database_runs_for_a_checkout_under_a_path_with(name: str, state: Path, tmp_path: Path) -> None:
    runtime = LocalRuntime(tmp_path / name / "var" / "local", parts=("postgres",))
    try:
        environment = runtime.up()
        with psycopg.connect(environment["TRANCHE_DATABASE_URL"]) as connection:
            assert connection.execute("SELECT lower('\u00c4'), 'a' < 'B'").fetchone() == ("\u00e4", False)
        assert (runtime.folder / "where").read_text().strip() == str(runtime.home)
    finally:
        runtime.reset()

    assert list(state.iterdir()) == []
    assert not runtime.folder.exists()
