"""The states of an expectation: one table of steps, in Python as in the database, and no other step is possible."""

from datetime import UTC, date, datetime
from itertools import product
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.money import Currency, Money
from payments.expectation import Expected, Leg
from payments.expectation_key import PayoutKey
from payments.files.control_file import FileContent
from payments.files.line import FileLine
from payments.ids import ProviderPayoutId
from payments.line_key import LineKind
from payments.reconciliation.matching import Matched, MatchRule
from payments.reconciliation.postgres import PostgresReconciliation
from payments.rules.expectation_state import STEPS, ExpectationState, Move, may_follow
from payments.rules.postgres_expectation_states import move_expectations

S = ExpectationState
DAY = date(2026, 3, 10)
AMOUNT = Money(100, Currency.GBP)


def test_the_database_has_the_steps_of_the_table_and_no_other(connection: psycopg.Connection[Any]) -> None:
    rows = connection.execute("SELECT from_state, to_state FROM payments.expectation_steps")

    assert set(rows) == {(before.value, after.value) for before in S for after in STEPS[before]}


def test_every_pair_of_states_is_a_step_of_the_table_or_refused(connection: psycopg.Connection[Any]) -> None:
    """Each expectation is brought into a state by the shortest way, and then tries every state."""
    kept = PostgresReconciliation(connection)
    done: dict[tuple[S, S], bool] = {}
    with connection.transaction(force_rollback=True):
        for number, (before, after) in enumerate(product(S, S)):
            key = f"payout:{number}"
            expect(kept, number)
            if not before.is_matched and before is not S.EXPECTED:
                brought_into(connection, key, before)
            elif before.is_matched:
                matched(kept, connection, number, before)
            try:
                with connection.transaction():
                    if after.is_matched and not before.is_matched:
                        matched(kept, connection, number, after)
                    else:
                        insert(connection, key, 9, before, after)
                done[before, after] = True
            except (psycopg.errors.CheckViolation, psycopg.errors.ForeignKeyViolation):
                done[before, after] = False

    # A match after a match would be a second group, which the work list refuses before any step is asked for.
    assert done == {(before, after): may_follow(after, before) for before, after in product(S, S)}


def expect(kept: PostgresReconciliation, number: int) -> None:
    key = PayoutKey(ProviderPayoutId(str(number)))
    kept.expect([Expected(key, Leg.PROVIDER_BANK, AMOUNT, DAY, DAY, "a test")])


def brought_into(connection: psycopg.Connection[Any], key: str, state: S) -> None:
    """By the steps of the table, at most three."""
    way = [S.EXPECTED]
    while way[-1] is not state:
        if state in STEPS[way[-1]]:
            way.append(state)
        elif state is S.ARCHIVED:
            way.append(S.VOID)
        else:
            way.append(S.MISSING)
        insert(connection, key, len(way), way[-2], way[-1])


def insert(connection: psycopg.Connection[Any], key: str, number: int, before: S, after: S) -> None:
    row = (key, number, before.value, after.value, "E3", "a test", "why", DAY)
    connection.execute("INSERT INTO payments.expectation_moves VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", row)


def matched(kept: PostgresReconciliation, connection: psycopg.Connection[Any], number: int, state: S) -> None:
    """Put the expectation into a group of a line of its own, by a rule that brings it into the state."""
    rule = {S.MATCHED_MANUAL: "manual", S.MATCHED_FORCED: "forced", S.MATCHED_WITH_TOLERANCE: "tolerance"}.get(
        state, "id"
    )
    file = FileContent(Path("a.csv"), b"a")
    kept.take_file(file, "bank_statement", 1, datetime(2026, 3, 10, tzinfo=UTC))
    line = f"{number}-{state}"
    received = kept.receive_lines([FileLine(line, LineKind.CREDIT, AMOUNT, DAY, DAY)])
    kept.add_received(file.digest, received.rows)
    group = (f"credit:{line}", rule, 1, [f"payout:{number}"], False, DAY)
    connection.execute("INSERT INTO payments.match_groups VALUES (%s, %s, %s, %s, %s, %s)", group)
    connection.execute("INSERT INTO payments.group_expectations VALUES (%s, %s)", (f"payout:{number}", group[0]))


@pytest.mark.parametrize("state", [S.PARTIALLY_RECONCILED, S.MISSING])
def test_what_is_open_moves_once_into_a_state_and_its_history_says_by_what_rule_and_why(
    connection: psycopg.Connection[Any], state: S
) -> None:
    kept = PostgresReconciliation(connection)
    key = PayoutKey(ProviderPayoutId("1"))
    move = Move(key, state, "E3", "nothing came")
    with connection.transaction(force_rollback=True):
        expect(kept, 1)
        moved = [move_expectations(connection, [move, move], DAY, "reconciliation") for _ in range(2)]
        file = FileContent(Path("a.csv"), b"a")
        kept.take_file(file, "bank_statement", 1, datetime(2026, 3, 10, tzinfo=UTC))
        line = FileLine("l", LineKind.CREDIT, AMOUNT, DAY, DAY)
        received = kept.receive_lines([line])
        kept.add_received(file.digest, received.rows)
        (expected,) = kept.expected([key], [])
        kept.confirm([Matched(line.to_match(), expected.to_match(), MatchRule.ID)], DAY)
        late = move_expectations(connection, [move], DAY, "reconciliation")
        history = connection.execute(
            "SELECT from_state, to_state, rule, actor, reason FROM payments.expectation_history ORDER BY number"
        ).fetchall()
        states = connection.execute("SELECT state FROM payments.expectation_states").fetchall()
        insert(connection, str(key), 2, S.MATCHED_AUTOMATIC, S.VOID)
        states += connection.execute("SELECT state FROM payments.expectation_states").fetchall()

    assert (moved, late) == ([1, 0], 0)
    assert history == [
        (None, "expected", "expectation", "reconciliation", "a test"),
        ("expected", state.value, "E3", "reconciliation", "nothing came"),
        (state.value, "matched_automatic", "id-2", "reconciliation", "match:credit:l"),
    ]
    assert states == [("matched_automatic",), ("void",)]
