"""What tests share: a private runtime of the test run, databases, a lake and a Spark session. Real parts, no doubles.

Each part starts when the first test asks for it and is stopped by process id at the end of the run. Nothing of the
checkout's `var/` is read or written, except for what was fetched once: Java artefacts and kinesis-local.
"""

import gc
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import hypothesis
import psutil
import psycopg
import pytest

from terminal.database import PROCESS_SETTINGS
from tests.soak import TIMES

# How long an example takes says something about the machine, nothing about the code.
# Every change is judged by the same examples; `make soak` draws new ones.
hypothesis.settings.register_profile(
    "tranche", deadline=None, derandomize=TIMES == 1, max_examples=50 if TIMES == 1 else 100
)
hypothesis.settings.load_profile("tranche")

# A test's JVM ends before the second compiler's work has paid for itself, and that is a third of all processor time.
# Spark's launcher hands these options to every driver, in this process and in those that tests start. With one compiler
# the JVM reserves 48 MiB for compiled code; the one session of all tests outgrows that, compiles no more, and fails.
# Nor does the Java that Spark writes and compiles for each query: over a few rows it costs more than it saves, a
# seventh of the driver's time. The demos run with both.
os.environ.setdefault(
    "SPARK_SUBMIT_OPTS",
    "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m "
    "-Dspark.sql.codegen.wholeStage=false -Dspark.sql.codegen.factoryMode=NO_CODEGEN",
)

# What collection makes, modules and tests, stays to the end: to look through it again and again for garbage was a sixth
# of all processor time of the fast set.
gc.disable()

CHECKOUT = Path(__file__).resolve().parents[1]
# Where things that were fetched once are kept, beyond a test run.
KEPT = Path(os.environ.get("TRANCHE_VAR") or CHECKOUT / "var")
# For the data of runtimes of a test run, of which two go on at once.
IN_MEMORY, ON_DISK = "/dev/shm", "/tmp"
ROOM_FOR_STATE = 6 * 1024**3
_numbers = count(1)


def pytest_collection_finish() -> None:
    """From here on garbage is collected again, but not among what has been made so far."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    gc.enable()


def pytest_unconfigure() -> None:
    """Libraries written in C look at their end for objects that were not given back."""
    gc.unfreeze()


@pytest.fixture(scope="session", autouse=True)
def state_folder() -> Iterator[Path]:
    """Where the runtimes of the test run keep their data: a short path, for a unix socket's name has little room.

    Commands that tests run find no profile, whichever is current in the checkout: they would start its services, and
    its variables would stay in the process.
    """
    folder = Path(tempfile.mkdtemp(prefix="tranche-", dir=_place_for_state()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRANCHE_STATE_DIR", str(folder))
        patch.setenv("TRANCHE_VAR", str(folder / "var"))
        patch.setenv("TRANCHE_JVM_DIR", os.environ.get("TRANCHE_JVM_DIR") or str(KEPT / "jvm"))
        yield folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)


def _place_for_state() -> str:
    """In memory, where the copy of a database takes a quarter of the processor time; on disk where memory is short."""
    try:
        free = shutil.disk_usage(IN_MEMORY).free
    except OSError:
        return ON_DISK
    roomy = min(free, psutil.virtual_memory().available) >= ROOM_FOR_STATE
    return IN_MEMORY if roomy and os.access(IN_MEMORY, os.W_OK | os.X_OK) else ON_DISK


@pytest.fixture(scope="session")
def runtime_folder(state_folder: Path) -> Iterator[Path]:
    """A folder of the test run for everything else; its runtimes' data goes when `state_folder` goes."""
    folder = Path(tempfile.mkdtemp(prefix="tranche-", dir="/tmp"))
    yield folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_environment(runtime_folder: Path) -> Iterator[dict[str, str]]:
    """A PostgreSQL of this test run, without the wait for the disk at each commit.

    Every process uses the one database that a test names, as its owner; tests of what roles may do name the role.
    """
    from tranche.local.runtime import LocalRuntime

    local = LocalRuntime(runtime_folder / "db", parts=("postgres",))
    environment = local.up()
    with psycopg.connect(environment["TRANCHE_DATABASE_URL"], autocommit=True) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(f"alter system set {setting} = off")
        connection.execute("select pg_reload_conf()")
    yield {name: value for name, value in environment.items() if name not in PROCESS_SETTINGS}
    local.down()


@pytest.fixture(scope="session")
def aws_environment(runtime_folder: Path) -> Iterator[dict[str, str]]:
    """An AWS endpoint of this test run; its credentials are those of the process while the run lasts."""
    from tranche.local.runtime import LocalRuntime

    local = LocalRuntime(runtime_folder / "cloud", parts=("aws",))
    environment = local.up()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("AWS_PROFILE", raising=False)
        for name, value in environment.items():
            if name.startswith("AWS_"):
                patch.setenv(name, value)
        yield environment
    local.down()


@pytest.fixture(scope="session")
def runtime(
    runtime_folder: Path, postgres_environment: Mapping[str, str], aws_environment: Mapping[str, str]
) -> dict[str, str]:
    """The variables that point every package at the private runtime: PostgreSQL and AWS, no provider."""
    return {
        **postgres_environment,
        **aws_environment,
        "TRANCHE_MODELS_DIR": str(runtime_folder / "models"),
        **_folders(runtime_folder),
    }


