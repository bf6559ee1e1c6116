"""Books the orders of a day: plans are opened, and their first instalment is paid at the checkout (F02, F03, F05)."""

from collections.abc import Sequence

from ledger.money import Money
from lending.plan.plan import Instalment, Plan
from lending.plan.when import When
from lending.servicing.record_events import KeptLedger, TermsOf
from lending.servicing.store import Plans
from lending.terms.merchant_terms import AllMerchantTerms
from payments.collection.attempt import Planned, attempt_id_of
from payments.collection.events import collected, opened
from payments.plan_events import record_on_plan
from simulation.retail.order_book import Purchase
from simulation.retail.provider_account import ProviderAccount
from simulation.retail.purchase_plan import MERCHANT, purchase_plan


def sell(
    sold: Sequence[Purchase],
    provider: ProviderAccount,
    *,
    plans: Plans,
    ledger: KeptLedger,
    merchants: AllMerchantTerms,
    terms: TermsOf,
) -> list[Plan]:
    """Open the plan of each purchase, without a credit decision."""
    opened_plans = [purchase_plan(purchase, merchants.on(MERCHANT, purchase.ordered_on)) for purchase in sold]
    plans.open_all(opened_plans)
    events = []
    for plan, purchase in zip(opened_plans, sold, strict=True):
        when = When(plan.opened_on, purchase.occurred_at, purchase.occurred_at)
        down = provider.charge(_down_payment(plan, plan.instalments[0], provider.name))
        events += [opened(plan, when), collected(down, provider.rail, when)]
    record_on_plan(events, plans=plans, ledger=ledger, terms=terms)
    return opened_plans


def _down_payment(plan: Plan, today: Instalment, provider: str) -> Planned:
    return Planned(
        attempt_id=attempt_id_of(today.instalment_id, 1),
        instalment_id=today.instalment_id,
        number=1,
        plan_id=plan.plan_id,
        shopper_id=plan.account_id,
        account_id=plan.account_id,
        provider=provider,
        fees=Money.zero(plan.currency),
        interest=today.interest,
        principal=today.principal,
        due_on=today.due_on,
        requested_on=plan.opened_on,
        opens_plan=True,
    )
