"""Everything that charging needs, handed to the acts that charge."""

from dataclasses import dataclass

from ledger.books.postgres import PostgresLedger
from ledger.database import Database
from lending.decision.postgres import PostgresDecisions
from lending.servicing.postgres import PostgresPlans
from lending.servicing.record_events import TermsOf
from lending.terms.merchant_terms import AllMerchantTerms
from payments.collection.postgres import PostgresAttempts
from payments.collection.retry import RetryPolicy
from payments.merchants.postgres import PostgresPayouts
from payments.provider.provider import Provider
from payments.rail_profile import Profile
from payments.reconciliation.postgres import PostgresReconciliation
from payments.refunds.postgres import PostgresRefunds


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
