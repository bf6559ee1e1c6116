"""The wheel in an environment of its own: the command line answers, and the decision API decides on nothing else."""

import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.serving.checkout import an_order_body, local_key, promoted, publish
from tests.test_conventions import CHECKOUT, PACKAGES

UV = CHECKOUT / "infra" / "uv.sh"
NOT_FOR_SERVING = ("airflow", "boto3", "mlflow", "pandas", "pyiceberg", "pyspark", "sklearn")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as it would be published."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a clean environment that holds the wheel and what locks/serving.lock names."""
    folder = tmp_path_factory.mktemp("serving") / "venv"
    python = folder / "bin" / "python"
    install = ["pip", "install", "--python", str(python)]
    _uv("venv", "--python", sys.executable, str(folder))
    _uv(*install, "--require-hashes", "-r", str(CHECKOUT / "locks" / "serving.lock"))
    _uv(*install, "--no-deps", str(wheel))
    return folder / "bin"


def test_the_wheel_holds_every_file_of_the_packages_and_no_test(wheel: Path) -> None:
    committed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *PACKAGES],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    with zipfile.ZipFile(wheel) as opened:
        held = {name for name in opened.namelist() if ".dist-info/" not in name}

    assert held == {name for name in committed if (CHECKOUT / name).exists()}
    assert {Path(name).suffix for name in held} > {".py", ".sql", ".toml", ".yaml"}


@pytest.mark.slow
def test_the_serving_extra_brings_nothing_of_lake_or_training(installed: Path, tmp_path: Path) -> None:
    program = (
        "import json, serving.app\nfrom importlib.util import find_spec\n"
        f"print(json.dumps([name for name in {NOT_FOR_SERVING} if find_spec(name)]))"
    )

    done = _run([installed / "python", "-c", program], tmp_path)

    assert json.loads(done.stdout) == []


@pytest.mark.slow
def test_help_lists_every_stage_without_the_other_extras(installed: Path, tmp_path: Path) -> None:
    done = _run([installed / "tranche", "--help"], tmp_path)

    assert done.returncode == 0
    assert "\nserve " in done.stdout
    assert "    verify " in done.stdout
    assert "\nfeatures " in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "extras"),
    [
        ("pipelines ingest", "extra 'jobs': pip install \"tranche[jobs]\""),
        ("features list", "extra 'jobs': pip install \"tranche[jobs]\""),
        ("models train", "extra 'train': pip install \"tranche[train]\""),
        ("local up", "extra 'local': pip install \"tranche[local]\""),
        ("airflow", "extras 'airflow' and 'local': pip install \"tranche[airflow,local]\""),
        ("lab", "extras 'dev' and 'local': pip install \"tranche[dev,local]\""),
    ],
)
def test_a_command_names_the_extra_it_lacks(command: str, extras: str, installed: Path, tmp_path: Path) -> None:
    done = _run([installed / "tranche", *command.split()], tmp_path)

    assert (done.returncode, done.stderr) == (2, f"error: this needs the {extras}\n")


@pytest.mark.slow
def test_the_doctor_runs_on_what_serving_brings(installed: Path, tmp_path: Path) -> None:
    report = json.loads(_run([installed / "tranche", "doctor", "--json"], tmp_path).stdout)

    assert next(each["found"] for each in report["checks"] if each["subject"] == "environment") == "extras serving"


@pytest.mark.slow
def test_serve_decides_on_the_serving_extra_alone(
    installed: Path, tmp_path: Path, database_url: str, connection: psycopg.Connection[Any]
) -> None:
    promoted(tmp_path / "models")
    publish(connection)
    (tmp_path / "clock").write_text("2026-03-02T12:00:00Z")
    environ = {
        "TRANCHE_DATABASE_URL": database_url,
        "TRANCHE_MODELS_DIR": str(tmp_path / "models"),
        "TRANCHE_CLOCK_FILE": str(tmp_path / "clock"),
    }
    empty = tmp_path / "empty"
    empty.mkdir()

    with _served(installed, environ, empty) as address:
        health = httpx.get(f"{address}/health/ready", timeout=30, trust_env=False)
        answer = httpx.post(
            f"{address}/v1/decisions",
            json=an_order_body(),
            headers={"Idempotency-Key": "k", "Authorization": f"Bearer {local_key(database_url)}"},
            timeout=30,
            trust_env=False,
        )

    assert health.status_code == 200
    assert answer.status_code == 201, answer.text
    assert list(empty.iterdir()) == []


@contextmanager
def _served(programs: Path, environ: dict[str, str], folder: Path) -> Iterator[str]:
    """The address of `tranche serve`, which is stopped by its process id."""
    process = subprocess.Popen(
        [programs / "tranche", "serve", "--port", "0", "--json"],
        env=_environ(environ),
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["address"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) in {0, -signal.SIGTERM}
    finally:
        process.kill()
        process.wait()


def _run(command: list[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=_environ({}), cwd=folder, capture_output=True, text=True, check=False)


def _environ(more: dict[str, str]) -> dict[str, str]:
    """Nothing of this process that would lead to the checkout or to a runtime."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRANCHE_", "PYTHON"))}
    return kept | more


def _uv(*arguments: str) -> None:
    done = subprocess.run([UV, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
