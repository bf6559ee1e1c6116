"""The only module here that touches the plan engine: it builds the plan, records acts, folds, and reads the state back.

What the engine cannot record raises NotExpressible with the name of the capability that is missing. What a product's
settings ask for and the engine has no setting for is listed by `lacking`, and the scenario is run without it.
"""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from unittest import mock

from ledger.map.flow import Flow
from ledger.money import Currency, Money
from lending.plan import fold as folding
from lending.plan.debt import Debt, Owed
from lending.plan.delinquency import PauseReason, days_late
from lending.plan.event import (
    Body,
    ChargedOff,
    ClaimLost,
    ClaimOpened,
    CreditRefunded,
    DuesMoved,
    Extended,
    FeeCharged,
    FeeKind,
    FeeWaived,
    Forbearance,
    Goodwill,
    InterestPaused,
    MovedInterest,
    Opened,
    Paid,
    PaidOff,
    PartShipped,
    PaymentChannel,
    PlanEvent,
    RateChanged,
    ReAged,
    ReAmortised,
    Refunded,
    RefundPaid,
    Reversed,
    Route,
    Terminated,
    WrittenOff,
)
from lending.plan.plan import Origin, Plan, PlanId, PlanStatus, instalments_of
from lending.plan.refuse import refuse
from lending.plan.running import RunningInstalment, RunningPlan
from lending.plan.state import InstalmentState, PlanState
from lending.schedule.amortise import Loan, Method, amortise, down_payment
from lending.schedule.day_count import DayCount
from lending.schedule.due import Due, ScheduleFault
from lending.schedule.due_dates import Spacing, Unit
from lending.terms.product import Product
from lending.terms.servicing_terms import (
    ChargeOffInterest,
    ClaimDue,
    ClaimRule,
    Component,
    EarlyPayment,
    InterestRule,
    LateInterest,
    LaterShipment,
    PayoffInterest,
    ServicingTerms,
    ShipmentRule,
)
from tests.scenarios.fineract_e2e.product import DEFAULT, DOWN_PAYMENT_PERCENT, InAdvance, Part, PeerSettings
from tests.scenarios.fineract_e2e.product import ChargeOffInterest as PeerChargeOff
from tests.scenarios.fineract_e2e.reader import day_of
from tests.scenarios.fineract_e2e.story import Act, ActKind, NotExpressible, PeerLoan

EUR = Currency.EUR
_WHOLE_UNIT = 100
_A_DAY = timedelta(days=1)  # the peer's pause begins after its first day and ends after its last
_ID = PlanId("p")

DAY_COUNTS = {
    "30/360": DayCount(True, 360),
    "actual/actual": DayCount(False, None),
    "actual/365": DayCount(False, 365),
    "actual/360": DayCount(False, 360),
    "30/365": DayCount(True, 365),
}
_COMPONENT = {
    Part.PENALTY: Component.FEES,
    Part.FEE: Component.FEES,
    Part.INTEREST: Component.INTEREST,
    Part.PRINCIPAL: Component.PRINCIPAL,
}
_STATUS = {
    PlanStatus.AGREED: "APPROVED",
    PlanStatus.OPEN: "ACTIVE",
    PlanStatus.CHARGED_OFF: "ACTIVE",
    PlanStatus.PAID: "CLOSED_OBLIGATIONS_MET",
    PlanStatus.REFUNDED: "CLOSED_OBLIGATIONS_MET",
    PlanStatus.RECOVERED: "CLOSED_OBLIGATIONS_MET",
    PlanStatus.WRITTEN_OFF: "CLOSED_WRITTEN_OFF",
    PlanStatus.CANCELLED: "WITHDRAWN",
}


# ---- what is read back


@dataclass(frozen=True, slots=True)
class Row:
    """One due of the schedule as it stands, in minor units."""

    due_on: date
    days: int
    met_on: date | None
    balance: int
    principal: int
    interest: int
    fees: int
    penalties: int
    paid: int
    in_advance: int
    late: int
    waived: int
    outstanding: int

    @property
    def due(self) -> int:
        return self.principal + self.interest + self.fees + self.penalties


@dataclass(frozen=True, slots=True)
class Transaction:
    """Money in or credit given, as it was split; `overpaid` is the part that nothing was owed for."""

    name: str
    on: date
    amount: int
    principal: int = 0
    interest: int = 0
    fees: int = 0
    penalties: int = 0


@dataclass(frozen=True, slots=True)
class Observed:
    """The loan at the end of a day.

    `days_late` leaves paused days out, `late_since` is the oldest due not paid, `late` has the days and the amount of
    each instalment that is late, `pauses` the first and last day of each pause as the peer counts them.
    """

    disbursed: tuple[tuple[date, int], ...]
    rows: tuple[Row, ...]
    transactions: tuple[Transaction, ...]
    reversed_transactions: tuple[Transaction, ...]
    status: str
    outstanding: int
    overpaid: int
    days_late: int
    late_since: date | None
    late: tuple[tuple[int, int], ...]
    pauses: tuple[tuple[date, date], ...] = ()
    paid_with_disbursement: int = 0  # fees, which no row shows


# ---- the plan


def schedules(terms: PeerLoan, amount: int, starts_on: date) -> Iterator[tuple[str, tuple[Due, ...]]]:
    """The agreed schedule by day count: first the one that the product's name tells, then the others."""
    _usual(terms, starts_on)
    told = terms.product.day_count or "actual/actual"
    if not terms.interest_by_day and not terms.product.progressive:
        told = "30/360"  # a period of the older schedules is a twelfth of a year, whatever its days
    names = [told, *(name for name in DAY_COUNTS if name != told)]
    for name in names if terms.rate_percent else names[:1]:
        try:
            dues = amortise(_loan(terms, amount, starts_on, DAY_COUNTS[name]))
        except ScheduleFault as fault:
            raise NotExpressible("no_such_schedule", str(fault)) from fault
        if not all(due.amount.minor for due in dues):
            raise NotExpressible("instalment_of_nothing")
        yield name, dues


