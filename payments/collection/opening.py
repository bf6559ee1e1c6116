"""Opens the plan of an accepted decision, inside the caller's database transaction."""

from datetime import datetime, tzinfo
from typing import Protocol

from ledger.books.store import AlreadyRecorded, AlreadyVoided, Recorded, RefusalCode, Refused, Voided
from ledger.money import Money
from lending.decision.record import StoredDecision
from lending.plan.event import PlanEvent
from lending.plan.plan import Origin, Plan, instalments_of, plan_id_of
from lending.plan.when import When
from lending.servicing.record_events import KeptLedger, TermsOf
from lending.servicing.store import Plans
from lending.terms.merchant_terms import AllMerchantTerms
from payments.collection.events import opened
from payments.plan_events import record_on_plan
from terminal.fault import Fault


class KeptDecisions(Protocol):
    """Reads stored decisions."""

    def get(self, decision_id: str) -> StoredDecision | None:
        """The decision as it was stored, or None."""


class BooksRefused(Fault):
    """Raised when the ledger refuses something that already happened: an assumption is broken, so the work stops."""


def zone_of(decision: StoredDecision, at: datetime, *, merchants: AllMerchantTerms, terms: TermsOf) -> tzinfo:
    """The time zone of the plan that an accepted decision opens."""
    return terms(plan_to_open(decision, When.moment(at), merchants=merchants)).days.zone


def plan_to_open(decision: StoredDecision, when: When, *, merchants: AllMerchantTerms) -> Plan:
    """The plan as it was offered; the decision must be an approval."""
    offer = decision.offer
    assert offer is not None, f"{decision.decision_id} offers nothing"
    plan_id, order = plan_id_of(decision.decision_id), decision.order
    nothing = Money.zero(offer.amount.currency)
    merchant = None if order.merchant_id is None else merchants.on(order.merchant_id, when.value_date)
    discount = nothing if merchant is None else merchant.merchant_discount(offer.amount)
    tax = nothing if merchant is None else merchant.tax(discount)
    return Plan(
        plan_id=plan_id,
        shopper_id=order.shopper_id,
        account_id=order.account_id,
        merchant_id=order.merchant_id,
        order_id=order.order_id,
        decision_id=decision.decision_id,
        origin=Origin.CHECKOUT,
        product=offer.product,
        opened_on=when.value_date,
        principal=offer.amount,
        merchant_discount=discount,
        annual_rate_basis_points=offer.annual_rate_basis_points,
        terms_version=offer.terms_version,
        instalments=instalments_of(plan_id, offer.instalments),
        tax=tax if tax.minor else None,
    )


def open_plan(
    decision: StoredDecision,
    when: When,
    *first: PlanEvent,
    plans: Plans,
    ledger: KeptLedger,
    merchants: AllMerchantTerms,
    terms: TermsOf,
    shipped: Money | None = None,
) -> Plan:
    """Open the plan with its first events, and void the reservation of F01, because the amount is now a debt.

    `shipped`: the part of the order that is captured now; the rest follows by shipments, and counts in the shopper's
    exposure from the plan itself until then.
    """
    plan = plan_to_open(decision, when, merchants=merchants)
    plans.open(plan)
    record_on_plan([opened(plan, when, shipped), *first], plans=plans, ledger=ledger, terms=terms)
    released = ledger.void_hold(decision.hold_id, at=when.recorded_at, reason="captured by F02")
    run_out = isinstance(released, Refused) and all(each.code is RefusalCode.HOLD_RESOLVED for each in released.reasons)
    if not run_out:  # after an expired offer there is no reservation left to release
        must_hold(released, decision.hold_id)
    return plan


def must_hold(outcome: object, what: str) -> None:
    """Raise BooksRefused unless the ledger wrote the entry, now or earlier."""
    if not isinstance(outcome, Recorded | AlreadyRecorded | Voided | AlreadyVoided):
        raise BooksRefused(f"the ledger refused {what}: {outcome}")
