"""The local runtime: PostgreSQL, an AWS endpoint and the simulated provider, started, watched, repaired and stopped.

A runtime is identified by its folder, and runtimes are independent of each other. Data that needs a socket or has to be
readable by other users is in the runtime's home (see `placement`); the provider's files and the models are in the
folder. Running processes are identified by the process ids and start times in the home's `runtime.json`; no process is
ever looked up or stopped by name.
"""

import fcntl
import json
import shutil
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from terminal.database import OWNER_SETTING, DatabaseProcess
from tranche.fault import RuntimeFault
from tranche.local.placement import BELONGS_TO, home_of, make_home
from tranche.local.process import Running

BUCKET = "tranche-lake"
STREAM = "tranche-events"
DATABASES = ("raw", "curated", "features")
DATABASES_OF_POSTGRES = ("tranche", "mlflow")
REGISTRY_ROLE = "tranche_mlflow"
PROVIDER_SECONDS = 30.0
EXCHANGE = {"TRANCHE_INBOX": "inbox", "TRANCHE_OUTBOX": "outbox"}
PARTS = ("postgres", "aws", "provider")


@dataclass(frozen=True, slots=True)
class PartStatus:
    """One part of the runtime: `state` is `up`, `down` or `crashed`."""

    name: str
    state: str
    pid: int | None
    address: str | None


@dataclass(frozen=True, slots=True)
class UpReport:
    """The parts that `up` started and repaired; both empty if everything ran already."""

    started: tuple[str, ...]
    repaired: tuple[str, ...]
    environment: dict[str, str]


@dataclass(slots=True)
class _Memory:
    """The content of `runtime.json`, which is kept between commands."""

    aws_port: int | None = None
    aws: Running | None = None
    # Pending work on the endpoint: "" nothing, "provide" its bucket and stream, "repair" its catalogue. It is recorded
    # before it begins, so that the next command completes the work of a killed one.
    aws_pending: str = ""
    provider_port: int | None = None
    provider: Running | None = None
    streams: dict[str, int] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)