def _loan(terms: PeerLoan, amount: int, starts_on: date, day_count: DayCount) -> Loan:
    return Loan(
        Money(amount, EUR),
        terms.rate_percent,
        terms.instalments,
        _spacing(terms.every, terms.unit),
        starts_on,
        day_count,
        Method.FLAT if terms.flat else Method.DECLINING_BALANCE,
        Decimal(DOWN_PAYMENT_PERCENT if terms.product.down_payment else 0),
        terms.product.first_day_bears,
        _WHOLE_UNIT if terms.product.whole_units else 1,
    )


def _spacing(every: int, unit: str) -> Spacing:
    return Spacing(every * 12, Unit.MONTHS) if unit == "years" else Spacing(every, Unit(unit))


_UNUSUAL = {
    "graceOnPrincipalPayment": "grace_on_principal",
    "graceOnInterestPayment": "grace_on_interest",
    "interest free period": "interest_free_period",
    "fixed length": "fixed_length",
    "interestRateFrequencyType": "rate_of_whole_term",
    "charges": "disbursement_fee",
    "disbursement": "expected_disbursements",
}


def _usual(terms: PeerLoan, starts_on: date) -> None:
    for told, capability in _UNUSUAL.items():
        if told in terms.unusual:
            raise NotExpressible(capability)
    from_submission = terms.product.dues_from_submission and "Repayment start date type" not in terms.unusual
    if from_submission and terms.submitted_on != starts_on:
        raise NotExpressible("dues_from_the_application")


def lacking(terms: PeerLoan, acts: Sequence[Act]) -> tuple[str, ...]:
    """What the product's settings ask for, and these acts need, that the engine has no setting for."""
    settings = terms.product
    found = []
    if _component_order(settings.allocation) is None:
        found.append("penalties_apart_from_fees")
    return tuple(found)


def _rule_name(act: Act) -> str:
    return act.name.upper().replace(" ", "_")


def _component_order(parts: Sequence[Part]) -> tuple[Component, ...] | None:
    """Our order of components, or None where penalties and fees are not paid next to one another."""
    order = [_COMPONENT[part] for part in parts]
    merged = tuple(dict.fromkeys(order))
    together = [component for place, component in enumerate(order) if place == 0 or order[place - 1] is not component]
    return merged if len(together) == len(merged) else None


_EARLY = {
    InAdvance.NEXT: EarlyPayment.NEXT_DUES,
    InAdvance.NEXT_THEN_LAST: EarlyPayment.NEXT_THEN_LAST,
    InAdvance.LAST: EarlyPayment.LAST_DUES,
    InAdvance.REAMORTISED: EarlyPayment.EQUAL_PARTS,
}


_MOVED_INTEREST = {
    "DEFAULT": MovedInterest.OWED_FIRST,
    "WAIVE_INTEREST": MovedInterest.WAIVED,
    "EQUAL_AMORTIZATION_PAYABLE_INTEREST": MovedInterest.EQUAL_PARTS,
    "EQUAL_AMORTIZATION_FULL_INTEREST": MovedInterest.EQUAL_PARTS_OF_ALL,
    "EQUAL_AMORTIZATION_INTEREST_SPLIT": MovedInterest.EQUAL_PARTS,
}


def _restores(settings: PeerSettings) -> tuple[Component, ...]:
    """The components that a charge-back makes owed again; the peer's older products make all of it principal."""
    order = settings.credit_allocation if settings.progressive else None
    return tuple(dict.fromkeys(_COMPONENT[part] for part in order or (Part.PRINCIPAL,)))


_CHARGE_OFF_INTEREST = {
    PeerChargeOff.KEPT: ChargeOffInterest.AGREED,
    PeerChargeOff.ZERO: ChargeOffInterest.ACCRUED,
    PeerChargeOff.ACCELERATED: ChargeOffInterest.ACCELERATED,
}


def _shipments(terms: PeerLoan) -> ShipmentRule:
    settings = terms.product
    later = LaterShipment.OWN_TERM if settings.full_term_tranches else LaterShipment.LEVEL_AGAIN
    return ShipmentRule(
        LaterShipment.IN_PROPORTION if terms.flat and terms.rate_percent else later,
        _WHOLE_UNIT if settings.whole_units else 1,
        Decimal(DOWN_PAYMENT_PERCENT if settings.down_payment else 0),
        _spacing(terms.every, terms.unit),
    )


def _servicing(terms: PeerLoan, acts: Sequence[Act], day_count: str) -> ServicingTerms:
    settings = terms.product
    refunds = [act for act in acts if act.kind is ActKind.REFUNDED]
    gifts = [act for act in acts if act.kind in {ActKind.GOODWILL, ActKind.INTEREST_PAYMENT_WAIVED}]
    rule = settings.ahead(_rule_name(refunds[0])) if refunds else InAdvance.LAST
    spacing = _spacing(terms.every, terms.unit)
    shipments = _shipments(terms)
    return ServicingTerms(
        version="fineract",
        allocation_past_due=_component_order(settings.allocation_of(DEFAULT).late),
        shipments=shipments,
        allocation_in_advance=_component_order(settings.allocation_ahead),
        allocation=_component_order(settings.allocation) or (Component.INTEREST, Component.PRINCIPAL, Component.FEES),
        allocate_across=settings.vertical,
        refunds_pay=_EARLY[rule],
        goodwill_pays=_EARLY[settings.ahead(_rule_name(gifts[0]) if gifts else "GOODWILL_CREDIT")],
        refunds_allocation=_component_order(settings.allocation_of(_rule_name(refunds[0])).ahead) if refunds else None,
        goodwill_allocation=_component_order(settings.allocation_of(_rule_name(gifts[0])).ahead) if gifts else None,
        refunds_interest=settings.refunds_interest,
        interest=InterestRule(DAY_COUNTS[day_count], spacing, settings.first_day_bears),
        interest_as_agreed=not settings.recalculates_interest,
        early_payment=_EARLY[settings.ahead("REPAYMENT")],
        late_interest=LateInterest.UNTIL_LAST_DUE if settings.late_bears else LateInterest.NONE,
        payoff_interest=PayoffInterest.TO_THE_NEXT_DUE if settings.pays_off_to_rest else PayoffInterest.TO_THE_DAY,
        charge_off_interest=_CHARGE_OFF_INTEREST[settings.charge_off_interest],
        claims=ClaimRule(ClaimDue.NEXT_DUE, _restores(settings)),
        claim_due_days=0,
    )


