"""Everything that charging needs, handed to the acts that charge."""

from dataclasses import dataclass

from ledger.books.postgres import PostgresLedger
from ledger.database import Database
from lending.merchant_terms import AllMerchantTerms
from lending.postgres import PostgresPlans
from lending.postgres_decisions import PostgresDecisions
from lending.service_plans import TermsOf
from payments.postgres import PostgresAttempts
from payments.postgres_payouts import PostgresPayouts
from payments.postgres_reconciliation import PostgresReconciliation
from payments.postgres_refunds import PostgresRefunds
from payments.provider import Provider
from payments.rail_profile import Profile
from payments.retry import RetryPolicy


@dataclass(frozen=True, slots=True)
class Till:
    """Ports over one database connection in autocommit mode.

    The acts open each database transaction themselves, so that a provider is asked outside of any.
    """

    database: Database
    attempts: PostgresAttempts
    plans: PostgresPlans
    ledger: PostgresLedger
    decisions: PostgresDecisions
    expectations: PostgresReconciliation
    payouts: PostgresPayouts
    refunds: PostgresRefunds
    provider: Provider
    policy: RetryPolicy
    profile: Profile
    merchants: AllMerchantTerms
    terms: TermsOf
