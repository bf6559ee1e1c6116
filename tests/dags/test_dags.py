"""DAGs: each parses, has an owner and a page, and runs only commands that exist."""

import ast
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from simulation.world.period import Period
from tests.conftest import KeptDemo
from tests.test_conventions import CHECKOUT
from tranche.acts import acts
from tranche.stage import STAGES, Stage

DAGS = sorted((CHECKOUT / "dags").glob("*.py"))
NAMES = [path.stem for path in DAGS]
TASKS = {
    "relay_facts": ["relay"],
    "ingest_events": ["ingest", "completeness"],
    "build_features": ["feeds", "curate", "build", "build_merchants", "publish"],
    "maintain_lake": ["retain", "amend", "maintain"],
    "train_model": ["train"],
    "collect_instalments": ["collect", "pay_merchants", "pay_refunds"],
    "reconcile_settlements": ["reconcile"],
    "close_of_business": ["close", "sweep_reviews"],
    "verify_ledger": ["seal", "verify", "list_findings"],
}
# After the last day of the demo: monthly instalments have fallen due since.
DAY = "2026-06-15"


@pytest.fixture(scope="session")
def airflow_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An Airflow of this test run: a home and a SQLite database of its own, retries off, since they wait for real."""
    home = tmp_path_factory.mktemp("airflow")
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__CORE__DAGS_FOLDER": str(CHECKOUT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__CORE__DEFAULT_TASK_RETRIES": "0",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }


@pytest.mark.parametrize("path", DAGS, ids=NAMES)
def test_a_dag_imports_airflow_and_the_standard_library_alone(path: Path) -> None:
    """So that a scheduler parses it without our dependencies."""
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    assert imported - set(sys.stdlib_module_names) == {"airflow"}


@pytest.mark.parametrize("path", DAGS, ids=NAMES)
def test_a_dag_says_its_purpose_what_a_rerun_does_and_whom_to_call(path: Path) -> None:
    page = ast.get_docstring(ast.parse(path.read_text())) or ""

    assert [part for part in ("**Purpose.**", "**A rerun**", "**When it is red**") if part not in page] == []


def test_the_eight_dags_of_the_path_are_there() -> None:
    assert set(NAMES) == set(TASKS)


def test_every_command_of_a_dag_exists_with_its_options() -> None:
    commands = [command for path in DAGS for command in _commands(path)]

    assert len(commands) == sum(len(tasks) for tasks in TASKS.values())
    assert [command for command in commands if not _exists(command)] == []


def test_a_command_that_is_not_there_is_noticed() -> None:
    assert _exists("tranche local up --json")
    assert not _exists("tranche local sideways")
    assert not _exists("tranche local up --sideways")
    assert _exists("tranche simulation generate --out word")
    assert not _exists("tranche simulation generate")


@pytest.fixture(scope="module")
def airflow_said(
    airflow_environment: Mapping[str, str], kept_demo: KeptDemo, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What `IN_AIRFLOW` found out about the DAGs, which it ran on the seeded world."""
    period = Period()
    clock = tmp_path_factory.mktemp("clock") / "clock"
    clock.write_text(f"{DAY}T22:00:00Z")
    provider = kept_demo.folder / "runtime" / "provider"
    given = {
        "train_model": {"train_until": f"{period.train_until}", "test_until": f"{period.test_until}"},
        "collect_instalments": {"outbox": str(provider / "outbox")},
        "reconcile_settlements": {"inbox": str(provider / "inbox")},
    }

    said = _run(
        [sys.executable, "-c", IN_AIRFLOW.format(names=list(TASKS), day=DAY, given=given)],
        {**airflow_environment, **kept_demo.environment, "TRANCHE_CLOCK_FILE": str(clock)},
    )
    found: dict[str, Any] = ast.literal_eval(said.strip().splitlines()[-1])
    return {**found, "said": said[-6000:]}