# ---- the running loan


@dataclass(frozen=True, slots=True)
class _Posted:
    """An event of ours and the peer's transaction that it stands for."""

    event_id: str
    name: str
    on: date
    amount: int


@dataclass(frozen=True, slots=True)
class _KnownFee:
    fee_id: str
    name: str
    due_on: date
    penalty: bool


@dataclass(slots=True)
class _Touch:
    """What one event settled of one instalment."""

    event_id: str
    line: RunningInstalment
    due_on: date
    on: date
    principal: int
    interest: int
    fees: int
    penalties: int

    @property
    def amount(self) -> int:
        return self.principal + self.interest + self.fees + self.penalties


@dataclass(slots=True)
class _Folded:
    state: PlanState
    run: RunningPlan
    touches: list[_Touch] = field(default_factory=list)
    moved_interest: dict[str, int] = field(default_factory=dict)
    moved_on: dict[str, date] = field(default_factory=dict)
    owed_again: dict[str, int] = field(default_factory=dict)
    emptied_on: dict[str, date] = field(default_factory=dict)


def agreed(dues: Sequence[Due], amount: int, starts_on: date, status: str) -> Observed:
    """A loan of which nothing is disbursed yet: its schedule as agreed."""
    rows = []
    balance, previous = amount, starts_on
    for due in dues:
        balance -= due.principal.minor
        days = (due.due_on - previous).days
        principal, interest, owed = due.principal.minor, due.interest.minor, due.amount.minor
        rows.append(Row(due.due_on, days, None, balance, principal, interest, 0, 0, 0, 0, 0, 0, owed))
        previous = due.due_on
    owed = sum(row.outstanding for row in rows)
    return Observed(((starts_on, amount),), tuple(rows), (), (), status, owed, 0, 0, None, ())


