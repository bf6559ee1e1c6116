"""Calls a function of the database in one round trip, with the beginning of the transaction where none is open.

psycopg opens a transaction by a round trip of its own, which costs as much as a short statement. libpq's pipeline mode
sends both at once; psycopg's own pipeline would cost more than it saves for one statement.
"""

import select
from collections.abc import MutableMapping, Sequence
from itertools import count
from typing import Any

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result

_names = count()


class Function:
    """A function of the database that takes texts and answers with a truth, kept prepared on each connection."""

    def __init__(self, name: str, parameters: int) -> None:
        marks = [f"${number}" for number in range(1, parameters + 1)]
        self._prepared = f"SELECT {name}({', '.join(marks)})".encode()
        self._plain = f"SELECT {name}({', '.join(['%s'] * parameters)})"

    def call(self, connection: Any, values: Sequence[str | None]) -> bool:
        """Call it in the connection's transaction; raises the errors that psycopg's `execute` would."""
        statements = _statements(connection)
        if statements is None or any(
            value is not None and "\0" in value for value in values
        ):  # libpq would cut it there
            row = connection.execute(self._plain, values).fetchone()
            return row is not None and row[0] is True
        with connection.lock:
            return self._sent(connection, statements, [None if value is None else value.encode() for value in values])

    def _sent(
        self,
        connection: psycopg.Connection[Any],
        statements: MutableMapping[Any, bytes],
        values: Sequence[bytes | None],
    ) -> bool:
        pgconn = connection.pgconn
        key = (self._prepared, ())
        name = statements.get(key)
        begins = pgconn.transaction_status == pq.TransactionStatus.IDLE
        try:
            pgconn.enter_pipeline_mode()
            if begins:
                pgconn.send_query_params(b"BEGIN", None)
            if name is None:
                name = b"tranche_%d" % next(_names)
                pgconn.send_prepare(name, self._prepared)
            pgconn.send_query_prepared(name, values)
            pgconn.pipeline_sync()
            results = _results(pgconn)
            pgconn.exit_pipeline_mode()
        except BaseException:  # also an interrupt: answers may be left in the connection, so nobody may go on with it
            connection.close()
            raise
        for result in results:
            if result.status not in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK):
                raise error_from_result(result)
        statements[key] = name
        return results[-1].get_value(0, 0) == b"t"


def _statements(connection: Any) -> MutableMapping[Any, bytes] | None:
    """The register in which psycopg keeps what is prepared on a connection; None where only psycopg may send.

    psycopg empties the register when it deallocates everything, as after each rollback. It is not part of its public
    interface, so without it statements are sent by psycopg.
    """
    if not (
        isinstance(connection, psycopg.Connection)
        and not connection.autocommit
        and connection.prepare_threshold is not None
        and (connection.isolation_level, connection.read_only, connection.deferrable) == (None, None, None)
        and connection.pgconn.parameter_status(b"client_encoding") == b"UTF8"
        and connection.pgconn.pipeline_status == pq.PipelineStatus.OFF
        and connection.pgconn.transaction_status in (pq.TransactionStatus.IDLE, pq.TransactionStatus.INTRANS)
    ):
        return None
    return getattr(getattr(connection, "_prepared", None), "_names", None)


def _results(pgconn: pq.abc.PGconn) -> list[pq.abc.PGresult]:
    """The result of each statement that was sent; then the connection has no more to read."""
    poll = select.poll()  # waits here and not in libpq, so that an interrupt is heeded at once
    poll.register(pgconn.socket, select.POLLIN | select.POLLOUT)
    while pgconn.flush():  # more than the socket takes at once
        poll.poll()
        pgconn.consume_input()
    poll.modify(pgconn.socket, select.POLLIN)
    found: list[pq.abc.PGresult] = []
    while True:
        while pgconn.is_busy():
            poll.poll()
            pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:  # between the results of two statements
            continue
        if result.status == pq.ExecStatus.PIPELINE_SYNC:
            return found
        found.append(result)
