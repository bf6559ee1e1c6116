"""The plans' part of the audit: all plans of one snapshot, in as many processes as there are processors."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import psycopg

from ledger.proof.audit_part import AuditSnapshot, PartFindings
from lending.plan.plan import Plan
from lending.proof.verify_plans import FoldedPlans, PostedBooking, verify_plans
from lending.servicing.log import PlanHistory, PlanStanding, StoredCheckpoint
from lending.servicing.postgres_log import PostgresPlanLog
from lending.terms.products import servicing_terms
from lending.terms.servicing_terms import ServicingTerms

MANY = 1_000  # plans from which on a second process saves more time than it takes to start

_COUNT = "SELECT count(*) FROM lending.plans"
_LISTED = """
SELECT position, plan_id FROM lending.plans WHERE position > %s AND position %% %s = %s ORDER BY position LIMIT %s
"""
_POSTED = """
SELECT r.entry_id, coalesce(r.original_date, r.value_date),
       EXISTS (SELECT FROM ledger.requests v WHERE v.refers_to = r.position AND v.act = 'reverse'),
       (SELECT array_agg(ARRAY[d.account, c.account, t.amount_minor::text] ORDER BY t.number)
          FROM ledger.transfers t
          JOIN ledger.accounts d ON d.account_id = t.debit
          JOIN ledger.accounts c ON c.account_id = t.credit
         WHERE t.position = r.position)
  FROM ledger.requests r
 WHERE r.entry_id = ANY(%s) AND NOT EXISTS (SELECT FROM ledger.refusals f WHERE f.position = r.position)
"""


class PostgresStoredPlans:
    """StoredPlans over the schema `lending`: every `parts`-th plan, beginning with the one at `part`."""

    def __init__(self, connection: psycopg.Connection[Any], part: int = 0, parts: int = 1) -> None:
        self._connection = connection
        self._log = PostgresPlanLog(connection)
        self._part, self._parts = part, parts

    def listed(self, *, after: int, limit: int) -> Sequence[tuple[int, str]]:
        return self._connection.execute(_LISTED, (after, self._parts, self._part, limit)).fetchall()

    def histories(self, plan_ids: Sequence[str]) -> Mapping[str, PlanHistory]:
        return self._log.histories(plan_ids)

    def standings(self, plan_ids: Sequence[str]) -> Mapping[str, PlanStanding]:
        return self._log.standings(plan_ids)

    def stored_checkpoints(self, plan_ids: Sequence[str]) -> Mapping[str, StoredCheckpoint]:
        return self._log.stored_checkpoints(plan_ids)

    def posted(self, entry_ids: Sequence[str]) -> Mapping[str, PostedBooking]:
        rows = self._connection.execute(_POSTED, (list(entry_ids),))
        return {
            entry_id: PostedBooking(
                day, gone, tuple((debit, credit, int(minor)) for debit, credit, minor in moved or ())
            )
            for entry_id, day, gone, moved in rows
        }


def audit_plans(snapshot: AuditSnapshot) -> PartFindings:
    """Fold every plan of the snapshot, and compare what is stored of it."""
    with _connected(snapshot) as connection:
        (plans,) = connection.execute(_COUNT).fetchone() or (0,)
    parts = 1 if plans < MANY else os.cpu_count() or 1
    if parts == 1:
        found = [_examine_part(snapshot, 0, 1)]
    else:
        with ProcessPoolExecutor(parts, mp_context=get_context("spawn")) as pool:
            found = [
                each.result() for each in [pool.submit(_examine_part, snapshot, part, parts) for part in range(parts)]
            ]
    faults = tuple(fault for each in found for fault in each.faults)
    counts = {"plans": sum(each.plans for each in found), "plan_events": sum(each.events for each in found)}
    return PartFindings(counts, faults)


def _examine_part(snapshot: AuditSnapshot, part: int, parts: int) -> FoldedPlans:
    with _connected(snapshot) as connection:
        return verify_plans(PostgresStoredPlans(connection, part, parts), terms=_terms)


def _connected(snapshot: AuditSnapshot) -> psycopg.Connection[Any]:
    connection = psycopg.connect(snapshot.database_url, application_name="tranche verify")
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    connection.execute(f"SET TRANSACTION SNAPSHOT '{snapshot.snapshot_id}'".encode())
    return connection


def _terms(plan: Plan) -> ServicingTerms:
    return servicing_terms(plan.terms_version, plan.currency)