class EngineLoan:
    """One loan in the plan engine: acts are recorded as plan events in the order in which they become known."""

    def __init__(
        self, terms: PeerLoan, dues: tuple[Due, ...], acts: Sequence[Act], approved: int, day_count: str
    ) -> None:
        self.terms, self.acts, self.approved, self.day_count = terms, acts, approved, day_count
        opened_on = next(act.on for act in acts if act.kind is ActKind.DISBURSED)
        self.plan = Plan(
            plan_id=_ID,
            shopper_id="s",
            account_id="a",
            merchant_id="m",
            order_id="o",
            decision_id="d",
            origin=Origin.CHECKOUT,
            product=Product.MONTHLY,
            opened_on=opened_on,
            principal=Money(approved, EUR),
            merchant_discount=Money(0, EUR),
            annual_rate_basis_points=terms.rate_percent * 100,
            terms_version="t",
            instalments=instalments_of(_ID, dues),
        )
        self.servicing = _servicing(terms, acts, day_count)
        self.events: list[PlanEvent] = []
        self.posted: list[_Posted] = []
        self.fees: list[_KnownFee] = []
        self.refused: list[str] = []
        self.disbursed: list[tuple[date, int]] = []
        self.paid_with_disbursement: dict[str, int] = {}
        self._waiting: list[Act] = []
        self._recorded: list[Act] = []
        self._known_on = opened_on

    # ---- acts

    def record(self, act: Act) -> None:
        """Record an act; what happens before the first disbursement waits for it."""
        if not self.disbursed and act.kind is not ActKind.DISBURSED:
            self._waiting.append(act)
            return
        if act.kind is ActKind.DISBURSED and act.on < self.plan.opened_on:
            self._open_earlier(act)
            return
        self._recorded.append(act)
        self._known_on = max(self._known_on, act.known_on)
        self._record(act)
        if act.kind is ActKind.DISBURSED and len(self.disbursed) == 1:
            for earlier in self._waiting:
                self._record(earlier)
        if act.kind in _OWES_MORE:
            self._pay_with_credit(act)

    def _open_earlier(self, act: Act) -> None:
        """A disbursement before the first one that was known: the plan is made again from its day."""
        recorded = [*self._waiting, *self._recorded]
        dues = dict(schedules(self.terms, self.approved, act.on))[self.day_count]
        EngineLoan.__init__(self, self.terms, dues, [act, *self.acts], self.approved, self.day_count)
        for each in (act, *recorded):
            self.record(each)

    def refuses(self, act: Act) -> bool:
        """Whether the engine would refuse an act. The loan stays as it is."""
        kept = (self.events, self.posted, self.refused, self.disbursed, self._known_on)
        self.events, self.posted, self.refused, self.disbursed = [*kept[0]], [*kept[1]], [], [*kept[3]]
        self._known_on = max(self._known_on, act.known_on) if kept[0] else act.known_on
        self._record(act)
        refused = bool(self.refused)
        self.events, self.posted, self.refused, self.disbursed, self._known_on = kept
        return refused

    def _record(self, act: Act) -> None:
        if act.kind in _UNDOES:
            self._reverse_latest(_UNDOES[act.kind])
        elif act.kind in _RECORDS:
            _RECORDS[act.kind](self, act)
        else:
            raise NotExpressible(act.kind.value, act.step)

    def _approve(self, act: Act) -> None:
        """Before the plan: nothing to record."""

    def _disburse(self, act: Act) -> None:
        amount, settings = Money(act.amount, EUR), self.terms.product
        first = not self.disbursed
        body = Opened(amount) if first else PartShipped(amount, len(self.disbursed) + 1)
        if not self._post(act.on, body, "Disbursement", act.amount):
            return
        self.disbursed.append((act.on, act.amount))
        if first and self.terms.disbursement_fee is not None:
            self._charge_at_once(act, *self.terms.disbursement_fee)
        if settings.down_payment_at_once:
            rule = self.servicing.shipments
            down = down_payment(amount, Decimal(DOWN_PAYMENT_PERCENT), rule.multiple_of)
            down -= min(down, self._fold().state.free_credit)  # credit pays first
            payment = Paid(down, PaymentChannel.CHECKOUT, self._next("down"), "sim", "card")
            if down.minor:
                self._post(act.on, payment, "Down Payment", down.minor)

    def _charge_at_once(self, act: Act, kind: str, number: Decimal) -> None:
        """The fee of the disbursement, which is paid from it."""
        interest = sum(each.interest.minor for each in self._fold().state.instalments)
        base = act.amount * ("AMOUNT" in kind) + interest * ("INTEREST" in kind)
        exact = number * 100 if kind == "FLAT" else base * number / 100
        minor, fee_id = int(exact.to_integral_value(ROUND_HALF_EVEN)), self._next("f")
        body = FeeCharged(fee_id, Money(minor, EUR), FeeKind.RETURN, at_once=True)
        if minor and self._post(act.on, body, "Fee", minor):
            self.paid_with_disbursement[fee_id] = minor
            owed_with = self._fold().state.fees[fee_id].instalment_id
            payment_id = self._next("x")
            paid = Paid(Money(minor, EUR), PaymentChannel.CHECKOUT, payment_id, "sim", "card", owed_with)
            self._post(act.on, paid, "Repayment (at time of disbursement)", minor)

    def _pay_some(self, act: Act) -> None:
        self._pay(act.on, act.amount, act.name)

    def _refund(self, act: Act) -> None:
        self._post(act.on, Refunded(self._next("r"), Money(act.amount, EUR)), act.name, act.amount)

    def _give(self, act: Act) -> None:
        """Goodwill, and what the peer tells apart from it by name: in each the lender pays for the shopper."""
        self._post(act.on, Goodwill(Money(act.amount, EUR)), act.name or "Interest Refund", act.amount)

    def _charge_off(self, act: Act) -> None:
        self._post(act.on, ChargedOff(), "Charge-off")

    def _write_off(self, act: Act) -> None:
        self._post(act.on, WrittenOff(), "Close (as written-off)")

    def _pay_with_credit(self, act: Act) -> None:
        """Pay what is owed now with the credit of earlier payments.

        The peer replays these payments for a fee; at a disbursement it only uses what they left.
        """
        state = self._fold().state
        amount = min(state.free_credit.minor, state.owed.minor)
        if amount and state.status is PlanStatus.OPEN:
            on = max(act.on, *(event.value_date for event in self.events))
            body = Paid(Money(amount, EUR), PaymentChannel.CREDIT, self._next("a"), "sim", "card")
            self._post(on, body, "Credit used" if act.kind is ActKind.DISBURSED else "Credit applied", amount)

    def _pay(self, on: date, amount: int, name: str) -> None:
        payment_id = self._next("x")
        self._post(on, Paid(Money(amount, EUR), PaymentChannel.SHOPPER, payment_id, "sim", "card"), name, amount)

    def _pay_off(self, act: Act) -> None:
        """The peer's payoff is the whole debt, less interest to come where the product recalculates interest."""
        state = self._fold(act.on).state
        if state.status is PlanStatus.CHARGED_OFF or not self.terms.product.recalculates_interest:
            if state.owed.minor:
                self._pay(act.on, state.owed.minor, "Repayment")
            return
        quote = state.payoff(state.through).amount
        if quote.minor:
            body = PaidOff(quote, PaymentChannel.SHOPPER, self._next("x"), "sim", "card")
            self._post(act.on, body, "Repayment", quote.minor)

    def _charge_percentage(self, act: Act) -> None:
        """The peer's processing charge is a percentage of the amount and its interest."""
        interest = sum(each.interest.minor for each in self._fold().state.instalments)
        part = Decimal(self.disbursed[0][1] + interest) * Decimal(act.row["percent"]) / 100
        self._charge(act, int(part.to_integral_value(ROUND_HALF_EVEN)))

    def _charge_each(self, act: Act) -> None:
        for line in self._fold().run.lines:
            part = _part_of(act, line.principal, line.interest)
            if line.number and part:
                self._charge_on(act, line.due_on, part, line.instalment_id)

    def _charge(self, act: Act, amount: int | None = None) -> None:
        self._charge_on(act, act.on, act.amount if amount is None else amount)

    def _charge_on(self, act: Act, due_on: date, amount: int, instalment_id: str | None = None) -> None:
        fee_id = self._next("f")
        body = FeeCharged(fee_id, Money(amount, EUR), FeeKind.RETURN, instalment_id, due_on)
        if self._post(max(min(act.known_on, due_on), self.plan.opened_on), body, "Fee", amount):
            self.fees.append(_KnownFee(fee_id, act.name, due_on, act.penalty))

    def _waive(self, act: Act) -> None:
        """The latest fee whole, or an amount of the fee that is named."""
        amount = Money(act.amount, EUR) if act.kind is ActKind.FEE_ADJUSTED else None
        known = [fee for fee in self.fees if amount is None or (fee.name, fee.due_on) == (act.name, act.until)]
        if not known:
            raise NotExpressible("fee_not_known", act.step)
        name = "Waive" if amount is None else "Charge Adjustment"
        self._post(act.known_on, FeeWaived(known[-1].fee_id, amount), name, act.amount)

    def _undo(self, act: Act) -> None:
        """Reverse the n-th transaction of a name on a day, counted with those that are reversed already."""
        own = [each for each in self.posted if each.on == act.on and each.name in ({act.name} if act.name else _LISTED)]
        if len(own) < act.number:
            raise NotExpressible("undone_transaction_not_found", act.step)
        self._reverse(own[act.number - 1])

    def _undo_repayment(self, act: Act) -> None:
        """Reverse the n-th repayment of all."""
        own = [each for each in self.posted if each.name == "Repayment"]
        if len(own) < act.number:
            raise NotExpressible("undone_transaction_not_found", act.step)
        self._reverse(own[act.number - 1])

    def _reverse_latest(self, name: str) -> None:
        reversed_ids = self._reversed()
        own = [each for each in self.posted if each.name == name and each.event_id not in reversed_ids]
        if not own:
            raise NotExpressible("undone_transaction_not_found", name)
        self._reverse(own[-1])

    def _reverse(self, each: _Posted) -> None:
        for paid in self._paid_out(each):
            self._post(max(self._known_on, each.on), Reversed(paid), "Undo")
        if each.event_id not in self._reversed():
            self._post(max(self._known_on, each.on), Reversed(each.event_id), "Undo")

    def _paid_out(self, each: _Posted) -> list[str]:
        """The events by which a credit balance refund reached the shopper, which the peer undoes with it."""
        granted = [event.body for event in self.events if event.event_id == each.event_id]
        ids = {body.refund_id for body in granted if isinstance(body, CreditRefunded)}
        paid = [event for event in self.events if isinstance(event.body, RefundPaid) and event.body.refund_id in ids]
        return [event.event_id for event in paid]

    def _charge_back(self, act: Act) -> None:
        wanted = {act.name} if act.name else {"Repayment"}
        payments = [each for each in self.posted if each.name in wanted]
        if len(payments) < max(act.number, 1):
            raise NotExpressible("charge_back_of_another_transaction", act.step)
        payment = payments[act.number - 1] if act.number else payments[-1]
        case_id = self._next("c")
        opened = ClaimOpened(case_id, payment.event_id, Route.CARD, "sim", Money(act.amount, EUR))
        if self._post(act.on, opened, "Claim", act.amount):
            self._post(act.on, ClaimLost(case_id), "Chargeback", act.amount)

    def _pay_credit_back(self, act: Act) -> None:
        """Pay refunds that are payable first, then the credit balance."""
        left = act.amount
        for refund_id, payable in self._fold().state.payable_refunds.items():
            part = min(left, payable.minor)
            if part and not refund_id.startswith("cr"):
                self._post(act.on, RefundPaid(refund_id, Money(part, EUR)), "Credit Balance Refund", part)
                left -= part
        if left:
            refund_id = self._next("cr")
            if self._post(act.on, CreditRefunded(refund_id, Money(left, EUR)), "Credit Balance Refund", left):
                self._post(act.on, RefundPaid(refund_id, Money(left, EUR)), "Credit Balance Refund paid", left)

    def _reage(self, act: Act) -> None:
        told = act.row
        if set(told) - {
            "frequencyNumber",
            "frequencyType",
            "startDate",
            "numberOfInstallments",
            "reAgeInterestHandling",
        }:
            raise NotExpressible("reage_otherwise", act.step)
        spacing = _spacing(int(told["frequencyNumber"]), told["frequencyType"].lower())
        starts = day_of(told["startDate"])
        handling = _MOVED_INTEREST[told.get("reAgeInterestHandling", "DEFAULT")]
        body = ReAged(int(told["numberOfInstallments"]), starts, spacing.every, spacing.unit, handling)
        self._post(min(act.on, starts), body, "Re-age")  # one that starts earlier counts from then

    def _reamortise(self, act: Act) -> None:
        self._post(act.on, ReAmortised(_MOVED_INTEREST[act.row.get("handling", "DEFAULT")]), "Re-amortize")

    def _pause(self, act: Act) -> None:
        if act.until is None:
            raise NotExpressible("pause_without_end", act.step)
        self._post(act.known_on, Forbearance(act.on + _A_DAY, act.until + _A_DAY), "Pause")

    def _pause_interest(self, act: Act) -> None:
        if act.until is None:
            raise NotExpressible("pause_without_end", act.step)
        self._post(min(act.known_on, act.on - _A_DAY), InterestPaused(act.on, act.until + _A_DAY), "Interest pause")

    def _terminate(self, act: Act) -> None:
        self._post(act.on, Terminated(), "Contract termination")

    def _change_terms(self, act: Act) -> None:
        """A change of the rate, of a due day or of the number of instalments; one that is none of these is missing."""
        change, starts = _what_changes(act), day_of(act.row["rescheduleFromDate"])
        on = min(act.known_on, starts)
        if change == "change_of_rate":
            rate = Decimal(act.row["newInterestRate"]) * 100
            if rate % 1:
                raise NotExpressible("rate_of_more_digits", act.step)
            since = max(starts - _A_DAY, self.plan.opened_on)  # the day itself bears the new rate already
            self._post(min(on, since), RateChanged(int(rate), since), "Change of rate")
        elif change == "change_of_due_date":
            moved_to = day_of(act.row["adjustedDueDate"])
            self._post(min(on, moved_to), DuesMoved(starts, moved_to), "Change of due date")
        elif change == "change_of_term":
            self._post(on, Extended(int(act.row["extraTerms"]), starts), "Change of term")
        else:
            raise NotExpressible(change, act.step)

    def _resume(self, act: Act) -> None:
        """End the running pause early: the pause is replaced by a shorter one."""
        reversed_ids = self._reversed()
        running = [
            event
            for event in self.events
            if isinstance(event.body, Forbearance) and event.event_id not in reversed_ids
            and event.body.starts - _A_DAY <= act.on < event.body.ends
        ]  # fmt: skip
        if not running:
            raise NotExpressible("resume_without_pause", act.step)
        pause = running[-1]
        assert isinstance(pause.body, Forbearance)
        self._post(act.known_on, Reversed(pause.event_id), "Undo")
        if pause.body.starts <= act.on:
            self._post(act.known_on, Forbearance(pause.body.starts, act.on + _A_DAY), "Pause")

    def _post(self, on: date, body: Body, name: str, amount: int = 0) -> bool:
        """Record an event, or note why it is refused."""
        number = len(self.events) + len(self.refused) + 1
        at = datetime.combine(self._known_on, time(), UTC) + timedelta(seconds=number)
        occurred_at = at
        if isinstance(body, FeeCharged) and on == self._known_on:  # it counts before the payments of its day
            occurred_at = datetime.combine(on, time(), UTC)
        event = PlanEvent(f"e{number:04}", _ID, on, occurred_at, at, f"c{number}", body)
        reasons = refuse(self._fold(on).state, event)
        if reasons:
            self.refused.append(f"{name}: {reasons[0].code}: {reasons[0].detail}")
            return False
        self.events.append(event)
        self.posted.append(_Posted(event.event_id, name, on, amount))
        return True

    def _next(self, prefix: str) -> str:
        return f"{prefix}{len(self.events) + len(self.refused) + 1}"

    def _reversed(self) -> set[str]:
        return {event.body.reversed_event_id for event in self.events if isinstance(event.body, Reversed)}

    # ---- reading back

    def _fold(self, through: date | None = None) -> _Folded:
        last = max((event.value_date for event in self.events), default=self.plan.opened_on)
        day = max(last, self.plan.opened_on, *([] if through is None else [through]))
        return _watched_fold(
            self.plan, self.events, self.servicing, day, {fee.fee_id for fee in self.fees if fee.penalty}
        )

    def observe(self, as_of: date, worked_out_on: date) -> Observed:
        """The loan on a day, with its schedule as last worked out; acts dated later that are known count too."""
        folded = self._fold(worked_out_on)
        reversed_ids = self._reversed()
        transactions = [(each.event_id, self._transaction(folded, each)) for each in self.posted if each.name in _MONEY]
        standing = [told for event_id, told in transactions if event_id not in reversed_ids]
        standing += self._interest_refunds(folded)
        state = folded.state
        overpaid = state.credit_balance.minor + sum(
            payable.minor for refund_id, payable in state.payable_refunds.items() if not refund_id.startswith("cr")
        )
        status = _STATUS[state.status]
        return Observed(
            disbursed=tuple(self.disbursed),
            rows=tuple(self._rows(folded)),
            paid_with_disbursement=sum(self.paid_with_disbursement.values()),
            transactions=tuple(standing),
            reversed_transactions=tuple(told for event_id, told in transactions if event_id in reversed_ids),
            status="OVERPAID" if overpaid and status == "CLOSED_OBLIGATIONS_MET" else status,
            outstanding=state.owed.minor,
            overpaid=overpaid,
            days_late=state.days_past_due(as_of),
            late_since=min((each.counts_from for each in _late(state, as_of)), default=None),
            late=tuple(
                (days_late(each.counts_from, as_of, state.pauses), each.open.minor) for each in _late(state, as_of)
            ),
            pauses=tuple(
                (each.starts - _A_DAY, each.ends - _A_DAY)
                for each in state.pauses
                if each.reason is PauseReason.FORBEARANCE and each.ends is not None
            ),
        )

    def _transaction(self, folded: _Folded, posted: _Posted) -> Transaction:
        ids = {posted.event_id, *(applied for applied, by in self._paid_by(folded).items() if by == posted.event_id)}
        own = [touch for touch in folded.touches if touch.event_id in ids]
        _, back = _interest_refund(folded.state, posted.event_id)
        return Transaction(
            posted.name,
            posted.on,
            posted.amount,
            sum(touch.principal for touch in own) - back["principal"],
            sum(touch.interest for touch in own) - back["interest"],
            sum(touch.fees for touch in own) - back["fees"],
            sum(touch.penalties for touch in own),
        )

    def _paid_by(self, folded: _Folded) -> Mapping[str, str]:
        """The payment whose credit each application of credit used: the first that left enough."""
        left: dict[str, int] = {}
        reversed_ids = self._reversed()
        used: dict[str, str] = {}
        for each in self.posted:
            paid = sum(touch.amount for touch in folded.touches if touch.event_id == each.event_id)
            if each.name in _PAID and each.event_id not in reversed_ids:
                left[each.event_id] = each.amount - paid
            elif each.name == "Credit applied":
                source = next((event_id for event_id, amount in left.items() if amount >= paid > 0), None)
                if source is not None:
                    left[source] -= paid
                    used[each.event_id] = source
        return used

    def _interest_refunds(self, folded: _Folded) -> Iterator[Transaction]:
        for posted in self.posted:
            whole, paid = _interest_refund(folded.state, posted.event_id)
            if whole:
                yield Transaction(
                    "Interest Refund", posted.on, whole, paid["principal"], paid["interest"], paid["fees"]
                )

    def _brought_forward_on(self) -> date | None:
        """The day on which everything fell due at once, if any."""
        ends: tuple[type, ...] = (Terminated,)
        if self.servicing.charge_off_interest is ChargeOffInterest.ACCELERATED:
            ends = (Terminated, ChargedOff)
        reversed_ids = self._reversed()
        return min(
            (
                each.value_date
                for each in self.events
                if isinstance(each.body, ends) and each.event_id not in reversed_ids
            ),
            default=None,
        )

    def _rows(self, folded: _Folded) -> Iterator[Row]:
        penalties = {fee.fee_id for fee in self.fees if fee.penalty}
        to_come = list(self.disbursed)
        balance, previous = 0, self.plan.opened_on
        ended_on = self._brought_forward_on()
        agreed_ids = {each.instalment_id for each in self.plan.instalments}
        paid_at_once = {on for on, _ in self.disbursed[1:]} if self.terms.product.down_payment else set()
        for line in folded.run.lines:
            down = line.number == 0 or (line.instalment_id not in agreed_ids and line.due_on in paid_at_once)
            same_day = down or line.due_on == ended_on
            while to_come and (to_come[0][0] < line.due_on or (same_day and to_come[0][0] == line.due_on)):
                balance += to_come.pop(0)[1]
            interest = line.interest - folded.moved_interest.get(line.instalment_id, 0)
            fees = sum(fee.amount for fee in line.fees if _origin(fee.fee_id) not in penalties)
            penalty = sum(fee.amount for fee in line.fees if _origin(fee.fee_id) in penalties)
            due = line.principal + interest + fees + penalty
            moved_on = folded.moved_on.get(line.instalment_id)
            of_fees = line.instalment_id not in agreed_ids and not line.period.day_price  # it goes when the fees move
            if moved_on is not None and not due and (line.due_on > moved_on or (of_fees and line.due_on == moved_on)):
                continue
            if line.fees and all(fee.fee_id in self.paid_with_disbursement for fee in line.fees) and not line.principal:
                continue
            if ended_on is not None and line.due_on > ended_on and line.principal == line.repaid == 0 and not due:
                continue
            outstanding = line.open + _off_the_books(folded.run, line).total
            waived = sum(fee.waived for fee in line.fees)
            touches = [touch for touch in folded.touches if touch.line is line]
            emptied_on = folded.emptied_on.get(line.instalment_id)
            balance += folded.owed_again.get(line.instalment_id, 0) - line.principal
            met = [each.on for each in touches if each.amount > 0] + ([moved_on] if moved_on else [])
            yield Row(
                due_on=line.due_on,
                days=0 if down else (line.due_on - previous).days,
                met_on=None if outstanding else max(met, default=line.due_on if waived else emptied_on),
                balance=balance,
                principal=line.principal,
                interest=interest,
                fees=fees,
                penalties=penalty,
                paid=due - outstanding - waived,
                in_advance=sum(each.amount for each in touches if each.on < each.due_on),
                late=sum(each.amount for each in touches if each.on > each.due_on),
                waived=waived,
                outstanding=outstanding,
            )
            previous = previous if down else line.due_on


