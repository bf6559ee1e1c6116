"""What the API refuses to start on, what it needs no library for, its clock, its health and its end."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from models.artefact import ARRAYS_FILE, ArtefactFault, NoChampion
from serving.app import create_app
from serving.check_fit import UnfitForServing
from serving.settings import Settings
from terminal.environment import SettingFault
from tests.models.builders import a_model, a_promoted_model
from tests.serving.checkout import STEPS, Api, an_order_body, kept, listening, local_key, promoted
from tests.waiting import until

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"


def test_it_does_not_start_without_a_promoted_model(tmp_path: Path) -> None:
    with pytest.raises(NoChampion, match="tranche models promote"):
        create_app(Settings(NOWHERE, tmp_path))


def test_it_does_not_start_on_a_model_that_scores_otherwise_than_when_exported(tmp_path: Path) -> None:
    good, other = promoted(tmp_path), promoted(tmp_path, shift=0.25)
    (tmp_path / other.digest / ARRAYS_FILE).write_bytes((tmp_path / good.digest / ARRAYS_FILE).read_bytes())

    with pytest.raises(ArtefactFault, match=other.digest):
        create_app(Settings(NOWHERE, tmp_path))


def test_it_does_not_start_on_a_model_of_other_features(tmp_path: Path) -> None:
    a_promoted_model(tmp_path, a_model(STEPS, digest="0" * 64))

    with pytest.raises(UnfitForServing, match="train and promote a model on the present features"):
        create_app(Settings(NOWHERE, tmp_path))


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({}, "TRANCHE_DATABASE_URL"),
        ({"TRANCHE_DATABASE_URL": "sqlite:///x"}, "TRANCHE_DATABASE_URL"),
        ({"TRANCHE_DATABASE_URL": NOWHERE}, "TRANCHE_MODELS_DIR"),
    ],
)
def test_a_missing_setting_is_named(environ: dict[str, str], name: str) -> None:
    with pytest.raises(SettingFault, match=name):
        Settings.from_environment(environ)


def test_without_a_database_it_is_alive_but_not_ready_and_answers_503(settings: Settings) -> None:
    lost = replace(settings, database_url=NOWHERE, wait_seconds=0.2)
    with listening(create_app(lost)) as client:
        response = client.post("/v1/decisions", json=an_order_body(), headers={"Idempotency-Key": "k"})

        assert client.get("/health/live").status_code == 200
        assert client.get("/health/ready").status_code == 503
        assert response.status_code == 503
        assert response.headers["content-type"] == "application/problem+json"
        assert response.headers["retry-after"] == "1"
        assert "nothing was changed" in response.json()["detail"]


def test_a_connection_that_broke_is_replaced_within_the_request(
    client: Api, connection: psycopg.Connection[Any]
) -> None:
    client.get("/health/ready")
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'tranche-serving' AND datname = current_database()"
    )
    connection.commit()

    answers = [client.get("/v1/decisions/d-none").status_code for _ in range(20)]
    response = client.post("/v1/decisions", json=an_order_body(), headers={"Idempotency-Key": "k"})

    assert set(answers) <= {404, 503}
    assert answers[-1] == 404
    assert response.status_code == 201


def test_ready_names_the_model_and_the_policies(client: Api) -> None:
    ready = client.get("/health/ready").json()

    assert ready["status"] == "ready"
    assert ready["model"]["name"] == "default_probability"
    assert {policy["policy_id"] for policy in ready["policies"]} == {
        "cz-monthly",
        "gb-monthly",
        "gb-pay-in-3",
        "gb-short",
    }


def test_the_clock_file_is_read_for_every_request(settings: Settings, tmp_path: Path) -> None:
    clock = tmp_path / "clock"
    with listening(create_app(replace(settings, clock_file=clock))) as client:
        days = []
        for number, text in enumerate(["1996-03-01T00:00:00Z", "1996-03-02T00:00:00+00:00"]):
            clock.write_text(text + "\n")
            body = an_order_body(order_id=f"o-{number}", currency="CZK", product="monthly", duration_months=12)
            answer = client.post("/v1/decisions", json=body, headers={"Idempotency-Key": f"k-{number}"})
            days.append(answer.json()["decided_at"])

    assert days == ["1996-03-01T00:00:00.000000Z", "1996-03-02T00:00:00.000000Z"]


def test_the_serving_process_loads_no_training_or_lake_library() -> None:
    heavy = ["mlflow", "sklearn", "pandas", "pyspark", "great_expectations", "pyarrow", "pyiceberg", "boto3", "scipy"]
    program = (
        "import json, sys, serving.app, serving.replay, serving.__main__\n"
        f"print(json.dumps([name for name in {heavy} if name in sys.modules]))"
    )

    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    assert json.loads(loaded.stdout) == []


@contextmanager
def served(settings: Settings) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server process of its own, and its address."""
    environ = os.environ | {
        "TRANCHE_DATABASE_URL": settings.database_url,
        # Without an endpoint it would make a local runtime, and leave it running as the current profile.
        "TRANCHE_AWS_ENDPOINT": "http://127.0.0.1:1",
        "TRANCHE_MODELS_DIR": str(settings.models_dir),
        "TRANCHE_CLOCK_FILE": str(settings.clock_file),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tranche", "serve", "--json"], env=environ, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())["address"]
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def at_noon(settings: Settings, tmp_path: Path) -> Settings:
    (tmp_path / "clock").write_text("2026-03-02T12:00:00Z")
    return replace(settings, clock_file=tmp_path / "clock")


def ask(address: str, key: str, timeout: float = 30) -> httpx.Response:
    headers = {"Idempotency-Key": "k", "Authorization": f"Bearer {key}"}
    return httpx.post(f"{address}/v1/decisions", json=an_order_body(), headers=headers, timeout=timeout)


def test_sigterm_ends_the_server_and_its_connections(at_noon: Settings, connection: psycopg.Connection[Any]) -> None:
    with served(at_noon) as (process, address):
        assert ask(address, local_key(at_noon.database_url)).status_code == 201

        process.send_signal(signal.SIGTERM)

        assert process.wait(timeout=20) in {0, -signal.SIGTERM}
        assert _sessions(connection) == 0


def test_a_server_killed_in_the_middle_of_a_decision_leaves_nothing_half_written(
    at_noon: Settings, connection: psycopg.Connection[Any]
) -> None:
    """A lock stops the request after its key was claimed; the retry, after a restart, is decided as the first."""
    key = local_key(at_noon.database_url)
    connection.execute("INSERT INTO lending.exposure_locks VALUES ('s-1')")
    connection.commit()
    connection.execute("SELECT FROM lending.exposure_locks WHERE shopper_id = 's-1' FOR UPDATE")
    with served(at_noon) as (process, address):
        with pytest.raises(httpx.TimeoutException):
            ask(address, key, timeout=0.5)
        process.kill()
        process.wait()
    connection.rollback()
    until(lambda: _sessions(connection) == 0)
    before = kept(connection)

    with served(at_noon) as (_, address):
        first, second = ask(address, key), ask(address, key)

    assert before == {**before, "lending.decisions": 0, "serving.idempotency_keys": 0, "ledger.outbox": 0}
    assert (first.status_code, second.content) == (201, first.content)
    assert kept(connection)["lending.decisions"] == 1


def _sessions(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE application_name = 'tranche-serving' AND datname = current_database()"
    ).fetchone()
    connection.rollback()
    assert row is not None
    return int(row[0])
