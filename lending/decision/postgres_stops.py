"""Stops of lending in PostgreSQL, within the caller's database transaction."""

from collections.abc import Sequence
from datetime import UTC
from typing import Any

from psycopg import Connection

from ledger.money import Currency
from lending.decision.lending_stop import LendingStop, Lift
from lending.terms.product import Product

_LIFT = """
INSERT INTO lending.lifted_stops (stop_id, lifted_at, lifted_by, reason)
SELECT stop_id, %s, %s, %s FROM lending.lending_stops WHERE stop_id = %s
    ON CONFLICT DO NOTHING
"""
_LISTED = """
SELECT s.stop_id, s.currency, s.product, s.stopped_at, s.stopped_by, s.reason, l.lifted_at, l.lifted_by, l.reason
  FROM lending.lending_stops s LEFT JOIN lending.lifted_stops l USING (stop_id)
 ORDER BY s.stopped_at DESC, s.stop_id
"""


class PostgresStops:
    """LendingStops over the schema `lending`. It never commits."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def add(self, stop: LendingStop) -> bool:
        added = self._connection.execute(
            "INSERT INTO lending.lending_stops VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (
                stop.stop_id, None if stop.currency is None else stop.currency.value,
                None if stop.product is None else stop.product.value, stop.stopped_at, stop.stopped_by, stop.reason,
            ),
        )  # fmt: skip
        return bool(added.rowcount)

    def lift(self, stop_id: str, lift: Lift) -> bool:
        return bool(self._connection.execute(_LIFT, (lift.lifted_at, lift.lifted_by, lift.reason, stop_id)).rowcount)

    def listed(self) -> Sequence[LendingStop]:
        return [
            LendingStop(
                stop_id,
                None if currency is None else Currency(currency),
                None if product is None else Product(product),
                stopped_at.astimezone(UTC),
                stopped_by,
                reason,
                None if lifted_at is None else Lift(lifted_at.astimezone(UTC), lifted_by, why),
            )
            for stop_id, currency, product, stopped_at, stopped_by, reason, lifted_at, lifted_by, why in (
                self._connection.execute(_LISTED)
            )
        ]