_UNDOES = {
    ActKind.REFUND_UNDONE: "Payout Refund",
    ActKind.FEE_WAIVER_UNDONE: "Waive",
    ActKind.CHARGE_OFF_UNDONE: "Charge-off",
    ActKind.REAGE_UNDONE: "Re-age",
    ActKind.REAMORTISATION_UNDONE: "Re-amortize",
    ActKind.TERMINATION_UNDONE: "Contract termination",
}
# How each kind of act is recorded. A kind that is missing here is a capability that is missing, under its own name.
_RECORDS: Mapping[ActKind, Callable[[EngineLoan, Act], None]] = {
    ActKind.APPROVED: EngineLoan._approve,
    ActKind.DISBURSED: EngineLoan._disburse,
    ActKind.PAID: EngineLoan._pay_some,
    ActKind.DOWN_PAYMENT: EngineLoan._pay_some,
    ActKind.PAID_OFF: EngineLoan._pay_off,
    ActKind.REFUNDED: EngineLoan._refund,
    ActKind.GOODWILL: EngineLoan._give,
    ActKind.INTEREST_PAYMENT_WAIVED: EngineLoan._give,
    ActKind.INTEREST_REFUNDED: EngineLoan._give,
    ActKind.FEE: EngineLoan._charge,
    ActKind.PERCENTAGE_FEE: EngineLoan._charge_percentage,
    ActKind.INSTALMENT_FEE: EngineLoan._charge_each,
    ActKind.FEE_WAIVED: EngineLoan._waive,
    ActKind.FEE_ADJUSTED: EngineLoan._waive,
    ActKind.UNDONE: EngineLoan._undo,
    ActKind.REPAYMENT_UNDONE: EngineLoan._undo_repayment,
    ActKind.CHARGED_BACK: EngineLoan._charge_back,
    ActKind.CHARGED_OFF: EngineLoan._charge_off,
    ActKind.WRITTEN_OFF: EngineLoan._write_off,
    ActKind.CREDIT_PAID_BACK: EngineLoan._pay_credit_back,
    ActKind.REAGED: EngineLoan._reage,
    ActKind.REAMORTISED: EngineLoan._reamortise,
    ActKind.PAUSED: EngineLoan._pause,
    ActKind.RESUMED: EngineLoan._resume,
    ActKind.RESCHEDULED: EngineLoan._change_terms,
    ActKind.INTEREST_PAUSED: EngineLoan._pause_interest,
    ActKind.TERMINATED: EngineLoan._terminate,
}


