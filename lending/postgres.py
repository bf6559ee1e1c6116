"""Plans in PostgreSQL, in the caller's database transaction, which is never committed here."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date
from typing import Any

from psycopg.errors import IntegrityConstraintViolation

from ledger.money import Currency, Money
from ledger.store import Conflict
from lending.plan import (
    EventKind,
    Instalment,
    Plan,
    PlanEvent,
    PlanFault,
    first_difference,
    first_event_difference,
)
from lending.postgres_log import PostgresPlanLog
from lending.postgres_plans import PLAN, foreign_tree, read_plans
from lending.store import OpenInstalment

_ADD_PLANS = f"""
INSERT INTO lending.plans ({PLAN})
SELECT plan_id, shopper_id, account_id, merchant_id, order_id, decision_id, origin, product, opened_on, currency,
       principal_minor, merchant_discount_minor, annual_rate_basis_points, terms_version, taken_from::jsonb, tax_minor,
       foreign_purchase::jsonb
  FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
              %s::date[], %s::text[], %s::bigint[], %s::bigint[], %s::integer[], %s::text[], %s::text[],
              %s::bigint[], %s::text[]) AS u ({PLAN})
 ORDER BY plan_id
    ON CONFLICT (plan_id) DO NOTHING RETURNING plan_id
"""  # noqa: S608 - here and below only fixed lists of columns are put in
_ADD_INSTALMENTS = """
INSERT INTO lending.instalments (instalment_id, plan_id, number, due_on, principal_minor, interest_minor)
SELECT * FROM unnest(%s::text[], %s::text[], %s::integer[], %s::date[], %s::bigint[], %s::bigint[])
"""
_EVENT = """
event_id, plan_id, instalment_id, kind, principal_minor, interest_minor, value_date, occurred_at, recorded_at, cause
"""
_ADD_EVENTS = f"""
INSERT INTO lending.instalment_payments ({_EVENT})
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::date[],
                     %s::timestamptz[], %s::timestamptz[], %s::text[]) AS u ({_EVENT})
 ORDER BY instalment_id, event_id
    ON CONFLICT (event_id) DO NOTHING RETURNING event_id
"""  # noqa: S608
_EVENTS_BY_ID = f"""
SELECT {_EVENT}, currency
  FROM lending.instalment_payments JOIN (SELECT plan_id, currency FROM lending.plans) p USING (plan_id)
 WHERE event_id = ANY(%s)
"""  # noqa: S608
_EVENTS = f"""
SELECT {_EVENT}, currency
  FROM lending.instalment_payments e JOIN (SELECT plan_id, currency FROM lending.plans) p USING (plan_id)
 WHERE plan_id = %s ORDER BY e.position
"""  # noqa: S608
_DUE = """
SELECT plan_id, instalment_id, number, due_on, principal_minor, interest_minor, open_principal_minor,
       open_interest_minor, open_fees_minor, disputed_minor
  FROM lending.due_instalments
 WHERE due_on <= %(as_of)s AND open_principal_minor + open_interest_minor + open_fees_minor > 0
 ORDER BY due_on, plan_id, number
"""
_COLLECTABLE = """
SELECT i.plan_id, i.instalment_id, i.number, i.due_on, i.principal_minor, i.interest_minor, i.open_principal_minor,
       i.open_interest_minor, i.open_fees_minor, i.disputed_minor
  FROM lending.instalment_standing i JOIN lending.plan_standing s USING (plan_id)
 WHERE i.due_on <= %(as_of)s
   AND i.open_principal_minor + i.open_interest_minor + i.open_fees_minor > i.disputed_minor
   AND s.status = 'open' AND NOT s.paused @> %(as_of)s::date
 ORDER BY i.due_on, i.plan_id, i.number
