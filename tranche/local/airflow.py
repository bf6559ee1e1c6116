"""`tranche airflow`: run the DAGs on their schedules, with Airflow's servers on loopback, stopped together.

Starts one API server and one scheduler. Airflow's all-in-one command is not used, because it listens on every address
and leaves processes behind when it is stopped.
"""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from terminal.command_line import stage
from tranche.extras import require
from tranche.fault import RuntimeFault
from tranche.local.process import Running, answers, free_port, is_free, start_module, wait_until
from tranche.local.profiles import current
from tranche.local.runtime import LocalRuntime
from tranche.settings import CHECKOUT, Settings, inherited

DATABASE = "airflow"
PORT = 8080
READY_SECONDS = 180.0
STOP_SECONDS = 30.0
USER = "admin"
UNPAUSED = "relay_facts,verify_ledger"
"""The DAGs that run without being unpaused; they neither move money nor start Spark."""
_COMMANDS = """
import json, sys
from airflow.__main__ import main
for words in json.loads(sys.argv[1]):
    sys.argv = ["airflow", *words]
    main()
"""

app = stage("The DAGs on a clock, on loopback.")


@app.command()
def run_airflow(
    port: Annotated[int, typer.Option(help="Port of the user interface; another free one when it is taken.")] = PORT,
    unpaused: Annotated[
        str, typer.Option(metavar="DAG,DAG", help="The DAGs that run by themselves; all others start paused.")
    ] = UNPAUSED,
) -> None:
    """Run Airflow's API server and scheduler on the current profile until Ctrl-C, then stop both."""
    require("airflow")
    running = named_dags(unpaused)
    settings = Settings.from_environment()
    home = settings.var / "airflow"
    environ = airflow_environment(home, _database(settings), port if is_free(port) else free_port())
    _stop_on_signals()
    started: list[Running] = []
    try:
        bring_up(home, environ, started, _say, running)
        password = json.loads((home / "passwords.json").read_text())[USER]
        print(f"Airflow is at {environ['AIRFLOW__API__BASE_URL']}  user {USER}, password {password}; Ctrl-C stops it")
        print(f"running by themselves: {', '.join(running) or 'none'}; every other DAG is paused", flush=True)
        _watch(started)
    finally:
        stop_all(started)