_MONEY = frozenset(
    {
        "Repayment",
        "Down Payment",
        "Merchant Issued Refund",
        "Payout Refund",
        "Goodwill Credit",
        "Charge Adjustment",
        "Interest Payment Waiver",
        "Interest Refund",
    }
)


_PAID = frozenset({"Repayment", "Down Payment"})
_OWES_MORE = frozenset(
    {
        ActKind.DISBURSED,
        ActKind.FEE,
        ActKind.PERCENTAGE_FEE,
        ActKind.INSTALMENT_FEE,
        ActKind.FEE_ADJUSTED,
        ActKind.PAID,
    }
)
_LISTED = _MONEY | {"Disbursement", "Credit Balance Refund", "Chargeback", "Charge-off", "Re-age", "Re-amortize"}


def _part_of(act: Act, principal: int, interest: int) -> int:
    """A fee of an amount, or of a percentage of what its name says: the principal, the interest or both."""
    if "percent" not in act.row:
        return act.amount
    words = act.name.partition("PERCENTAGE_")[2]
    base = principal * ("AMOUNT" in words) + interest * ("INTEREST" in words)
    return int((base * Decimal(act.row["percent"]) / 100).to_integral_value(ROUND_HALF_EVEN))


def _origin(fee_id: str) -> str:
    """The fee that a charge-back made owed again, or the fee itself."""
    return fee_id.partition("/")[0]


