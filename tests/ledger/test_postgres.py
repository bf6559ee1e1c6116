"""What only a database shows: rights, races, crashes and what its own constraints refuse."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.synchronize import Event
from typing import Any

import psycopg
import pytest
from psycopg.errors import (
    CheckViolation,
    ForeignKeyViolation,
    InsufficientPrivilege,
    IntegrityConstraintViolation,
    UniqueViolation,
)

from ledger.account import Side
from ledger.money import Currency
from ledger.postgres import PostgresLedger
from ledger.postgres_audit import PostgresAudit
from ledger.store import AlreadyRecorded, AlreadyVoided, Outcome, Recorded, Refused, Voided
from ledger.verify import verify
from tests.ledger.builders import DAY, NOON, a_claim, a_journal, a_purchase, pounds, presumed_paid

Connection = psycopg.Connection[Any]
PRINCIPAL = "plan:p-1:principal"
TABLES = ("requests", "accounts", "transfers", "hold_events", "refusals", "outbox", "balances")


@pytest.fixture
def books(connection: Connection) -> PostgresLedger:
    """A purchase, a posted claim, an open one and a refused one, committed."""
    books = PostgresLedger(connection)
    books.post(a_purchase())
    books.hold(a_claim("25.00", "a-1"))
    books.post_hold("F12a:a-1", presumed_paid("25.00", "a-1"))
    books.hold(a_claim("25.00", "a-2"))
    books.hold(a_claim("99.00", "a-3"))
    connection.commit()
    return books


CHANGES = ("UPDATE ledger.{0} SET {1} = {1}", "DELETE FROM ledger.{0}", "TRUNCATE ledger.{0} CASCADE")


def _first_column(connection: Connection, table: str) -> str:
    row = connection.execute(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = 'ledger' AND table_name = %s ORDER BY ordinal_position LIMIT 1",
        (table,),
    ).fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.parametrize("change", CHANGES)
def test_the_application_may_not_change_what_is_recorded(
    connection: Connection, books: PostgresLedger, change: str
) -> None:
    columns = {table: _first_column(connection, table) for table in TABLES}
    connection.execute("SET ROLE tranche_application")

    for table, column in columns.items():
        with pytest.raises(InsufficientPrivilege, match="permission denied"), connection.transaction():
            connection.execute(change.format(table, column))


@pytest.mark.parametrize("change", CHANGES)
def test_not_even_the_owner_changes_what_is_recorded_or_sets_a_balance(
    connection: Connection, books: PostgresLedger, change: str
) -> None:
    for table in TABLES:
        column = _first_column(connection, table)
        with pytest.raises(InsufficientPrivilege, match="only ever added to"), connection.transaction():
            connection.execute(change.format(table, column))


def test_the_application_may_add_and_read(connection: Connection) -> None:
    connection.execute("SET ROLE tranche_application")

    assert PostgresLedger(connection).post(a_purchase()) == Recorded("F02:o-1")
    connection.commit()
    assert connection.execute("SELECT count(*) FROM ledger.transfers").fetchone() == (2,)


_ADD_TRANSFER = """
INSERT INTO ledger.transfers (entry_id, number, transfer_count, pending, debit_account, credit_account,
                              currency, amount_minor)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""
PAYABLE = "merchant:m-1:payable"


@pytest.mark.parametrize(
    ("row", "refused_as"),
    [
        pytest.param(("F02:o-1", 1, 2, False, PRINCIPAL, PAYABLE, "GBP", 1), UniqueViolation, id="doubled"),
        pytest.param(("F02:o-1", 3, 2, False, PRINCIPAL, PAYABLE, "GBP", 1), CheckViolation, id="one too many"),
        pytest.param(("F02:o-1", 3, 3, False, PRINCIPAL, PAYABLE, "GBP", 1), ForeignKeyViolation, id="other count"),
        pytest.param(("F02:o-9", 1, 1, False, PRINCIPAL, PAYABLE, "GBP", 1), ForeignKeyViolation, id="no entry"),
        pytest.param(
            ("F12a:a-3", 1, 1, True, PRINCIPAL, PAYABLE, "GBP", 1), IntegrityConstraintViolation, id="refused"
        ),
        pytest.param(("F02:o-1", 2, 2, False, PRINCIPAL, PRINCIPAL, "GBP", 1), CheckViolation, id="to itself"),
        pytest.param(("F02:o-1", 2, 2, False, PRINCIPAL, PAYABLE, "GBP", 0), CheckViolation, id="zero"),
        pytest.param(("F02:o-1", 2, 2, False, PRINCIPAL, PAYABLE, "GBP", -1), CheckViolation, id="below zero"),
    ],
)
def test_the_database_refuses_a_transfer_that_cannot_be(
    connection: Connection, books: PostgresLedger, row: tuple[object, ...], refused_as: type[Exception]
) -> None:
    with pytest.raises(refused_as):
        connection.execute(_ADD_TRANSFER, row)


