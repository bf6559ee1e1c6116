"""What the retailer is owed for each order, when it is paid, and what refunds take back before or after that."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date

from ledger.money import Money
from lending.merchant_terms import AllMerchantTerms
from lending.plan import Plan
from simulation.retail.purchase_plan import MERCHANT


@dataclass(slots=True)
class Owed:
    """An order that is not paid out yet: what is left of the merchant's share, and the day on which it is paid."""

    share: Money
    paid_on: date


@dataclass(slots=True)
class MerchantAccount:
    """The orders on their way to the merchant."""

    terms: AllMerchantTerms
    owed: dict[str, Owed] = field(default_factory=dict)
    by_day: dict[date, list[str]] = field(default_factory=lambda: defaultdict(list))

    def sold(self, plan: Plan) -> None:
        """The merchant is owed its share, to be paid as its terms say."""
        paid_on = self.terms.on(MERCHANT, plan.opened_on).settled_on(plan.opened_on)
        self.owed[plan.plan_id] = Owed(plan.principal - plan.merchant_discount, paid_on)
        self.by_day[paid_on].append(plan.plan_id)

    def is_paid(self, plan_id: str) -> bool:
        """Whether the merchant has its money for the order."""
        return plan_id not in self.owed

    def taken_back(self, plan_id: str, share: Money) -> None:
        """A refund before the payout makes it smaller."""
        self.owed[plan_id].share -= share

    def pay(self, day: date, nothing: Money) -> Money:
        """What is to be paid on a day; its orders are paid from here on."""
        return sum((self.owed.pop(plan_id).share for plan_id in self.by_day.pop(day, ())), nothing)

    @property
    def last_day(self) -> date | None:
        """The last day on which something will be paid."""
        return max(self.by_day, default=None)
