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
    InsufficientPrivilege,
    IntegrityConstraintViolation,
    SerializationFailure,
    UniqueViolation,
)

from ledger.account import Side
from ledger.books.postgres import MOST_ATTEMPTS, PostgresLedger, _Overtaken
from ledger.books.store import (
    Act,
    AlreadyRecorded,
    AlreadyVoided,
    Asked,
    Outcome,
    Recorded,
    Refused,
    Request,
    Reversal,
    Void,
    Voided,
)
from ledger.money import Currency, Money
from ledger.proof.postgres_audit import PostgresAudit
from ledger.proof.verify import verify
from tests.ledger.builders import DAY, NOON, a_claim, a_journal, a_purchase, pounds, presumed_paid

Connection = psycopg.Connection[Any]
PRINCIPAL = "plan:p-1:principal"
TABLES = ("requests", "accounts", "transfers", "hold_events", "refusals", "periods", "outbox", "large_accounts",
          "balances", "open_holds", "credit_limits")  # fmt: skip


@pytest.fixture
def books(connection: Connection) -> PostgresLedger:
    """A purchase, a posted claim, an open one and a refused one, committed."""
    books = PostgresLedger(connection)
    books.post(a_purchase())
    books.hold(a_claim("25.00", "a-1"))
    books.post_hold("F12a:a-1", presumed_paid("25.00", "a-1"))
    books.hold(a_claim("25.00", "a-2"))
    books.hold(a_claim("99.00", "a-3"))
    books.set_credit_limit(PAYABLE, pounds("1.00"), by="ann", reason="agreed", at=NOON)
    connection.commit()
    return books


CHANGES = ("UPDATE ledger.{0} SET {1} = {1}", "DELETE FROM ledger.{0}", "TRUNCATE ledger.{0} CASCADE")


