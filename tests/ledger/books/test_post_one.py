"""An ordinary entry is posted by one statement, with the answers and books that two statements give."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.errors import CheckViolation, InsufficientPrivilege, IntegrityConstraintViolation

from ledger.books.postgres import PostgresLedger, connect
from ledger.books.postgres_call import Function
from ledger.books.postgres_periods import PostgresPeriods
from ledger.books.store import AlreadyRecorded, Conflict, Recorded, Refused
from ledger.journal import Journal
from ledger.map.flow import Flow
from ledger.money import Currency
from ledger.proof.postgres_audit import PostgresAudit
from ledger.proof.verify import verify
from tests.ledger.builders import NOON, a_claim, a_journal, a_purchase, pounds
from tests.soak import examples

Connection = psycopg.Connection[Any]
PRINCIPAL = "plan:p-1:principal"
PAYABLE = "merchant:m-1:payable"
FLOWS = {"F02": "payable", "F03": "principal", "F07a": "payout", "F36a": "cash"}
WRITTEN = """
SELECT r.entry_id, r.flow, r.value_date, r.original_date, r.occurred_at, r.recorded_at, r.transfer_count, r.act,
       r.digest, r.correlation::text, f.reasons::text,
       t.amount_minor, d.account, c.account, t.debit_version, t.credit_version, t.number, t.pending
  FROM ledger.requests r
  LEFT JOIN ledger.refusals f USING (position)
  LEFT JOIN ledger.transfers t USING (position)
  LEFT JOIN ledger.accounts d ON d.account_id = t.debit
  LEFT JOIN ledger.accounts c ON c.account_id = t.credit
 ORDER BY r.position, t.number
"""
STANDING = """
SELECT a.account, a.floor, b.version, b.debits_posted, b.credits_posted, b.debits_pending, b.credits_pending,
       l.account_id IS NOT NULL
  FROM ledger.accounts a
  LEFT JOIN ledger.balances b USING (account_id)
  LEFT JOIN ledger.large_accounts l USING (account_id)
 ORDER BY a.account
