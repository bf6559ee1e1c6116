"""Airflow on the local runtime: it answers on loopback alone, runs a DAG by itself, and stops whole."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.tranche.processes import processes_of
from tranche.fault import RuntimeFault
from tranche.local.airflow import UNPAUSED, airflow_environment, named_dags
from tranche.local.placement import home_of
from tranche.local.process import free_port, wait_until
from tranche.local.runtime import LocalRuntime

PATIENCE_SECONDS = 240.0


@pytest.fixture
def var() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="tranche-", dir="/tmp")).resolve()
    yield folder
    LocalRuntime(folder / "local").down()
    shutil.rmtree(folder)


def test_its_keys_are_made_once_and_are_nobody_elses(tmp_path: Path) -> None:
    first = airflow_environment(tmp_path, "postgresql+psycopg://x", 8080)
    again = airflow_environment(tmp_path, "postgresql+psycopg://x", 8080)

    assert first == again
    assert len(first["AIRFLOW__API_AUTH__JWT_SECRET"]) >= 64
    assert (tmp_path / "keys.json").stat().st_mode & 0o077 == 0


def test_a_dag_that_there_is_not_is_named_with_those_that_there_are() -> None:
    with pytest.raises(RuntimeFault, match=r"no DAG 'collect'; there are build_features, .*collect_instalments"):
        named_dags("verify_ledger,collect")


def test_what_runs_by_itself_at_first_is_there() -> None:
    assert named_dags(UNPAUSED) == ("relay_facts", "verify_ledger")


@pytest.mark.slow
def test_it_listens_on_loopback_alone_runs_the_dags_that_were_named_and_leaves_no_process(var: Path) -> None:
    port = free_port()
    environ = {**os.environ, "TRANCHE_VAR": str(var)}
    command = [sys.executable, "-m", "tranche", "airflow", "--port", str(port), "--unpaused", "verify_ledger"]
    with (var / "out").open("w") as out:
        runner = subprocess.Popen(command, env=environ, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        home = var / "airflow"
        assert wait_until(
            lambda: (home / "scheduler.log").is_file() or runner.poll() is not None, seconds=PATIENCE_SECONDS, every=0.5
        )
        assert runner.poll() is None, (var / "out").read_text()
        family = [psutil.Process(runner.pid), *psutil.Process(runner.pid).children(recursive=True)]
        listening = {each.laddr for process in family for each in _listening(process)}
        assert {each.ip for each in listening} == {"127.0.0.1"}
        assert port in {each.port for each in listening}
        paused = _paused_dags(port, home)
        assert paused.keys() >= {"ingest_events", "verify_ledger"}
        assert [name for name, is_paused in paused.items() if not is_paused] == ["verify_ledger"]
    finally:
        runner.send_signal(signal.SIGTERM)
        runner.wait(60)
    LocalRuntime(var / "local").down()  # it was brought up for Airflow and stays up without it
    assert [process for process in family if process.is_running()] == []
    assert processes_of(var) == []
    assert processes_of(home_of(var / "local")) == []


def _listening(process: psutil.Process) -> list[Any]:
    try:
        return [each for each in process.net_connections("inet") if each.status == psutil.CONN_LISTEN]
    except psutil.Error:
        return []


def _paused_dags(port: int, home: Path) -> dict[str, bool]:
    """Each DAG, and whether it is paused."""
    address = f"http://127.0.0.1:{port}"
    login = {"username": "admin", "password": json.loads((home / "passwords.json").read_text())["admin"]}
    with httpx.Client(trust_env=False, timeout=60) as http:
        token = http.post(f"{address}/auth/token", json=login).json()["access_token"]
        found = http.get(f"{address}/api/v2/dags", headers={"Authorization": f"Bearer {token}"}).json()
    return {each["dag_id"]: each["is_paused"] for each in found["dags"]}
