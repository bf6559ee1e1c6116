"""A Spark master and workers on loopback, for tests; started from the wheel and stopped by process id."""

import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyspark

from tests.waiting import until

HOME = Path(pyspark.__file__).parent
PATIENCE = 240.0


@contextmanager
def a_cluster(folder: Path, *, workers: int, java_home: Path) -> Iterator[str]:
    """The master's address, once all workers of one core each are known to it."""
    environment = {
        **os.environ,
        "SPARK_HOME": str(HOME),
        "JAVA_HOME": str(java_home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOG_DIR": str(folder),
        "SPARK_NO_DAEMONIZE": "1",
        # As in the drivers: none lives long enough for the second compiler. Executors get it from their worker.
        "JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1",
    }
    port = free_port()
    master = f"spark://127.0.0.1:{port}"
    with ExitStack() as running:
        address = ["--host", "127.0.0.1", "--webui-port", "0"]
        running.enter_context(
            _running("master.Master", ["--port", str(port), *address], folder / "master.log", environment)
        )
        for number in range(workers):
            share = ["--cores", "1", "--memory", "1g", "--work-dir", str(folder / f"work-{number}")]
            worker = [*address, *share, master]
            running.enter_context(_running("worker.Worker", worker, folder / f"worker-{number}.log", environment))
        _wait_for("Successfully registered with master", [folder / f"worker-{number}.log" for number in range(workers)])
        yield master


@contextmanager
def _running(what: str, arguments: list[str], log: Path, environment: Mapping[str, str]) -> Iterator[None]:
    program = [HOME / "bin" / "spark-class", f"org.apache.spark.deploy.{what}", *arguments]
    with log.open("wb") as said:
        # The script replaces itself by Java: the process that was started is the server.
        server = subprocess.Popen(program, env=environment, stdout=said, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            server.terminate()
            try:
                server.wait(timeout=30)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait_for(words: str, logs: list[Path]) -> None:
    until(
        lambda: all(words in log.read_text(errors="replace") for log in logs),
        seconds=PATIENCE,
        say=lambda: "\n".join(log.read_text(errors="replace")[-2000:] for log in logs),
    )


def free_port() -> int:
    """A free port."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])
