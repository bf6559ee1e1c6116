"""Reconciliation of one line of which a person has said what it is; everything else follows as for any other."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from psycopg import Connection

from payments.expectation_key import ExpectationKey
from payments.files.line import FileLine
from payments.line_key import LineKey
from payments.reconciliation.matching import Found, MatchRule
from payments.reconciliation.postgres import PostgresReconciliation


class ByHand(PostgresReconciliation):
    """Knows one open line, which names what a person chose. `off_suspense`: its cash was taken off suspense already."""

    def __init__(self, connection: Connection[Any], line: FileLine, key: ExpectationKey, *, off_suspense: bool) -> None:
        super().__init__(connection)
        self._line = replace(line, key=key, account_id=None)
        self._key = key
        self._off_suspense = off_suspense

    def lines_of_units(self, units: Sequence[str]) -> list[FileLine]:  # noqa: ARG002 - whatever its unit is
        return [self._line]

    def match(
        self,
        units: Sequence[str],  # noqa: ARG002 - whatever its unit is
        left_out: Iterable[LineKey],
        met_now: Iterable[ExpectationKey],  # noqa: ARG002 - the act has looked
    ) -> list[Found]:
        if self._line.line_key in set(left_out):
            return []
        return [Found(self._line.line_key, MatchRule.MANUAL.value, (self._key,), None)]

    def on_suspense(self, lines: Sequence[FileLine]) -> frozenset[LineKey]:
        return frozenset() if self._off_suspense else super().on_suspense(lines)
