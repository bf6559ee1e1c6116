"""Decisions in PostgreSQL, within the caller's database transaction."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from psycopg import Connection

from ledger.money import Money
from lending.decision.exposure import Exposure
from lending.decision.offer import offer_from_body
from lending.decision.order import Order, order_from_body
from lending.decision.record import StoredDecision
from lending.decision.underwrite import OpenedOrder
from lending.plan.fold import fold
from lending.servicing.postgres_log import PostgresPlanLog
from lending.terms.product import Product
from lending.terms.products import local_day, servicing_terms

A_MONTH = timedelta(days=30)

# A person is known by the shopper's id and by the bank account: what was lent to or approved for either counts, so that
# many ids on one account share one limit.
# Owed is the open amount of plans; a plan with events known after this moment is folded up to it instead. An imported
# loan counts from the day after its grant, so that it does not count against the application it came from.
# Reserved are approved amounts that are neither expired, nor released, nor plans yet, and of plans what is still to be
# shipped.
_EXPOSURE = """
WITH own AS MATERIALIZED (
    SELECT p.plan_id,
           EXISTS (SELECT FROM lending.plan_events e WHERE e.plan_id = p.plan_id AND e.occurred_at > %(at)s) AS later
      FROM lending.plans p
     WHERE (p.shopper_id = %(shopper)s OR (p.account_id = %(account)s AND p.origin = 'checkout'))
       AND p.currency = %(currency)s
       AND (p.origin = 'checkout' OR p.opened_on < %(day)s)
), owed AS (
    SELECT sum(i.open_principal_minor) AS principal_minor,
           sum(i.open_principal_minor + i.open_interest_minor) FILTER (WHERE i.due_on <= %(month_end)s) AS monthly_minor
      FROM own o JOIN lending.instalment_standing i USING (plan_id)
     WHERE NOT o.later
), approved AS (
    SELECT r.decision_id FROM lending.reservations r
     WHERE r.shopper_id = %(shopper)s AND r.currency = %(currency)s
     UNION
    SELECT d.decision_id FROM lending.decisions d
     WHERE d.account_id = %(account)s AND d.approved_minor IS NOT NULL
), reserved AS (
    SELECT sum(r.amount_minor) AS principal_minor, sum(r.instalment_minor) AS monthly_minor
      FROM approved JOIN lending.reservations r USING (decision_id)
     WHERE r.currency = %(currency)s AND r.expires_at > %(at)s
       AND NOT EXISTS (SELECT FROM lending.releases e WHERE e.decision_id = r.decision_id)
       AND NOT EXISTS (SELECT FROM lending.plans p WHERE p.decision_id = r.decision_id)
), unshipped AS (
    SELECT sum(rest.minor) AS principal_minor,
           sum(ceil(r.instalment_minor::numeric * rest.minor / r.amount_minor)) AS monthly_minor
      FROM lending.plans p JOIN lending.reservations r USING (decision_id),
           LATERAL (SELECT p.principal_minor - sum((e.body -> 'captured' ->> 'minor')::bigint) AS minor
                      FROM lending.plan_events e
                     WHERE e.plan_id = p.plan_id AND e.kind IN ('opened', 'part_shipped')
                       AND e.occurred_at <= %(at)s) rest
     WHERE p.shopper_id = %(shopper)s AND p.currency = %(currency)s AND rest.minor > 0
       AND NOT EXISTS (SELECT FROM lending.plan_events e
                        WHERE e.plan_id = p.plan_id AND e.kind = 'cancelled' AND e.occurred_at <= %(at)s)
)
SELECT coalesce(owed.principal_minor, 0),
       coalesce(reserved.principal_minor, 0) + coalesce(unshipped.principal_minor, 0),
       coalesce(owed.monthly_minor, 0) + coalesce(reserved.monthly_minor, 0) + coalesce(unshipped.monthly_minor, 0),
       EXISTS (SELECT FROM lending.decisions WHERE decision_id = %(decision)s),
       (SELECT coalesce(array_agg(coalesce(s.product, '')), '{}') FROM lending.lending_stops s
         WHERE coalesce(s.currency = %(currency)s, true)
           AND NOT EXISTS (SELECT FROM lending.lifted_stops l WHERE l.stop_id = s.stop_id)),
       (SELECT coalesce(array_agg(plan_id), '{}') FROM own WHERE later)
  FROM owed, reserved, unshipped