def airflow_environment(home: Path, database_url: str, port: int) -> dict[str, str]:
    """The environment variables for Airflow. Its keys are made once and stored beside its logs.

    Without given keys, each component makes its own and then refuses the other's requests.
    """
    home.mkdir(parents=True, exist_ok=True)
    keys = _keys(home / "keys.json")
    address = f"http://127.0.0.1:{port}"
    return {
        "AIRFLOW_HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{inherited().get('PATH', os.defpath)}",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database_url,
        # Without this setting, Airflow would need another driver for its few asynchronous calls.
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": database_url.replace("+psycopg:", "+psycopg_async:"),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": address,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": keys["api"],
        "AIRFLOW__API_AUTH__JWT_SECRET": keys["jwt"],
        "AIRFLOW__CORE__FERNET_KEY": keys["fernet"],
        "AIRFLOW__CORE__DAGS_FOLDER": str(CHECKOUT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
        "AIRFLOW__CORE__DEFAULT_TASK_RETRIES": "2",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
    }


def named_dags(dags: str) -> tuple[str, ...]:
    """The DAGs of a comma-separated list; raises RuntimeFault, which lists the existing ones, for an unknown one.

    >>> named_dags("verify_ledger, relay_facts"), named_dags("")
    (('verify_ledger', 'relay_facts'), ())
    """
    known = sorted(path.stem for path in (CHECKOUT / "dags").glob("*.py"))
    names = tuple(name.strip() for name in dags.split(",") if name.strip())
    for name in names:
        if name not in known:
            raise RuntimeFault(f"there is no DAG {name!r}; there are {', '.join(known)}")
    return names


def bring_up(
    home: Path,
    environ: Mapping[str, str],
    started: list[Running],
    say: Callable[[str], None],
    unpaused: Sequence[str],
) -> None:
    """Start both servers, with every DAG paused except those named.

    Each process is added to `started` as soon as it runs, so that the caller can stop it.
    """
    passwords = home / "passwords.json"
    if not passwords.is_file():
        _write_private(passwords, json.dumps({USER: secrets.token_urlsafe(12)}))
    say("database and DAGs")
    names = "|".join(unpaused)
    commands = [
        ["db", "migrate"],
        ["dags", "reserialize"],
        # A DAG that was paused or unpaused in an earlier run would otherwise stay so.
        ["dags", "pause", "--yes", "--treat-dag-id-as-regex", f"^(?!({names})$)"],
        ["dags", "unpause", "--yes", "--treat-dag-id-as-regex", f"^({names})$"],
    ]
    _airflow(commands if unpaused else commands[:-1], environ, home)
    say("API server")
    started.append(start_module("airflow", ["api-server"], environ=environ, log=home / "api-server.log", cwd=home))
    address = environ["AIRFLOW__API__BASE_URL"]
    # The first call of each endpoint takes seconds, longer than the timeout of the scheduler's tasks.
    for path in ("/api/v2/monitor/health", "/execution/health"):
        if not wait_until(partial(_ended_or_answers, started[0], address + path), seconds=READY_SECONDS):
            raise RuntimeFault(f"Airflow's API server does not answer; see {home / 'api-server.log'}")
        if not started[0].is_alive:
            raise RuntimeFault(f"Airflow's API server ended at once; see {home / 'api-server.log'}")
    say("scheduler")
    started.append(start_module("airflow", ["scheduler", "-s"], environ=environ, log=home / "scheduler.log", cwd=home))


def _ended_or_answers(running: Running, address: str) -> bool:
    return not running.is_alive or answers(address, 20.0)


def stop_all(started: list[Running]) -> None:
    """Stop the scheduler first, then the API server, each with the tasks and processes that it started."""
    for running in reversed(started):
        running.stop(signal.SIGTERM, STOP_SECONDS)


def _watch(started: list[Running]) -> None:
    while all(running.is_alive for running in started):
        time.sleep(1.0)
    raise RuntimeFault("a part of Airflow ended by itself; see the logs in var/airflow")


def _airflow(commands: list[list[str]], environ: Mapping[str, str], home: Path) -> None:
    """Run commands of Airflow in one process, because loading Airflow takes longer than most of them."""
    log = home / "setup.log"
    with log.open("ab") as output:
        done = subprocess.run(
            [sys.executable, "-c", _COMMANDS, json.dumps(commands)],
            env=inherited(environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=home,
            check=False,
        )
    if done.returncode != 0:
        raise RuntimeFault(f"Airflow's database or its DAGs could not be made ready; see {log}")


def _database(settings: Settings) -> str:
    """The address of Airflow's own database: its migrations table has the same name as MLflow's.

    It is in the runtime of the current profile; if that is an outside environment, in the local runtime.
    """
    profile = current(settings.var)
    runtime = profile.runtime if profile and profile.runtime else LocalRuntime(settings.local_folder)
    runtime.bring_up(_say, only=("postgres",))
    return runtime.database(DATABASE, "psycopg")


def _keys(path: Path) -> dict[str, str]:
    if not path.is_file():
        from cryptography.fernet import Fernet

        made = {
            "api": secrets.token_urlsafe(48),
            "jwt": secrets.token_urlsafe(64),
            "fernet": Fernet.generate_key().decode(),
        }
        _write_private(path, json.dumps(made))
    keys: dict[str, str] = json.loads(path.read_text())
    return keys


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


def _stop_on_signals() -> None:
    """A SIGTERM ends it as Ctrl-C does: both processes are stopped."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupted)


def _say(step: str) -> None:
    print(f"… {step}", file=sys.stderr)
