"""A till over a PostgreSQL connection."""

from ledger.books.postgres import PostgresLedger
from lending.decision.postgres import PostgresDecisions
from lending.servicing.postgres import PostgresPlans
from lending.terms.merchant_terms import merchant_terms
from lending.terms.products import servicing_terms
from payments.collection.postgres import PostgresAttempts
from payments.collection.retry import load_policy
from payments.merchants.postgres import PostgresPayouts
from payments.postgres import Connection
from payments.provider.provider import Provider
from payments.rail_profile import load_profile
from payments.reconciliation.postgres import PostgresReconciliation
from payments.refunds.postgres import PostgresRefunds
from payments.till import Till


def till_over(connection: Connection, provider: Provider) -> Till:
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
