"""The mutable state of a plan while its events are folded: amounts in units, and the bookings so far."""

from collections.abc import Mapping, MutableMapping, MutableSequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction

from ledger.money import Money
from lending.plan.accrual import InterestPeriod, RateChange, Stretch
from lending.plan.booking import Booking, correlation_of
from lending.plan.debt import Debt, Forgiven, Owed
from lending.plan.delinquency import Pause
from lending.plan.event import PaymentChannel, PlanEvent, Route
from lending.plan.merchant_share import Share
from lending.plan.plan import Instalment, Plan
from lending.plan.proportion import proportion_of
from lending.plan.state import CaseKind
from lending.terms.servicing_terms import Component, ServicingTerms


@dataclass(slots=True, eq=False)
class Fee:
    """A fee; `gone` is the part that was charged off or became principal. `due_on`: where it has a day of its own."""

    fee_id: str
    instalment_id: str
    amount: int
    due_on: date | None = None
    paid: int = 0
    waived: int = 0
    gone: int = 0

    @property
    def open(self) -> int:
        return self.amount - self.paid - self.waived - self.gone


@dataclass(slots=True, eq=False)
class RunningInstalment:
    """One instalment. `credited` and `interest_gone`: principal and interest reduced by something other than a payment.

    `grace_from`: the day from which the grace of late fees counts: the due day, or the day on which a return or the
    end of a dispute made an amount collectable again.
    `level`: the amount that payments are to pay here, in principal and interest; what interest leaves of it repays
    principal. `agreed`: the principal scheduled when the schedule was made, less what was credited since. `kept`: this
    instalment is not split again, because a reschedule replaced it or because it is no part of the schedule.
    `scheduled`: the exact interest of the schedule, where it was worked out for this plan alone. `fixed`: the interest
    that a change of terms moved here, which is owed whatever principal is.
    `least`: the principal that stays here whatever interest takes of the level, because it was repaid or is owed again.
    `for_claims`: it was added for what claims made owed again after the last due.
    """

    instalment_id: str
    number: int
    due_on: date
    counts_from: date
    grace_from: date
    period: InterestPeriod
    level: int = 0
    agreed: int = 0
    scheduled: Fraction = Fraction(0)
    fixed: int = 0
    least: int = 0
    kept: bool = False
    for_claims: bool = False
    principal: int = 0
    interest: int = 0
    accrued: int = 0
    repaid: int = 0
    credited: int = 0
    interest_paid: int = 0
    interest_gone: int = 0
    disputed: int = 0
    fees: list[Fee] = field(default_factory=list)

    @property
    def open_principal(self) -> int:
        return self.principal - self.repaid - self.credited

    @property
    def open_interest(self) -> int:
        return self.interest - self.interest_paid - self.interest_gone

    @property
    def open_accrued(self) -> int:
        return max(0, self.accrued - self.interest_paid - self.interest_gone)

    @property
    def open_fees(self) -> int:
        return sum(fee.open for fee in self.fees)

    @property
    def open(self) -> int:
        return self.open_principal + self.open_interest + self.open_fees

    def to_settle(self, *, as_agreed: bool) -> int:
        """What an early payoff asks for here: with the interest accrued so far, or with all of it as agreed."""
        return self.open_principal + self.open_fees + (self.open_interest if as_agreed else self.open_accrued)

    @property
    def claimable(self) -> int:
        """Everything open, but neither disputed principal nor the interest on it."""
        return self.open - self.disputed - proportion_of(self.open_interest, self.disputed, self.open_principal)

    @property
    def paid(self) -> int:
        """The principal and interest that payments have paid here."""
        return self.repaid + self.interest_paid

    def credit(self, principal: int) -> None:
        """Reduce the principal by something other than a payment; the instalment falls by as much."""
        self.credited += principal
        self.agreed -= principal
        self.level -= principal
        self.disputed = min(self.disputed, self.open_principal)

    def forgo(self, interest: int) -> None:
        """Reduce the interest by something other than a payment; the instalment falls by as much."""
        self.interest_gone += interest
        self.level -= interest

    def merge_into(self, other: "RunningInstalment") -> None:
        """Let another instalment have all principal and interest of this one, owed and paid."""
        for name in (
            "principal",
            "interest",
            "accrued",
            "repaid",
            "credited",
            "interest_paid",
            "interest_gone",
            "disputed",
        ):
            setattr(other, name, getattr(other, name) + getattr(self, name))
            setattr(self, name, 0)
        other.period.grown += self.period.grown
        self.period.grown = Fraction(0)

    def keep(self) -> None:
        """Owe no more interest here than has accrued, and leave the split as it is."""
        self.interest = self.accrued
        self.period.day_price, self.period.grown = Fraction(0), Fraction(self.accrued)
        self.agreed, self.kept = 0, True


