"""A Spark driver starts from an archive of classes that is recorded once; a broken archive stops none."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyspark
import pytest

from pipelines.runtime.class_archive import archive_for, recording, using
from pipelines.runtime.java import find_java

SPARK_JARS = Path(pyspark.__file__).parent / "jars"
DRIVER = "org.apache.spark.deploy.SparkSubmit"


def start(program: Path, options: Sequence[str], log: Path, class_path: str = f"{SPARK_JARS}/*") -> set[str]:
    """The classes that came out of the archive in a driver that says its version and ends."""
    command = [str(program), *options, f"-Xlog:class+load:file={log}", "-cp", class_path, DRIVER, "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "version 4." in done.stderr
    assert done.stdout == "", "Java's remarks would stand between the lines that a command prints"
    lines = [line.split() for line in log.read_text().splitlines() if "shared objects file (top)" in line]
    return {word for line in lines for word in line if word.startswith("org.apache.spark.")}


@pytest.mark.slow
@pytest.mark.parametrize("choice", ["found", "wheel"])
def test_a_driver_records_the_archive_and_the_next_starts_from_it(choice: str, tmp_path: Path) -> None:
    """The wheel's Java lacks the archive of its own classes that another builds on."""
    program, archive = find_java(os.environ, choice=choice).program, tmp_path / "in a folder" / "classes.jsa"
    archive.parent.mkdir()

    first = start(program, recording(archive, program), tmp_path / "first.log")
    second = start(program, using(archive), tmp_path / "second.log")

    assert first == set()
    assert DRIVER in second


@pytest.mark.slow
def test_an_archive_from_other_jars_and_a_missing_one_stop_no_driver(tmp_path: Path) -> None:
    program, archive = find_java(os.environ, choice="found").program, tmp_path / "classes.jsa"
    start(program, recording(archive, program), tmp_path / "first.log")

    _file(tmp_path / "other.jar")
    assert start(program, using(archive), tmp_path / "other.log", f"{tmp_path}/other.jar:{SPARK_JARS}/*") == set()
    archive.unlink()
    assert start(program, using(archive), tmp_path / "missing.log") == set()


def test_an_archive_is_recorded_once_for_each_java_and_state_of_the_jars(tmp_path: Path) -> None:
    java, other, jar = (_file(tmp_path / name) for name in ("jdk/bin/java", "jre/bin/java", "iceberg.jar"))
    recorded: list[Path] = []

    def record(draft: Path) -> None:
        recorded.append(draft)
        draft.write_text("classes")

    first = archive_for(java, [jar], tmp_path, record)
    again = archive_for(java, [jar], tmp_path, record)
    of_the_other = archive_for(other, [jar], tmp_path, record)
    assert first is not None
    base = _file(first.with_name(f"{first.name}.base"))
    jar.write_text("a newer one")
    newer = archive_for(java, [jar], tmp_path, record)

    assert (again, newer != first, of_the_other != first, len(recorded)) == (first, True, True, 3)
    left = {path for path in tmp_path.glob("classes-*") if not path.name.endswith(".recorded")}
    assert (left, base.exists()) == ({of_the_other, newer}, False)
    assert [draft for draft in recorded if draft.exists()] == []


@pytest.mark.parametrize("touched", ["cla", "another", ""])
def test_an_archive_that_was_touched_is_recorded_anew(touched: str, tmp_path: Path) -> None:
    """Java would crash on it."""
    java, tries = _file(tmp_path / "jdk" / "bin" / "java"), list[Path]()

    def record(draft: Path) -> None:
        tries.append(draft)
        draft.write_text("classes")

    first = archive_for(java, [], tmp_path, record)
    assert first is not None
    first.write_text(touched)
    assert archive_for(java, [], tmp_path, record) == first

    assert (first.read_text(), len(tries)) == ("classes", 2)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(subprocess.CalledProcessError(1, "java"), id="it fails"),
        pytest.param(subprocess.TimeoutExpired("java", 300), id="it takes too long"),
        pytest.param(None, id="nothing is written"),
    ],
)
def test_what_cannot_be_recorded_is_not_tried_again(fault: Exception | None, tmp_path: Path) -> None:
    java, tries = _file(tmp_path / "jdk" / "bin" / "java"), list[Path]()

    def record(draft: Path) -> None:
        tries.append(draft)
        if fault is not None:
            raise fault

    found = [archive_for(java, [], tmp_path, record) for _ in range(2)]

    assert len(tries) == 1
    assert found == [None, None]


@pytest.mark.slow
def test_the_session_starts_from_an_archive_that_has_iceberg_too(spark: Any) -> None:
    jvm = spark.sparkContext._jvm
    options = list(jvm.java.lang.management.ManagementFactory.getRuntimeMXBean().getInputArguments())
    class_path = jvm.System.getProperty("java.class.path").split(os.pathsep)

    (archive,) = [option.partition("=")[2] for option in options if option.startswith("-XX:SharedArchiveFile=")]
    assert b"org/apache/iceberg/spark/SparkCatalog" in Path(archive).read_bytes()
    assert [Path(each).name.startswith("iceberg-") for each in class_path[-2:]] == [True, True]


def _file(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(path.name)
    return path
