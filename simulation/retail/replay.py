"""Act: a retailer's orders through the platform, day by day: plans, refunds, collections, payouts, settlements.

Each day is posted in a few batches, however many its orders: what is sold, what is taken back, what falls due, and what
the provider, the shoppers and the merchant are paid. The provider answers in this process; each charge is asked for
once, under the attempt's own key, while its amount is held.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from ledger.flows import journal
from ledger.journal import Journal
from ledger.money import Money
from ledger.store import Act, Request
from lending import bookings
from lending.bookings import Claim, Components, When
from lending.fold import fold
from lending.plan import Instalment, Plan
from lending.plan_event import PlanEvent
from lending.plan_log import PlanStanding
from lending.plan_state import PlanState
from lending.postgres_log import PostgresPlanLog
from lending.products import servicing_terms
from lending.service_plans import EventRecorded, TermsOf, record
from payments.bookings import payout_confirmed, refund_claimed
from payments.bookings import refund_paid as refund_journal
from payments.charge import RefundRequest, Succeeded
from payments.opening import must_hold
from payments.pay_merchants import pay_merchants
from payments.payout_file import Payout
from payments.postgres_till import till_over
from payments.provider import Provider
from payments.refund_payment import RefundPayment, Way, payment_id_of
from payments.till import Till
from simulation.retail.charges import PAYOUT_LAG, Charge
from simulation.retail.order_book import CURRENCY, OrderBook, Purchase, Refund
from simulation.retail.plan_events import opened, paid, refund_paid, refunded
from simulation.retail.purchase_plan import MERCHANT, plan_id_of, plan_of

CAPITAL = Money(250_000_000, CURRENCY)
"""What the owners pay in: the merchant is paid before the shoppers have paid."""
COLLECTS_AT = time(23, 59, 30)
"""Behind the last order of a day, in summer and in winter."""
NOTHING = Money.zero(CURRENCY)


class ReplayBroken(Exception):
    """Something that must be taken was refused: an assumption is broken and the replay stops."""

    @property
    def user_message(self) -> str:
        return str(self)


@dataclass(frozen=True, slots=True)
class Shop:
    """What the replay works with, over one database connection in autocommit mode; `outbox` is the bank's to read."""

    till: Till
    log: PostgresPlanLog
    terms: TermsOf
    outbox: Path