"""

# Sometimes more than is left, sometimes so much that it must be watched.
amounts = st.sampled_from(["0.01", "5.00", "25.00", "70.00", "95.00", "10000000000.00"])
journals = st.builds(
    lambda flow, key, plan, amount, late: a_journal(
        flow,
        key,
        amounts={FLOWS[flow]: amount},
        names={"plan": plan},
        value_date=NOON.date().replace(day=1 if late else 10),
    ),
    st.sampled_from(sorted(FLOWS)),
    st.sampled_from("abcdef"),
    st.sampled_from(["p-1", "p-2"]),
    amounts,
    st.integers(0, 7).map(lambda number: number == 0),
)


def _repaid(amount: str, key: str, plan: str = "p-1") -> Journal:
    return a_journal(
        Flow.DOWN_PAYMENT, key, amounts={"principal": pounds(amount)}, names={"plan": plan, "provider": "sim"}
    )


def test_an_entry_between_known_accounts_takes_one_statement(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = PostgresLedger(connection)
    books.post(a_purchase())
    books.hold(a_claim("25.00", "a-1"))
    books.post(_repaid("1.00", "opens-the-clearing-account"))
    prepared: list[object] = []
    prepare = PostgresLedger._prepare

    def counted(*args: Any, **named: Any) -> Any:
        prepared.append(args)
        return prepare(*args, **named)

    monkeypatch.setattr(PostgresLedger, "_prepare", counted)

    assert isinstance(books.post(_repaid("50.00", "ordinary")), Recorded)
    assert prepared == []
    assert isinstance(books.post(_repaid("50.00", "ordinary")), AlreadyRecorded)
    refused = books.post(_repaid("24.01", "too-much"))
    assert isinstance(refused, Refused)
    assert [each.code for each in refused.reasons] == ["below_zero"]
    assert len(prepared) == 2
    assert isinstance(books.post(_repaid("24.00", "all-that-is-not-held")), Recorded)
    assert len(prepared) == 2
    balance = books.balance(PRINCIPAL, Currency.GBP)
    assert (balance.debits_posted - balance.credits_posted, balance.credits_pending) == (25_00, 25_00)
    assert verify(PostgresAudit(connection)).sound


def test_one_statement_answers_and_writes_what_two_do(connection: Connection) -> None:
    books = PostgresLedger(connection)
    for plan in ("p-1", "p-2"):
        books.post(a_journal("F02", f"opens-{plan}", amounts={"payable": "95.00"}, names={"plan": plan}))
    books.set_credit_limit(PAYABLE, pounds("20.00"), by="ann", reason="agreed", at=NOON)
    books.hold(a_claim("25.00", "held"))
    for flow in ("F03", "F07a", "F36a"):
        books.post(a_journal(flow, "opens", amounts={FLOWS[flow]: "0.01"}))
    PostgresPeriods(connection).announce_close(NOON.date().replace(day=5), at=NOON)
    connection.commit()
    by_one = 0

    @settings(
        max_examples=examples(usual=25, soaked=500),
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(st.lists(journals, min_size=1, max_size=12))
    def run(asked: list[Journal]) -> None:
        nonlocal by_one
        one, taken = _outcome(connection, asked, by_one_statement=True)
        two, none_taken = _outcome(connection, asked, by_one_statement=False)
        by_one += taken
        assert one == two
        assert none_taken == 0

    run()
    assert by_one > 25  # else the test compared nothing


def _outcome(connection: Connection, asked: Sequence[Journal], *, by_one_statement: bool) -> tuple[object, int]:
    """What was answered and what is then in the books, and how many entries one statement posted; all rolled back."""
    taken = 0
    call = Function.call

    def counted(self: Function, connection: Connection, values: Sequence[str | None]) -> bool:
        nonlocal taken
        posted = by_one_statement and call(self, connection, values)
        taken += posted
        return posted

    answers: list[object] = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Function, "call", counted)
        books = PostgresLedger(connection)
        for journal in asked:
            try:
                answers.append(books.post(journal))
            except Conflict as conflict:
                answers.append(str(conflict))
        assert verify(PostgresAudit(connection)).sound
        written = connection.execute(WRITTEN).fetchall(), connection.execute(STANDING).fetchall()
        connection.rollback()
    return (answers, written), taken


def test_an_id_that_another_writer_records_meanwhile_leaves_the_balance_as_it_was(
    connection: Connection, database_url: str
) -> None:
    books = PostgresLedger(connection)
    for plan in ("p-1", "p-2"):
        books.post(a_purchase(key=f"o-{plan}", names={"plan": plan}))
    books.post(_repaid("1.00", "opens-the-clearing-account"))
    connection.commit()
    before = books.balance("plan:p-2:principal", Currency.GBP)
    found: list[object] = []

    def second() -> None:
        with connect(database_url) as other:
            try:
                found.append(PostgresLedger(other).post(_repaid("2.00", "same", plan="p-2")))
            except Conflict as conflict:
                found.append(conflict)
            found.append(PostgresLedger(other).balance("plan:p-2:principal", Currency.GBP))

    assert isinstance(books.post(_repaid("2.00", "same")), Recorded)
    waiting = threading.Thread(target=second)
    waiting.start()
    with psycopg.connect(database_url, autocommit=True) as onlooker:
        held_up = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        while not onlooker.execute(held_up).fetchall() and waiting.is_alive():
            pass
    connection.commit()
    waiting.join(timeout=60)

    assert isinstance(found[0], Conflict)
    assert found[1] == before == books.balance("plan:p-2:principal", Currency.GBP)
    assert verify(PostgresAudit(connection)).sound


def test_the_application_cannot_pass_the_balances_by(connection: Connection) -> None:
    books = PostgresLedger(connection)
    books.post(a_purchase(discount="0.00"))
    connection.execute("CREATE ROLE teller IN ROLE tranche_application")
    connection.execute("SET SESSION AUTHORIZATION teller")
    connection.execute("SAVEPOINT as_teller")
    refused = {
        "INSERT INTO ledger.transfers SELECT position, 1, debit, credit, 9, 9, 2, false"
        " FROM ledger.transfers LIMIT 1": IntegrityConstraintViolation,
        "UPDATE ledger.balances SET version = version": InsufficientPrivilege,
        "SET ROLE tranche_poster": InsufficientPrivilege,
    }

    for attempt, error in refused.items():
        with pytest.raises(error):
            connection.execute(attempt)
        connection.execute("ROLLBACK TO SAVEPOINT as_teller")


def test_an_error_of_the_one_statement_ends_the_transaction_and_the_next_goes_on(connection: Connection) -> None:
    books = PostgresLedger(connection)
    books.post(a_purchase())
    books.post(_repaid("1.00", "opens-the-clearing-account"))
    connection.execute("ALTER TABLE ledger.transfers ADD CONSTRAINT not_seven CHECK (amount_minor <> 7)")
    connection.commit()

    with pytest.raises(CheckViolation, match="not_seven"):
        books.post(_repaid("0.07", "seven"))
    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        books.post(_repaid("0.08", "in-the-same-transaction"))
    connection.rollback()
    assert isinstance(books.post(_repaid("0.08", "in-the-next")), Recorded)
    connection.rollback()
    assert books.entry("F03:in-the-next") is None


def test_an_entry_larger_than_what_a_socket_takes_at_once_is_posted(connection: Connection) -> None:
    books = PostgresLedger(connection)
    books.post(a_purchase())
    books.post(_repaid("1.00", "opens-the-clearing-account"))
    large = replace(_repaid("2.00", "large"), correlation={"plan_id": "p-1", "note": "x" * 5_000_000})

    assert isinstance(books.post(large), Recorded)


def test_a_text_that_the_database_cannot_hold_is_refused_whole(connection: Connection) -> None:
    books = PostgresLedger(connection)
    books.post(a_purchase())
    books.post(_repaid("1.00", "opens-the-clearing-account"))

    with pytest.raises(psycopg.DataError, match="NUL"):
        books.post(_repaid("0.07", "cut\0here"))


@pytest.mark.parametrize("ordinary", [True, False])
def test_it_begins_the_transaction_that_the_caller_commits_or_rolls_back(
    connection: Connection, *, ordinary: bool
) -> None:
    books = PostgresLedger(connection)
    books.post(a_purchase())
    books.post(_repaid("1.00", "opens-the-clearing-account"))
    connection.commit()
    if not ordinary:  # psycopg then begins transactions in words of its own
        connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED

    books.post(_repaid("2.00", "kept"))
    books.post(_repaid("3.00", "kept-too"))
    connection.commit()
    books.post(_repaid("4.00", "given-up"))
    connection.rollback()

    balance = books.balance(PRINCIPAL, Currency.GBP)
    assert balance.credits_posted == 6_00