@dataclass(slots=True, eq=False)
class Piece:
    """The part of a payment that paid one component of one instalment.

    `owed_again`: how much of it claims made owed with later dues.
    """

    line: RunningInstalment
    component: Component
    amount: int
    fee: Fee | None = None
    owed_again: int = 0


@dataclass(slots=True, eq=False)
class Payment:
    """A payment as allocated on `day`.

    `recovered`: the part that paid a charged-off debt, by component. `lowered`: by how much less has borne interest
    since, because it repaid principal or became credit.
    """

    event_id: str
    day: date
    payment_id: str
    channel: PaymentChannel
    amount: int
    provider: str | None
    rail: str | None
    pieces: list[Piece] = field(default_factory=list)
    credit: int = 0
    recovered: Owed | None = None
    given_back: int = 0
    lowered: int = 0

    @property
    def left(self) -> int:
        """The amount that a return or a claim can still take back."""
        return self.amount - self.given_back

    def of(self, component: Component) -> int:
        return sum(piece.amount for piece in self.pieces_of(component))

    def pieces_of(self, component: Component) -> list[Piece]:
        return [piece for piece in self.pieces if piece.component is component]


@dataclass(slots=True, eq=False)
class RunningCase:
    """A dispute with the merchant (`share`), or a claim on a payment."""

    case_id: str
    kind: CaseKind
    amount: int
    open: bool = True
    share: Share | None = None
    receivable: int = 0
    payment: Payment | None = None
    route: Route | None = None
    provider: str = ""


