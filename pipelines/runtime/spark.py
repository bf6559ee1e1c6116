"""The one place where a Spark session is built: the catalogue `lake`, on Glue and S3, in UTC."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.runtime import jars
from pipelines.runtime.java import find_java, home_for_spark, trust_options
from pipelines.settings import CHECKOUT, Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CATALOG = "lake"
LOGGING = Path(str(files("pipelines"))) / "log4j2.properties"
# The collector that takes the least CPU: work comes in batches, so its pauses do not matter.
# Spark cuts the options at spaces, which an address does not have.
JAVA_OPTIONS = f"-Duser.timezone=UTC -XX:+UseParallelGC -Dlog4j2.configurationFile={LOGGING.as_uri()}"
# Spark hides values of such names in what it logs and shows.
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def session(settings: Settings) -> SparkSession:
    """The session on `settings.spark_master`, with the Iceberg catalogue `lake`; the running one if there is one."""
    from pyspark.sql import SparkSession

    java = find_java(os.environ, choice=settings.java)
    paths = jars.have(
        jars.pinned(),
        settings.jvm_dir,
        java=java.program,
        options=lambda: trust_options(java, settings.jvm_dir),
    )
    # Spark reads these from the environment of the process that starts it, and from nowhere else.
    os.environ["JAVA_HOME"] = str(home_for_spark(java, settings.jvm_dir))
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    if _stays_here(settings):
        os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    os.environ["SPARK_LOCAL_DIRS"] = str(settings.var / "spark" / "local")
    builder = SparkSession.builder.appName("tranche")
    for name, value in configuration(settings, paths, os.environ).items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def configuration(settings: Settings, jar_paths: list[Path], environ: Mapping[str, str]) -> dict[str, str]:
    """The session's configuration; `environ` is read only for the keys that a driver hands to its executors."""
    return {**_spark(settings, jar_paths), **_executors(settings, environ), **_lake(settings)}


def _stays_here(settings: Settings) -> bool:
    """Nothing of it listens on any address but loopback; a master elsewhere could not reach a driver that does so."""
    return re.match(r"local|spark://(127\.0\.0\.1|localhost):", settings.spark_master) is not None


def _spark(settings: Settings, jar_paths: list[Path]) -> dict[str, str]:
    return {
        "spark.master": settings.spark_master,
        **(
            {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"} if _stays_here(settings) else {}
        ),
        "spark.jars": ",".join(str(path) for path in jar_paths),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "4",
        # Each contract has code of its own, in several pieces. With Spark's 100 pieces a batch of nine event types
        # throws out its first before it comes to its last, and the next batch compiles them all again.
        "spark.sql.codegen.cache.maxEntries": "2000",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        "spark.sql.warehouse.dir": str(settings.var / "spark" / "warehouse"),
        "spark.driver.memory": "2g",
        "spark.driver.extraJavaOptions": JAVA_OPTIONS,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }


def _executors(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """What executors on other machines need and do not have: our modules, the lake's address, who may write there.

    Executors in the driver's own process have all of it. Keys are handed on where the driver has them in its
    environment; on AWS it has none, and each machine has a role of its own.
    """
    if settings.spark_master.startswith("local"):
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
