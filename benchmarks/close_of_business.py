"""How long a business date takes over many plans, a fifth of them bearing interest and a twentieth overdue.

Run from the checkout: `python -m benchmarks.close_of_business [PLANS …]`. It starts a PostgreSQL of its own, with its
usual durability, and fills it with plans by SQL, as an import would leave them after their opening.
"""

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from ledger.books.postgres import PostgresLedger
from ledger.money import Currency, Money
from lending.plan.event import Opened, tree_of
from lending.servicing.close_of_business import close_of_business
from lending.servicing.postgres import PostgresPlans
from lending.servicing.postgres_close import PostgresBusinessDates
from lending.terms.dues import LoanTerms, schedule
from lending.terms.product import Product
from lending.terms.products import product_on, servicing_terms

SIZES = (20_000, 100_000)
DAYS = 3
OPENED_ON = date(2026, 1, 10)
FIRST_DATE = date(2026, 1, 26)
PRINCIPAL = Money(1_000_00, Currency.GBP)
YEARLY_RATE = 1_200
MONTHS = 12

_PLANS = """
INSERT INTO lending.plans (plan_id, shopper_id, account_id, merchant_id, order_id, decision_id, origin, product,
                           opened_on, currency, principal_minor, merchant_discount_minor, annual_rate_basis_points,
                           terms_version, taken_from)
SELECT %(prefix)s || n, 's-' || n, 'a-' || n, 'm-' || n %% 100, %(prefix)s || n, %(prefix)s || n, 'checkout',
       %(product)s, %(opened_on)s, 'GBP', %(principal)s, 0, %(rate)s, %(version)s, '{}'
  FROM generate_series(1, %(count)s) AS n
"""
_INSTALMENTS = """
INSERT INTO lending.instalments (instalment_id, plan_id, number, due_on, principal_minor, interest_minor)
SELECT p.plan_id || '/' || u.number, p.plan_id, u.number, u.due_on, u.principal, u.interest
  FROM lending.plans p,
       unnest(%(numbers)s::integer[], %(dues)s::date[], %(principals)s::bigint[], %(interests)s::bigint[])
       AS u (number, due_on, principal, interest)
 WHERE p.product = %(product)s AND p.plan_id LIKE %(prefix)s || '%%'
"""
_OPENED = """
INSERT INTO lending.plan_events (event_id, plan_id, kind, body, value_date, occurred_at, recorded_at, cause)
SELECT 'opened:' || plan_id, plan_id, 'opened', %(body)s::jsonb, opened_on, opened_on, opened_on, plan_id
  FROM lending.plans WHERE plan_id LIKE %(prefix)s || '%%'
"""
_STANDINGS = """
UPDATE lending.plan_standing SET version = 1, status = 'open', principal_minor = %(principal)s, accrues = %(accrues)s,
                                 next_due_on = %(next_due_on)s
 WHERE plan_id LIKE %(prefix)s || '%%'
"""
_PLACES = """
INSERT INTO lending.instalment_standing (instalment_id, plan_id, number, due_on, principal_minor, interest_minor,
                                         open_principal_minor, open_interest_minor, open_fees_minor, disputed_minor)
SELECT instalment_id, plan_id, number, due_on, principal_minor, interest_minor, principal_minor, interest_minor, 0, 0
  FROM lending.instalments WHERE plan_id LIKE %(prefix)s || '%%'
"""


def main(sizes: tuple[int, ...] = SIZES) -> None:
    """Measure and print; the figures of a run as one JSON object."""
    sizes = tuple(int(size) for size in sys.argv[1:]) or sizes
    print(json.dumps({size: measured_alone(size) for size in sizes}, indent=2), flush=True)


def measured_alone(plans: int) -> Mapping[str, float]:
    """The figures of a PostgreSQL that nothing else uses."""
    from tranche.local.runtime import LocalRuntime

    folder = Path(tempfile.mkdtemp(prefix="tranche-bench-", dir="/tmp"))
    runtime = LocalRuntime(folder, parts=("postgres",))
    try:
        return measured(runtime.up()["TRANCHE_DATABASE_URL"], plans)
    finally:
        runtime.reset()
        shutil.rmtree(folder, ignore_errors=True)


def measured(database_url: str, plans: int) -> Mapping[str, float]:
    """Seconds of a business date: the median of the days, and the first, which opens accounts for most plans."""
    with psycopg.connect(database_url) as connection:
        filled(connection, plans)
        seconds = []
        visited = posted = 0
        for number in range(DAYS):
            started = time.perf_counter()
            (closed,) = close_of_business(
                FIRST_DATE + timedelta(days=number),
                plans=PostgresPlans(connection),
                dates=PostgresBusinessDates(connection),
                ledger=PostgresLedger(connection),
                terms=lambda plan: servicing_terms(plan.terms_version, plan.currency),
                at=datetime.now(UTC),
                commit=connection.commit,
            )
            seconds.append(time.perf_counter() - started)
            visited, posted = closed.visited, closed.posted
    return {
        "plans": plans,
        "visited": visited,
        "posted": posted,
        "first_seconds": round(seconds[0], 2),
        "seconds": round(median(seconds[1:]), 2),
    }


def filled(connection: psycopg.Connection[Any], plans: int) -> None:
    """A fifth bears interest, a twentieth has missed its first due, and nothing is to be done about the others."""
    loans, late = plans // 5, plans // 20
    _add(connection, "loan-", loans, Product.MONTHLY, accrues=True, late=False)
    _add(connection, "late-", late, Product.PAY_IN_3, accrues=False, late=True)
    _add(connection, "calm-", plans - loans - late, Product.PAY_IN_3, accrues=False, late=False)
    connection.commit()
    connection.autocommit = True
    connection.execute("VACUUM ANALYZE")
    connection.autocommit = False


def _add(
    connection: psycopg.Connection[Any], prefix: str, count: int, product: Product, *, accrues: bool, late: bool
) -> None:
    terms = product_on(product, OPENED_ON)
    due_in = MONTHS if accrues else 2
    dues = schedule(LoanTerms(PRINCIPAL, due_in, YEARLY_RATE if accrues else 0), terms.repayment, OPENED_ON)
    first_due = dues[0].due_on if accrues or late else dues[1].due_on
    values = {
        "prefix": prefix,
        "count": count,
        "product": product.value,
        "opened_on": OPENED_ON,
        "principal": PRINCIPAL.minor,
        "rate": YEARLY_RATE if accrues else 0,
        "version": terms.version,
        "numbers": [due.number for due in dues],
        "dues": [due.due_on for due in dues],
        "principals": [due.principal.minor for due in dues],
        "interests": [due.interest.minor for due in dues],
        "body": json.dumps(tree_of(Opened(PRINCIPAL))),
        "accrues": accrues,
        "next_due_on": first_due,
    }
    for statement in (_PLANS, _INSTALMENTS, _OPENED, _STANDINGS, _PLACES):
        connection.execute(statement, values)


if __name__ == "__main__":
    main()
