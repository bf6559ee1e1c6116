"""Attempts and their messages in PostgreSQL. Nothing here commits."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg.errors import CheckViolation
from psycopg.rows import dict_row

from ledger.books.postgres_arrays import texts
from ledger.money import Currency, Money
from ledger.outbox import outbox
from lending.plan.plan import InstalmentId, PlanId
from payments.collection.attempt import (
    Attempt,
    AttemptEvent,
    AttemptPurpose,
    AttemptState,
    IllegalMove,
    Planned,
    check_same_attempt,
)
from payments.ids import AttemptId
from payments.postgres_sending import PostgresSending

_INSERT = """
INSERT INTO payments.attempts (attempt_id, instalment_id, number, plan_id, shopper_id, account_id, provider, currency,
                               fees_minor, interest_minor, principal_minor, due_on, requested_on, opens_plan, asked_by,
                               purpose)
SELECT * FROM unnest(%s::text[], %s::text[], %s::int[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
                     %s::bigint[], %s::bigint[], %s::bigint[], %s::date[], %s::date[], %s::boolean[], %s::text[],
                     %s::text[])
    ON CONFLICT DO NOTHING
RETURNING attempt_id
"""
# Every mover locks attempts in one order. A move that is not in the table has no state to go to, and is refused.
_MOVE = """
WITH held AS MATERIALIZED (
    SELECT attempt_id, state FROM payments.attempts WHERE attempt_id = ANY(%(attempt_ids)s::text[])
     ORDER BY attempt_id FOR UPDATE
), moved AS (
    INSERT INTO payments.attempt_events (attempt_id, event, from_state, to_state, message_id, cause, at)
    SELECT u.attempt_id, %(event)s, h.state, m.to_state, %(message_id)s, %(cause)s, %(at)s
      FROM unnest(%(attempt_ids)s::text[]) AS u (attempt_id)
      LEFT JOIN held h USING (attempt_id)
      LEFT JOIN payments.attempt_moves m ON m.from_state = h.state AND m.event = %(event)s
    RETURNING position, attempt_id, to_state
)
SELECT m.attempt_id, m.to_state, m.position, a.instalment_id, a.plan_id, a.shopper_id, a.account_id, a.number,
       a.provider, a.fees_minor + a.interest_minor + a.principal_minor, a.currency, a.due_on
  FROM moved m JOIN payments.attempts a USING (attempt_id)
"""
_ONE = "SELECT * FROM payments.attempts WHERE attempt_id = %s"
_MANY = "SELECT * FROM payments.attempts WHERE attempt_id = ANY(%s::text[])"
_ASKED_BY = "SELECT * FROM payments.attempts WHERE instalment_id = %s AND asked_by = %s"
_BY_REFERENCE = """
SELECT provider_reference, attempt_id FROM payments.attempts
 WHERE provider = %s AND provider_reference = ANY(%s::text[])
"""
_LATEST = """
SELECT DISTINCT ON (instalment_id) * FROM payments.attempts
 WHERE instalment_id = ANY(%s) ORDER BY instalment_id, number DESC
"""
_UNRESOLVED = """
SELECT * FROM payments.attempts WHERE state IN ('claimed', 'submitting', 'unknown') ORDER BY attempt_id
"""


class PostgresAttempts(PostgresSending):
    """Every attempt ever made; attempts change only along the move table."""

    def plan(self, attempts: Iterable[Planned]) -> list[Planned]:
        """See `Attempts.plan`."""
        rows = sorted(attempts, key=lambda planned: planned.attempt_id)
        if not rows:
            return []
        columns = list(zip(*map(_columns, rows), strict=True))
        added = {row[0] for row in self._connection.execute(_INSERT, [list(column) for column in columns])}
        left_out = {planned.attempt_id: planned for planned in rows if planned.attempt_id not in added}
        if left_out:
            for known in self._read(_MANY, (texts(list(left_out)),)):
                check_same_attempt(known.planned, left_out[known.attempt_id])
        return [planned for planned in rows if planned.attempt_id in added]

    def move(
        self,
        attempt_id: AttemptId,
        event: AttemptEvent,
        *,
        at: datetime,
        cause: str,
        message_id: str | None = None,
        values: Mapping[str, object] | None = None,
    ) -> AttemptState:
        """Move an attempt and set the values that came with the event. If it raises IllegalMove, nothing is changed."""
        (state,) = self._move([attempt_id], event, at=at, cause=cause, message_id=message_id)
        for name, value in (values or {}).items():
            self._connection.execute(_SET[name], (value.minor if isinstance(value, Money) else value, attempt_id))
        return state

    def move_all(self, attempt_ids: Sequence[AttemptId], event: AttemptEvent, *, at: datetime, cause: str) -> None:
        """Move attempts by one event. If it raises IllegalMove for one of them, none is changed."""
        if attempt_ids:
            self._move(attempt_ids, event, at=at, cause=cause, message_id=None)

    def _move(
        self, attempt_ids: Sequence[AttemptId], event: AttemptEvent, *, at: datetime, cause: str, message_id: str | None
    ) -> list[AttemptState]:
        about = {"event": event.value, "message_id": message_id, "cause": cause, "at": at}
        try:
            with self._connection.transaction():
                rows = self._connection.execute(_MOVE, {"attempt_ids": texts(attempt_ids), **about}).fetchall()
                assert len(rows) == len(attempt_ids), "an insert returns its rows"
                outbox.append_all(self._connection, [_moved(row[0], event, at, *row[1:]) for row in rows])
        except CheckViolation as error:
            if error.diag.constraint_name != "legal_move":
                raise
            attempt_id, _, state = str(error.diag.message_detail).rpartition(" ")
            raise IllegalMove(AttemptId(attempt_id), AttemptState(state), event) from error
        return [AttemptState(row[1]) for row in rows]

    def get(self, attempt_id: AttemptId, *, lock: bool = False) -> Attempt | None:
        """An attempt by its id; with `lock`, waits for any other transaction that is moving it."""
        return next(iter(self._read(f"{_ONE} FOR UPDATE" if lock else _ONE, (attempt_id,))), None)

    def get_all(self, attempt_ids: Iterable[AttemptId]) -> Mapping[AttemptId, Attempt]:
        """Those of these attempts that exist, by id, without waiting for anybody who is moving them."""
        return {found.attempt_id: found for found in self._read(_MANY, (texts(list(attempt_ids)),))}

    def states(self, attempt_ids: Iterable[AttemptId]) -> Mapping[AttemptId, AttemptState]:
        """The states of those of these attempts that exist, by id."""
        query = "SELECT attempt_id, state FROM payments.attempts WHERE attempt_id = ANY(%s::text[])"
        rows = self._connection.execute(query, (texts(list(attempt_ids)),)).fetchall()
        return {AttemptId(attempt_id): _STATES[state] for attempt_id, state in rows}

    def latest(self, instalment_ids: Sequence[str]) -> dict[str, Attempt]:
        """The newest attempt of each instalment that has one."""
        return {found.planned.instalment_id: found for found in self._read(_LATEST, (list(instalment_ids),))}

    def by_references(self, provider: str, references: Sequence[str]) -> dict[str, AttemptId]:
        """The attempts of a provider whose charges it gave these references, by reference."""
        rows = self._connection.execute(_BY_REFERENCE, (provider, texts(references)))
        return {reference: AttemptId(attempt_id) for reference, attempt_id in rows}

    def plans_of(self, attempt_ids: Sequence[AttemptId]) -> dict[AttemptId, str]:
        """The plan id of each of these attempts that exists."""
        query = "SELECT attempt_id, plan_id FROM payments.attempts WHERE attempt_id = ANY(%s::text[])"
        return dict(self._connection.execute(query, (texts(attempt_ids),)).fetchall())

    def asked_by(self, instalment_id: str, key: str) -> Attempt | None:
        """The attempt at an instalment that was made for a caller's idempotency key."""
        return next(iter(self._read(_ASKED_BY, (instalment_id, key))), None)

    def unresolved(self) -> list[Attempt]:
        """Claimed attempts without a final answer, in the order of their ids."""
        return self._read(_UNRESOLVED, ())

    def counts(self) -> dict[AttemptState, int]:
        """The number of attempts in each state."""
        rows = self._connection.execute("SELECT state, count(*) FROM payments.attempts GROUP BY state ORDER BY state")
        return {AttemptState(state): count for state, count in rows}

    def _read(self, query: str, parameters: Sequence[object]) -> list[Attempt]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return [_attempt(row) for row in cursor.execute(query, parameters).fetchall()]


_STATES = {state.value: state for state in AttemptState}
_SET = {
    name: f"UPDATE payments.attempts SET {column} = %s WHERE attempt_id = %s"  # noqa: S608 - names from the lists below
    for name, column in (
        *((each, each) for each in ("submitted_at", "refusal", "detail", "provider_reference", "captured_on")),
        *((each, each) for each in ("retry_on", "policy_version")),
        ("captured", "captured_minor"),
    )
}


def _moved(attempt_id: str, event: AttemptEvent, at: datetime, state: str, position: int, *about: Any) -> outbox.Fact:
    """The fact to publish for a move; the position of its row makes its id unique among the attempt's moves."""
    instalment_id, plan_id, shopper_id, account_id, number, provider, amount_minor, currency, due_on = about
    columns = {
        "attempt_id": attempt_id,
        "instalment_id": instalment_id,
        "plan_id": plan_id,
        "shopper_id": shopper_id,
        "account_id": account_id,
        "number": number,
        "provider": provider,
        "amount_minor": amount_minor,
        "currency": currency,
        "due_on": due_on.isoformat(),
        "move": event.value,
        "state": state,
    }
    event_id = f"attempt:{attempt_id}:{position}"
    return outbox.fact("attempt_moved.v1", event_id, plan_id, columns, occurred_at=at, recorded_at=at)


def _columns(planned: Planned) -> tuple[object, ...]:
    return (
        planned.attempt_id,
        planned.instalment_id,
        planned.number,
        planned.plan_id,
        planned.shopper_id,
        planned.account_id,
        planned.provider,
        planned.amount.currency.value,
        planned.fees.minor,
        planned.interest.minor,
        planned.principal.minor,
        planned.due_on,
        planned.requested_on,
        planned.opens_plan,
        planned.asked_by,
        planned.purpose.value,
    )


def _attempt(row: Mapping[str, Any]) -> Attempt:
    currency = Currency(row["currency"])
    planned = Planned(
        attempt_id=AttemptId(row["attempt_id"]),
        instalment_id=InstalmentId(row["instalment_id"]),
        number=row["number"],
        plan_id=PlanId(row["plan_id"]),
        shopper_id=row["shopper_id"],
        account_id=row["account_id"],
        provider=row["provider"],
        fees=Money(row["fees_minor"], currency),
        interest=Money(row["interest_minor"], currency),
        principal=Money(row["principal_minor"], currency),
        due_on=row["due_on"],
        requested_on=row["requested_on"],
        opens_plan=row["opens_plan"],
        asked_by=row["asked_by"],
        purpose=AttemptPurpose(row["purpose"]),
    )
    return Attempt(
        planned,
        AttemptState(row["state"]),
        row["submitted_at"],
        row["refusal"],
        row["provider_reference"],
        row["captured_on"],
        row["retry_on"],
        None if row["captured_minor"] is None else Money(row["captured_minor"], currency),
    )