def test_an_account_in_another_currency_is_another_account(connection: Connection, books: PostgresLedger) -> None:
    _claim_by_hand(connection, "F49:by-hand", 1)

    connection.execute("SET CONSTRAINTS ALL DEFERRED")
    with pytest.raises(ForeignKeyViolation):
        connection.execute(_ADD_TRANSFER, ("F49:by-hand", 1, 1, False, PRINCIPAL, "provider:sim:clearing", "CZK", 1))


def test_an_entry_is_not_committed_without_all_of_its_transfers(connection: Connection, books: PostgresLedger) -> None:
    _claim_by_hand(connection, "F49:by-hand", 2)
    clearing = ("F49:by-hand", 1, 2, False, PRINCIPAL, "provider:sim:clearing", "GBP", 1)
    connection.execute(_ADD_TRANSFER, clearing)

    with pytest.raises(IntegrityConstraintViolation, match="F49:by-hand has 1 of its 2 transfers"):
        connection.commit()


def test_a_limit_holds_even_for_who_writes_past_the_ledger(connection: Connection, books: PostgresLedger) -> None:
    _claim_by_hand(connection, "F03:by-hand", 1)

    with pytest.raises(CheckViolation, match="not_below_zero"):
        connection.execute(
            _ADD_TRANSFER, ("F03:by-hand", 1, 1, False, "provider:sim:clearing", PRINCIPAL, "GBP", 50_01)
        )


def test_more_than_was_held_is_not_released_by_who_writes_past_the_ledger(
    connection: Connection, books: PostgresLedger
) -> None:
    books.hold(a_claim("10.00", "a-4"))
    release = """
    INSERT INTO ledger.hold_events (hold_id, number, event, amount_minor, happened_at, reason)
    VALUES ('F12a:a-2', 1, 'voided', %s, now(), '')
    """

    with pytest.raises(IntegrityConstraintViolation, match="more of a hold"):
        connection.execute(release, (25_01,))


def _claim_by_hand(connection: Connection, entry_id: str, transfers: int) -> None:
    connection.execute(
        """
        INSERT INTO ledger.requests (entry_id, position, act, flow, template_version, value_date, occurred_at,
                                     recorded_at, correlation, transfer_count, body_digest, digest)
        VALUES (%s, nextval('ledger.positions'), 'post', 'F49', 1, %s, %s, %s, '{}', %s, %s, %s)
        """,
        (entry_id, DAY, NOON, NOON, transfers, "0" * 64, "0" * 64),
    )


def _at_once(database_url: str, acts: list[Callable[[PostgresLedger], object]]) -> list[object]:
    """Run each act in a connection and transaction of its own, all released at the same moment."""
    ready = threading.Barrier(len(acts))

    def run(act: Callable[[PostgresLedger], object]) -> object:
        with psycopg.connect(database_url) as connection:
            ready.wait(timeout=60)
            return act(PostgresLedger(connection))

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def _sound(database_url: str) -> bool:
    with psycopg.connect(database_url) as connection:
        return verify(PostgresAudit(connection)).sound


def test_one_journal_posted_by_many_at_once_takes_effect_once(database_url: str) -> None:
    answers = _at_once(database_url, [lambda books: books.post(a_purchase())] * 32)

    assert answers.count(Recorded("F02:o-1")) == 1
    assert answers.count(AlreadyRecorded("F02:o-1")) == 31
    with psycopg.connect(database_url) as connection:
        balance = PostgresLedger(connection).balance(PRINCIPAL, Currency.GBP)
        assert balance.debits_posted == 100_00
    assert _sound(database_url)


