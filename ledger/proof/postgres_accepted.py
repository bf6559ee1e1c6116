"""Keeps what rebuilds replaced in PostgreSQL, within the caller's database transaction."""

import json
from collections.abc import Iterator, Sequence

from ledger.database import Database
from ledger.proof.accepted import Acceptance, AcceptedDifference

_KEEP = """
INSERT INTO ledger.accepted_differences (projection, place, was, became, accepted_by, reason, accepted_at)
SELECT u.*, %s, %s, %s FROM unnest(%s::text[], %s::text[], %s::jsonb[], %s::jsonb[]) AS u
"""
_LISTED = """
SELECT projection, place, was, became, accepted_by, reason, accepted_at
  FROM ledger.accepted_differences ORDER BY position
"""


class PostgresAcceptedDifferences:
    """AcceptedDifferences over the schema `ledger`, under one acceptance. It never commits."""

    def __init__(self, connection: Database, acceptance: Acceptance) -> None:
        self._connection = connection
        self._acceptance = acceptance

    def keep(self, differences: Sequence[AcceptedDifference]) -> None:
        given = self._acceptance
        columns = (
            [each.projection for each in differences],
            [each.place for each in differences],
            [None if each.was is None else json.dumps(each.was, default=str) for each in differences],
            [None if each.became is None else json.dumps(each.became, default=str) for each in differences],
        )
        self._connection.execute(_KEEP, (given.accepted_by, given.reason, given.accepted_at, *columns))


def listed_differences(connection: Database) -> Iterator[tuple[AcceptedDifference, Acceptance]]:
    """Everything that was ever replaced, in order."""
    for projection, place, was, became, accepted_by, reason, accepted_at in connection.execute(_LISTED, ()):
        difference = AcceptedDifference(projection, place, was, became)
        yield difference, Acceptance(accepted_by, reason, accepted_at)