def _late(state: PlanState, as_of: date) -> list[InstalmentState]:
    return [each for each in state.instalments if each.claimable.minor > 0 and each.counts_from < as_of]


def _what_changes(act: Act) -> str:
    for column, capability in (
        ("newInterestRate", "change_of_rate"),
        ("adjustedDueDate", "change_of_due_date"),
        ("extraTerms", "change_of_term"),
        ("graceOnPrincipal", "grace_later"),
        ("graceOnInterest", "grace_later"),
    ):
        if act.row.get(column, "").strip():
            return capability
    return "reschedule_otherwise"


def _interest_refund(state: PlanState, event_id: str) -> tuple[int, dict[str, int]]:
    """The interest that a refund gave back, and what that paid by component."""
    whole, paid = 0, dict.fromkeys(("fees", "interest", "principal"), 0)
    for booking in state.bookings:
        if booking.event_id == event_id and booking.flow == Flow.INTEREST_REFUNDED:
            whole = sum(amount.minor for amount in booking.amounts.values())
        if booking.event_id == event_id and booking.flow == Flow.CREDIT_APPLIED and booking.key.endswith("/interest"):
            paid |= {name: amount.minor for name, amount in booking.amounts.items()}
    return whole, paid


def _off_the_books(run: RunningPlan, line: RunningInstalment) -> Owed:
    debt = run.charged_off or Debt()
    return debt.parts.get(line.instalment_id, Owed())


