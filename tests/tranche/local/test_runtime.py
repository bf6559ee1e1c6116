"""The local runtime with real processes: started once, killed without warning, repaired, and stopped completely."""

import json
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import psycopg
import pyarrow as pa
import pytest

from pipelines.lake.iceberg import catalog
from pipelines.settings import Settings
from tests.tranche.processes import processes_of
from tranche.fault import RuntimeFault
from tranche.local.iceberg import CREDENTIALS
from tranche.local.process import wait_until
from tranche.local.runtime import LocalRuntime

pytestmark = pytest.mark.slow

PARTS = ("postgres", "aws")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="tranche-", dir="/tmp")).resolve()
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def kept(folder: Path) -> Iterator[LocalRuntime]:
    runtime = LocalRuntime(folder / "one", parts=PARTS)
    yield runtime
    runtime.down()


@pytest.fixture
def runtime(kept: LocalRuntime) -> LocalRuntime:
    kept.up()
    return kept


def test_a_second_up_starts_nothing_and_answers_the_same(runtime: LocalRuntime) -> None:
    before = _pids(runtime)

    report = runtime.bring_up()

    assert report.started == ()
    assert report.repaired == ()
    assert report.environment == runtime.environment()
    assert _pids(runtime) == before


def test_a_killed_database_is_noticed_and_comes_back_with_what_was_committed(runtime: LocalRuntime) -> None:
    with psycopg.connect(runtime.environment()["TRANCHE_DATABASE_URL"], autocommit=True) as connection:
        connection.execute("create table kept (id int)")
        connection.execute("insert into kept values (7)")
    _kill(_pids(runtime)["postgres"])

    assert _states(runtime)["postgres"] == "crashed"
    with pytest.raises(RuntimeFault, match=r"postgres not running.*tranche local up"):
        runtime.environment()

    report = runtime.bring_up()

    assert report.started == ("postgres",)
    assert [line for line in report.repaired if line.startswith("postgres: recovered")]
    with psycopg.connect(report.environment["TRANCHE_DATABASE_URL"]) as connection:
        assert connection.execute("select id from kept").fetchall() == [(7,)]


def test_a_database_whose_process_id_now_belongs_to_another_program_is_started(runtime: LocalRuntime) -> None:
    _kill(_pids(runtime)["postgres"])
    pid_file = runtime.home / "pg" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")

    assert _states(runtime)["postgres"] == "crashed"
    assert runtime.bring_up().started == ("postgres",)
    assert runtime.bring_up().started == ()


