"""Our account at the provider: amounts captured from shoppers and refunded to them, until they are paid out."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from ledger.books.store import Ledger
from ledger.journal import Journal
from ledger.map.flow import Flow
from ledger.map.flows import journal
from ledger.money import Currency, Money
from payments.collection.ask_provider import request_of
from payments.collection.attempt import Planned
from payments.provider.charge import RefundRequest, Succeeded
from payments.provider.provider import Provider
from payments.rail_profile import Rail
from payments.refunds.refund_payment import RefundPayment
from simulation.retail.evening import evening, post
from terminal.fault import Fault

PAYOUT_LAG = timedelta(days=2)
"""Days from a capture until the provider's payout is in the bank."""
FEE_BASIS_POINTS, FEE_FIXED_MINOR = 140, 20


class ProviderRefused(Fault):
    """Raised when the provider declines a charge or refund of the replay, which has no other way to go on."""


@dataclass(slots=True)
class ProviderAccount:
    """Asks the provider, once per key, and books its payouts two days later."""

    provider: Provider
    ledger: Ledger
    rail: Rail
    captured: dict[date, list[Planned]] = field(default_factory=lambda: defaultdict(list))
    given_back: dict[date, list[RefundPayment]] = field(default_factory=lambda: defaultdict(list))
    charges: int = 0
    received_minor: Counter[str] = field(default_factory=Counter)
    returned_minor: int = 0

    @property
    def name(self) -> str:
        return self.provider.name

    @property
    def waits(self) -> bool:
        """Whether amounts are still to be paid out."""
        return bool(self.captured or self.given_back)

    def charge(self, planned: Planned) -> Planned:
        """Charge the payment of an attempt; raises ProviderRefused."""
        _whole(self.provider.charge(request_of(planned)), planned.attempt_id, planned.amount)
        self.captured[planned.requested_on + PAYOUT_LAG].append(planned)
        self.received_minor[f"{planned.requested_on:%Y-%m}"] += planned.amount.minor
        self.charges += 1
        return planned

    def give_back(self, payments: Iterable[RefundPayment]) -> None:
        """Refund payments to their shoppers; raises ProviderRefused."""
        for each in payments:
            asked = RefundRequest(each.payment_id, each.shopper_id, each.amount, each.requested_on)
            _whole(self.provider.refund(asked), each.payment_id, each.amount)
            self.given_back[each.requested_on + PAYOUT_LAG].append(each)
            self.returned_minor += each.amount.minor

    def pay_out(self, day: date) -> None:
        """Book the provider's payout: captures (F35a), less its fee for all of them (F35b) and refunds (F35d)."""
        payout_id = f"po-{day.isoformat()}"
        captured = self.captured.pop(day, [])
        journals = [self._captured(each, payout_id, day) for each in captured]
        fees: dict[Currency, Money] = {}
        for fee in (fee_on(each.amount) for each in captured):
            fees[fee.currency] = fees.get(fee.currency, Money.zero(fee.currency)) + fee
        journals += [self._charged(fee, payout_id, day) for fee in fees.values() if fee.minor]
        journals += [self._given_back(each, payout_id, day) for each in self.given_back.pop(day, ())]
        post(self.ledger, journals)

    def _captured(self, planned: Planned, payout_id: str, day: date) -> Journal:
        ids = {"payout_id": payout_id, "attempt_id": planned.attempt_id, "plan_id": planned.plan_id}
        return self._booked(
            Flow.PROVIDER_SETTLED, f"{payout_id}/{planned.attempt_id}", day, correlation=ids, cash=planned.amount
        )

    def _charged(self, fee: Money, payout_id: str, day: date) -> Journal:
        key = f"{payout_id}/{fee.currency}"
        return self._booked(Flow.PROVIDER_INVOICED, key, day, correlation={"payout_id": payout_id}, cash=fee)

    def _given_back(self, payment: RefundPayment, payout_id: str, day: date) -> Journal:
        ids = {"payout_id": payout_id, "attempt_id": payment.payment_id, "plan_id": payment.plan_id}
        return self._booked(
            Flow.PROVIDER_DEBITED, f"{payout_id}/{payment.payment_id}", day, correlation=ids, cash=payment.amount
        )

    def _booked(self, flow: Flow, key: str, day: date, *, correlation: Mapping[str, str], cash: Money) -> Journal:
        rail, when = self.rail, evening(day)
        return journal(
            flow,
            key=key,
            value_date=when.value_date,
            occurred_at=when.occurred_at,
            recorded_at=when.recorded_at,
            correlation=correlation,
            amounts={"cash": cash},
            names={"provider": rail.provider, "bank": rail.bank},
        )


def fee_on(amount: Money) -> Money:
    """The provider's fee on a capture, rounded down, at most the captured amount.

    >>> from ledger.money import Currency
    >>> fee_on(Money(100_00, Currency.GBP)).minor, fee_on(Money(19, Currency.GBP)).minor
    (160, 19)
    """
    fee = amount.minor * FEE_BASIS_POINTS // 10_000 + FEE_FIXED_MINOR
    return Money(min(fee, amount.minor), amount.currency)


def _whole(answer: object, key: str, amount: Money) -> None:
    if not isinstance(answer, Succeeded) or answer.amount != amount:
        raise ProviderRefused(f"{key} did not move {amount}: {answer}")
