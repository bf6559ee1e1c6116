"""Java's archive of the classes that a Spark driver loads; a driver that starts from it takes half the processor time.

It is recorded once for each Java and state of the jars, by a short program in a process of its own. Java refuses an
archive that was recorded from other jars, and then loads the classes one by one as it would without. But Java 17
crashes on a file that was cut off, on one of another Java and on any other: so an archive is named after what it was
recorded from, and is recorded anew when it was touched since.
"""

import fcntl
import hashlib
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

# Recording takes about half a minute; a machine that needs longer than this works without an archive.
PATIENCE_SECONDS = 300
# Java's remarks on an archive that it refuses would stand between the lines that a command prints.
_QUIET = "-Xlog:cds*=off"


def using(archive: Path) -> list[str]:
    """The options with which a driver starts from the archive, if it fits."""
    return [_QUIET, f"-XX:SharedArchiveFile={archive}"]


def recording(archive: Path, program: Path) -> list[str]:
    """The options with which a driver of this Java records the archive as it ends."""
    base = _base(archive)
    if not _own_archive(program).is_file() and not base.is_file():
        subprocess.run([program, "-Xshare:dump", f"-XX:SharedArchiveFile={base}"], check=True, capture_output=True)
    on_base = [f"-XX:SharedArchiveFile={base}"] if base.is_file() else []
    # The second compiler's work would not pay for itself before the end.
    return [_QUIET, "-XX:TieredStopAtLevel=1", *on_base, f"-XX:ArchiveClassesAtExit={archive}"]


def archive_for(program: Path, jars: Sequence[Path], folder: Path, record: Callable[[Path], None]) -> Path | None:
    """The archive in `folder` of the classes that this Java loads from Spark's jars and from `jars`.

    If it is missing, `record` writes it to the given path. If that fails, there is none, and an empty file in its place
    keeps the next call from trying again. Archives that the same Java recorded from earlier jars in the same place are
    removed.
    """
    path = _path(program, jars, folder)
    if _is_untouched(path):
        return path if path.stat().st_size else None
    # Not the lock of the jars, which the recording process takes.
    with (folder / ".archive-lock").open("w") as lock:
        # Two processes that start on an empty folder: the second waits and finds the archive there.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_untouched(path):
            _remove_earlier(path)
            path.unlink(missing_ok=True)
            draft = path.with_name(f"draft-{path.name}")
            draft.unlink(missing_ok=True)
            try:
                record(draft)
                draft.replace(path)
            except (OSError, subprocess.SubprocessError) as fault:
                logging.getLogger(__name__).warning("Spark will start slowly: %s", fault)
                path.touch()
            _note(path).write_text(_state(path))
    return path if path.stat().st_size else None


def record_typical_session(archive: Path, *, jvm_dir: Path, java: str, environ: Mapping[str, str]) -> None:
    """Record the classes of `typical_session`, which finds the jars in `jvm_dir` and runs on the Java of that choice.

    `environ` is passed on to it.

    Raises a SubprocessError if it does not end well, or not in time.
    """
    path = os.pathsep.join(each for each in sys.path if each)
    # It reaches no AWS, but a client that finds no key asks the network for one.
    no_key = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
    subprocess.run(
        [sys.executable, "-m", "pipelines.runtime.typical_session", archive, jvm_dir, java],
        check=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=PATIENCE_SECONDS,
        env={**environ, **no_key, "PYTHONPATH": path},
    )


def _path(program: Path, jars: Sequence[Path], folder: Path) -> Path:
    import pyspark

    spark = Path(pyspark.__file__).parent / "jars"
    place = _digest([str(program), str(spark)])
    jvm = (program.parents[1] / "lib").glob("**/libjvm.*")
    state = _digest(_state(each) for each in (program, *sorted(jvm), *sorted(spark.iterdir()), *jars))
    return folder / f"classes-{place}-{state}.jsa"


def _remove_earlier(path: Path) -> None:
    place, _, _ = path.name.rpartition("-")
    for earlier in path.parent.glob(f"{place}-*"):
        with suppress(FileNotFoundError):  # another process that starts now removes it too
            earlier.unlink()


def _note(archive: Path) -> Path:
    return archive.with_name(f"{archive.name}.recorded")


def _is_untouched(archive: Path) -> bool:
    try:
        return _note(archive).read_text() == _state(archive)
    except FileNotFoundError:
        return False


def _own_archive(program: Path) -> Path:
    """The archive of Java's own classes, on which others build; the wheel's Java has none."""
    return program.resolve().parents[1] / "lib" / "server" / "classes.jsa"


def _base(archive: Path) -> Path:
    return archive.with_name(f"{archive.name.removeprefix('draft-')}.base")


def _state(file: Path) -> str:
    """What changes when the file does; of a jar, Java compares the same."""
    found = file.stat()
    return f"{file}:{found.st_size}:{found.st_mtime_ns}"


def _digest(words: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:12]
