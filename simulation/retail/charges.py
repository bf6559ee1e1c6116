"""One charge of an instalment: its key, its hold, and what the provider keeps of it."""

from dataclasses import dataclass
from datetime import date, timedelta

from ledger.money import Money
from lending.plan import Instalment, Plan
from payments.attempt import attempt_id_of
from payments.charge import ChargeRequest
from payments.rail_profile import Rail

PAYOUT_LAG = timedelta(days=2)
"""After so many days the provider's money is in the bank."""
FEE_BASIS_POINTS, FEE_FIXED_MINOR = 140, 20


@dataclass(frozen=True, slots=True)
class Charge:
    """An amount asked for on a day. Without a hold it is the down payment, which nothing else can ask for."""

    plan: Plan
    instalment: Instalment
    amount: Money
    rail: Rail
    on: date
    hold_id: str | None = None

    @property
    def attempt_id(self) -> str:
        return attempt_id_of(self.instalment.instalment_id, 1)

    @property
    def plan_id(self) -> str:
        return self.plan.plan_id

    @property
    def instalment_id(self) -> str:
        return self.instalment.instalment_id

    @property
    def fee(self) -> Money:
        """What the provider keeps, to the unit below, and never more than it took."""
        fee = self.amount.minor * FEE_BASIS_POINTS // 10_000 + FEE_FIXED_MINOR
        return Money(min(fee, self.amount.minor), self.amount.currency)

    def request(self) -> ChargeRequest:
        """What the provider is asked for."""
        return ChargeRequest(
            self.attempt_id,
            self.plan_id,
            self.instalment_id,
            self.plan.shopper_id or self.plan.account_id,
            self.plan.account_id,
            self.amount,
            self.on,
        )