@pytest.mark.slow
def test_airflow_parses_each_dag_with_an_owner_a_page_and_its_tasks(airflow_said: Mapping[str, Any]) -> None:
    found = airflow_said

    assert found["errors"] == {}
    assert {name: sorted(dag["tasks"]) for name, dag in found["dags"].items()} == {
        name: sorted(tasks) for name, tasks in TASKS.items()
    }
    assert [name for name, dag in found["dags"].items() if dag["owner"] in ("", "airflow") or not dag["page"]] == []
    assert [name for name, dag in found["dags"].items() if dag["folders"] != [str(CHECKOUT)]] == []


@pytest.mark.slow
def test_each_dag_runs_all_its_tasks_on_the_seeded_world(airflow_said: Mapping[str, Any]) -> None:
    expected = {name: dict.fromkeys(tasks, "success") for name, tasks in TASKS.items()}

    assert airflow_said["ran"] == expected, airflow_said["said"]


@pytest.mark.slow
def test_a_day_before_the_first_runs_no_task_though_airflow_says_success(airflow_said: Mapping[str, Any]) -> None:
    """Why the number of tasks is asserted, and why the DAGs' first day is long past."""
    assert airflow_said["ran_on_a_day_before_the_first"] == {}


# Parses the DAGs, and does for each what `airflow dags test` does; in one process, since nearly all of the time that is
# not the tasks' own is imports. A DAG that was not parsed is not run.
IN_AIRFLOW = """
from datetime import datetime, timezone
from airflow.utils.db import initdb
initdb()
from airflow.dag_processing.dagbag import DagBag
bag = DagBag()

def ran(name, day, given=None):
    run = bag.dags[name].test(logical_date=datetime.fromisoformat(day).replace(tzinfo=timezone.utc), run_conf=given)
    return {{each.task_id: str(each.state) for each in run.get_task_instances() if each.state}}

before = ran("verify_ledger", "1992-12-31") if "verify_ledger" in bag.dags else None
print(repr({{
    "errors": dict(bag.import_errors),
    "dags": {{
        name: {{
            "tasks": list(dag.task_ids),
            "owner": dag.owner,
            "page": dag.doc_md,
            "folders": sorted({{task.cwd for task in dag.tasks}}),
        }}
        for name, dag in bag.dags.items()
    }},
    "ran_on_a_day_before_the_first": before,
    "ran": {{name: ran(name, "{day}", {given}.get(name)) for name in {names} if name in bag.dags}},
}}))
"""


def _run(command: list[str], environ: Mapping[str, str]) -> str:
    done = subprocess.run(
        command, env={**os.environ, **environ}, cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def _commands(path: Path) -> list[str]:
    """What the DAG's tasks would run, with a word in place of each template."""
    commands = []
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Return) or node.value is None:
            continue
        text = _literal(node.value)
        commands.append(re.sub(r"\{\{.*?\}\}", "word", re.sub(r"\{%.*?%\}", "", text)))
    return commands


def _literal(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    assert isinstance(node, ast.JoinedStr)
    return "".join(str(part.value) if isinstance(part, ast.Constant) else DAY for part in node.values)


def _exists(command: str) -> bool:
    words = shlex.split(command)
    assert words[0] == "tranche"
    stage = next((stage for stage in STAGES if stage.name == words[1]), None)
    if stage is None or words[2] not in acts()[stage.name]:
        return False
    given = {word for word in words[3:] if word.startswith("--")}
    options = _options(stage, words[2])
    return all(given & names or not required for names, required in options) and given <= {
        name for names, _ in options for name in names
    }


def _options(stage: Stage, act: str) -> list[tuple[frozenset[str], bool]]:
    """The names of each option, and whether the act needs it."""
    command: Any = stage.command()
    command = command.commands[act] if hasattr(command, "commands") else command
    return [(frozenset(parameter.opts), bool(parameter.required)) for parameter in command.params]
