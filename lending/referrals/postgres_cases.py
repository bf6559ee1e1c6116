"""Cases in PostgreSQL, within the caller's database transaction."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from psycopg import Connection

from ledger.money import Currency, Money
from lending.decision.postgres import PostgresDecisions
from lending.decision.record import StoredDecision
from lending.referrals.case import (
    CaseCause,
    CaseEvent,
    CaseEventKind,
    CaseStanding,
    ContestGround,
    ReviewCase,
    case_standing,
)
from lending.referrals.case_log import CasePlace
from lending.terms.product_terms import TermsStamp

_OPEN = """
INSERT INTO lending.review_cases (case_id, decision_id, cause, queue, triggers, merchant_id, shopper_id, currency,
                                  amount_minor, opened_at, due_at, opened_by, reason, ground, statement_sha256,
                                  notice, terms_version, terms_digest)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
_ADD = """
INSERT INTO lending.review_case_events (case_id, number, kind, at, done_by, reason, body)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""
_CASES = """
SELECT c.case_id, c.decision_id, c.cause, c.queue, c.triggers, c.merchant_id, c.shopper_id, c.currency, c.amount_minor,
       c.opened_at, c.due_at, c.opened_by, c.reason, c.ground, c.statement_sha256, c.notice, c.terms_version,
       c.terms_digest, e.number, e.kind, e.at, e.done_by, e.reason, e.body
  FROM lending.review_cases c LEFT JOIN lending.review_case_events e USING (case_id)
"""
_WAITING = """
SELECT case_id FROM lending.open_review_cases
 WHERE (%(queue)s::text IS NULL OR queue = %(queue)s)
   AND (%(merchant)s::text IS NULL OR merchant_id = %(merchant)s)
   AND (%(due)s::timestamptz IS NULL OR (due_at, case_id) > (%(due)s, %(case)s))
 ORDER BY due_at, case_id LIMIT %(limit)s
"""
_OVERDUE = "SELECT case_id FROM lending.open_review_cases WHERE due_at <= %s ORDER BY due_at, case_id"
_WITHOUT = """
SELECT d.decision_id FROM lending.decisions d
 WHERE d.outcome = 'referred' AND NOT EXISTS (SELECT FROM lending.review_cases c WHERE c.decision_id = d.decision_id)
 ORDER BY d.decided_at, d.decision_id
"""
_COLUMNS_OF_CASE = 18


class PostgresCases:
    """Cases over the schema `lending`. It never commits."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def open(self, case: ReviewCase) -> bool:
        row = (
            case.case_id,
            case.decision_id,
            case.cause.value,
            case.queue,
            list(case.triggers),
            case.merchant_id,
            case.shopper_id,
            case.amount.currency.value,
            case.amount.minor,
            case.opened_at,
            case.due_at,
            case.opened_by,
            case.reason,
            None if case.ground is None else case.ground.value,
            case.statement_sha256,
            case.notice,
            case.terms.version,
            case.terms.digest,
        )
        return self._connection.execute(_OPEN, row).rowcount == 1

    def get(self, case_id: str) -> CaseStanding | None:
        rows = self._connection.execute(f"{_CASES} WHERE c.case_id = %s ORDER BY e.number", (case_id,))
        return next(_standings(rows), None)

    def add(self, case_id: str, event: CaseEvent) -> None:
        body = json.dumps(dict(event.body))
        row = (case_id, event.number, event.kind.value, event.at, event.by, event.reason, body)
        self._connection.execute(_ADD, row)

    def waiting(
        self, *, queue: str | None, merchant_id: str | None, after: CasePlace | None, limit: int
    ) -> Sequence[CaseStanding]:
        asked = {
            "queue": queue,
            "merchant": merchant_id,
            "due": None if after is None else after.due_at,
            "case": None if after is None else after.case_id,
            "limit": limit,
        }
        ids = [case_id for (case_id,) in self._connection.execute(_WAITING, asked)]
        rows = self._connection.execute(f"{_CASES} WHERE c.case_id = ANY (%s) ORDER BY c.case_id, e.number", (ids,))
        found = {each.case.case_id: each for each in _standings(rows)}
        return [found[case_id] for case_id in ids]

    def overdue(self, at: datetime) -> Sequence[str]:
        return [case_id for (case_id,) in self._connection.execute(_OVERDUE, (at,))]

    def opened(self, since: datetime, until: datetime) -> Iterator[CaseStanding]:
        rows = self._connection.execute(
            f"{_CASES} WHERE c.opened_at >= %s AND c.opened_at < %s ORDER BY c.opened_at, c.case_id, e.number",
            (since, until),
        )
        return _standings(rows)

    def without_case(self) -> Sequence[StoredDecision]:
        decisions = PostgresDecisions(self._connection)
        ids = [decision_id for (decision_id,) in self._connection.execute(_WITHOUT).fetchall()]
        return [stored for each in ids if (stored := decisions.get(each)) is not None]


def _standings(rows: Any) -> Iterator[CaseStanding]:
    """Cases from rows that are ordered by case and event."""
    for _, group in groupby(rows, key=lambda row: row[0]):
        of_case = list(group)
        events = (_event(row[_COLUMNS_OF_CASE:]) for row in of_case if row[_COLUMNS_OF_CASE] is not None)
        yield case_standing(_case(of_case[0]), events)


def _case(row: tuple[Any, ...]) -> ReviewCase:
    return ReviewCase(
        case_id=row[0],
        decision_id=row[1],
        cause=CaseCause(row[2]),
        queue=row[3],
        triggers=tuple(row[4]),
        merchant_id=row[5],
        shopper_id=row[6],
        amount=Money(row[8], Currency(row[7])),
        opened_at=row[9].astimezone(UTC),
        due_at=row[10].astimezone(UTC),
        opened_by=row[11],
        reason=row[12],
        ground=None if row[13] is None else ContestGround(row[13]),
        statement_sha256=row[14],
        notice=row[15],
        terms=TermsStamp(row[16], row[17]),
    )


def _event(row: tuple[Any, ...]) -> CaseEvent:
    number, kind, at, by, reason, body = row
    return CaseEvent(number, CaseEventKind(kind), at.astimezone(UTC), by, reason, body)
