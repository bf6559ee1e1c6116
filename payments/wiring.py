"""The adapters of payments over one PostgreSQL connection, built once by an entry point.

Only entry points (the command line, the API, the demo, a simulation) use the whole set; an act receives the ports that
it needs as single arguments.
"""

from dataclasses import dataclass
from functools import partial

from ledger.books.postgres import PostgresLedger
from ledger.outbox.outbox import append_all
from lending.decision.postgres import PostgresDecisions
from lending.decision.underwrite import Publish
from lending.servicing.postgres import PostgresPlans
from lending.servicing.record_events import TermsOf
from lending.terms.merchant_terms import AllMerchantTerms, merchant_terms
from lending.terms.products import servicing_terms
from payments.collection.ask_provider import Asking, asking_over
from payments.collection.postgres import PostgresAttempts
from payments.collection.retry import RetryPolicy, load_policy
from payments.merchants.postgres import PostgresPayouts
from payments.postgres import Connection
from payments.postgres_batches import PostgresPayoutBatches
from payments.provider.provider import Provider
from payments.rail_profile import RailProfile, load_profile
from payments.reconciliation.postgres import PostgresReconciliation
from payments.refunds.postgres import PostgresRefundPayments
from payments.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Adapters:
    """The ports of payments over one connection in autocommit mode, with the business's policies.

    The acts open each database transaction themselves, so that a provider is called outside of any.
    """

    database: Connection
    attempts: PostgresAttempts
    plans: PostgresPlans
    ledger: PostgresLedger
    decisions: PostgresDecisions
    reconciliation: PostgresReconciliation
    payouts: PostgresPayouts
    batches: PostgresPayoutBatches
    refunds: PostgresRefundPayments
    publish: Publish
    provider: Provider
    policy: RetryPolicy
    profile: RailProfile
    merchants: AllMerchantTerms
    terms: TermsOf

    @property
    def transaction(self) -> Transaction:
        return self.database.transaction

    @property
    def asking(self) -> Asking:
        """What the acts that ask the provider for money need beside plans and books."""
        return asking_over(
            attempts=self.attempts,
            decisions=self.decisions,
            plans=self.plans,
            ledger=self.ledger,
            expectations=self.reconciliation,
            breaks=self.reconciliation,
            provider=self.provider,
            merchants=self.merchants,
            terms=self.terms,
            policy=self.policy,
            profile=self.profile,
            transaction=self.transaction,
        )


def adapters_over(connection: Connection, provider: Provider) -> Adapters:
    """Build the adapters with the policies shipped in these packages."""
    return Adapters(
        database=connection,
        attempts=PostgresAttempts(connection),
        plans=PostgresPlans(connection),
        ledger=PostgresLedger(connection),
        decisions=PostgresDecisions(connection),
        reconciliation=PostgresReconciliation(connection),
        payouts=PostgresPayouts(connection),
        batches=PostgresPayoutBatches(connection),
        refunds=PostgresRefundPayments(connection),
        publish=partial(append_all, connection),
        provider=provider,
        policy=load_policy(),
        profile=load_profile(),
        merchants=merchant_terms(),
        terms=lambda plan: servicing_terms(plan.terms_version, plan.currency),
    )
