"""How long a business date takes over many plans, a fifth of them bearing interest and a twentieth overdue.

The loans are opened on 28 consecutive days, so that some instalments fall due on every date; none is paid.

Run from the checkout: `python -m benchmarks.close_of_business [PLANS …]`. It starts a PostgreSQL of its own, with its
usual durability, and fills it with plans by SQL, as an import would leave them after their opening.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import psycopg

from ledger.books.postgres import PostgresLedger
from ledger.money import Currency, Money
from lending.plan.event import Opened, PlanEvent, tree_of
from lending.plan.fold import fold
from lending.plan.plan import Origin, Plan, instalments_of
from lending.schedule.due import Due
from lending.servicing.close_of_business import close_of_business
from lending.servicing.log import standing_of
from lending.servicing.postgres import PostgresPlans
from lending.servicing.postgres_close import PostgresBusinessDates
from lending.terms.dues import LoanTerms, schedule
from lending.terms.product import Product
from lending.terms.products import product_on, servicing_terms

SIZES = (20_000, 100_000)
DAYS = 3
OPENED_ON = date(2026, 1, 10)
LOANS_FROM = date(2025, 12, 27)  # a group of loans is opened on each of the days that follow
GROUPS = 28
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
 WHERE p.plan_id LIKE %(prefix)s || '%%'
"""
_OPENED = """
INSERT INTO lending.plan_events (event_id, plan_id, kind, body, value_date, occurred_at, recorded_at, cause)
SELECT 'opened:' || plan_id, plan_id, 'opened', %(body)s::jsonb, opened_on, opened_on, opened_on, plan_id
  FROM lending.plans WHERE plan_id LIKE %(prefix)s || '%%'
"""
_STANDINGS = """
UPDATE lending.plan_standing SET version = 1, status = 'open', principal_minor = %(principal)s, accrues = %(accrues)s,
                                 next_due_on = %(next_due_on)s, interest_start = %(start)s, interest_step = %(step)s,
                                 interest_divisor = %(divisor)s, folded_by = %(folded_by)s
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
            started = perf_counter()
            (closed,) = close_of_business(
                FIRST_DATE + timedelta(days=number),
                plans=PostgresPlans(connection),
                dates=PostgresBusinessDates(connection),
                ledger=PostgresLedger(connection),
                terms=lambda plan: servicing_terms(plan.terms_version, plan.currency),
                at=datetime.now(UTC),
                commit=connection.commit,
            )
            seconds.append(perf_counter() - started)
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
    for number in range(GROUPS):
        opened_on = LOANS_FROM + timedelta(days=number)
        count = (loans * (number + 1)) // GROUPS - (loans * number) // GROUPS
        _add(connection, f"loan{number}-", count, Product.MONTHLY, opened_on, accrues=True, late=False)
    _add(connection, "late-", late, Product.PAY_IN_3, OPENED_ON, accrues=False, late=True)
    _add(connection, "calm-", plans - loans - late, Product.PAY_IN_3, OPENED_ON, accrues=False, late=False)
    connection.commit()
    connection.autocommit = True
    connection.execute("VACUUM ANALYZE")
    connection.autocommit = False


def _add(
    connection: psycopg.Connection[Any],
    prefix: str,
    count: int,
    product: Product,
    opened_on: date,
    *,
    accrues: bool,
    late: bool,
) -> None:
    terms = product_on(product, opened_on)
    due_in = MONTHS if accrues else 2
    dues = schedule(LoanTerms(PRINCIPAL, due_in, YEARLY_RATE if accrues else 0), terms.repayment, opened_on)
    first_due = dues[0].due_on if accrues or late else dues[1].due_on
    values = {
        "prefix": prefix,
        "count": count,
        "product": product.value,
        "opened_on": opened_on,
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
        **(_line(product, opened_on, dues, terms.version) if accrues else dict.fromkeys(_LINE)),
    }
    for statement in (_PLANS, _INSTALMENTS, _OPENED, _STANDINGS, _PLACES):
        connection.execute(statement, values)


_LINE = ("start", "step", "divisor", "folded_by")


def _line(product: Product, opened_on: date, dues: Sequence[Due], version: str) -> Mapping[str, Any]:
    """What the standing of such a loan keeps of its interest, from the fold of one of them."""
    plan = Plan(
        plan_id="one",
        shopper_id="s",
        account_id="a",
        merchant_id="m",
        order_id="one",
        decision_id="one",
        origin=Origin.CHECKOUT,
        product=product,
        opened_on=opened_on,
        principal=PRINCIPAL,
        merchant_discount=Money.zero(PRINCIPAL.currency),
        annual_rate_basis_points=YEARLY_RATE,
        terms_version=version,
        instalments=instalments_of("one", dues),
    )
    at = datetime.combine(opened_on, time.min, UTC)
    event = PlanEvent("one", "one", opened_on, at, at, "one", Opened(PRINCIPAL))
    state = fold(plan, [event], servicing_terms(version, PRINCIPAL.currency), through=opened_on)
    line = standing_of(state, version=1).daily
    assert line is not None, "a loan's interest grows on a line"
    return dict(
        zip(_LINE, (Decimal(line.start), Decimal(line.step), Decimal(line.divisor), line.folded_by), strict=True)
    )


if __name__ == "__main__":
    main()