class RunningPlan:
    """The plan between two events. All amounts are in units of the plan's currency."""

    def __init__(self, plan: Plan, terms: ServicingTerms, accrued_from: date | None) -> None:
        self.plan, self.terms, self.accrued_from = plan, terms, accrued_from
        self.bookings: list[Booking] = []
        self._amounts: dict[int, Money] = {}
        self.lines = _lines(plan, terms)
        self.by_id = {line.instalment_id: line for line in self.lines}
        self.payments: MutableMapping[str, Payment] = {}
        self.fees: dict[str, Fee] = {}
        self.cases: dict[str, RunningCase] = {}
        self.pauses: list[Pause] = []
        self.rests: list[Pause] = []  # pauses whose days bear no interest
        self.rates: list[RateChange] = []  # in the order of their days
        self.base_rate = Fraction(plan.annual_rate_basis_points)  # what periods are priced at, in basis points
        self.bears_interest = any(each.interest.minor for each in plan.instalments)
        self.stretches: MutableSequence[Stretch] = []  # the interest so far: what bore it, for how many days
        self.settled_by: str | None = None  # the payoff after which no interest is owed, by its event
        self.accrued_to: date = plan.opened_on - timedelta(days=1)
        self.frozen_on: date | None = None
        self.captured = Share()
        self.given_back = Share()  # refunded, or in a dispute with the merchant
        self.refunded = Share()
        self.interest_refunded = 0
        self.interest_owed_again = 0  # interest that was paid and is owed again with a later due
        self.beyond_purchase = 0  # principal that paid for no goods, such as capitalised fees and interest
        self.credit = self.earned = self.late_fees = 0
        self.payable: dict[str, int] = {}  # refunds by id, granted and not paid out
        self.held_back: dict[str, int] = {}  # refunds by id, in the credit balance while a claim is open
        self.charged_off: Debt | None = None
        self.forgiven = Forgiven()
        self.fraud = self.cancelled = self.written_off = False
        self.version = 1
        shopper = plan.shopper_id or plan.account_id
        self.names = {"plan": plan.plan_id, "shopper": shopper}
        if plan.merchant_id is not None:
            self.names["merchant"] = plan.merchant_id
        self._correlation = correlation_of(plan)

    @property
    def outstanding(self) -> int:
        return sum(line.open_principal for line in self.lines)

    @property
    def accrued(self) -> int:
        """All interest accrued so far, each instalment's rounded to the unit."""
        return sum(round(line.period.grown) for line in self.lines) - self.interest_owed_again

    @property
    def discount_deferred(self) -> int:
        """The part of the discount that is neither earned nor refunded."""
        return self.captured.discount - self.refunded.discount - self.earned

    @property
    def withheld(self) -> int:
        return sum(self.held_back.values())

    @property
    def free_credit(self) -> int:
        """The credit balance without the part withheld from refunds."""
        return self.credit - self.withheld

    def covered(self, day: date) -> set[str]:
        """The instalments due by a day that the free credit could pay, the oldest first."""
        left = self.free_credit
        paid = set()
        for line in self.lines:
            if line.due_on <= day and 0 < line.claimable <= left:
                left -= line.claimable
                paid.add(line.instalment_id)
            elif line.due_on <= day and line.claimable > left:
                break
        return paid

    @property
    def claimed_back(self) -> int:
        """The sum of the open claims on payments."""
        return sum(case.amount for case in self.cases.values() if case.open and case.kind is CaseKind.CLAIM)

    def money(self, minor: int) -> Money:
        """Units as money. A plan repeats the same few amounts, so the objects are cached."""
        known = self._amounts.get(minor)
        if known is None:
            known = self._amounts[minor] = Money(minor, self.plan.currency)
        return known

    def book(
        self,
        flow: str,
        key: str,
        event: PlanEvent,
        amounts: Mapping[str, int],
        *,
        names: Mapping[str, str | None] | None = None,
        correlation: Mapping[str, str] | None = None,
        hold_id: str | None = None,
        voids: str | None = None,
        foreign: Mapping[str, int] | None = None,
    ) -> None:
        """Add the booking of an event. Amounts of zero are left out; if all are zero, nothing is booked."""
        known = {name: Money(minor, self.plan.currency) for name, minor in amounts.items() if minor}
        if foreign and self.plan.foreign is not None:
            currency = self.plan.foreign.payable.currency
            known |= {name: Money(minor, currency) for name, minor in foreign.items() if minor}
        if not known:
            return
        self.bookings.append(
            Booking(
                flow,
                key,
                known,
                self.names if names is None else {**self.names, **{k: v for k, v in names.items() if v is not None}},
                event.value_date,
                event.occurred_at,
                event.event_id,
                self._correlation if correlation is None else {**self._correlation, **correlation},
                hold_id,
                voids,
            )
        )

    def book_derived(self, flow: str, key: str, day: date, amounts: Mapping[str, int], **correlation: str) -> None:
        """Add a booking that follows from the calendar, with an event id made of the flow and the key."""
        at = datetime.combine(day, time.min, UTC)
        known = {name: self.money(minor) for name, minor in amounts.items()}
        ids = {**self._correlation, **correlation} if correlation else self._correlation
        self.bookings.append(Booking(flow, key, known, self.names, day, at, f"{flow}:{key}", ids))

    def add(self, line: RunningInstalment) -> None:
        """Add an instalment and keep the instalments in order of their due days."""
        self.lines.append(line)
        self.by_id[line.instalment_id] = line
        self.sort_lines()

    def add_due(self, event: PlanEvent, *, on: date | None = None) -> RunningInstalment:
        """Add an instalment beyond the schedule, due on a day, or as long after the event as the terms say."""
        number = max(line.number for line in self.lines) + 1
        due_on = self.due_beyond_schedule(event.value_date) if on is None else on
        period = InterestPeriod(event.value_date, due_on)
        line = RunningInstalment(f"{self.plan.plan_id}/{number}", number, due_on, due_on, due_on, period, kept=True)
        self.add(line)
        return line

    def due_beyond_schedule(self, day: date) -> date:
        """When something beyond the schedule falls due that is owed from a day on; never on a holiday."""
        return self.terms.days.due_on(day + timedelta(days=self.terms.claim_due_days))

    def merge(self, line: RunningInstalment, other: RunningInstalment) -> None:
        """Let another instalment have the principal and interest of this one, owed and paid."""
        line.merge_into(other)
        for piece in (piece for payment in self.payments.values() for piece in payment.pieces):
            if piece.line is line and piece.fee is None:
                piece.line = other

    def rate_of(self, after: date, until: date) -> Fraction:
        """The interest on one unit of principal in a period beyond the agreed schedule."""
        rule = self.terms.interest
        return Fraction(0) if rule is None else Fraction(rule.share_of_year(after, until)) * self.base_rate / 10_000

    def sort_lines(self) -> None:
        self.lines.sort(key=lambda line: (line.due_on, line.number))


def _lines(plan: Plan, terms: ServicingTerms) -> list[RunningInstalment]:
    lines = []
    previous, owed = plan.opened_on, plan.principal.minor
    for each in plan.instalments:
        period = InterestPeriod.at_rate(previous, each.due_on, _rate(plan, terms, previous, each, owed))
        lines.append(RunningInstalment(each.instalment_id, each.number, each.due_on, each.due_on, each.due_on, period))
        previous, owed = each.due_on, owed - each.principal.minor
    return lines


def _yearly(plan: Plan) -> Fraction:
    """The interest on one unit of principal in a year."""
    return Fraction(plan.annual_rate_basis_points) / 10_000


def _rate(plan: Plan, terms: ServicingTerms, after: date, each: Instalment, owed: int) -> Fraction:
    """The interest of a period on one unit: at the plan's rate where that gives the agreed amount, else as agreed."""
    agreed = each.interest.minor
    if terms.interest is not None and agreed:
        exact = Fraction(terms.interest.share_of_year(after, each.due_on)) * _yearly(plan)
        if round(exact * owed) == agreed or terms.shipments.made_level:
            return exact
    return Fraction(agreed, owed) if owed else Fraction(0)