def _settled(run: RunningPlan) -> dict[str, tuple[int, int, dict[str, int]]]:
    """What is no longer owed of each instalment, also off the books: principal, interest, and each fee."""
    settled = {}
    for line in run.lines:
        off = _off_the_books(run, line)
        fees = {fee.fee_id: fee.paid + fee.gone for fee in line.fees}
        left = off.fees
        for fee in reversed(line.fees):
            fees[fee.fee_id] -= min(left, fee.gone)
            left -= min(left, fee.gone)
        settled[line.instalment_id] = (
            line.repaid + line.credited - off.principal,
            line.interest_paid + line.interest_gone - off.interest,
            fees,
        )
    return settled


_MOVES = (ReAged, ReAmortised)


def _follow_merged(run: RunningPlan, touches: Sequence[_Touch], day: date, known: Container[str]) -> None:
    """Let payments of instalments that merged into the last known one by a day be payments of that one."""
    own = [line for line in run.lines if line.due_on <= day]
    last = next((line for line in reversed(own) if line.instalment_id in known), own[-1] if own else None)
    for touch in touches:
        if last is not None and touch.line.due_on > day and not touch.line.paid:
            touch.line = last


def _note_moved(run: RunningPlan, event: PlanEvent, open_before: Mapping[str, int], moved_on: dict[str, date]) -> None:
    """Note the instalments whose debt was moved to new dues."""
    old = [line for line in run.lines if line.instalment_id in open_before]
    moved = [line for line in old if open_before[line.instalment_id]]
    if isinstance(event.body, ReAged):
        moved += [line for line in old if line.due_on > event.value_date]
    if isinstance(event.body, ReAmortised):
        moved = [line for line in moved if line.due_on <= event.value_date]
    moved_on |= {line.instalment_id: event.value_date for line in moved}


def _watched_fold(  # noqa: C901 - one act of watching after the other
    plan: Plan, events: Sequence[PlanEvent], terms: ServicingTerms, through: date, penalties: set[str]
) -> _Folded:
    """Fold, and note what each event settled of each instalment: the state tells only the sums."""
    touches: list[_Touch] = []
    moved_interest: dict[str, int] = {}
    moved_on: dict[str, date] = {}
    owed_again: dict[str, int] = {}
    noted: dict[str, RunningPlan] = {}
    emptied_on: dict[str, date] = {}
    latest: list[date] = []
    apply, split, finish = folding._apply, folding.split_again, folding._state

    def watched(run: RunningPlan, event: PlanEvent) -> None:
        before = _settled(run)
        latest.append(event.value_date)
        open_before = {line.instalment_id: line.claimable for line in run.lines}
        principal_before = {line.instalment_id: line.principal for line in run.lines}
        apply(run, event)
        if isinstance(event.body, ClaimLost | RefundPaid):
            for line in run.lines:
                more = line.principal - principal_before.get(line.instalment_id, 0)
                owed_again[line.instalment_id] = owed_again.get(line.instalment_id, 0) + more
        if isinstance(event.body, _MOVES):
            _note_moved(run, event, open_before, moved_on)
        after = _settled(run)
        merges = isinstance(event.body, ReAged | Terminated) or (
            isinstance(event.body, ChargedOff) and run.terms.charge_off_interest is ChargeOffInterest.ACCELERATED
        )
        if merges:
            _follow_merged(run, touches, event.value_date, open_before)
        for line in run.lines:
            principal, interest, fees = before.get(line.instalment_id, (0, 0, {}))
            principal_after, interest_after, fees_after = after[line.instalment_id]
            fell, interest_fell = principal_after - principal, interest_after - interest
            fee_parts = {fee_id: part - fees.get(fee_id, 0) for fee_id, part in fees_after.items()}
            own_fees = sum(part for fee_id, part in fee_parts.items() if _origin(fee_id) not in penalties)
            own_penalties = sum(part for fee_id, part in fee_parts.items() if _origin(fee_id) in penalties)
            if isinstance(event.body, ChargedOff | Terminated):
                continue
            if isinstance(event.body, _MOVES):
                moved_interest[line.instalment_id] = moved_interest.get(line.instalment_id, 0) + interest_fell
            elif (fell or interest_fell or own_fees or own_penalties) and not isinstance(event.body, WrittenOff):
                on = event.value_date
                touches.append(
                    _Touch(event.event_id, line, line.due_on, on, fell, interest_fell, own_fees, own_penalties)
                )

    def watched_split(run: RunningPlan) -> None:
        open_before = {line.instalment_id for line in run.lines if line.open}
        split(run)
        for line in run.lines:
            if line.open:
                emptied_on.pop(line.instalment_id, None)
            elif line.instalment_id in open_before:
                emptied_on[line.instalment_id] = latest[-1]

    def finished(run: RunningPlan, *rest: Any) -> PlanState:
        noted["run"] = run
        return finish(run, *rest)

    with (
        mock.patch.object(folding, "_apply", watched),
        mock.patch.object(folding, "split_again", watched_split),
        mock.patch.object(folding, "_state", finished),
    ):
        state = folding.fold(plan, events, terms, through=through)
    return _Folded(state, noted["run"], touches, moved_interest, moved_on, owed_again, emptied_on)