"""

# One statement, so that storing a decision takes one round trip.
_ADD = """
WITH decision AS (
    INSERT INTO lending.decisions (decision_id, order_id, application_id, shopper_id, account_id, merchant_id, product,
                                   currency, requested_minor, approved_minor, outcome, decided_at, expires_at,
                                   policy_digest, model_digest, feature_set_digest, inputs, answer, digest, reviews)
    VALUES (%(decision)s, %(order)s, %(application)s, %(shopper)s, %(account)s, %(merchant)s, %(product)s,
            %(currency)s, %(requested)s, %(approved)s, %(outcome)s, %(decided_at)s, %(expires_at)s,
            %(policy)s, %(model)s, %(features)s, %(inputs)s, %(answer)s, %(digest)s, %(reviews)s)
    RETURNING decision_id, shopper_id, currency, approved_minor, expires_at
), reasons AS (
    INSERT INTO lending.decision_reasons (decision_id, rank, code, stage, rule_id, contribution)
    SELECT decision_id, rank, code, stage, rule_id, contribution
      FROM decision, unnest(%(codes)s::text[], %(stages)s::text[], %(rules)s::text[], %(contributions)s::float8[])
           WITH ORDINALITY AS reason (code, stage, rule_id, contribution, rank)
)
INSERT INTO lending.reservations (decision_id, shopper_id, currency, amount_minor, instalment_minor, expires_at)
SELECT decision_id, shopper_id, currency, %(reserved)s::bigint, %(instalment)s::bigint, expires_at
  FROM decision WHERE approved_minor IS NOT NULL
"""
_NEWEST = """
SELECT DISTINCT ON (currency) inputs FROM lending.decisions
 WHERE shopper_id = %s ORDER BY currency, decided_at DESC, decision_id DESC
"""
_DECISIONS = """
SELECT decision_id, outcome, decided_at, expires_at, inputs, answer, digest, reviews, offer_id
  FROM lending.decisions LEFT JOIN lending.chosen_offers USING (decision_id)
