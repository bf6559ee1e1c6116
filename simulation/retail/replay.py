"""Act: run a retailer's orders through the platform, day by day: plans, refunds, collections, payouts, settlements.

Each day is posted in a few batches, whatever its number of orders. The provider answers within this process; each
charge is requested once, under the attempt's key, while its amount is held.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from ledger.money import Money
from lending.plan.when import When
from lending.servicing.record_events import KeptLedger, TermsOf
from lending.servicing.store import Plans
from lending.terms.merchant_terms import AllMerchantTerms
from payments.bookings import capital_paid_in
from payments.breaks import Breaks
from payments.expectation import Expectations
from payments.files.payout_file import Payout
from payments.merchants.pay_merchants import pay_merchants
from payments.merchants.payouts import Payouts
from payments.payout_batches import PayoutBatches
from payments.provider.provider import Provider
from payments.rail_profile import RailProfile
from payments.reconciliation.bookings import payout_confirmed
from payments.transaction import Transaction
from simulation.retail.collect_dues import collect_dues
from simulation.retail.evening import evening, post
from simulation.retail.order_book import CURRENCY, OrderBook, Purchase, RetailRefund
from simulation.retail.provider_account import ProviderAccount
from simulation.retail.purchase_plan import MERCHANT
from simulation.retail.sell import sell
from simulation.retail.take_back import take_back_lines

CAPITAL = Money(250_000_000, CURRENCY)
"""Capital paid in by the owners, because the merchant is paid before the shoppers pay."""
DAYS_BEHIND_THE_LAST_ORDER = 63
"""Days after which pay-in-3 is collected and paid out; only used to estimate progress."""


@dataclass(frozen=True, slots=True)
class RetailReplayReport:
    """The totals of a replay. Months are `2010-12`, amounts are in minor units."""

    first_day: date
    last_day: date
    plans: int
    instalments: int
    refunds: int
    charges: int
    merchant_payouts: int
    refunds_paid_minor: int
    due_by_month: Mapping[str, int]
    received_by_month: Mapping[str, int]


def replay_days(
    book: OrderBook,
    *,
    plans: Plans,
    ledger: KeptLedger,
    expectations: Expectations,
    batches: PayoutBatches,
    breaks: Breaks,
    payouts: Payouts,
    provider: Provider,
    merchants: AllMerchantTerms,
    terms: TermsOf,
    profile: RailProfile,
    transaction: Transaction,
    outbox: Path,
    tick: Callable[[int, int], None] = lambda _done, _of: None,
) -> RetailReplayReport:
    """Replay every order and refund, and the days after them until everything is collected, paid out and settled.

    `outbox` is the folder in which the bank finds payouts. `tick` receives the days done and their estimated total.
    """
    sold: dict[date, list[Purchase]] = defaultdict(list)
    back: dict[date, list[RetailRefund]] = defaultdict(list)
    for purchase in book.purchases:
        sold[purchase.ordered_on].append(purchase)
    for refund in book.refunds:
        back[refund.refunded_on].append(refund)
    first, last = book.first_day, book.last_day
    days = _Days(
        plans=plans,
        ledger=ledger,
        expectations=expectations,
        batches=batches,
        breaks=breaks,
        payouts=payouts,
        provider=ProviderAccount(provider, ledger, profile.card),
        merchants=merchants,
        terms=terms,
        profile=profile,
        transaction=transaction,
        outbox=outbox,
    )
    days.open_books(first)
    day = first
    while day <= last or days.left(day):
        days.run(day, sold.get(day, ()), back.get(day, ()))
        done = (day - first).days + 1
        tick(done, max(done, (last - first).days + DAYS_BEHIND_THE_LAST_ORDER))
        day += timedelta(days=1)
    return days.report(first, day - timedelta(days=1))


@dataclass(slots=True)
class _Days:
    """Runs days in order, and keeps the amounts in transit."""

    plans: Plans
    ledger: KeptLedger
    expectations: Expectations
    batches: PayoutBatches
    breaks: Breaks
    payouts: Payouts
    provider: ProviderAccount
    merchants: AllMerchantTerms
    terms: TermsOf
    profile: RailProfile
    transaction: Transaction
    outbox: Path
    last_due: date = date.min
    in_transit: dict[date, list[Payout]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    due_minor: Counter[str] = field(default_factory=Counter)

    def left(self, day: date) -> bool:
        """Whether this day or a later one has business."""
        return day <= self.last_due or bool(self.in_transit) or self.provider.waits or self._owed_to_merchant

    def open_books(self, day: date) -> None:
        """Book the owners' capital (F49)."""
        with self.transaction():
            post(self.ledger, [capital_paid_in(MERCHANT, self._bank, CAPITAL, When.day(day))])

    def run(self, day: date, sold: Sequence[Purchase], back: Sequence[RetailRefund]) -> None:
        """Post one day as a whole or not at all; then pay the merchant."""
        with self.transaction():
            self._confirm(day)
            self.provider.pay_out(day)
            self._sell(sold)
            take_back_lines(
                back,
                day,
                self.provider,
                plans=self.plans,
                ledger=self.ledger,
                payouts=self.payouts,
                terms=self.terms,
            )
            collect_dues(day, self.provider, plans=self.plans, ledger=self.ledger, terms=self.terms)
        self.counts["refunds"] += len(back)
        if self._owed_to_merchant:
            self._pay_merchant(day)

    def _sell(self, sold: Sequence[Purchase]) -> None:
        opened = sell(
            sold,
            self.provider,
            plans=self.plans,
            ledger=self.ledger,
            merchants=self.merchants,
            terms=self.terms,
        )
        for plan in opened:
            self.counts["plans"] += 1
            self.counts["instalments"] += len(plan.instalments)
            for each in plan.instalments:
                self.last_due = max(self.last_due, each.due_on)
                self.due_minor[f"{each.due_on:%Y-%m}"] += each.amount.minor

    @property
    def _owed_to_merchant(self) -> bool:
        payable = self.ledger.balance(f"merchant:{MERCHANT}:payable", CURRENCY)
        return payable.credits_posted > payable.debits_posted

    def _pay_merchant(self, day: date) -> None:
        """Pay the merchant (F07a); the bank shows it on the next day."""
        pay_merchants(
            day,
            payouts=self.payouts,
            ledger=self.ledger,
            expectations=self.expectations,
            merchants=self.merchants,
            batches=self.batches,
            breaks=self.breaks,
            profile=self.profile,
            transaction=self.transaction,
            outbox=self.outbox,
            at=evening(day).recorded_at,
        )
        sent = [payout for payout in self.payouts.of_day(day) if payout.amount.minor]
        if sent:
            self.in_transit[day + timedelta(days=1)] = sent

    def _confirm(self, day: date) -> None:
        """Book the payouts of the day before, which the bank's statement shows (F07b)."""
        lines = [(payout, f"{self._bank}/{payout.payout_id}") for payout in self.in_transit.pop(day, ())]
        when = evening(day)
        post(self.ledger, [payout_confirmed(payout, when, bank=self._bank, line_id=line) for payout, line in lines])
        self.counts["merchant_payouts"] += len(lines)

    @property
    def _bank(self) -> str:
        return self.profile.merchant_bank

    def report(self, first: date, last: date) -> RetailReplayReport:
        """The totals of all days."""
        return RetailReplayReport(
            first_day=first,
            last_day=last,
            plans=self.counts["plans"],
            instalments=self.counts["instalments"],
            refunds=self.counts["refunds"],
            charges=self.provider.charges,
            merchant_payouts=self.counts["merchant_payouts"],
            refunds_paid_minor=self.provider.returned_minor,
            due_by_month=dict(self.due_minor),
            received_by_month=dict(self.provider.received_minor),
        )
