"""What reconciliation costs: a provider's files of captures with their payouts at the bank, and the four hundredth day.

Run from the checkout: `make bench PART=payments`, or `python -m benchmarks.payments LINES`. It starts a PostgreSQL of
its own, with its usual durability.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from benchmarks.budgets import keep, print_beside
from benchmarks.ledger_posting import databases
from ledger.money import Currency, Money
from lending.plan.plan import Instalment, InstalmentId, Origin, Plan, PlanId
from lending.servicing.postgres import PostgresPlans
from lending.terms.product import Product
from lending.terms.products import product_on
from payments.files.bank_statement import COLUMNS as STATEMENT
from payments.files.control_file import write_controlled
from payments.postgres import connected
from payments.provider.provider import NoProvider
from payments.reconciliation.postgres import PostgresReconciliation
from payments.reconciliation.reconcile import ReconcileReport, reconcile
from payments.wiring import adapters_over
from simulation.provider import SettlementRow

LINES = 100_000
CAPTURES = 998  # of a payout; with its fee and its own row it has a thousand
PAYOUTS_OF_A_FILE = 20
DUES = 12
DAYS, LINES_OF_A_DAY = 400, 1_000
FIRST = date(2026, 3, 2)
AMOUNT = 25_00
CEILINGS = {"lines.100000.seconds": 20.0, "lines.100000.memory_mib": 300.0, "day_ratio": 1.2}

_ATTEMPTS = """
INSERT INTO payments.attempts (attempt_id, instalment_id, number, plan_id, shopper_id, account_id, provider, currency,
                               fees_minor, interest_minor, principal_minor, due_on, requested_on, opens_plan, state,
                               captured_on)
SELECT format('p-%%s/%%s#1', n / %(dues)s, n %% %(dues)s + 1), format('p-%%s/%%s', n / %(dues)s, n %% %(dues)s + 1), 1,
       'p-' || n / %(dues)s, 's-' || n / %(dues)s, 'a-' || n / %(dues)s, 'sandbox', 'GBP', 0, 0, %(amount)s, %(day)s,
       %(day)s, false, 'presumed_paid', %(day)s
  FROM generate_series(%(first)s::int, %(last)s::int) AS n
"""
_EXPECTED = """
INSERT INTO payments.expectations (expectation_id, leg, currency, amount_minor, expected_on, due_by, created_by)
SELECT 'capture:' || attempt_id, 2, currency, principal_minor, requested_on, requested_on + 3, attempt_id
  FROM payments.attempts WHERE requested_on = %s
