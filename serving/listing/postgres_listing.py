"""Lists over PostgreSQL: the newest first, page by page by the place behind the last row, with indexes for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

from serving.listing.listed import Kind, ListFault, ListPage, RowPlace, WantedRows


@dataclass(frozen=True, slots=True)
class _Source:
    """How one kind is read: the statement, its order, and the condition of each filter."""

    select: str
    at: str
    row_id: str
    filters: Mapping[str, str]
    by_day: bool = True

    @property
    def at_name(self) -> str:
        return self.at.rpartition(".")[2]

    @property
    def row_id_name(self) -> str:
        return self.row_id.rpartition(".")[2]


_OF_PLAN = {"order_id": "p.order_id = %(order_id)s", "merchant_id": "p.merchant_id = %(merchant_id)s"}
_SOURCES: Mapping[Kind, _Source] = {
    Kind.DECISIONS: _Source(
        """SELECT d.decision_id, d.order_id, d.application_id, d.shopper_id, d.merchant_id, d.product,
                  d.outcome AS state, d.requested_minor, d.approved_minor, d.currency, d.decided_at, d.expires_at,
                  d.reviews
             FROM lending.decisions d""",
        "d.decided_at",
        "d.decision_id",
        {
            "shopper_id": "d.shopper_id = %(shopper_id)s",
            "order_id": "d.order_id = %(order_id)s",
            "merchant_id": "d.merchant_id = %(merchant_id)s",
            "state": "d.outcome = %(state)s",
        },
        by_day=False,
    ),
    Kind.PLANS: _Source(
        """SELECT p.plan_id, p.order_id, p.decision_id, p.shopper_id, p.merchant_id, p.product, s.status AS state,
                  p.opened_on, p.principal_minor, p.currency, s.days_past_due, s.next_due_on
             FROM lending.plans p JOIN lending.plan_standing s USING (plan_id)""",
        "p.opened_on",
        "p.plan_id",
        {"shopper_id": "p.shopper_id = %(shopper_id)s", **_OF_PLAN, "state": "s.status = %(state)s"},
    ),
    Kind.PAYMENTS: _Source(
        """SELECT a.attempt_id, a.plan_id, p.order_id, a.shopper_id, p.merchant_id, a.purpose, a.state, a.provider,
                  a.provider_reference AS reference, a.captured_minor, a.currency, a.due_on, a.requested_on,
                  a.captured_on, a.refusal, a.fees_minor + a.interest_minor + a.principal_minor AS amount_minor
             FROM payments.attempts a LEFT JOIN lending.plans p USING (plan_id)""",
        "a.requested_on",
        "a.attempt_id",
        {
            "shopper_id": "a.shopper_id = %(shopper_id)s",
            **_OF_PLAN,
            "state": "a.state = %(state)s",
            "reference": "a.provider_reference = %(reference)s",
        },
    ),
    Kind.REFUNDS: _Source(
        """SELECT f.payment_id, f.refund_id AS reference, f.plan_id, p.order_id, f.shopper_id, p.merchant_id, f.way,
                  f.state, f.amount_minor, f.currency, f.requested_on, f.submitted_at
             FROM payments.refund_payments f JOIN lending.plans p USING (plan_id)""",
        "f.requested_on",
        "f.payment_id",
        {
            "shopper_id": "f.shopper_id = %(shopper_id)s",
            **_OF_PLAN,
            "state": "f.state = %(state)s",
            "reference": "(f.payment_id = %(reference)s OR f.refund_id = %(reference)s)",
        },
    ),
    Kind.PAYOUTS: _Source(
        """SELECT m.payout_id, m.merchant_id, m.state, m.amount_minor, m.currency, m.requested_on, m.reference,
                  m.returned_on
             FROM payments.merchant_payout_states m""",
        "m.requested_on",
        "m.payout_id",
        {
            "merchant_id": "m.merchant_id = %(merchant_id)s",
            "order_id": """m.payout_id IN (SELECT i.payout_id FROM payments.payout_items i
                                            WHERE i.order_id = %(order_id)s)""",
            "state": "m.state = %(state)s",
            "reference": """m.payout_id IN (SELECT t.payout_id FROM payments.payout_orders t
                                             WHERE t.batch_id = %(reference)s)""",
        },
    ),
}


def filters_of(kind: Kind) -> tuple[str, ...]:
    """The names of the filters of a list, beside `since` and `until`."""
    return tuple(_SOURCES[kind].filters)


def list_rows(
    connection: Connection[Any], kind: Kind, wanted: WantedRows, *, after: RowPlace | None, limit: int
) -> ListPage:
    """A page of rows, the newest first, behind a place. Raises ListFault for a filter that the list does not have."""
    statement, values = listing_statement(kind, wanted, after=after, limit=limit + 1)
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(statement, values).fetchall()
    source, rows = _SOURCES[kind], tuple(found[:limit])
    if len(found) <= limit:
        return ListPage(rows, None)
    return ListPage(rows, RowPlace(rows[-1][source.at_name], rows[-1][source.row_id_name]))


def listing_statement(
    kind: Kind, wanted: WantedRows, *, after: RowPlace | None, limit: int
) -> tuple[str, Mapping[str, object]]:
    """The statement of a page and its values. A filter that is not given is no part of it, so that indexes fit."""
    source, conditions = _SOURCES[kind], list[str]()
    values: dict[str, object] = {"limit": limit, **wanted.equal}
    for name in wanted.equal:
        if name not in source.filters:
            raise ListFault(name, f"{kind} are found by {', '.join(source.filters)}")
        conditions.append(source.filters[name])
    for name, compares in (("since", ">="), ("until", "<")):
        moment: datetime | None = getattr(wanted, name)
        if moment is not None:
            conditions.append(f"{source.at} {compares} %({name})s")
            values[name] = moment.date() if source.by_day else moment
    if after is not None:
        conditions.append(f"({source.at}, {source.row_id}) < (%(after_at)s, %(after_id)s)")
        values |= {"after_at": after.at, "after_id": after.row_id}
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"{source.select}{where} ORDER BY {source.at} DESC, {source.row_id} DESC LIMIT %(limit)s", values


def row_place(kind: Kind, at: str, row_id: str) -> RowPlace:
    """The place that a cursor names. Raises ValueError for what is no day or moment."""
    day = _SOURCES[kind].by_day
    return RowPlace(date.fromisoformat(at) if day else datetime.fromisoformat(at).astimezone(UTC), row_id)
