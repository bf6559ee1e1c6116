"""Audits the books in PostgreSQL on one snapshot, with two connections working in parallel."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

import psycopg

from ledger.account import NAME, NAME_LENGTH, NAME_LETTER, AccountType
from ledger.books.store import Act
from ledger.map.flows import money_map
from ledger.map.money_map import PLACEHOLDER
from ledger.migrate import PACKAGES, schema_files
from ledger.proof.audit_part import AuditSnapshot, PartFindings, audit_parts
from ledger.proof.check import Check, CheckFault, check_files
from ledger.proof.postgres_projections import PostgresProjections
from ledger.proof.projection import PROJECTIONS, Projection
from ledger.proof.verify import CheckedCounts, Findings, Shape

Connection = psycopg.Connection[Any]
Task = Callable[[Connection], object]

_COUNTS = """
SELECT (SELECT count(*) FROM ledger.entries), (SELECT count(*) FROM ledger.transfers),
       (SELECT count(*) FROM ledger.entries WHERE act = 'hold'), (SELECT count(*) FROM ledger.accounts)
"""
_SHAPES = """
SELECT r.flow, r.template_version, r.act, coalesce(d.pattern, ''), coalesce(c.pattern, ''), h.flow, min(r.entry_id),
       count(*)
  FROM ledger.transfers t
  JOIN ledger.requests r ON r.position = t.position
  LEFT JOIN ledger.requests h ON h.position = r.refers_to AND r.act = 'post_hold'
  LEFT JOIN ledger.accounts d ON d.account_id = t.debit
  LEFT JOIN ledger.accounts c ON c.account_id = t.credit
 GROUP BY 1, 2, 3, 4, 5, 6
"""
# Hashed texts need one encoding and time zone; large sums stay in memory; compiling a plan costs more than it saves.
_SETTINGS = """
SELECT set_config('client_encoding', 'UTF8', true), set_config('work_mem', '128MB', true),
       set_config('jit', 'off', true), set_config('timezone', 'UTC', true), set_config('tranche.chart', %s, true),
       set_config('tranche.schema_files', %s, true)
"""


@contextmanager
def connect_for_audit(database_url: str) -> "Iterator[PostgresAudit]":
    """The books and the parts beside them on one snapshot for as long as they are read; the connections only read."""
    with _connect(database_url) as one, _connect(database_url) as other:
        (snapshot,) = one.execute("SELECT pg_export_snapshot()").fetchone() or ("",)
        other.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
        yield PostgresAudit(
            one, other, beside=[partial(part, AuditSnapshot(database_url, snapshot)) for part in audit_parts()]
        )


def _connect(database_url: str) -> Connection:
    connection = psycopg.connect(database_url, application_name="tranche verify")
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    return connection


class PostgresAudit:
    """Audit over the schema `ledger`, the checks of other packages and `beside`; the connections share one snapshot."""

    def __init__(self, *connections: Connection, beside: Sequence[Callable[[], PartFindings]] = ()) -> None:
        self._connections = connections
        self._beside = beside

    def examine(self) -> Findings:
        first = self._connections[0]
        for connection in self._connections:
            connection.execute(_SETTINGS, (_chart(), _schema_files()))
        counts = CheckedCounts(*first.execute(_COUNTS).fetchone() or ())
        faults: list[CheckFault] = []
        shapes: dict[Shape, tuple[str, int]] = {}

        def read_shapes(connection: Connection) -> None:
            for flow, version, act, debit, credit, posts, entry_id, times in connection.execute(_SHAPES):
                shapes[Shape(flow, version, Act(act), debit, credit, posts)] = (entry_id, times)

        def checked(check: Check) -> Task:
            return lambda connection: faults.extend(_faults(connection, check))

        def compared(projection: Projection) -> Task:
            return lambda connection: faults.extend(_differing(connection, projection))

        tasks = [*(compared(projection) for projection in PROJECTIONS), read_shapes, *map(checked, check_files())]
        with ThreadPoolExecutor(1) as thread:
            beside = thread.submit(lambda: [part() for part in self._beside])
            _share_out(tasks, self._connections)
            found = beside.result()
        faults += (fault for part in found for fault in part.faults)
        others = {name: number for part in found for name, number in part.counts.items()}
        roots = dict(first.execute("SELECT seal_no, encode(root, 'hex') FROM ledger.seals").fetchall())
        row_roots = dict(first.execute("SELECT seal_no, encode(root, 'hex') FROM ledger.row_seals").fetchall())
        return Findings(counts, tuple(faults), shapes, roots, row_roots, others)


def _share_out(tasks: Sequence[Task], connections: Sequence[Connection]) -> None:
    """Run the tasks on the connections; each takes the next task when it is free."""
    waiting: SimpleQueue[Task] = SimpleQueue()
    for task in tasks:
        waiting.put(task)

    def work(connection: Connection) -> None:
        while True:
            try:
                task = waiting.get_nowait()
            except Empty:
                return
            task(connection)

    with ThreadPoolExecutor(len(connections)) as pool:
        for done in [pool.submit(work, connection) for connection in connections]:
            done.result()


def _faults(connection: Connection, check: Check) -> Iterator[CheckFault]:
    for found, where, detail in connection.execute(check.sql):
        yield CheckFault(found, where, detail)


def _differing(connection: Connection, projection: Projection) -> Iterator[CheckFault]:
    for difference in PostgresProjections(connection).differences(projection):
        yield CheckFault(projection.row, difference.where, difference.detail)


def _chart() -> str:
    return json.dumps([_line(kind) for kind in money_map().chart])


def _schema_files() -> str:
    known = [each for package in PACKAGES for each in schema_files(package)]
    return json.dumps([{"package": each.package, "file": each.file, "sha256": each.sha256} for each in known])


def _line(kind: AccountType) -> dict[str, object]:
    fixed = [re.escape(part) for part in PLACEHOLDER.split(kind.pattern)[::2]]  # the others name placeholders
    return {
        "pattern": kind.pattern,
        "form": f"^{NAME.join(fixed)}$",
        "shape": f"^{f'{NAME_LETTER}+'.join(fixed)}$",
        "name_length": NAME_LENGTH,
        "kind": kind.kind,
        "normal": kind.normal,
        "floor": kind.floor,
        "pending_only": kind.pending_only,
    }
