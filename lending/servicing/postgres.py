"""Plans in PostgreSQL, within the caller's database transaction."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from ledger.books.store import Conflict
from ledger.money import Money
from lending.plan.plan import Instalment, Plan, first_difference
from lending.servicing.postgres_log import PostgresPlanLog
from lending.servicing.postgres_plans import PLAN, foreign_tree, read_plans
from lending.servicing.store import OpenInstalment

_ADD_PLANS = f"""
INSERT INTO lending.plans ({PLAN})
SELECT plan_id, shopper_id, account_id, merchant_id, order_id, decision_id, origin, product, opened_on, currency,
       principal_minor, merchant_discount_minor, annual_rate_basis_points, terms_version, taken_from::jsonb, tax_minor,
       foreign_purchase::jsonb
  FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
              %s::date[], %s::text[], %s::bigint[], %s::bigint[], %s::numeric[], %s::text[], %s::text[],
              %s::bigint[], %s::text[]) AS u ({PLAN})
 ORDER BY plan_id
    ON CONFLICT (plan_id) DO NOTHING RETURNING plan_id
"""  # noqa: S608 - here and below only fixed lists of columns are put in
_ADD_INSTALMENTS = """
INSERT INTO lending.instalments (instalment_id, plan_id, number, due_on, principal_minor, interest_minor)
SELECT * FROM unnest(%s::text[], %s::text[], %s::integer[], %s::date[], %s::bigint[], %s::bigint[])
"""
_DUE = """
SELECT plan_id, instalment_id, number, due_on, principal_minor, interest_minor, open_principal_minor,
       open_interest_minor, open_fees_minor, disputed_minor
  FROM lending.instalment_standing
 WHERE due_on <= %(as_of)s AND open_principal_minor + open_interest_minor + open_fees_minor > 0
 ORDER BY due_on, plan_id, number
"""
_COLLECTABLE = """
SELECT i.plan_id, i.instalment_id, i.number, i.due_on, i.principal_minor, i.interest_minor, i.open_principal_minor,
       i.open_interest_minor, i.open_fees_minor, i.disputed_minor
  FROM lending.instalment_standing i JOIN lending.plan_standing s USING (plan_id)
 WHERE i.due_on <= %(as_of)s
   AND i.open_principal_minor + i.open_interest_minor + i.open_fees_minor > i.disputed_minor
   AND s.status = 'open' AND NOT s.paused @> %(on)s::date
   AND (%(plan_ids)s::text[] IS NULL OR i.plan_id = ANY (%(plan_ids)s::text[]))
 ORDER BY i.due_on, i.plan_id, i.number
"""


class PostgresPlans(PostgresPlanLog):
    """Plans over the schema `lending`. It never commits."""

    def open(self, plan: Plan) -> bool:
        return self.open_all([plan]) == 1

    def open_all(self, plans: Sequence[Plan]) -> int:
        if not plans:
            return 0
        by_id = {plan.plan_id: plan for plan in plans}
        with self.savepoint():
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

    def due(self, as_of: date) -> tuple[OpenInstalment, ...]:
        return self._open_instalments(_DUE, {"as_of": as_of})

    def collectable(
        self, as_of: date, *, on: date | None = None, plan_ids: Sequence[str] | None = None
    ) -> tuple[OpenInstalment, ...]:
        of = None if plan_ids is None else list(plan_ids)
        return self._open_instalments(_COLLECTABLE, {"as_of": as_of, "on": on or as_of, "plan_ids": of})

    def _open_instalments(self, query: str, asked: Mapping[str, object]) -> tuple[OpenInstalment, ...]:
        rows = self._connection.execute(query, asked).fetchall()
        plans = read_plans(self._connection, [row[0] for row in rows])
        found = []
        for plan_id, instalment_id, number, due_on, *minors in rows:
            plan = plans[plan_id]
            principal, interest, *left = (Money(minor, plan.currency) for minor in minors)
            instalment = Instalment(instalment_id, number, due_on, principal, interest)
            found.append(OpenInstalment(plan, instalment, *left))
        return tuple(found)


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
        Decimal(plan.annual_rate_basis_points),
        plan.terms_version,
        json.dumps(dict(plan.taken_from), ensure_ascii=False),
        None if plan.tax is None else plan.tax.minor,
        None if plan.foreign is None else json.dumps(foreign_tree(plan.foreign), ensure_ascii=False),
    )


def _instalment_row(plan: Plan, instalment: Instalment) -> tuple[object, ...]:
    amounts = instalment.principal.minor, instalment.interest.minor
    return (instalment.instalment_id, plan.plan_id, instalment.number, instalment.due_on, *amounts)