def _first_column(connection: Connection, table: str) -> str:
    row = connection.execute(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = 'ledger' AND table_name = %s AND is_identity = 'NO' ORDER BY ordinal_position LIMIT 1",
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


def test_a_batch_that_is_always_overtaken_is_given_up_and_its_transaction_still_works(
    books: PostgresLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[object] = []

    def overtaken(*_: object) -> None:
        tries.append(None)
        raise _Overtaken

    with monkeypatch.context() as patched:
        patched.setattr(PostgresLedger, "_write", overtaken)
        with pytest.raises(SerializationFailure, match="other writers were faster"):
            books.post_batch([Request(Act.HOLD, a_claim("1.00", attempt)) for attempt in ("a-8", "a-9")])

    assert len(tries) == MOST_ATTEMPTS
    assert books.entry("F12a:a-8") is None
    assert isinstance(books.hold(a_claim("1.00", "a-8")), Recorded)


def test_the_application_may_add_and_read(connection: Connection) -> None:
    connection.execute("SET ROLE tranche_application")

    assert PostgresLedger(connection).post(a_purchase()) == Recorded("F02:o-1")
    connection.commit()
    assert connection.execute("SELECT count(*) FROM ledger.transfers").fetchone() == (2,)


PAYABLE = "merchant:m-1:payable"
_ADD_TRANSFER = """
INSERT INTO ledger.transfers (position, number, debit, credit, amount_minor, pending, debit_version, credit_version)
SELECT r.position, %s, d.account_id, c.account_id, %s, false, db.version + 1, cb.version + 1
  FROM ledger.requests r
  JOIN ledger.accounts d ON d.account = %s
  JOIN ledger.accounts c ON c.account = %s
  LEFT JOIN ledger.balances db ON db.account_id = d.account_id
  LEFT JOIN ledger.balances cb ON cb.account_id = c.account_id
 WHERE r.entry_id = %s
"""
_ASK_BY_HAND = """
INSERT INTO ledger.requests (position, act, flow, template_version, value_date, occurred_at, recorded_at, correlation,
                             transfer_count, entry_id, reason, digest)
VALUES (nextval('ledger.positions'), 'post', 'F49', 1, %s, %s, %s, '{}', %s, %s, '', sha256(''))
"""


def _ask_by_hand(connection: Connection, entry_id: str, transfers: int) -> None:
    connection.execute(_ASK_BY_HAND, (DAY, NOON, NOON, transfers, entry_id))


@pytest.mark.parametrize(
    ("row", "refused_as"),
    [
        pytest.param((1, 1, PRINCIPAL, PAYABLE, "F02:o-1"), UniqueViolation, id="doubled"),
        pytest.param((3, 1, PRINCIPAL, PAYABLE, "F02:o-1"), IntegrityConstraintViolation, id="one too many"),
        pytest.param((1, 1, PRINCIPAL, PAYABLE, "F12a:a-3"), IntegrityConstraintViolation, id="refused"),
        pytest.param((1, 1, PRINCIPAL, PAYABLE, "F12a:a-2"), UniqueViolation, id="a hold is not posted"),
        pytest.param((1, 1, PRINCIPAL, PRINCIPAL, "F49:by-hand"), CheckViolation, id="to itself"),
        pytest.param((1, 0, PRINCIPAL, PAYABLE, "F49:by-hand"), CheckViolation, id="zero"),
        pytest.param((1, -1, PRINCIPAL, PAYABLE, "F49:by-hand"), CheckViolation, id="below zero"),
        pytest.param((2, 1, PRINCIPAL, PAYABLE, "F49:by-hand"), IntegrityConstraintViolation, id="numbered from 2"),
        pytest.param((1, 1, PRINCIPAL, "bank:crowns", "F49:by-hand"), IntegrityConstraintViolation, id="currency"),
        pytest.param((1, 50_01, "provider:sim:clearing", PRINCIPAL, "F49:by-hand"), CheckViolation, id="limit"),
    ],
)
def test_the_database_refuses_a_transfer_that_cannot_be(
    connection: Connection, books: PostgresLedger, row: tuple[object, ...], refused_as: type[Exception]
) -> None:
    crowns = {"names": {"bank": "crowns"}, "amounts": {"capital": Money(100, Currency.CZK)}}
    books.post(a_journal("F49", "crowns", **crowns))
    _ask_by_hand(connection, "F49:by-hand", 1)

    with pytest.raises(refused_as):
        connection.execute(_ADD_TRANSFER, row)


def test_an_entry_comes_with_all_of_its_transfers(connection: Connection, books: PostgresLedger) -> None:
    _ask_by_hand(connection, "F49:by-hand", 2)

    with pytest.raises(IntegrityConstraintViolation, match="F49:by-hand: 1 of its 2 transfers"):
        connection.execute(_ADD_TRANSFER, (1, 1, PRINCIPAL, PAYABLE, "F49:by-hand"))


def test_a_version_cannot_be_left_out_or_used_twice(connection: Connection, books: PostgresLedger) -> None:
    for wrong in ("db.version + 2", "db.version", "NULL"):
        _ask_by_hand(connection, f"F49:{wrong}", 1)
        with pytest.raises(IntegrityConstraintViolation, match="versions"), connection.transaction():
            connection.execute(
                _ADD_TRANSFER.replace("db.version + 1", wrong), (1, 1, PRINCIPAL, PAYABLE, f"F49:{wrong}")
            )


def test_the_versions_of_an_account_have_no_gap(connection: Connection, books: PostgresLedger) -> None:
    for key in ("o-2", "o-3"):
        books.post(a_purchase(key=key))
    rows = connection.execute(
        """
        SELECT s.version FROM ledger.accounts a, LATERAL (
            SELECT debit_version AS version FROM ledger.transfers WHERE debit = a.account_id
            UNION ALL SELECT credit_version FROM ledger.transfers WHERE credit = a.account_id) s
         WHERE a.account = %s ORDER BY 1
        """,
        (PRINCIPAL,),
    ).fetchall()

    assert [version for (version,) in rows] == list(range(1, len(rows) + 1))
    unlimited = "SELECT count(*) FROM ledger.transfers t JOIN ledger.accounts a ON a.account_id = t.debit"
    assert connection.execute(f"{unlimited} WHERE NOT a.floor AND debit_version IS NOT NULL").fetchone() == (0,)


def test_more_than_was_held_is_not_released_by_who_writes_past_the_ledger(
    connection: Connection, books: PostgresLedger
) -> None:
    release = """
    INSERT INTO ledger.hold_events (hold_position, number, resolver, event, amount_minor)
    SELECT position, 1, position, 'voided', %s FROM ledger.requests WHERE entry_id = %s
    """

    with pytest.raises(CheckViolation, match="not_more_than_held"), connection.transaction():
        connection.execute(release, (25_01, "F12a:a-2"))
    with pytest.raises(IntegrityConstraintViolation, match="not held"), connection.transaction():
        connection.execute(release, (1, "F12a:a-1"))


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
    answers = _at_once(database_url, [lambda books: books.post(a_purchase())] * 64)

    assert answers.count(Recorded("F02:o-1")) == 1
    assert answers.count(AlreadyRecorded("F02:o-1")) == 63
    with psycopg.connect(database_url) as connection:
        balance = PostgresLedger(connection).balance(PRINCIPAL, Currency.GBP)
        assert balance.debits_posted == 100_00
    assert _sound(database_url)


def test_nobody_waits_for_an_account_that_everybody_touches(database_url: str) -> None:
    plans = [{"plan": f"p-{number}"} for number in range(3)]
    approved = {"amounts": {"approved": "1.00"}}
    with psycopg.connect(database_url) as connection:
        books = PostgresLedger(connection)
        books.post_all([a_purchase(key=f"o-{each['plan']}", names=each) for each in plans])
        books.post(a_journal("F03", "first", names=plans[0], amounts={"principal": "1.00"}))
        books.hold(a_journal("F01", "first", **approved))

    with psycopg.connect(database_url) as slow, psycopg.connect(database_url) as fast:
        PostgresLedger(slow).post(a_journal("F03", "slow", names=plans[1], amounts={"principal": "1.00"}))
        PostgresLedger(slow).hold(a_journal("F01", "slow", **approved))
        fast.execute("SET lock_timeout = '1s'")
        books = PostgresLedger(fast)
        assert isinstance(books.post(a_journal("F03", "fast", names=plans[2], amounts={"principal": "1.00"})), Recorded)
        assert isinstance(books.hold(a_journal("F01", "fast", **approved)), Recorded)
        clearing = books.balance("provider:sim:clearing", Currency.GBP)
        assert clearing.debits_posted == 2_00  # its own and the first; the slow one is not committed


def test_every_kind_of_request_at_once_over_the_same_accounts_does_not_deadlock(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        books = PostgresLedger(connection)
        for plan in ("p-1", "p-2"):
            books.post(a_purchase("9000.00", key=plan, names={"plan": plan}))
        books.post_batch([Request(Act.HOLD, a_claim("1.00", f"h-{turn}")) for turn in range(12)])

    def mixed(turn: int) -> Callable[[PostgresLedger], object]:
        paid = a_journal("F03", f"{turn}", names={"plan": "p-2"}, amounts={"principal": "1.00"})
        requests: list[Asked] = [
            Request(Act.POST, a_purchase(key=f"new-{turn}", names={"plan": f"n-{turn % 3}"})),
            Request(Act.POST_HOLD, presumed_paid("0.50", f"h-{turn}"), hold_id=f"F12a:h-{turn}"),
            Request(Act.POST, paid),
            Void(f"F12a:h-{(turn + 1) % 12}", NOON, "raced"),
            Reversal(f"F03:{turn}", DAY, NOON, NOON, "undone"),
        ]
        return lambda books: books.post_batch(requests if turn % 2 else [requests[1], requests[0], *requests[2:]])

    answers = _at_once(database_url, [mixed(turn) for turn in range(12)])

    assert all(len(batch) == 5 for batch in answers)  # type: ignore[arg-type]
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