class LocalRuntime:
    """The runtime in one folder. `parts` can leave some out; tests leave out the provider."""

    def __init__(self, folder: Path, parts: tuple[str, ...] = PARTS) -> None:
        self.folder = folder.resolve()
        self.home = home_of(self.folder)
        self.parts = parts
        self._state_path = self.home / "runtime.json"

    @property
    def exchange(self) -> Path:
        """The folder in which the simulated provider and bank keep their books and exchange files with us."""
        return self.folder / "provider"

    @property
    def key_file(self) -> Path:
        """The file with the key of the principal `local`, for the decision API; readable by this user alone."""
        return self.folder / "key"

    def up(self) -> dict[str, str]:
        """Start stopped parts and repair crashed ones; returns the environment that points every package at it."""
        return self.bring_up().environment

    def bring_up(self, say: Callable[[str], None] = lambda _: None, only: Iterable[str] | None = None) -> UpReport:
        """Like `up`, calling `say` with each step; reports what was started and repaired. `only` names parts."""
        wanted = self._wanted(only)
        with self._alone():
            memory = self._recall()
            started: list[str] = []
            repaired: list[str] = []
            if "postgres" in wanted:
                self._up_postgres(say, started, repaired)
            if "aws" in wanted:
                self._up_aws(memory, say, started, repaired)
            if "provider" in wanted:
                self._up_provider(memory, say, started, repaired)
            return UpReport(tuple(started), tuple(repaired), self._environment(memory))

    def down(self, say: Callable[[str], None] = lambda _: None) -> tuple[str, ...]:
        """Stop everything that this runtime started; returns the names of the parts that were running."""
        if not self.exists:
            return ()
        with self._alone():
            memory = self._recall()
            stopped = []
            if memory.provider is not None and memory.provider.is_alive:
                say("stopping the simulated provider")
                memory.provider.stop(signal.SIGTERM, 10.0)
                stopped.append("provider")
            memory.provider = None
            if memory.aws is not None and memory.aws.is_alive:
                say("stopping the AWS endpoint")
                self._note_inventory(memory)
                self._aws().stop(memory.aws)
                stopped.append("aws")
                memory.aws = None
            # Keep the record of a crashed endpoint, because the next `up` still has to repair its tables.
            self._remember(memory)
            if self._postgres().running() is not None:
                say("stopping PostgreSQL")
                self._postgres().down()
                stopped.append("postgres")
            return tuple(stopped)

    def reset(self, say: Callable[[str], None] = lambda _: None) -> None:
        """Stop everything and remove all data of this runtime."""
        self.down(say)
        for each in (self.folder, self.home):
            if each.is_dir():
                say(f"removing {each}")
                shutil.rmtree(each)

    def kill(self) -> None:
        """Kill every part without giving it time to save, for when an orderly stop takes too long."""
        memory = self._recall()
        for running in (memory.provider, memory.aws):
            if running is not None:
                running.stop(signal.SIGKILL, 1.0)
        self._postgres().kill()

    def status(self) -> tuple[PartStatus, ...]:
        """The state of each part; changes nothing except the remembered streams and keys."""
        memory = self._recall()
        parts = []
        if "postgres" in self.parts:
            parts.append(self._postgres_status())
        if "aws" in self.parts:
            status = _status("aws", memory.aws, memory.aws_port)
            if status.state == "up":
                with self._alone():
                    memory = self._recall()
                    self._note_inventory(memory)
                    self._remember(memory)
            parts.append(status)
        if "provider" in self.parts:
            parts.append(_status("provider", memory.provider, memory.provider_port))
        return tuple(parts)

    @property
    def exists(self) -> bool:
        """Whether it was created and not removed since, whether or not it is running."""
        return (self.home / BELONGS_TO).is_file()

    def missing(self, only: Iterable[str] | None = None) -> tuple[str, ...]:
        """The parts that do not run, including crashed ones; `only` limits the check to some parts."""
        wanted = self._wanted(only)
        return tuple(part.name for part in self._quick_status() if part.name in wanted and part.state != "up")

    def environment(self, only: Iterable[str] | None = None) -> dict[str, str]:
        """The variables that point every package at this runtime; raises RuntimeFault if a part of `only` is down."""
        if broken := self.missing(only):
            raise RuntimeFault(
                f"the local runtime is not whole ({', '.join(broken)} not running); repair it with: tranche local up"
            )
        return self._environment(self._recall())

    def database(self, name: str, driver: str = "") -> str:
        """The address of another database on its PostgreSQL, which must be running; created if it is missing."""
        from tranche.provisioning.postgres import provide_databases

        provide_databases([self._postgres().url(name)])
        url: str = self._postgres().url(name, driver)
        return url

    # Starting the parts.

    def _up_postgres(self, say: Callable[[str], None], started: list[str], repaired: list[str]) -> None:
        from tranche.provisioning.postgres import (
            provide_databases,
            provide_local_principal,
            provide_registry,
            provide_schema,
        )

        server = self._postgres()
        crashed = server.crashed()
        if server.running() is None:
            say("PostgreSQL")
        if server.up():
            started.append("postgres")
        if crashed:
            repaired.append("postgres: recovered from its log after a crash; nothing committed was lost")
        provide_databases([server.url(name) for name in DATABASES_OF_POSTGRES])
        provide_schema(server.url(DATABASES_OF_POSTGRES[0]))
        provide_registry(server.url(DATABASES_OF_POSTGRES[1]), REGISTRY_ROLE)
        self.folder.mkdir(parents=True, exist_ok=True)
        provide_local_principal(server.url(DATABASES_OF_POSTGRES[0]), self.key_file)

    def _up_aws(self, memory: _Memory, say: Callable[[str], None], started: list[str], repaired: list[str]) -> None:
        from tranche.local.ministack import aws_answers
        from tranche.provisioning.aws import SHARDS, STREAM_KIND, AwsNames, provide_aws

        aws = self._aws()
        if memory.aws is None or not memory.aws.is_alive or not aws_answers(memory.aws_port):
            say("AWS endpoint: Kinesis, S3, Glue, KMS")
            if memory.aws is not None:
                memory.aws_pending = "repair"
                aws.stop(memory.aws)  # it runs but does not answer
            memory.aws_pending = memory.aws_pending or "provide"
            self._remember(memory)
            memory.aws, memory.aws_port = aws.start(memory.aws_port)
            self._remember(memory)
            started.append("aws")
        if not memory.aws_pending:
            return
        streams = {STREAM: SHARDS, **memory.streams}
        client = partial(aws.client, endpoint=_address(memory.aws_port))
        made = provide_aws(client, AwsNames(aws.region, BUCKET, streams, DATABASES))
        if memory.aws_pending == "repair":
            say("repairing the lake's catalogue after a crash")
            repaired += self._repair_aws(memory, {each.name for each in made if each.kind == STREAM_KIND})
        self._note_inventory(memory)
        memory.aws_pending = ""
        self._remember(memory)

    def _repair_aws(self, memory: _Memory, made: set[str]) -> list[str]:
        from tranche.local.iceberg import register_again

        endpoint = _address(memory.aws_port)
        aws = self._aws()
        tables = register_again(aws.client("s3", endpoint), _lake_settings(self.folder, endpoint, aws.region))
        keys = aws.provide_keys(endpoint, tuple(memory.keys))
        told = [f"aws: table {name} registered again from its newest metadata" for name in tables]
        told += [
            f"aws: stream {name} was lost with its records and made again empty; publish again"
            for name in memory.streams
            if name in made
        ]
        told += [
            f"aws: stream {name} is as of its last clean stop; records after it are lost"
            for name in memory.streams
            if name not in made
        ]
        told += [f"aws: key {name} was lost and made again; what was encrypted under it is unreadable" for name in keys]
        return told or ["aws: started again after a crash; nothing was lost"]

    def _up_provider(
        self, memory: _Memory, say: Callable[[str], None], started: list[str], repaired: list[str]
    ) -> None:
        from tranche.local.provider import provider_answers, start_provider

        if memory.provider is not None and memory.provider.is_alive and provider_answers(memory.provider_port):
            return
        if memory.provider is not None:
            memory.provider.stop(signal.SIGKILL, 5.0)
            repaired.append("provider: started again after a crash; its book is an append-only file")
        say("simulated payment provider")
        memory.provider, memory.provider_port = start_provider(self.exchange, memory.provider_port)
        self._remember(memory)
        started.append("provider")

    # Reading the state.

    def _environment(self, memory: _Memory) -> dict[str, str]:
        environment: dict[str, str] = {}
        if "postgres" in self.parts:
            server = self._postgres()
            environment[OWNER_SETTING] = server.url("tranche")
            environment |= {each.setting: server.url("tranche", role=each.role) for each in DatabaseProcess}
            environment["TRANCHE_MLFLOW_TRACKING_URI"] = server.url("mlflow", "psycopg", REGISTRY_ROLE)
        if self.key_file.is_file():
            environment["TRANCHE_KEY"] = self.key_file.read_text(encoding="ascii").strip()
        if memory.aws_port is not None:
            region = self._aws().region
            environment |= {
                "TRANCHE_AWS_ENDPOINT": _address(memory.aws_port),
                "TRANCHE_AWS_REGION": region,
                "TRANCHE_LAKE_BUCKET": BUCKET,
                "TRANCHE_STREAM": STREAM,
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_DEFAULT_REGION": region,
                "AWS_REGION": region,
            }
        if memory.provider_port is not None:
            environment |= {name: str(self.exchange / folder) for name, folder in EXCHANGE.items()}
            environment["TRANCHE_PROVIDER_URL"] = _address(memory.provider_port)
        environment["TRANCHE_MODELS_DIR"] = str(self.folder / "models")
        environment["TRANCHE_CLOCK_FILE"] = str(self.folder / "clock")
        return environment

    def _quick_status(self) -> list[PartStatus]:
        memory = self._recall()
        known = [self._postgres_status()] if "postgres" in self.parts else []
        if "aws" in self.parts:
            known.append(_status("aws", memory.aws, memory.aws_port))
        if "provider" in self.parts:
            known.append(_status("provider", memory.provider, memory.provider_port))
        return known

    def _postgres_status(self) -> PartStatus:
        server = self._postgres()
        running = server.running()
        if running is None:
            return PartStatus("postgres", "crashed" if server.crashed() else "down", None, None)
        return PartStatus("postgres", "up", running.pid, server.url("tranche"))

    def _note_inventory(self, memory: _Memory) -> None:
        inventory = self._aws().inventory(_address(memory.aws_port))
        memory.streams, memory.keys = inventory.streams, list(inventory.keys)

    def _postgres(self) -> Any:
        from tranche.local.postgres import LocalPostgres

        return LocalPostgres(self.home / "pg")

    def _aws(self) -> Any:
        from tranche.local.ministack import LocalAws

        return LocalAws(self.home / "aws")

    def _wanted(self, only: Iterable[str] | None) -> set[str]:
        return set(self.parts if only is None else only) & set(self.parts)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Take the runtime's lock: of two concurrent commands, the second waits."""
        make_home(self.folder)
        with (self.home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _recall(self) -> _Memory:
        try:
            stored = json.loads(self._state_path.read_text())
        except FileNotFoundError:
            return _Memory()
        except json.JSONDecodeError as error:
            raise RuntimeFault(f"{self._state_path} is damaged ({error}); tranche local reset starts afresh") from error
        return _Memory(
            aws_port=stored["aws_port"],
            aws=Running.from_json(stored["aws"]),
            aws_pending=stored["aws_pending"],
            provider_port=stored["provider_port"],
            provider=Running.from_json(stored["provider"]),
            streams=stored["streams"],
            keys=stored["keys"],
        )

    def _remember(self, memory: _Memory) -> None:
        draft = self._state_path.with_suffix(".draft")
        stored = {
            "aws_port": memory.aws_port,
            "aws": memory.aws.to_json() if memory.aws else None,
            "aws_pending": memory.aws_pending,
            "provider_port": memory.provider_port,
            "provider": memory.provider.to_json() if memory.provider else None,
            "streams": memory.streams,
            "keys": memory.keys,
        }
        draft.write_text(json.dumps(stored, indent=2))
        draft.replace(self._state_path)


def _status(name: str, running: Running | None, port: int | None) -> PartStatus:
    if running is None:
        return PartStatus(name, "down", None, None)
    if not running.is_alive:
        return PartStatus(name, "crashed", None, None)
    return PartStatus(name, "up", running.pid, _address(port))


def _address(port: int | None) -> str:
    return f"http://127.0.0.1:{port}"


def _lake_settings(folder: Path, endpoint: str, region: str) -> Any:
    from pipelines.settings import Settings

    return Settings.from_environment(
        {"TRANCHE_AWS_ENDPOINT": endpoint, "TRANCHE_AWS_REGION": region, "TRANCHE_VAR": str(folder)}
    )