"""


def main() -> None:
    """Measure and print. With a number of lines, only that many are reconciled."""
    asked = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else None
    with databases() as fresh, tempfile.TemporaryDirectory(prefix="tranche-bench-") as folder:
        figures: dict[str, Any] = {"lines": {str(asked or LINES): measured(fresh(), Path(folder), asked or LINES)}}
        if asked is None:
            figures["day_ratio"] = day_ratio(fresh(), Path(folder))
    print(figures)
    if asked is None:
        print_beside(figures, floors={}, ceilings=CEILINGS)
        keep(figures, "payments")


def measured(url: str, folder: Path, lines: int) -> Mapping[str, float]:
    """Seconds to take and reconcile a number of lines with the bank's, seconds of matching, memory of the process."""
    with connected(url) as connection:
        files = _day_of(connection, folder / "large", FIRST, 0, lines // (CAPTURES + 2))
        matching = _watched(PostgresReconciliation)
        started = time.perf_counter()
        report = _reconciled(connection, files, FIRST)
        seconds = time.perf_counter() - started
    assert (report.unmatched, report.waiting, report.open_expectations) == (0, 0, 0), report
    return {
        "seconds": round(seconds, 1),
        "match_seconds": round(sum(matching), 2),
        "memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def day_ratio(url: str, folder: Path) -> float:
    """What a day costs after four hundred others, as a multiple of an early day; medians of ten days each."""
    took = []
    with connected(url) as connection:
        for number in range(DAYS):
            day = FIRST - timedelta(days=DAYS - number)
            files = _day_of(connection, folder / str(number), day, number, 1, captures=LINES_OF_A_DAY - 2)
            started = time.perf_counter()
            report = _reconciled(connection, files, day)
            took.append(time.perf_counter() - started)
            assert report.unmatched == 0, report
    return round(median(took[-10:]) / median(took[2:12]), 2)


def _watched(store: type[PostgresReconciliation]) -> list[float]:
    """The seconds that each call of the rules takes from now on."""
    took: list[float] = []
    rules = store.match

    def match(self: PostgresReconciliation, *arguments: Any) -> Any:
        started = time.perf_counter()
        found = rules(self, *arguments)
        took.append(time.perf_counter() - started)
        return found

    store.match = match  # type: ignore[method-assign]
    return took


def _reconciled(connection: psycopg.Connection[Any], files: list[Path], day: date) -> ReconcileReport:
    ports = adapters_over(connection, NoProvider())
    return reconcile(
        files,
        attempts=ports.attempts,
        decisions=ports.decisions,
        plans=ports.plans,
        ledger=ports.ledger,
        reconciliation=ports.reconciliation,
        payouts=ports.payouts,
        refunds=ports.refunds,
        publish=ports.publish,
        merchants=ports.merchants,
        terms=ports.terms,
        policy=ports.policy,
        profile=ports.profile,
        transaction=ports.transaction,
        at=datetime(2026, 6, 1, tzinfo=UTC),
        as_of=day,
    )


def _day_of(
    connection: psycopg.Connection[Any], folder: Path, day: date, number: int, payouts: int, *, captures: int = CAPTURES
) -> list[Path]:
    """A day with a number of payouts: its attempts in the tables, and its files."""
    first = number * payouts * (captures // DUES + 1) * DUES
    last = first + payouts * captures - 1
    with connection.transaction():
        plans = PostgresPlans(connection)
        numbers = range(first // DUES, last // DUES + 1)
        for some in range(numbers.start, numbers.stop, 1_000):
            plans.open_all([_plan(each, day) for each in range(some, min(some + 1_000, numbers.stop))])
        connection.execute(_ATTEMPTS, {"dues": DUES, "amount": AMOUNT, "day": day, "first": first, "last": last})
        connection.execute(_EXPECTED, (day,))
    connection.execute("ANALYZE payments.attempts, payments.expectations, payments.open_expectations")
    files, references = [], []
    for start in range(0, payouts, PAYOUTS_OF_A_FILE):
        some = range(start, min(start + PAYOUTS_OF_A_FILE, payouts))
        path = folder / f"settlement-{start:05}.csv"
        write_controlled(
            path,
            tuple(SettlementRow.__dataclass_fields__),
            (
                asdict(row)
                for each in some
                for row in _payout(day, f"po-{day}-{each}", first + each * captures, captures)
            ),
        )
        files.append(path)
        references += [f"po-{day}-{each}" for each in some]
    path = folder / "statement.csv"
    net, opening = captures * (AMOUNT - 30), number * payouts * captures * (AMOUNT - 30)
    write_controlled(
        path,
        STATEMENT,
        (
            {
                "line_id": f"{entry:05}", "account": "main", "statement": number + 1, "amount_minor": net,
                "balance_minor": opening + entry * net, "currency": "GBP", "booked_on": day, "value_on": day,
                "reference": reference, "counterparty": "sandbox",
            }
            for entry, reference in enumerate(references, 1)
        ),
    )  # fmt: skip
    return [*files, path]


def _payout(day: date, payout: str, first: int, captures: int) -> Iterator[SettlementRow]:
    on = day.isoformat()
    for number in range(first, first + captures):
        attempt = f"p-{number // DUES}/{number % DUES + 1}#1"
        yield SettlementRow(f"c-{number}", "capture", attempt, f"ch-{number}", AMOUNT, "GBP", on, payout, "")
    yield SettlementRow(f"{payout}/fee", "fee", "", "", -30 * captures, "GBP", on, payout, "")
    yield SettlementRow(f"{payout}/out", "payout", "", "", -(AMOUNT - 30) * captures, "GBP", on, payout, "")


def _plan(number: int, day: date) -> Plan:
    amount = Money(AMOUNT, Currency.GBP)
    dues = tuple(
        Instalment(InstalmentId(f"p-{number}/{each}"), each, day, amount, Money.zero(Currency.GBP))
        for each in range(1, DUES + 1)
    )
    return Plan(
        plan_id=PlanId(f"p-{number}"),
        shopper_id=f"s-{number}",
        account_id=f"a-{number}",
        merchant_id="m-1",
        order_id=f"o-{number}",
        decision_id=f"d-{number}",
        origin=Origin.CHECKOUT,
        product=Product.MONTHLY,
        opened_on=day,
        principal=Money(AMOUNT * DUES, Currency.GBP),
        merchant_discount=Money.zero(Currency.GBP),
        annual_rate_basis_points=0,
        terms_version=product_on(Product.MONTHLY, day).version,
        instalments=dues,
    )


if __name__ == "__main__":
    main()
