"""The state of a plan at the end of a day: what is owed by instalment, the credit balance, what may be collected."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING

from ledger.money import Currency, Money
from lending.plan.accrual import Accrual
from lending.plan.booking import Booking
from lending.plan.delinquency import Pause, PauseReason, bucket_of, days_late
from lending.plan.event import PaymentChannel
from lending.plan.merchant_share import Share, part_of
from lending.plan.plan import InstalmentStatus, Plan, PlanStatus
from lending.plan.proportion import proportion_of
from lending.terms.servicing_terms import Bucket, PayoffInterest, ServicingTerms

if TYPE_CHECKING:
    from lending.plan.running import Payment


@dataclass(frozen=True, slots=True)
class InstalmentState:
    """The open amounts of one instalment. Open interest includes scheduled interest that has not accrued yet.

    `paid_interest` includes interest that was waived or given back. `charged_off` is still owed, off the books.
    `due_on` and `principal` are those of the current schedule; an instalment that was rescheduled has nothing open.
    """

    instalment_id: str
    number: int
    due_on: date
    counts_from: date
    principal: Money
    interest: Money
    open_principal: Money
    open_interest: Money
    open_fees: Money
    disputed: Money
    accrued_interest: Money
    paid_interest: Money
    charged_off: Money
    charged_off_principal: Money
    accrual: Accrual

    @property
    def amount(self) -> Money:
        """The principal and interest scheduled, paid or not."""
        return self.principal + self.interest

    @property
    def open(self) -> Money:
        return self.open_principal + self.open_interest + self.open_fees

    @property
    def claimable(self) -> Money:
        """The amount that may be collected: everything open except disputed principal and the interest on it."""
        interest = proportion_of(self.open_interest.minor, self.disputed.minor, self.open_principal.minor)
        return self.open - self.disputed - Money(interest, self.open.currency)

    def status_of(self, as_of: date) -> InstalmentStatus:
        """The status on a day. A returned payment makes the instalment due again on its original due date."""
        if self.open.minor == 0:
            return InstalmentStatus.PAID
        if as_of < self.due_on:
            return InstalmentStatus.NOT_DUE
        return InstalmentStatus.DUE if as_of == self.due_on else InstalmentStatus.OVERDUE


@dataclass(frozen=True, slots=True)
class PaymentState:
    """A payment as allocated. `returnable`: the amount that a return or a claim can still take back."""

    event_id: str
    payment_id: str
    channel: PaymentChannel
    amount: Money
    fees: Money
    interest: Money
    principal: Money
    credit: Money
    recovery: bool
    returnable: Money
    rail: str | None


class PaymentStates(Mapping[str, PaymentState]):
    """The payments of a plan by the ids of their events, each worked out when it is asked for: there may be many."""

    def __init__(self, running: "Mapping[str, Payment]", stated: "Callable[[Payment], PaymentState]") -> None:
        self._running, self._stated = running, stated

    def __getitem__(self, event_id: str) -> PaymentState:
        return self._stated(self._running[event_id])

    def __iter__(self) -> Iterator[str]:
        return iter(self._running)

    def __len__(self) -> int:
        return len(self._running)

    def __repr__(self) -> str:
        return repr(dict(self))


@dataclass(frozen=True, slots=True)
class FeeState:
    """A fee, with its paid and waived parts.

    `waivable`: what was not waived; after a charge-off, what is still owed.
    """

    fee_id: str
    instalment_id: str
    amount: Money
    paid: Money
    waived: Money
    waivable: Money


class CaseKind(StrEnum):
    """The kind of a case."""

    DISPUTE = "dispute"  # about a purchase, with the merchant
    CLAIM = "claim"  # on a payment, through the shopper's bank


@dataclass(frozen=True, slots=True)
class CaseState:
    """A dispute or a claim."""

    case_id: str
    kind: CaseKind
    amount: Money
    open: bool
    payment_event_id: str | None = None


class NotCollectable(StrEnum):
    """Why nothing, or less than the amount due, may be collected."""

    NOTHING_DUE = "nothing_due"
    DISPUTED = "disputed"
    HOLIDAY = "holiday"
    FORBEARANCE = "forbearance"
    FROZEN = "frozen"
    CHARGED_OFF = "charged_off"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Collectable:
    """The amount that may be collected on a day, by instalment, and the reasons why it is not everything due."""

    by_instalment: Mapping[str, Money]
    amount: Money
    reasons: tuple[NotCollectable, ...]


@dataclass(frozen=True, slots=True)
class Payoff:
    """The amount that settles the plan on a day. `in_flight` is already being collected, so `amount` leaves it out."""

    as_of: date
    principal: Money
    interest: Money
    fees: Money
    in_flight: Money

    @property
    def amount(self) -> Money:
        left = self.principal + self.interest + self.fees - self.in_flight
        return max(left, Money.zero(left.currency))


@dataclass(frozen=True, slots=True)
class PlanState:
    """A plan after its events. Everything is derived, so two folds of the same events are equal.

    `events`: the kind of each event by id, without reversed ones. `payable_refunds`: by id, refunds granted and not
    known to be paid out. `withheld`: the part of the credit balance withheld from refunds while a claim is open.
    `refundable_rest`: the amount that the merchant may still refund.
    """

    plan: Plan
    terms: ServicingTerms
    through: date
    status: PlanStatus
    instalments: tuple[InstalmentState, ...]
    bookings: tuple[Booking, ...]
    events: Mapping[str, str]
    captured: Money
    uncaptured: Money
    refunded: Money
    refundable_rest: Money
    merchant_share: Share
    merchant_share_given_back: Share
    credit_balance: Money
    withheld: Money
    payable_refunds: Mapping[str, Money]
    disputed: Money
    charged_off: Money
    late_fees: Money
    discount_earned: Money
    schedule_version: int
    pauses: tuple[Pause, ...]
    payments: Mapping[str, PaymentState]
    fees: Mapping[str, FeeState]
    cases: Mapping[str, CaseState]
    fraud: bool = False

    @property
    def currency(self) -> Currency:
        return self.plan.currency

    def merchant_share_of(self, amount: Money) -> Money:
        """The merchant's share of a further refund of this amount, in the merchant's currency."""
        foreign = self.plan.foreign
        share = part_of(self.merchant_share, self.merchant_share_given_back, amount.minor, foreign=foreign is not None)
        return Money(share.merchant, self.currency if foreign is None else foreign.payable.currency)

    @property
    def refunds_payable(self) -> Money:
        """The sum of refunds granted to the shopper and not known to be paid out."""
        return Money.total(self.payable_refunds.values(), self.currency)

    @property
    def outstanding(self) -> Money:
        """The principal still on the books."""
        return Money.total((each.open_principal for each in self.instalments), self.currency)

    @property
    def open_fees(self) -> Money:
        return Money.total((each.open_fees for each in self.instalments), self.currency)

    @property
    def owed(self) -> Money:
        """The amount that the shopper still owes, including a charged-off debt."""
        return Money.total((each.open for each in self.instalments), self.currency) + self.charged_off

    def instalment(self, instalment_id: str) -> InstalmentState | None:
        return next((each for each in self.instalments if each.instalment_id == instalment_id), None)

    def late_fee_room(self, instalment_id: str | None) -> Money | None:
        """The largest further late fee that the caps allow on an instalment or the plan; None without a cap."""
        on_it = sum(fee.amount.minor for fee in self.fees.values() if fee.instalment_id == instalment_id)
        room = self.terms.late_fees.room(self.captured.minor, self.late_fees.minor, on_it)
        return None if room is None else Money(room, self.currency)

    def days_past_due(self, as_of: date) -> int:
        """Days since the oldest due that is unpaid and undisputed and that no credit covers, without paused days."""
        covered = self.covered(as_of)
        late = (each for each in self.instalments if each.claimable.minor > 0 and each.instalment_id not in covered)
        oldest = min((each.counts_from for each in late), default=None)
        return 0 if oldest is None else days_late(oldest, as_of, self.pauses)

    @property
    def free_credit(self) -> Money:
        """The credit balance that nothing withholds."""
        return self.credit_balance - self.withheld

    def covered(self, as_of: date) -> frozenset[str]:
        """The instalments due by a day that the free credit could pay, the oldest first."""
        left = self.free_credit
        paid: set[str] = set()
        for each in self.instalments:
            if each.due_on <= as_of and each.claimable.minor > 0:
                if each.claimable > left:
                    break
                left -= each.claimable
                paid.add(each.instalment_id)
        return frozenset(paid)

    def bucket(self, as_of: date) -> Bucket:
        """The delinquency bucket on a day."""
        return bucket_of(self.days_past_due(as_of), self.terms.buckets)

    def payoff(self, as_of: date, *, in_flight: Money | None = None) -> Payoff:
        """The payoff on a day not before `through`: principal, fees, and the interest accrued by then, or as agreed."""
        interest = self.interest_by(as_of)
        if self.terms.payoff_interest is PayoffInterest.TO_THE_NEXT_DUE and self.outstanding.minor:
            rests = (each.due_on for each in self.instalments if each.due_on >= as_of)
            interest = self.interest_by(min(rests, default=as_of))
        return Payoff(
            as_of,
            self.outstanding,
            interest,
            self.open_fees,
            Money.zero(self.currency) if in_flight is None else in_flight,
        )

    def interest_by(self, as_of: date) -> Money:
        """The interest that is not paid by a day not before `through`: as it has accrued by then, or as agreed."""
        if self.terms.interest_as_agreed:
            return Money.total((each.open_interest for each in self.instalments), self.currency)
        unpaid = (each.accrual.by(as_of) - each.paid_interest.minor for each in self.instalments)
        return Money(sum(unpaid), self.currency)

    def collectable(self, as_of: date) -> Collectable:
        """What may be collected on a day: everything due by then and undisputed; nothing while the plan is paused."""
        due = [each for each in self.instalments if each.due_on <= as_of and each.open.minor > 0]
        stopped = [_STOPS[pause.reason] for pause in self.pauses if pause.covers(as_of)]
        if self.status in {PlanStatus.CHARGED_OFF, PlanStatus.RECOVERED}:
            stopped.append(NotCollectable.CHARGED_OFF)
        elif self.status is not PlanStatus.OPEN:
            stopped.append(NotCollectable.CLOSED)
        elif not due:
            stopped.append(NotCollectable.NOTHING_DUE)
        claims = {} if stopped else self._claims(due)
        if any(each.disputed.minor for each in due):
            stopped.append(NotCollectable.DISPUTED)
        reasons = tuple(dict.fromkeys(sorted(stopped, key=list(NotCollectable).index)))
        return Collectable(claims, Money.total(claims.values(), self.currency), reasons)

    def _claims(self, due: Sequence[InstalmentState]) -> dict[str, Money]:
        """What each instalment lacks after the free credit has paid the oldest."""
        left = self.free_credit
        claims = {}
        for each in due:
            by_credit = min(left, each.claimable)
            left -= by_credit
            if each.claimable > by_credit:
                claims[each.instalment_id] = each.claimable - by_credit
        return claims


_STOPS = {
    PauseReason.HOLIDAY: NotCollectable.HOLIDAY,
    PauseReason.FORBEARANCE: NotCollectable.FORBEARANCE,
    PauseReason.FROZEN: NotCollectable.FROZEN,
}