@pytest.fixture(scope="session")
def template_database(postgres_environment: Mapping[str, str]) -> str:
    """The database that the runtime migrated; each test works on a copy of it."""
    return postgres_environment["TRANCHE_DATABASE_URL"]


@pytest.fixture(scope="session")
def administration(template_database: str) -> Iterator[psycopg.Connection[Any]]:
    """The connection that makes and drops databases: to open one for each would cost a third of the copy."""
    address = template_database.replace("/tranche?", "/postgres?")
    with psycopg.connect(address, autocommit=True) as connection:
        yield connection


@pytest.fixture
def database_url(template_database: str, administration: psycopg.Connection[Any]) -> Iterator[str]:
    """The address of a fresh migrated database."""
    name = f"test_{next(_numbers)}"
    administration.execute(f"create database {name} template tranche strategy = file_copy")
    yield template_database.replace("/tranche?", f"/{name}?")
    administration.execute(f"drop database {name} with (force)")


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection to a fresh migrated database."""
    with psycopg.connect(database_url) as opened:
        yield opened


@pytest.fixture(scope="module")
def lake_environment(runtime: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """A lake and a stream of this test module's own: a prefix before the Glue databases, and a fresh stream.

    A local stream shows a record as soon as it is put, so no batch has to end two seconds before the present.
    """
    from pipelines.streams import backlog
    from tranche.provisioning.aws import AwsNames, clients, provide_aws

    name = f"t{next(_numbers)}"
    environment = {**runtime, "TRANCHE_STREAM": f"{name}-events", "TRANCHE_LAKE_PREFIX": f"{name}_"}
    region, endpoint = runtime["TRANCHE_AWS_REGION"], runtime["TRANCHE_AWS_ENDPOINT"]
    provide_aws(
        clients(region, endpoint, endpoint),
        AwsNames(
            region,
            runtime["TRANCHE_LAKE_BUCKET"],
            streams={environment["TRANCHE_STREAM"]: 4},
            databases=tuple(f"{name}_{database}" for database in ("raw", "curated", "features")),
        ),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backlog, "MARGIN_MS", 0)
        yield environment


@pytest.fixture(scope="session")
def spark(runtime: Mapping[str, str]) -> Iterator[Any]:
    """The one Spark session of the test run, on the private runtime's lake."""
    from pipelines.runtime.spark import session
    from pipelines.settings import Settings

    started = session(Settings.from_environment(runtime))
    yield started
    started.stop()


@dataclass(frozen=True, slots=True)
class KeptDemo:
    """A small seeded world after `tranche demo --keep`: its figures, its folder and the variables that point at it."""

    summary: dict[str, Any]
    folder: Path
    environment: dict[str, str]


@pytest.fixture(scope="session")
def kept_demo(runtime_folder: Path) -> Iterator[KeptDemo]:
    """The whole path on a small world, run once for all tests that look at where it ends."""
    from tranche.local.runtime import LocalRuntime

    var = with_kept_jars(runtime_folder / "kept")
    environ = {**os.environ, **_folders(runtime_folder), "TRANCHE_VAR": str(var)}
    tranche = [sys.executable, "-m", "tranche", "demo"]
    small = ["--keep", "--json", "--borrowers", "400", "--buyers", "40"]
    done = subprocess.run([*tranche, *small], env=environ, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-6000:]
    demo = var / "demo"
    environment = LocalRuntime(demo / "runtime").environment() | {
        "TRANCHE_VAR": str(demo / "runtime" / "var"),
        "TRANCHE_JVM_DIR": environ["TRANCHE_JVM_DIR"],
    }
    assert done.stdout.startswith("{"), done.stdout[:2000]
    yield KeptDemo(json.loads(done.stdout), demo, environment)
    subprocess.run([*tranche, "--stop"], env=environ, cwd=CHECKOUT, check=True)


@pytest.fixture(scope="session")
def berka() -> Path:
    """The folder of the original Berka tables; the test is skipped where it is absent."""
    return _data("berka")


@pytest.fixture(scope="session")
def online_retail_days() -> Path:
    """The folder of the Online Retail days; the test is skipped where it is absent."""
    return _data("online_retail/by-day")


def _data(name: str) -> Path:
    root = Path(os.environ.get("TRANCHE_TEST_DATA") or CHECKOUT.parent / "shared" / "data")
    if not (root / name).is_dir():
        pytest.skip(f"no {name} in {root}; point TRANCHE_TEST_DATA at the data folder")
    return root / name


def with_kept_jars(var: Path) -> Path:
    """Make `var` for a demo, which takes Java artefacts from nowhere else: the kept ones, lest it fetch them anew."""
    jvm = Path(os.environ["TRANCHE_JVM_DIR"])
    for each in (var, jvm):
        each.mkdir(parents=True, exist_ok=True)
    (var / "jvm").symlink_to(jvm)
    return var


def _folders(folder: Path) -> dict[str, str]:
    return {"TRANCHE_VAR": str(folder / "var"), "TRANCHE_JVM_DIR": os.environ["TRANCHE_JVM_DIR"]}
