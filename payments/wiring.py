"""A till over a PostgreSQL connection."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import Connection

from ledger.books.postgres import PostgresLedger
from lending.decision.postgres import PostgresDecisions
from lending.servicing.postgres import PostgresPlans
from lending.terms.merchant_terms import merchant_terms
from lending.terms.products import servicing_terms
from payments.collection.postgres import PostgresAttempts
from payments.collection.retry import load_policy
from payments.merchants.postgres import PostgresPayouts
from payments.provider.provider import Provider
from payments.rail_profile import load_profile
from payments.reconciliation.postgres import PostgresReconciliation
from payments.refunds.postgres import PostgresRefunds
from payments.till import Till


class DatabaseDown(Exception):
    """The database cannot be reached."""

    @property
    def user_message(self) -> str:
        return str(self)


@contextmanager
def connected(database_url: str) -> Iterator[Connection[Any]]:
    """A connection in autocommit mode for an act that opens its own transactions; `DatabaseDown` when there is none."""
    try:
        connection = psycopg.connect(database_url, autocommit=True, application_name="tranche-payments")
    except psycopg.OperationalError as error:
        raise DatabaseDown(f"the database cannot be reached: {error}") from error
    with connection:
        connection.execute("SET TIME ZONE 'UTC'")
        yield connection


def till_over(connection: Connection[Any], provider: Provider) -> Till:
    """The till with the policies that ship with these packages."""
    return Till(
        database=connection,
        attempts=PostgresAttempts(connection),
        plans=PostgresPlans(connection),
        ledger=PostgresLedger(connection),
        decisions=PostgresDecisions(connection),
        expectations=PostgresReconciliation(connection),
        payouts=PostgresPayouts(connection),
        refunds=PostgresRefunds(connection),
        provider=provider,
        policy=load_policy(),
        profile=load_profile(),
        merchants=merchant_terms(),
        terms=lambda plan: servicing_terms(plan.terms_version, plan.currency),
    )
