"""Refunds of a day: plans shrink (F21, F22), and what had been paid of the goods goes back to the shopper (F24)."""

from collections.abc import Iterator, Sequence
from datetime import date

from ledger.money import Money
from ledger.store import Act, Request
from payments import bookings
from payments.refund_payment import RefundPayment, Way, payment_id_of
from simulation.retail.order_book import Refund
from simulation.retail.plan_events import refund_paid, refunded
from simulation.retail.provider_account import ProviderAccount
from simulation.retail.purchase_plan import MERCHANT, plan_id_of
from simulation.retail.shop import Shop, evening, in_the_evening


def take_back(refunds: Sequence[Refund], shop: Shop, provider: ProviderAccount, day: date) -> None:
    """Record the refunds of a day; the merchant owes its share again where it has been paid for the order."""
    for together in _rounds(refunds):
        before = shop.states([plan_id_of(refund.order_id) for refund in together], day)
        events = []
        for refund in together:
            share = before[plan_id_of(refund.order_id)].merchant_share_of(refund.amount)
            settled = shop.till.payouts.settled(f"F02:{MERCHANT}/{refund.order_id}/1")
            events.append(refunded(refund, share if settled else None))
        shop.record(events)
        after = shop.states(before, day)
        granted = {plan_id: after[plan_id].refunds_payable - state.refunds_payable for plan_id, state in before.items()}
        owed = [(refund, granted[plan_id_of(refund.order_id)]) for refund in together]
        _pay_back([(refund, amount) for refund, amount in owed if amount.minor], shop, provider, day)


def _pay_back(owed: Sequence[tuple[Refund, Money]], shop: Shop, provider: ProviderAccount, day: date) -> None:
    """The amount is held while the provider is asked; it leaves with the provider's answer."""
    rail, when = shop.till.profile.card, in_the_evening(day)
    ends = {"provider": rail.provider, "bank": rail.bank}
    payments = [_payment(refund, amount, day) for refund, amount in owed]
    shop.ask([Request(Act.HOLD, bookings.refund_claimed(payment, when, **ends)) for payment in payments])
    provider.give_back(payments)
    sent = [(payment.hold_id, bookings.refund_paid(payment, when, **ends)) for payment in payments]
    shop.ask([Request(Act.POST_HOLD, journal, hold_id=hold_id) for hold_id, journal in sent])
    shop.record([refund_paid(refund, amount, evening(day), day) for refund, amount in owed])


def _payment(refund: Refund, amount: Money, day: date) -> RefundPayment:
    return RefundPayment(
        payment_id=payment_id_of(refund.refund_id, 1),
        refund_id=refund.refund_id,
        number=1,
        plan_id=plan_id_of(refund.order_id),
        shopper_id=refund.shopper_id,
        account_id=refund.shopper_id,
        way=Way.PROVIDER,
        amount=amount,
        requested_on=day,
    )


def _rounds(refunds: Sequence[Refund]) -> Iterator[list[Refund]]:
    """Refunds of one plan one after the other, since each is judged by the one before; those of others together."""
    left = list(refunds)
    while left:
        first: dict[str, Refund] = {}
        for refund in left:
            first.setdefault(refund.order_id, refund)
        yield list(first.values())
        left = [refund for refund in left if first[refund.order_id] is not refund]
