"""Spark's Java artefacts: stored ones are used offline, and a file that differs from the pinned one is refused."""

import hashlib
from pathlib import Path

import pytest

from pipelines.runtime.jars import Jar, JarFault, have, pinned

NO_JAVA = Path("/nonexistent/java")


def test_the_pins_name_iceberg_for_spark_and_for_aws() -> None:
    assert [jar.file_name for jar in pinned()] == [
        "iceberg-spark-runtime-4.1_2.13-1.11.0.jar",
        "iceberg-aws-bundle-1.11.0.jar",
    ]


def test_an_artefact_that_is_kept_needs_no_network_and_no_java(tmp_path: Path) -> None:
    jar = _kept(tmp_path, b"the real one")

    assert have([jar], tmp_path, java=NO_JAVA) == [tmp_path / "thing-1.0.jar"]


def test_an_artefact_with_another_checksum_is_refused_by_name(tmp_path: Path) -> None:
    jar = _kept(tmp_path, b"the real one")
    (tmp_path / jar.file_name).write_bytes(b"another one")

    with pytest.raises(JarFault, match=r"thing-1\.0\.jar is not the pinned org\.example:thing:1\.0"):
        have([jar], tmp_path, java=NO_JAVA)


def test_an_artefact_that_is_changed_after_it_was_checked_is_checked_again(tmp_path: Path) -> None:
    jar = _kept(tmp_path, b"the real one")
    have([jar], tmp_path, java=NO_JAVA)
    (tmp_path / jar.file_name).write_bytes(b"tampered with")

    with pytest.raises(JarFault, match="is not the pinned"):
        have([jar], tmp_path, java=NO_JAVA)


def test_a_new_pin_for_the_same_file_name_is_checked_again(tmp_path: Path) -> None:
    jar = _kept(tmp_path, b"the real one")
    have([jar], tmp_path, java=NO_JAVA)

    with pytest.raises(JarFault, match="is not the pinned"):
        have([Jar(jar.coordinate, "0" * 64)], tmp_path, java=NO_JAVA)


@pytest.mark.slow
def test_an_artefact_that_cannot_be_had_is_named_and_leaves_nothing_behind(tmp_path: Path) -> None:
    from pipelines.runtime.java import find_java

    java = find_java({}, choice="wheel").program

    with pytest.raises(JarFault, match=r"no\.such\.group:thing:1\.0 could not be fetched"):
        have([Jar("no.such.group:thing:1.0", "0" * 64)], tmp_path / "jars", java=java)
    assert [each.name for each in (tmp_path / "jars").iterdir()] == [".lock"]


def _kept(folder: Path, content: bytes) -> Jar:
    jar = Jar("org.example:thing:1.0", hashlib.sha256(content).hexdigest())
    (folder / jar.file_name).write_bytes(content)
    return jar