def shop_over(connection: Any, provider: Provider, outbox: Path) -> Shop:
    """A shop over a connection, with the terms and policies that ship with these packages."""
    return Shop(
        till=till_over(connection, provider),
        log=PostgresPlanLog(connection),
        terms=lambda plan: servicing_terms(plan.terms_version, plan.currency),
        outbox=outbox,
    )


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What the days came to. Months are `2010-12`, their amounts minor units."""

    first_day: date
    last_day: date
    plans: int
    instalments: int
    refunds: int
    charges: int
    merchant_payouts: int
    refunds_paid_minor: int
    due_by_month: dict[str, int]
    received_by_month: dict[str, int]


def replay(book: OrderBook, shop: Shop, tick: Callable[[int, int], None] = lambda _done, _of: None) -> ReplayReport:
    """Replay every order and refund; the days go on until everything is collected, paid out and settled."""
    days = _Days(shop)
    sold: dict[date, list[Purchase]] = defaultdict(list)
    back: dict[date, list[Refund]] = defaultdict(list)
    for purchase in book.purchases:
        sold[purchase.ordered_on].append(purchase)
    for refund in book.refunds:
        back[refund.refunded_on].append(refund)
    first = min(sold)
    last_order = max({*sold, *back})
    days.open_books(first)
    day, done = first, 0
    while day <= last_order or days.left:
        days.run(day, sold.get(day, ()), back.get(day, ()))
        day += timedelta(days=1)
        done += 1
        tick(done, max(done, (last_order - first).days + 65))
    return days.report(first, day - timedelta(days=1))


@dataclass(slots=True)
class _Days:
    """Runs days in order and keeps what is still on its way."""

    shop: Shop
    due: dict[date, list[tuple[Plan, Instalment]]] = field(default_factory=lambda: defaultdict(list))
    captured: dict[date, list[Charge]] = field(default_factory=lambda: defaultdict(list))
    given_back: dict[date, list[RefundPayment]] = field(default_factory=lambda: defaultdict(list))
    in_transit: dict[date, list[Payout]] = field(default_factory=lambda: defaultdict(list))
    counts: Counter[str] = field(default_factory=Counter)
    due_by_month: Counter[str] = field(default_factory=Counter)
    received_by_month: Counter[str] = field(default_factory=Counter)

    @property
    def left(self) -> bool:
        """Whether a day to come brings something."""
        payable = self.shop.till.ledger.balance(f"merchant:{MERCHANT}:payable", CURRENCY)
        owed = payable.credits_posted - payable.debits_posted
        return any((self.due, self.captured, self.given_back, self.in_transit, owed))

    def open_books(self, day: date) -> None:
        """F49: the owners' capital."""
        with self.shop.till.database.transaction():
            self._post([bookings.capital_paid_in("online-retail", self._bank, CAPITAL, When.day(day))])

    def run(self, day: date, sold: Sequence[Purchase], back: Sequence[Refund]) -> None:
        """One day, whole or not at all; in its evening the merchant is paid."""
        with self.shop.till.database.transaction():
            self._confirm(day)
            self._provider_pays(day)
            self._sell(sold)
            self._take_back(back, day)
            self._collect(day)
        pay_merchants(day, till=self.shop.till, outbox=self.shop.outbox, at=_at(day))
        sent = [payout for payout in self.shop.till.payouts.of_day(day) if payout.amount.minor]
        if sent:
            self.in_transit[day + timedelta(days=1)] = sent

    def _sell(self, sold: Sequence[Purchase]) -> None:
        """Plans are opened, and their first instalment is paid at the checkout (F02, F03, F05)."""
        if not sold:
            return
        merchants = self.shop.till.merchants
        plans = [plan_of(purchase, merchants.on(MERCHANT, purchase.ordered_on)) for purchase in sold]
        self.shop.till.plans.open_all(plans)
        events: list[PlanEvent] = []
        for plan, purchase in zip(plans, sold, strict=True):
            today = plan.instalments[0]
            charge = Charge(plan, today, today.amount, self.shop.till.profile.card, plan.opened_on)
            events += [opened(plan, purchase), paid(self._charged(charge), purchase.occurred_at)]
            for each in plan.instalments:
                self.due_by_month[_month(each.due_on)] += each.amount.minor
            for each in plan.instalments[1:]:
                self.due[each.due_on].append((plan, each))
        self._record(events)
        self.counts["plans"] += len(plans)
        self.counts["instalments"] += sum(len(plan.instalments) for plan in plans)

    def _take_back(self, back: Sequence[Refund], day: date) -> None:
        """Refunds shrink plans (F21, F22); what had been paid of the goods goes back to the shopper (F24)."""
        for refunds in _rounds(back):
            states = self._states({plan_id_of(refund.order_id) for refund in refunds}, day)
            events, payable = [], []
            for refund in refunds:
                plan_id = plan_id_of(refund.order_id)
                share = states[plan_id].merchant_share_of(refund.amount)
                settled = self.shop.till.payouts.settled(f"F02:{MERCHANT}/{refund.order_id}/1")
                events.append(refunded(refund, share if settled else None))
            self._record(events)
            after = self._states(states, day)
            for refund in refunds:
                plan_id = plan_id_of(refund.order_id)
                to_shopper = after[plan_id].refunds_payable - states[plan_id].refunds_payable
                if to_shopper.minor:
                    payable.append((refund, to_shopper))
            self._pay_back(payable, day)
        self.counts["refunds"] += len(back)

    def _states(self, plan_ids: Iterable[str], day: date) -> dict[str, PlanState]:
        """Where plans stand."""
        histories = self.shop.log.histories(plan_ids)
        return {
            plan_id: fold(known.plan, known.events, self.shop.terms(known.plan), through=day)
            for plan_id, known in histories.items()
        }

    def _pay_back(self, payable: Sequence[tuple[Refund, Money]], day: date) -> None:
        """F24: held, asked of the provider, and paid; its next payout is so much smaller."""
        at, ends = _at(day), {"provider": self.shop.till.profile.card.provider, "bank": self._bank}
        payments = [_payment(refund, amount, day) for refund, amount in payable]
        when = _when(day, at)
        self._ask([Request(Act.HOLD, refund_claimed(payment, when, **ends)) for payment in payments])
        for payment in payments:
            asked = RefundRequest(payment.payment_id, payment.shopper_id, payment.amount, day)
            answer = self.shop.till.provider.refund(asked)
            if not isinstance(answer, Succeeded) or answer.amount != payment.amount:
                raise ReplayBroken(f"{payment.payment_id} was not given back: {answer}")
            self.given_back[day + PAYOUT_LAG].append(payment)
            self.counts["refunds_paid_minor"] += payment.amount.minor
        paid_out = [(payment, refund_journal(payment, when, **ends)) for payment in payments]
        self._ask([Request(Act.POST_HOLD, journal, hold_id=payment.hold_id) for payment, journal in paid_out])
        self._record([refund_paid(refund, amount, at, day) for refund, amount in payable])

    def _collect(self, day: date) -> None:
        """Every instalment due is held (F12a), charged, and repaid (F12b, F05)."""
        rail, at = self.shop.till.profile.card, _at(day)
        due = self.due.pop(day, [])
        standing = self.shop.log.standings([plan.plan_id for plan, _ in due])
        claims, charges = [], []
        for plan, instalment in due:
            left = _open(standing[plan.plan_id], instalment)
            if left.minor == 0:
                continue  # refunded before it fell due
            attempt = Charge(plan, instalment, left, rail, day)
            claim = Claim(plan, instalment, attempt.attempt_id, rail.rail, rail.provider)
            held = bookings.attempt_claimed(claim, Components(left, NOTHING), _when(day, at))
            claims.append(Request(Act.HOLD, held))
            charges.append(replace(attempt, hold_id=held.entry_id))
        self._ask(claims)
        self._record([paid(self._charged(charge), at) for charge in charges])

    def _charged(self, charge: Charge) -> Charge:
        """The provider takes the money now and pays it out later."""
        answer = self.shop.till.provider.charge(charge.request())
        if not isinstance(answer, Succeeded) or answer.amount != charge.amount:
            raise ReplayBroken(f"{charge.attempt_id} was not captured: {answer}")
        self.captured[charge.paid_out_on].append(charge)
        self.received_by_month[_month(charge.on)] += charge.amount.minor
        self.counts["charges"] += 1
        return charge

    def _provider_pays(self, day: date) -> None:
        """F35a, F35d: what was captured two days ago is in the bank, less fees, and less what was given back."""
        when = _when(day, _at(day))
        rail = self.shop.till.profile.card
        payout_id = f"po-{day.isoformat()}"
        journals = [
            bookings.provider_settled(
                f"{payout_id}/{charge.attempt_id}",
                provider=rail.provider,
                bank=rail.bank,
                cash=charge.amount - charge.fee,
                fee=charge.fee,
                correlation={"payout_id": payout_id, "attempt_id": charge.attempt_id, "plan_id": charge.plan_id},
                when=when,
            )
            for charge in self.captured.pop(day, ())
        ]
        journals += [
            journal(
                "F35d",
                key=f"{payout_id}/{payment.payment_id}",
                value_date=day,
                occurred_at=when.occurred_at,
                recorded_at=when.recorded_at,
                correlation={"payout_id": payout_id, "attempt_id": payment.payment_id, "plan_id": payment.plan_id},
                amounts={"cash": payment.amount},
                names={"provider": rail.provider, "bank": rail.bank},
            )
            for payment in self.given_back.pop(day, ())
        ]
        self._post(journals)

    def _confirm(self, day: date) -> None:
        """F07b: the bank's statement of the next day shows the payout."""
        when = _when(day, _at(day))
        for payout in self.in_transit.pop(day, ()):
            line_id = f"{self._bank}/{payout.payout_id}"
            self._post([payout_confirmed(payout, when, bank=self._bank, line_id=line_id)])
            self.counts["merchant_payouts"] += 1

    @property
    def _bank(self) -> str:
        return self.shop.till.profile.merchant_bank

    def _record(self, events: Sequence[PlanEvent]) -> None:
        answers = record(events, plans=self.shop.log, ledger=self.shop.till.ledger, terms=self.shop.terms)
        for event, answer in zip(events, answers, strict=True):
            if not isinstance(answer, EventRecorded):
                raise ReplayBroken(f"{event.event_id} was not taken: {answer}")

    def _post(self, journals: Sequence[Journal]) -> None:
        self._ask([Request(Act.POST, each) for each in journals])

    def _ask(self, requests: Sequence[Request]) -> None:
        for request, answer in zip(requests, self.shop.till.ledger.post_batch(requests), strict=True):
            must_hold(answer, request.journal.entry_id)

    def report(self, first: date, last: date) -> ReplayReport:
        """What all days came to."""
        return ReplayReport(
            first_day=first,
            last_day=last,
            plans=self.counts["plans"],
            instalments=self.counts["instalments"],
            refunds=self.counts["refunds"],
            charges=self.counts["charges"],
            merchant_payouts=self.counts["merchant_payouts"],
            refunds_paid_minor=self.counts["refunds_paid_minor"],
            due_by_month=dict(self.due_by_month),
            received_by_month=dict(self.received_by_month),
        )


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
    """Refunds of one plan one after the other, those of different plans together."""
    left = list(refunds)
    while left:
        first: dict[str, Refund] = {}
        for refund in left:
            first.setdefault(refund.order_id, refund)
        yield list(first.values())
        left = [refund for refund in left if first[refund.order_id] is not refund]


def _at(day: date) -> datetime:
    return datetime.combine(day, COLLECTS_AT, UTC)


def _when(day: date, at: datetime) -> When:
    return When(day, at, at)


def _open(standing: PlanStanding, instalment: Instalment) -> Money:
    """What is left of an instalment; pay-in-3 bears neither interest nor, while it is collected in time, fees."""
    found = (each for each in standing.instalments if each.instalment_id == instalment.instalment_id)
    return next((each.open_principal for each in found), NOTHING)


def _month(day: date) -> str:
    return f"{day:%Y-%m}"
