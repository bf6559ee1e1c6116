"""Which Java runs Spark: the machine's own 17 or 21, else the wheel's, on which Spark really runs."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipelines.runtime.java import Java, find_java, home_for_spark

# Without an archive of classes: recording one for this Java too takes longer than the whole test.
SPARK_ON_THE_WHEEL = """
from pathlib import Path
from pipelines.settings import Settings
from pipelines.runtime import spark
from pipelines.runtime.spark import session
spark.archive_for = lambda *_: Path("none")
spark = session(Settings.from_environment())
spark.sql("create table {table} (id bigint) using iceberg")
spark.sql("insert into {table} select id from range(3)")
jvm = spark.sparkContext._jvm.System.getProperty
print("java", jvm("java.version"), jvm("java.vendor"), "rows", spark.table("{table}").count())
spark.stop()
"""


def test_java_home_of_a_supported_version_is_used(tmp_path: Path) -> None:
    home = _java(tmp_path / "jdk", "21.0.4")

    found = find_java({"JAVA_HOME": str(home), "PATH": ""}, choice="found")

    assert found == Java(home / "bin" / "java", is_wheel=False)


def test_a_java_home_of_another_version_gives_way_to_the_java_on_the_path(tmp_path: Path) -> None:
    old, good = _java(tmp_path / "old", "11.0.2"), _java(tmp_path / "good", "17.0.15")
    environ = {"JAVA_HOME": str(old), "PATH": str(good / "bin")}

    assert find_java(environ, choice="found") == Java(good / "bin" / "java", is_wheel=False)


@pytest.mark.parametrize("version", ["1.8.0_402", "11.0.2", "25"])
def test_any_other_java_gives_way_to_the_wheels(version: str, tmp_path: Path) -> None:
    other = _java(tmp_path / "other", version)

    assert find_java({"PATH": str(other / "bin")}, choice="found").is_wheel


def test_a_java_that_only_says_how_to_install_one_is_no_java(tmp_path: Path) -> None:
    stub = _program(tmp_path / "stub" / "bin" / "java", "exit 1")

    assert find_java({"PATH": str(stub.parent)}, choice="found").is_wheel


def test_the_machines_own_java_is_left_aside_when_the_wheels_is_asked_for(tmp_path: Path) -> None:
    home = _java(tmp_path / "jdk", "21.0.4")

    assert find_java({"JAVA_HOME": str(home)}, choice="wheel").is_wheel


def test_the_wheels_java_runs_without_the_module_that_it_lacks(tmp_path: Path) -> None:
    home = home_for_spark(find_java({}, choice="wheel"), tmp_path)

    said = subprocess.run(
        [home / "bin" / "java", "--add-modules=jdk.incubator.vector", "-version"],
        capture_output=True,
        text=True,
        check=True,
    ).stderr

    assert 'version "21.' in said


@pytest.mark.slow
def test_spark_and_iceberg_run_on_the_wheels_java(lake_environment: Mapping[str, str]) -> None:
    table = f"lake.{lake_environment['TRANCHE_LAKE_PREFIX']}raw.on_the_wheel"
    environ = {**os.environ, **lake_environment, "TRANCHE_JAVA": "wheel"}

    done = subprocess.run(
        [sys.executable, "-c", SPARK_ON_THE_WHEEL.format(table=table)],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
    )

    assert "java 21." in done.stdout, done.stderr
    assert "rows 3" in done.stdout


def _java(home: Path, version: str) -> Path:
    _program(home / "bin" / "java", f"echo 'openjdk version \"{version}\" 2025-04-15' >&2")
    return home.resolve()


def _program(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path
