"""The provider's account with us: what it took from shoppers and gave back to them, until it is paid out."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from ledger.flows import journal
from ledger.journal import Journal
from ledger.money import Money
from lending.bookings import provider_settled
from payments.charge import RefundRequest, Succeeded
from payments.refund_payment import RefundPayment
from simulation.retail.charges import PAYOUT_LAG, Charge
from simulation.retail.shop import ReplayBroken, Shop, in_the_evening


@dataclass(slots=True)
class ProviderAccount:
    """Asks the provider, once under each key, and books its payouts two days later."""

    shop: Shop
    captured: dict[date, list[Charge]] = field(default_factory=lambda: defaultdict(list))
    given_back: dict[date, list[RefundPayment]] = field(default_factory=lambda: defaultdict(list))
    charges: int = 0
    received_minor: Counter[str] = field(default_factory=Counter)
    returned_minor: int = 0

    @property
    def waits(self) -> bool:
        """Whether something is still to be paid out."""
        return bool(self.captured or self.given_back)

    def pays_on(self, day: date) -> bool:
        """Whether a day brings a payout."""
        return day in self.captured or day in self.given_back

    def charge(self, charge: Charge) -> Charge:
        """Take the money of a charge; an answer other than a capture of all of it stops the replay."""
        answer = self.shop.till.provider.charge(charge.request())
        _whole(answer, charge.attempt_id, charge.amount)
        self.captured[charge.on + PAYOUT_LAG].append(charge)
        self.received_minor[f"{charge.on:%Y-%m}"] += charge.amount.minor
        self.charges += 1
        return charge

    def give_back(self, payments: Iterable[RefundPayment]) -> None:
        """Bring refunds to their shoppers."""
        for each in payments:
            asked = RefundRequest(each.payment_id, each.shopper_id, each.amount, each.requested_on)
            _whole(self.shop.till.provider.refund(asked), each.payment_id, each.amount)
            self.given_back[each.requested_on + PAYOUT_LAG].append(each)
            self.returned_minor += each.amount.minor

    def pay_out(self, day: date) -> None:
        """F35a, F35d: what it took is in the bank, less its fees, and less what it gave back."""
        payout_id = f"po-{day.isoformat()}"
        journals = [_captured(each, payout_id, day) for each in self.captured.pop(day, ())]
        journals += [self._given_back(each, payout_id, day) for each in self.given_back.pop(day, ())]
        self.shop.post(journals)

    def _given_back(self, payment: RefundPayment, payout_id: str, day: date) -> Journal:
        rail, when = self.shop.till.profile.card, in_the_evening(day)
        return journal(
            "F35d",
            key=f"{payout_id}/{payment.payment_id}",
            value_date=when.value_date,
            occurred_at=when.occurred_at,
            recorded_at=when.recorded_at,
            correlation={"payout_id": payout_id, "attempt_id": payment.payment_id, "plan_id": payment.plan_id},
            amounts={"cash": payment.amount},
            names={"provider": rail.provider, "bank": rail.bank},
        )


def _captured(charge: Charge, payout_id: str, day: date) -> Journal:
    return provider_settled(
        f"{payout_id}/{charge.attempt_id}",
        provider=charge.rail.provider,
        bank=charge.rail.bank,
        cash=charge.amount - charge.fee,
        fee=charge.fee,
        correlation={"payout_id": payout_id, "attempt_id": charge.attempt_id, "plan_id": charge.plan_id},
        when=in_the_evening(day),
    )


def _whole(answer: object, key: str, amount: Money) -> None:
    if not isinstance(answer, Succeeded) or answer.amount != amount:
        raise ReplayBroken(f"{key} did not move {amount}: {answer}")
