"""Spark's Java artefacts: fetched once by coordinate, checked against their sha256, used offline from then on."""

import fcntl
import hashlib
import subprocess
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from terminal.fault import Fault

PINS = Path(str(files("pipelines"))) / "jvm.toml"


class JarFault(Fault):
    """An artefact cannot be had, or is not the one that was pinned. The message names it."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One pinned artefact; `sha256` in lower-case hex."""

    coordinate: str
    sha256: str

    @property
    def file_name(self) -> str:
        _, artefact, version = self.coordinate.split(":")
        return f"{artefact}-{version}.jar"


def pinned(path: Path = PINS) -> tuple[Jar, ...]:
    """The artefacts that `jvm.toml` names."""
    with path.open("rb") as file:
        return tuple(Jar(each["coordinate"], each["sha256"]) for each in tomllib.load(file)["jar"])


def have(jars: Iterable[Jar], folder: Path, *, java: Path, options: Callable[[], Sequence[str]] = tuple) -> list[Path]:
    """Paths of all artefacts in `folder`, fetching what is missing with Spark's own resolver.

    `java` is the program that runs the resolver, `options` gives its arguments and is asked only when it runs.
    `JarFault` when a file's checksum is wrong, whether it was just fetched or stood there before.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        # Two processes that start on an empty folder: the second waits and finds everything there.
        fcntl.flock(lock, fcntl.LOCK_EX)
        return [_have(jar, folder, java, options) for jar in jars]


def _have(jar: Jar, folder: Path, java: Path, options: Callable[[], Sequence[str]]) -> Path:
    path = folder / jar.file_name
    if not path.is_file():
        with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as scratch:
            fetched = _fetch(jar, Path(scratch), java, options())
            _check(jar, fetched)
            fetched.replace(path)
            _mark(path, jar).touch()
    elif not _is_marked(path, jar):
        _check(jar, path)
        _mark(path, jar).touch()
    return path


def _fetch(jar: Jar, scratch: Path, java: Path, options: Sequence[str]) -> Path:
    import pyspark

    ivy = Path(pyspark.__file__).parent / "jars" / "*"
    command = [str(java), *options, "-cp", str(ivy), "org.apache.ivy.Main", "-warn", "-cache", str(scratch / "cache")]
    wanted = ["-notransitive", "-types", "jar", "-confs", "default", "-dependency", *jar.coordinate.split(":")]
    done = subprocess.run(
        [*command, *wanted, "-retrieve", str(scratch / "[artifact]-[revision].[ext]")],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    fetched = scratch / jar.file_name
    if not fetched.is_file():
        said = " ".join((done.stdout + done.stderr).split())[-400:]
        raise JarFault(
            f"{jar.coordinate} could not be fetched (once a network is there, it is fetched and kept); said: {said}"
        )
    return fetched


def _check(jar: Jar, path: Path) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != jar.sha256:
        raise JarFault(
            f"{path} is not the pinned {jar.coordinate}: its sha256 is {found}, jvm.toml says {jar.sha256}; "
            "remove the file to fetch it again"
        )


def _mark(path: Path, jar: Jar) -> Path:
    return path.with_name(f"{path.name}.{jar.sha256[:16]}.checked")


def _is_marked(path: Path, jar: Jar) -> bool:
    """Whether this file was checked since it was last written; hashing 100 MB at each start costs half a second."""
    mark = _mark(path, jar)
    return mark.is_file() and mark.stat().st_mtime_ns >= path.stat().st_mtime_ns
