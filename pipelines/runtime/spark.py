"""The one place where a Spark session is built: the catalogue `lake`, on Glue and S3, in UTC."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.runtime import jars
from pipelines.runtime.class_archive import archive_for, record_typical_session, recording, using
from pipelines.runtime.java import Java, find_java, home_for_spark, trust_options
from pipelines.settings import CHECKOUT, Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CATALOG = "lake"
# How long a Python worker tries to reach the JVM; Spark's 15 seconds are too few on a busy machine.
PATIENCE_SECONDS = 120
LOGGING = Path(str(files("pipelines"))) / "log4j2.properties"
# The collector that takes the least CPU: work comes in batches, so its pauses do not matter.
# Spark cuts the options at spaces, which an address does not have.
# Java's own remarks go to standard error, since standard output may be a command's JSON.
JAVA_OPTIONS = (
    f"-Duser.timezone=UTC -XX:+UseParallelGC -Dlog4j2.configurationFile={LOGGING.as_uri()} "
    "-XX:+DisplayVMOutputToStderr -Xlog:disable -Xlog:all=warning:stderr"
)
# The short-lived JVM that only puts together the driver's command line.
LAUNCHER_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
# Spark hides values of such names in what it logs and shows.
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def session(settings: Settings) -> SparkSession:
    """The session on `settings.spark_master`, with the Iceberg catalogue `lake`; the running one if there is one."""
    java = find_java(os.environ, choice=settings.java)
    paths = _jars(settings, java)
    folder = _jvm_dir(settings)
    record = partial(record_typical_session, jvm_dir=folder, java=settings.java, environ=os.environ)
    archive = archive_for(java.program, paths, folder, record)
    return _started(settings, java, paths, [] if archive is None else using(archive))


def recorded_session(settings: Settings, archive: Path) -> SparkSession:
    """Like `session`, but its JVM records the classes that it has loaded in `archive` as it ends."""
    java = find_java(os.environ, choice=settings.java)
    return _started(settings, java, _jars(settings, java), recording(archive, java.program))


def _jvm_dir(settings: Settings) -> Path:
    """By one name, since an archive fits only jars of the same names."""
    return settings.jvm_dir.resolve()


def _jars(settings: Settings, java: Java) -> list[Path]:
    return jars.have(
        jars.pinned(),
        _jvm_dir(settings),
        java=java.program,
        options=lambda: trust_options(java, _jvm_dir(settings)),
    )


def _started(settings: Settings, java: Java, paths: list[Path], java_options: Sequence[str]) -> SparkSession:
    from pyspark.sql import SparkSession

    # Spark reads these from the environment of the process that starts it, and from nowhere else.
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    # A setting of the session reaches most workers, but not those that read a stream.
    os.environ.setdefault("SPARK_AUTH_SOCKET_TIMEOUT", f"{PATIENCE_SECONDS}")
    if _stays_here(settings):
        os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    os.environ["SPARK_LOCAL_DIRS"] = str(settings.var / "spark" / "local")
    builder = SparkSession.builder.appName("tranche")
    for name, value in configuration(settings, paths, os.environ, java_options).items():
        builder = builder.config(name, value)
    launch = {
        "JAVA_HOME": str(home_for_spark(java, _jvm_dir(settings))),
        "SPARK_LAUNCHER_OPTS": LAUNCHER_OPTIONS,
    }
    if _is_local(settings):
        # Behind Spark's own jars, of which Iceberg's hold some in other versions.
        launch["SPARK_DIST_CLASSPATH"] = os.pathsep.join(str(path) for path in paths)
    with _in_environment(launch):
        return builder.getOrCreate()


@contextmanager
def _in_environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set these while a JVM is launched, so that no Java and no Spark started later takes them for the user's own."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def configuration(
    settings: Settings, jar_paths: list[Path], environ: Mapping[str, str], java_options: Sequence[str] = ()
) -> dict[str, str]:
    """The session's configuration; `environ` is read only for the keys that a driver hands to its executors.

    `java_options` are further options of the driver's JVM.
    """
    return {**_spark(settings, jar_paths, java_options), **_executors(settings, environ), **_lake(settings)}


def _stays_here(settings: Settings) -> bool:
    """Nothing of it listens on any address but loopback; a master elsewhere could not reach a driver that does so."""
    return re.match(r"local|spark://(127\.0\.0\.1|localhost):", settings.spark_master) is not None


def _is_local(settings: Settings) -> bool:
    """The driver is its own executor."""
    return settings.spark_master.startswith("local")


def _spark(settings: Settings, jar_paths: list[Path], java_options: Sequence[str]) -> dict[str, str]:
    return {
        "spark.master": settings.spark_master,
        **(
            {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"} if _stays_here(settings) else {}
        ),
        # A driver that is its own executor has them on its class path: from there they come out of the archive of
        # classes, and nothing is copied.
        **({} if _is_local(settings) else {"spark.jars": ",".join(str(path) for path in jar_paths)}),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "4",
        # Each contract has code of its own, in several pieces. With Spark's 100 pieces a batch of nine event types
        # throws out its first before it comes to its last, and the next batch compiles them all again.
        "spark.sql.codegen.cache.maxEntries": "2000",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.python.authenticate.socketTimeout": f"{PATIENCE_SECONDS}s",
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        "spark.sql.warehouse.dir": str(settings.var / "spark" / "warehouse"),
        "spark.driver.memory": "2g",
        "spark.driver.extraJavaOptions": " ".join([JAVA_OPTIONS, *map(_quoted, java_options)]),
        "spark.ui.enabled": "false",
        # Each plan is described for the interface even so; the short form takes a part of the long one's time.
        "spark.sql.ui.explainMode": "simple",
        "spark.ui.showConsoleProgress": "false",
    }


def _quoted(option: str) -> str:
    """As one option, spaces or not: Spark takes off double quotes and the backslash before a character."""
    return '"' + option.replace("\\", r"\\").replace('"', r"\"") + '"'


def _executors(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """What executors on other machines need and do not have: our modules, the lake's address, who may write there.

    Executors in the driver's own process have all of it. Keys are handed on where the driver has them in its
    environment; on AWS it has none, and each machine has a role of its own.
    """
    if _is_local(settings):
        return {}
    environment = {
        "PYTHONPATH": str(CHECKOUT),
        "TRANCHE_AWS_ENDPOINT": settings.aws_endpoint or "",
        "AWS_REGION": settings.aws_region,
        "AWS_DEFAULT_REGION": settings.aws_region,
        **{name: environ[name] for name in _KEYS if environ.get(name)},
    }
    return {
        **{f"spark.executorEnv.{name}": value for name, value in environment.items()},
        # Their log reads like the driver's.
        "spark.executor.extraJavaOptions": JAVA_OPTIONS,
    }


def _lake(settings: Settings) -> dict[str, str]:
    prefix = f"spark.sql.catalog.{CATALOG}"
    options = {
        prefix: "org.apache.iceberg.spark.SparkCatalog",
        f"{prefix}.type": "glue",
        f"{prefix}.warehouse": settings.warehouse,
        f"{prefix}.io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
        f"{prefix}.client.region": settings.aws_region,
        # A streaming batch works in a cloned session with a cache of its own; a cache here would show old snapshots.
        f"{prefix}.cache-enabled": "false",
    }
    if settings.aws_endpoint is not None:
        options |= {
            f"{prefix}.s3.endpoint": settings.aws_endpoint,
            f"{prefix}.s3.path-style-access": "true",
            f"{prefix}.glue.endpoint": settings.aws_endpoint,
        }
    return options
