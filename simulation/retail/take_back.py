"""Books the refunds of a day: plans are reduced (F21, F22), and amounts already paid are returned (F24)."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from ledger.books.store import Act, Request
from ledger.map.flow import Flow
from ledger.money import Money
from lending.plan.event import PlanEvent, Refunded
from lending.plan.fold import fold
from lending.plan.state import PlanState
from lending.servicing.record_events import KeptLedger, TermsOf
from lending.servicing.store import Plans
from payments.merchants.payouts import Payouts
from payments.plan_events import record_on_plan
from payments.refunds.bookings import refund_claimed, refund_paid
from payments.refunds.events import refund_arrived
from payments.refunds.refund_payment import RefundPayment, Way, payment_id_of
from simulation.retail.evening import ask, evening
from simulation.retail.order_book import RetailRefund
from simulation.retail.provider_account import ProviderAccount
from simulation.retail.purchase_plan import MERCHANT, purchase_plan_id


def take_back_lines(
    refunds: Sequence[RetailRefund],
    day: date,
    provider: ProviderAccount,
    *,
    plans: Plans,
    ledger: KeptLedger,
    payouts: Payouts,
    terms: TermsOf,
) -> None:
    """Record the refunds of a day; a merchant that has been paid for the order owes its share."""
    for together in _rounds(refunds):
        before = _states([purchase_plan_id(refund.order_id) for refund in together], day, plans, terms)
        events = [_refunded(refund, before[purchase_plan_id(refund.order_id)], payouts) for refund in together]
        record_on_plan(events, plans=plans, ledger=ledger, terms=terms)
        after = _states(before, day, plans, terms)
        payments = []
        for refund in together:
            plan_id = purchase_plan_id(refund.order_id)
            granted = after[plan_id].refunds_payable - before[plan_id].refunds_payable
            if granted.minor:
                payments.append(_payment(refund, granted, day))
        _pay_back(payments, day, provider, plans=plans, ledger=ledger, terms=terms)


def _refunded(refund: RetailRefund, state: PlanState, payouts: Payouts) -> PlanEvent:
    settled = payouts.settled(f"{Flow.PURCHASE_CAPTURED}:{MERCHANT}/{refund.order_id}/1")
    receivable = state.merchant_share_of(refund.amount) if settled else None
    return PlanEvent(
        event_id=f"refunded:{refund.refund_id}",
        plan_id=state.plan.plan_id,
        value_date=refund.refunded_on,
        occurred_at=refund.occurred_at,
        recorded_at=refund.occurred_at,
        cause=refund.refund_id,
        body=Refunded(refund.refund_id, refund.amount, receivable),
    )


def _pay_back(
    payments: Sequence[RefundPayment],
    day: date,
    provider: ProviderAccount,
    *,
    plans: Plans,
    ledger: KeptLedger,
    terms: TermsOf,
) -> None:
    """Hold the amounts, refund them through the provider, then post the holds. Raises ProviderRefused."""
    rail, when = provider.rail, evening(day)
    ends = {"provider": rail.provider, "bank": rail.bank}
    ask(ledger, [Request(Act.HOLD, refund_claimed(payment, when, **ends)) for payment in payments])
    provider.give_back(payments)
    sent = [(payment.hold_id, refund_paid(payment, when, **ends)) for payment in payments]
    ask(ledger, [Request(Act.POST_HOLD, journal, hold_id=hold_id) for hold_id, journal in sent])
    events = [refund_arrived(payment, when) for payment in payments]
    record_on_plan(events, plans=plans, ledger=ledger, terms=terms)


def _states(plan_ids: Iterable[str], day: date, plans: Plans, terms: TermsOf) -> dict[str, PlanState]:
    """The states of plans on a day."""
    histories = plans.histories(plan_ids)
    return {
        plan_id: fold(known.plan, known.events, terms(known.plan), through=day) for plan_id, known in histories.items()
    }


def _payment(refund: RetailRefund, amount: Money, day: date) -> RefundPayment:
    return RefundPayment(
        payment_id=payment_id_of(refund.refund_id, 1),
        refund_id=refund.refund_id,
        number=1,
        plan_id=purchase_plan_id(refund.order_id),
        shopper_id=refund.shopper_id,
        account_id=refund.shopper_id,
        way=Way.PROVIDER,
        amount=amount,
        requested_on=day,
    )


def _rounds(refunds: Sequence[RetailRefund]) -> Iterator[list[RetailRefund]]:
    """Batches of refunds with at most one per plan, because each refund of a plan depends on the one before."""
    left = list(refunds)
    while left:
        first: dict[str, RetailRefund] = {}
        for refund in left:
            first.setdefault(refund.order_id, refund)
        yield list(first.values())
        left = [refund for refund in left if first[refund.order_id] is not refund]