"""


class PostgresPlans(PostgresPlanLog):
    """Plans over the schema `lending`. It never commits: whoever opened the connection does."""

    def open(self, plan: Plan) -> bool:
        return self.open_all([plan]) == 1

    def open_all(self, plans: Sequence[Plan]) -> int:
        if not plans:
            return 0
        by_id = {plan.plan_id: plan for plan in plans}
        with self.whole():
            added = {plan_id for (plan_id,) in self._run(_ADD_PLANS, [_plan_row(plan) for plan in by_id.values()])}
            rows = [_instalment_row(by_id[plan_id], each) for plan_id in added for each in by_id[plan_id].instalments]
            if rows:
                self._run(_ADD_INSTALMENTS, rows)
            stored = read_plans(self._connection, [plan_id for plan_id in by_id if plan_id not in added])
            for plan in plans:
                field = first_difference(stored.get(plan.plan_id, by_id[plan.plan_id]), plan)
                if field is not None:
                    raise Conflict(plan.plan_id, field)
        return len(added)

    def get(self, plan_id: str) -> Plan | None:
        return read_plans(self._connection, [plan_id]).get(plan_id)

    def find_by_account(self, account_id: str) -> tuple[Plan, ...]:
        rows = self._connection.execute("SELECT plan_id FROM lending.plans WHERE account_id = %s", (account_id,))
        return tuple(read_plans(self._connection, [plan_id for (plan_id,) in rows]).values())

    def find_by_shopper(self, shopper_id: str) -> tuple[Plan, ...]:
        rows = self._connection.execute("SELECT plan_id FROM lending.plans WHERE shopper_id = %s", (shopper_id,))
        return tuple(read_plans(self._connection, [plan_id for (plan_id,) in rows]).values())

    def get_all(self, plan_ids: Iterable[str]) -> Mapping[str, Plan]:
        return read_plans(self._connection, plan_ids)

    def record(self, event: PlanEvent) -> bool:
        return self.record_all([event]) == 1

    def record_all(self, events: Sequence[PlanEvent]) -> int:
        if not events:
            return 0
        by_id = {event.event_id: event for event in events}
        with self.whole():
            try:
                rows = self._run(_ADD_EVENTS, [_event_row(each) for each in by_id.values()])
            except IntegrityConstraintViolation as error:
                raise PlanFault(error.diag.message_primary) from error
            added = {event_id for (event_id,) in rows}
            known = [event_id for event_id in by_id if event_id not in added]
            stored = {event.event_id: event for event in self._events(_EVENTS_BY_ID, known)}
            for event in events:
                field = first_event_difference(stored.get(event.event_id, by_id[event.event_id]), event)
                if field is not None:
                    raise Conflict(event.event_id, field)
        return len(added)

    def events(self, plan_id: str) -> tuple[PlanEvent, ...]:
        return self._events(_EVENTS, plan_id)

    def due(self, as_of: date) -> tuple[OpenInstalment, ...]:
        return self._open_instalments(_DUE, as_of)

    def collectable(self, as_of: date) -> tuple[OpenInstalment, ...]:
        return self._open_instalments(_COLLECTABLE, as_of)

    def _open_instalments(self, query: str, as_of: date) -> tuple[OpenInstalment, ...]:
        rows = self._connection.execute(query, {"as_of": as_of}).fetchall()
        plans = read_plans(self._connection, [row[0] for row in rows])
        found = []
        for plan_id, instalment_id, number, due_on, *minors in rows:
            plan = plans[plan_id]
            principal, interest, *left = (Money(minor, plan.currency) for minor in minors)
            instalment = Instalment(instalment_id, number, due_on, principal, interest)
            found.append(OpenInstalment(plan, instalment, *left))
        return tuple(found)

    def _events(self, query: str, wanted: object) -> tuple[PlanEvent, ...]:
        return tuple(_event(row) for row in self._connection.execute(query, (wanted,)))


def _plan_row(plan: Plan) -> tuple[object, ...]:
    return (
        plan.plan_id,
        plan.shopper_id,
        plan.account_id,
        plan.merchant_id,
        plan.order_id,
        plan.decision_id,
        plan.origin.value,
        plan.product.value,
        plan.opened_on,
        plan.currency.value,
        plan.principal.minor,
        plan.merchant_discount.minor,
        plan.annual_rate_basis_points,
        plan.terms_version,
        json.dumps(dict(plan.taken_from), ensure_ascii=False),
        None if plan.tax is None else plan.tax.minor,
        None if plan.foreign is None else json.dumps(foreign_tree(plan.foreign), ensure_ascii=False),
    )


def _instalment_row(plan: Plan, instalment: Instalment) -> tuple[object, ...]:
    amounts = instalment.principal.minor, instalment.interest.minor
    return (instalment.instalment_id, plan.plan_id, instalment.number, instalment.due_on, *amounts)


def _event_row(event: PlanEvent) -> tuple[object, ...]:
    return (
        event.event_id,
        event.plan_id,
        event.instalment_id,
        event.kind.value,
        event.principal.minor,
        event.interest.minor,
        event.value_date,
        event.occurred_at,
        event.recorded_at,
        event.cause,
    )


def _event(row: Sequence[Any]) -> PlanEvent:
    event_id, plan_id, instalment_id, kind, principal, interest, value_date, occurred_at, recorded_at, cause, code = row
    currency = Currency(code)
    return PlanEvent(
        event_id=event_id,
        plan_id=plan_id,
        instalment_id=instalment_id,
        kind=EventKind(kind),
        principal=Money(principal, currency),
        interest=Money(interest, currency),
        value_date=value_date,
        occurred_at=occurred_at.astimezone(UTC),
        recorded_at=recorded_at.astimezone(UTC),
        cause=cause,
    )