def test_a_killed_endpoint_gets_its_tables_back_and_names_the_lost_streams_and_keys(runtime: LocalRuntime) -> None:
    endpoint = runtime.environment()["TRANCHE_AWS_ENDPOINT"]
    kms = runtime._aws().client("kms", endpoint)
    kms.create_alias(AliasName="alias/lost", TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    runtime._aws().client("kinesis", endpoint).create_stream(StreamName="other-events", ShardCount=2)
    _append(runtime, "raw.things", 1)
    _append(runtime, "raw.things", 2)
    assert _states(runtime)["aws"] == "up"  # looking is what remembers the stream and the key
    _kill(_pids(runtime)["aws"])

    assert _states(runtime)["aws"] == "crashed"
    report = runtime.bring_up()

    assert report.started == ("aws",)
    told = "\n".join(report.repaired)
    assert "table raw.things registered again" in told
    assert "stream other-events was lost" in told
    assert "stream tranche-events" in told
    assert "key alias/lost was lost" in told
    assert _ids(runtime, "raw.things") == [1, 2]
    inventory = runtime._aws().inventory(report.environment["TRANCHE_AWS_ENDPOINT"])
    assert inventory.streams == {"other-events": 2, "tranche-events": 4}
    assert inventory.keys == ("alias/lost",)
    assert runtime.bring_up().repaired == ()


def test_a_table_that_the_catalogue_remembers_from_before_is_moved_to_its_newest_commit(runtime: LocalRuntime) -> None:
    _append(runtime, "curated.moved", 1)
    runtime.down()
    runtime.up()
    _append(runtime, "curated.moved", 2)
    _kill(_pids(runtime)["aws"])

    report = runtime.bring_up()

    assert "aws: table curated.moved registered again from its newest metadata" in report.repaired
    assert _ids(runtime, "curated.moved") == [1, 2]


def test_a_repair_that_was_cut_short_is_finished_by_the_next_up(runtime: LocalRuntime) -> None:
    _append(runtime, "raw.cut_short", 1)
    memory = runtime._recall()
    memory.aws_pending = "repair"
    runtime._remember(memory)
    runtime._aws().client("glue", runtime.environment()["TRANCHE_AWS_ENDPOINT"]).delete_table(
        DatabaseName="raw", Name="cut_short"
    )

    assert "aws: table raw.cut_short registered again from its newest metadata" in runtime.bring_up().repaired
    assert _ids(runtime, "raw.cut_short") == [1]


def test_down_leaves_no_process_and_up_finds_everything_as_it_was(runtime: LocalRuntime) -> None:
    _append(runtime, "raw.stays", 1)
    before = runtime.environment()
    pids = _pids(runtime)

    assert set(runtime.down()) == {"postgres", "aws"}

    assert not [pid for pid in pids.values() if _lives(pid)]
    assert not processes_of(runtime.folder)
    assert not processes_of(runtime.home)
    assert set(_states(runtime).values()) == {"down"}
    assert runtime.down() == ()
    assert runtime.bring_up().repaired == ()
    assert runtime.environment() == before
    assert _ids(runtime, "raw.stays") == [1]


def test_two_runtimes_side_by_side_do_not_disturb_each_other(runtime: LocalRuntime, folder: Path) -> None:
    other = LocalRuntime(folder / "two", parts=PARTS)
    try:
        theirs, ours = other.up(), runtime.environment()
        shared = {name for name in ours if ours[name] == theirs[name]}
        assert shared.isdisjoint({"TRANCHE_DATABASE_URL", "TRANCHE_AWS_ENDPOINT", "TRANCHE_MODELS_DIR"})
    finally:
        other.reset()
    assert not other.folder.exists()
    assert not other.home.exists()
    assert set(_states(runtime).values()) == {"up"}


def test_the_provider_is_started_repaired_with_its_book_and_stopped(folder: Path) -> None:
    runtime = LocalRuntime(folder / "shop", parts=("provider",))
    try:
        first = runtime.bring_up()
        pid = _pids(runtime)["provider"]
        assert first.started == ("provider",)
        assert httpx.get(f"{first.environment['TRANCHE_PROVIDER_URL']}/health").status_code == 200
        assert runtime.bring_up().started == ()

        _kill(pid)
        assert _states(runtime) == {"provider": "crashed"}
        with pytest.raises(RuntimeFault, match="provider not running"):
            runtime.environment()
        second = runtime.bring_up()
        assert [line for line in second.repaired if line.startswith("provider: started again")]
        # On the port of before, unless the system has lent it to another program's connection meanwhile.
        assert httpx.get(f"{second.environment['TRANCHE_PROVIDER_URL']}/health").status_code == 200
    finally:
        runtime.down()
    assert not processes_of(runtime.folder)


def test_a_remembered_port_that_another_program_has_taken_is_left_to_it(runtime: LocalRuntime) -> None:
    port = runtime._recall().aws_port
    assert port is not None
    runtime.down()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        runtime.up()

    assert runtime._recall().aws_port != port


def test_the_endpoint_listens_on_loopback_alone(runtime: LocalRuntime) -> None:
    listening = [
        each.laddr.ip
        for pid in _pids(runtime).values()
        for each in psutil.Process(pid).net_connections("inet")
        if each.status == psutil.CONN_LISTEN
    ]

    assert listening == ["127.0.0.1"]


def test_a_damaged_memory_is_named_with_the_way_out(tmp_path: Path) -> None:
    runtime = LocalRuntime(tmp_path)
    runtime.home.mkdir(parents=True)
    (runtime.home / "runtime.json").write_text("{ half")

    with pytest.raises(RuntimeFault, match=r"runtime\.json is damaged.*tranche local reset"):
        runtime.status()


def test_what_is_remembered_is_plain_json_in_the_runtimes_own_folder(runtime: LocalRuntime) -> None:
    stored = json.loads((runtime.home / "runtime.json").read_text())

    assert stored["aws"]["pid"] == _pids(runtime)["aws"]
    assert stored["streams"]["tranche-events"] == 4


def _append(runtime: LocalRuntime, name: str, number: int) -> None:
    lake = catalog(_settings(runtime), **CREDENTIALS)
    rows = pa.table({"id": pa.array([number], pa.int64())})
    lake.create_table_if_not_exists(name, rows.schema).append(rows)


def _ids(runtime: LocalRuntime, name: str) -> list[int]:
    found = catalog(_settings(runtime), **CREDENTIALS).load_table(name).scan().to_arrow()["id"].to_pylist()
    return sorted(int(each) for each in found if each is not None)


def _settings(runtime: LocalRuntime) -> Settings:
    return Settings.from_environment(runtime.environment())


def _pids(runtime: LocalRuntime) -> dict[str, int]:
    return {part.name: part.pid for part in runtime.status() if part.pid is not None}


def _states(runtime: LocalRuntime) -> dict[str, str]:
    return {part.name: part.state for part in runtime.status()}


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not _lives(pid), seconds=10)


def _lives(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