def test_of_many_claims_at_once_only_so_many_succeed_as_the_debt_allows(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        PostgresLedger(connection).post(a_purchase())
    claims = [a_claim("30.00", f"a-{number}") for number in range(12)]

    answers = _at_once(database_url, [lambda books, claim=claim: books.hold(claim) for claim in claims])  # type: ignore[misc]

    assert sum(isinstance(answer, Recorded) for answer in answers) == 3
    assert sum(isinstance(answer, Refused) for answer in answers) == 9
    assert _sound(database_url)


@pytest.mark.parametrize("attempt", range(5))
def test_a_hold_that_is_posted_and_voided_at_once_ends_one_way(database_url: str, attempt: int) -> None:
    with psycopg.connect(database_url) as connection:
        PostgresLedger(connection).post(a_purchase())
        PostgresLedger(connection).hold(a_claim())

    posted, voided, *_ = _at_once(
        database_url,
        [
            lambda books: books.post_hold("F12a:a-1", presumed_paid()),
            lambda books: books.void_hold("F12a:a-1", at=NOON, reason="declined"),
            lambda books: books.post_hold("F12a:a-1", presumed_paid()),
            lambda books: books.void_hold("F12a:a-1", at=NOON, reason="declined"),
        ],
    )

    with psycopg.connect(database_url) as connection:
        balance = PostgresLedger(connection).balance(PRINCIPAL, Currency.GBP)
    if isinstance(posted, Refused):
        assert isinstance(voided, Voided | AlreadyVoided)
        assert balance.free(Side.DEBIT) == pounds("100.00")
    else:
        assert isinstance(voided, Refused)
        assert balance.posted(Side.DEBIT) == pounds("75.00")
    assert balance.credits_pending == 0
    assert _sound(database_url)


def test_writers_that_meet_the_same_accounts_in_opposite_order_do_not_deadlock(database_url: str) -> None:
    names = [{"merchant": f"m-{number}", "plan": f"p-{number}"} for number in range(6)]

    def write(turn: int) -> Callable[[PostgresLedger], object]:
        order = names if turn % 2 else names[::-1]
        journals = [a_purchase(key=f"{turn}-{index}", names=each) for index, each in enumerate(order)]
        return lambda books: books.post_all(journals)

    answers = _at_once(database_url, [write(turn) for turn in range(16)])

    assert all(isinstance(each, Recorded) for batch in answers for each in _outcomes(batch))
    assert _sound(database_url)


def test_one_batch_written_by_many_at_once_in_opposite_order_takes_effect_once(database_url: str) -> None:
    journals = [a_purchase(key=f"o-{number}", names={"plan": f"p-{number}"}) for number in range(200)]

    def write(turn: int) -> Callable[[PostgresLedger], object]:
        order = journals if turn % 2 else journals[::-1]
        return lambda books: books.post_all(order)

    answers = _at_once(database_url, [write(turn) for turn in range(8)])

    outcomes = [each for batch in answers for each in _outcomes(batch)]
    assert sum(isinstance(each, Recorded) for each in outcomes) == 200
    assert sum(isinstance(each, AlreadyRecorded) for each in outcomes) == 1400
    assert _sound(database_url)


def _outcomes(batch: object) -> tuple[Outcome, ...]:
    assert isinstance(batch, tuple)
    return batch


def _write_until_killed(database_url: str, started: Event) -> None:
    with psycopg.connect(database_url) as connection:
        books = PostgresLedger(connection)
        for number in range(1_000_000):
            books.post_all([a_purchase(key=f"o-{number}-{part}") for part in range(5)])
            connection.commit()
            if number == 3:
                started.set()


def test_a_writer_killed_at_work_leaves_whole_entries_only(database_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    started = context.Event()
    writer = context.Process(target=_write_until_killed, args=(database_url, started))
    writer.start()
    assert started.wait(timeout=120)
    assert writer.pid is not None
    os.kill(writer.pid, signal.SIGKILL)
    writer.join(timeout=60)

    assert writer.exitcode == -signal.SIGKILL
    with psycopg.connect(database_url) as connection:
        report = verify(PostgresAudit(connection))
    assert report.faults == ()
    assert report.entries >= 20
    assert report.entries % 5 == 0
    assert report.transfers == 2 * report.entries


class _Counting:
    """A connection that counts the statements it is asked to run."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.statements = 0

    def execute(self, query: Any, params: Any = None) -> Any:
        self.statements += 1
        return self._connection.execute(query, params)

    def transaction(self) -> Any:
        return self._connection.transaction()


def test_thousands_of_journals_are_a_few_statements(connection: Connection) -> None:
    counting = _Counting(connection)
    journals = [a_journal("F36a", f"l-{number}", amounts={"cash": "1.00"}) for number in range(2_000)]

    answers = PostgresLedger(counting).post_all(journals)

    assert all(isinstance(answer, Recorded) for answer in answers)
    assert counting.statements < 10