"""
_CHOOSE = (
    "INSERT INTO lending.chosen_offers (decision_id, offer_id, chosen_at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
)


class PostgresDecisions:
    """Decisions over the schema `lending`. It never commits."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def open(self, order: Order, at: datetime) -> OpenedOrder:
        """Lock the exposure of shopper and account until the transaction ends, and look up what is known of the order.

        Everybody locks in the same order, so that no two wait for each other. The lock is a statement of its own,
        because only later statements see what another transaction committed while this one waited.
        """
        execute, shopper = self._connection.execute, order.shopper_id
        locked = [shopper, f"account:{order.account_id}"]  # no id of a shopper has a colon
        execute(
            "INSERT INTO lending.exposure_locks (shopper_id) SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING",
            (locked,),
        )
        execute(
            "SELECT FROM lending.exposure_locks WHERE shopper_id = ANY (%s) ORDER BY shopper_id FOR UPDATE", (locked,)
        )
        decided, stopped, exposure = self._exposure(order, at)
        return OpenedOrder(self.get(order.decision_id) if decided else None, exposure, stopped)

    def exposure(self, order: Order, at: datetime) -> Exposure:
        """The exposure of an order's shopper and account, without a lock: for reading, never for deciding."""
        return self._exposure(order, at)[2]

    def newest_of(self, shopper_id: str) -> list[Order]:
        """The newest order of a shopper in each currency."""
        rows = self._connection.execute(_NEWEST, (shopper_id,)).fetchall()
        return [order_from_body(json.loads(inputs)["order"]) for (inputs,) in rows]

    def _exposure(self, order: Order, at: datetime) -> tuple[bool, frozenset[Product], Exposure]:
        """Whether the order was decided, by which products lending is stopped, and the exposure."""
        currency = order.amount.currency
        today = local_day(order.product, currency, at)
        row = self._connection.execute(
            _EXPOSURE,
            {
                "shopper": order.shopper_id,
                "account": order.account_id,
                "currency": currency.value,
                "at": at,
                "day": today,
                "month_end": today + A_MONTH,
                "decision": order.decision_id,
            },
        ).fetchone()
        assert row is not None
        *amounts, decided, stopped, later = row
        exposure = Exposure(*(Money(int(amount), currency) for amount in amounts))
        if later:
            exposure = self._adding(exposure, later, at, today)
        return decided, frozenset(Product) if "" in stopped else frozenset(map(Product, stopped)), exposure

    def _adding(self, exposure: Exposure, plan_ids: list[str], at: datetime, today: date) -> Exposure:
        """The exposure with what these plans left open at a past moment added."""
        outstanding, monthly = exposure.outstanding, exposure.monthly
        for history in PostgresPlanLog(self._connection).histories(plan_ids).values():
            plan = history.plan
            by_then = [event for event in history.events if event.occurred_at <= at]
            terms = servicing_terms(plan.terms_version, plan.currency)
            for each in fold(plan, by_then, terms, through=max(today, plan.opened_on)).instalments:
                outstanding += each.open_principal
                if each.due_on <= today + A_MONTH:
                    monthly += each.open_principal + each.open_interest
        return replace(exposure, outstanding=outstanding, monthly=monthly)

    def add(self, decision: StoredDecision) -> None:
        """Store a new decision with its reasons and reservation; a known id raises a unique violation."""
        order, offer = decision.order, decision.offer
        inputs, answer = json.loads(decision.inputs), json.loads(decision.answer)
        self._connection.execute(
            _ADD,
            {
                "decision": decision.decision_id,
                "order": order.order_id,
                "application": order.application_id,
                "shopper": order.shopper_id,
                "account": order.account_id,
                "merchant": order.merchant_id,
                "product": order.product.value,
                "currency": order.amount.currency.value,
                "requested": order.amount.minor,
                "approved": None if offer is None else offer.amount.minor,
                "reserved": max((each.amount.minor for each in decision.offers), default=None),
                "instalment": max((each.largest_instalment.minor for each in decision.offers), default=None),
                "outcome": decision.outcome,
                "decided_at": decision.decided_at,
                "expires_at": decision.expires_at,
                "policy": inputs["policy"]["digest"],
                "model": inputs["model"]["digest"],
                "features": inputs["model"]["feature_set_digest"],
                "inputs": decision.inputs,
                "answer": decision.answer,
                "digest": decision.digest,
                "reviews": decision.reviews,
                "codes": [reason["code"] for reason in answer["reasons"]],
                "stages": [reason["stage"] for reason in answer["reasons"]],
                "rules": [reason["rule"] for reason in answer["reasons"]],
                "contributions": [reason["contribution"] for reason in answer["reasons"]],
            },
        )

    def get(self, decision_id: str) -> StoredDecision | None:
        """The stored decision, or None."""
        row = self._connection.execute(f"{_DECISIONS} WHERE decision_id = %s", (decision_id,)).fetchone()
        return None if row is None else _decision(row)

    def taken(self, decision_id: str) -> bool:
        """Whether the decision became a plan."""
        found = self._connection.execute("SELECT FROM lending.plans WHERE decision_id = %s", (decision_id,))
        return found.fetchone() is not None

    def all(self) -> Iterator[StoredDecision]:
        """Every decision in the order of time, read in pages of a few hundred."""
        with self._connection.cursor(name="decisions") as cursor:
            cursor.itersize = 500
            cursor.execute(f"{_DECISIONS} ORDER BY decided_at, decision_id")
            for row in cursor:
                yield _decision(row)

    def choose(self, decision_id: str, offer_id: str, at: datetime) -> str:
        """Choose one of a decision's offers; the one that is chosen, now or before. The first choice is for good."""
        self._connection.execute(_CHOOSE, (decision_id, offer_id, at))
        chosen = "SELECT offer_id FROM lending.chosen_offers WHERE decision_id = %s"
        row = self._connection.execute(chosen, (decision_id,)).fetchone()
        assert row is not None, "it was chosen now or before"
        return str(row[0])

    def release(self, decision_id: str, *, at: datetime, reason: str) -> None:
        """Release the reservation before the offer expires, for example after a declined down payment. Idempotent."""
        self._connection.execute(
            "INSERT INTO lending.releases (decision_id, released_at, reason) VALUES (%s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            (decision_id, at, reason),
        )


def _decision(row: tuple[Any, ...]) -> StoredDecision:
    decision_id, outcome, decided_at, expires_at, inputs, answer, digest, reviews, chosen = row
    order = order_from_body(json.loads(inputs)["order"])
    bodies = json.loads(answer)["offers"]
    offers = {body["offer_id"]: offer_from_body(body) for body in bodies}
    first = bodies[0]["offer_id"] if bodies else None
    return StoredDecision(
        decision_id=decision_id,
        order=order,
        outcome=outcome,
        offer=None if first is None else offers[chosen or first],
        decided_at=decided_at.astimezone(UTC),
        expires_at=None if expires_at is None else expires_at.astimezone(UTC),
        inputs=inputs,
        answer=answer,
        digest=digest,
        reviews=reviews,
        offers=tuple(offers.values()),
    )
