"""Check whether a plan may take an event, given its state before the event; returns every reason against it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date
from typing import assert_never

from ledger.money import Money
from lending.plan.event import (
    KINDS,
    Cancelled,
    CashBack,
    ChargedOff,
    ClaimLost,
    ClaimOpened,
    ClaimWon,
    CreditApplied,
    CreditRefunded,
    Disputed,
    DisputeSettled,
    DuesMoved,
    Extended,
    FeeCharged,
    FeeKind,
    FeeWaived,
    Forbearance,
    Frozen,
    Goodwill,
    Holiday,
    InterestPaused,
    InterestWaived,
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
    Recovered,
    Refunded,
    RefundPaid,
    Rescheduled,
    Returned,
    Reversed,
    Terminated,
    Unfrozen,
    WrittenOff,
    event_kind,
)  # fmt: skip
from lending.plan.plan import PlanStatus
from lending.plan.refusal import PlanRefusal, PlanRefusalCode
from lending.plan.state import CaseKind, CaseState, PlanState
from lending.schedule.amortise import MOST_INSTALMENTS

_Reasons = Iterator[PlanRefusal]
_Code = PlanRefusalCode
_S = PlanStatus

_BEGUN = frozenset(PlanStatus) - {_S.AGREED, _S.CANCELLED}
_ON_THE_BOOKS = frozenset({_S.OPEN, _S.PAID, _S.REFUNDED})

TAKEN_IN: Mapping[type, frozenset[PlanStatus]] = {
    Opened: frozenset({_S.AGREED}),
    PartShipped: _ON_THE_BOOKS,
    Cancelled: frozenset({_S.AGREED}) | _ON_THE_BOOKS,
    Paid: _BEGUN,
    PaidOff: _BEGUN,
    Returned: _BEGUN,
    Reversed: frozenset(PlanStatus),
    Refunded: _BEGUN,
    RefundPaid: _BEGUN,
    Rescheduled: frozenset({_S.OPEN}),
    ReAged: frozenset({_S.OPEN}),
    ReAmortised: frozenset({_S.OPEN}),
    RateChanged: _ON_THE_BOOKS | {_S.CHARGED_OFF},  # it may be dated before what ended the plan
    InterestPaused: frozenset({_S.OPEN}),
    DuesMoved: frozenset({_S.OPEN}),
    Extended: frozenset({_S.OPEN}),
    Terminated: frozenset({_S.OPEN}),
    Holiday: frozenset({_S.OPEN}),
    Forbearance: frozenset({_S.OPEN}),
    FeeCharged: _ON_THE_BOOKS,
    FeeWaived: _ON_THE_BOOKS | {_S.CHARGED_OFF},
    InterestWaived: frozenset({_S.OPEN}),
    Goodwill: _BEGUN - {_S.RECOVERED, _S.WRITTEN_OFF},
    Disputed: _BEGUN,
    DisputeSettled: _BEGUN,
    ClaimOpened: _BEGUN,
    ClaimWon: _BEGUN,
    ClaimLost: _BEGUN,
    ChargedOff: frozenset({_S.OPEN}),
    Recovered: frozenset({_S.CHARGED_OFF, _S.RECOVERED, _S.WRITTEN_OFF}),
    WrittenOff: frozenset({_S.OPEN, _S.CHARGED_OFF}),
    Frozen: frozenset(PlanStatus) - {_S.CANCELLED},
    Unfrozen: frozenset(PlanStatus),
    CreditApplied: _BEGUN,
    CreditRefunded: _BEGUN,
}


def refuse(state: PlanState, event: PlanEvent) -> tuple[PlanRefusal, ...]:
    """Every reason against an event, in the order of their codes; empty if the plan takes the event."""
    reasons = [*_amounts(state, event), *_status(state, event)]
    if not reasons:
        reasons += _reasons(state, event)
    order = list(PlanRefusalCode)
    return tuple(sorted(reasons, key=lambda reason: order.index(reason.code)))


def _amounts(state: PlanState, event: PlanEvent) -> _Reasons:
    """Judge every amount and day of the event, at any depth."""
    for where, value in _values(event.body, ""):
        name = where.rpartition(".")[2]
        if isinstance(value, Money):
            foreign = state.plan.foreign
            currency = foreign.payable.currency if name == "receivable" and foreign is not None else state.currency
            if value.currency is not currency:
                yield PlanRefusal(_Code.OTHER_CURRENCY, f"{where} is in {value.currency}, not in {currency}")
            elif value.minor < 0 or (value.minor == 0 and name not in _MAY_BE_ZERO):
                yield PlanRefusal(_Code.NOT_POSITIVE, f"{where} is {value}")
            elif value.minor > MOST_MINOR:
                yield PlanRefusal(_Code.OUT_OF_BOUNDS, f"{where} is {value}, more than any plan owes")
        elif isinstance(value, date) and not FIRST_DAY <= value <= LAST_DAY:
            yield PlanRefusal(_Code.OUT_OF_BOUNDS, f"{where} is {value}, not between {FIRST_DAY} and {LAST_DAY}")


MOST_MINOR = 10**15
FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2100, 12, 31)
_MAY_BE_ZERO = frozenset({"receivable", "in_flight", "fees", "interest", "principal"})  # the last three: parts of a sum


def _values(value: object, where: str) -> Iterator[tuple[str, object]]:
    """Every value inside an event's body, with the path to it."""
    if is_dataclass(value) and not isinstance(value, Money):
        for each in fields(value):
            yield from _values(getattr(value, each.name), f"{where}.{each.name}" if where else each.name)
    elif isinstance(value, tuple):
        for place, inner in enumerate(value):
            yield from _values(inner, f"{where}[{place}]")
    else:
        yield where, value


def _status(state: PlanState, event: PlanEvent) -> _Reasons:
    if state.status not in TAKEN_IN[type(event.body)]:
        yield PlanRefusal(_Code.NOT_IN_THIS_STATUS, f"a plan that is {state.status} takes no {event_kind(event.body)}")
    if event.value_date < state.plan.opened_on:
        detail = f"{event.value_date} is before the plan was opened on {state.plan.opened_on}"
        yield PlanRefusal(_Code.BEFORE_OPENING, detail)
    known_on = max(state.terms.days.day_of(event.recorded_at), event.recorded_at.astimezone(UTC).date())
    if event.value_date > known_on:
        yield PlanRefusal(_Code.AHEAD_OF_ITS_TIME, f"{event.value_date} is after the day it became known, {known_on}")


def _reasons(  # noqa: C901, PLR0911, PLR0912 - one case a kind
    state: PlanState, event: PlanEvent
) -> Iterable[PlanRefusal]:
    """The reasons specific to the kind of event. The type checker reports a kind of body without a case."""
    body = event.body
    match body:
        case Opened() | PartShipped():
            return _captured(state, body)
        case Cancelled():
            return _cancelled(state)
        case Paid() | PaidOff() | Recovered():
            return _paid(state, body)
        case Returned():
            return _returned(state, body)
        case Reversed():
            return _reversed(state, body)
        case Refunded() | Disputed():
            return _refunded(state, body)
        case RefundPaid():
            return _refund_paid(state, body)
        case DisputeSettled():
            return _dispute_settled(state, body)
        case ClaimOpened():
            return _claim_opened(state, body)
        case ClaimWon() | ClaimLost():
            return _claim_decided(state, body)
        case FeeCharged():
            return _fee_charged(state, body)
        case FeeWaived():
            return _fee_waived(state, body)
        case InterestWaived():
            return _interest_waived(state, body)
        case Rescheduled():
            return _rescheduled(state, body)
        case Holiday() | Forbearance():
            return _period(body)
        case Frozen() | Unfrozen():
            return _freeze(state, body)
        case CreditApplied() | CreditRefunded():
            return _credit(state, body.amount)
        case ReAged() | ReAmortised() | RateChanged() | InterestPaused() | DuesMoved() | Extended():
            return _terms_changed(state, body, event.value_date)
        case Goodwill() | ChargedOff() | WrittenOff() | Terminated():
            return ()  # the status of the plan is all that matters
        case never:
            assert_never(never)


def _captured(state: PlanState, body: Opened | PartShipped) -> _Reasons:
    if isinstance(body, Opened) and state.captured.minor:
        yield PlanRefusal(_Code.ALREADY_OPEN, f"{state.captured} of the order is captured")
    elif body.captured > state.uncaptured:
        yield PlanRefusal(_Code.BEYOND_THE_ORDER, f"{state.uncaptured} of the order can still be captured")


def _cancelled(state: PlanState) -> _Reasons:
    if not state.uncaptured.minor:
        yield PlanRefusal(_Code.BEYOND_THE_ORDER, "nothing is left to cancel")


def _paid(state: PlanState, body: Paid | PaidOff | Recovered) -> _Reasons:
    yield from _complete(body)
    if not isinstance(body, Paid):
        return
    if body.instalment_id is not None and state.instalment(body.instalment_id) is None:
        yield PlanRefusal(_Code.UNKNOWN_INSTALMENT, f"{state.plan.plan_id} has no instalment {body.instalment_id}")
    if body.channel is PaymentChannel.CREDIT:
        if state.status is not PlanStatus.OPEN:
            yield PlanRefusal(_Code.NOT_IN_THIS_STATUS, f"credit pays nothing on a plan that is {state.status}")
        if body.from_plan_id in {None, state.plan.plan_id}:
            yield from _credit(state, body.amount)


def _complete(body: Paid | PaidOff | Recovered) -> _Reasons:
    needed = {
        PaymentChannel.ATTEMPT: ("provider", "rail"),
        PaymentChannel.CHECKOUT: ("provider",),
        PaymentChannel.SHOPPER: ("provider",),
        PaymentChannel.DUPLICATE: ("provider",),
    }
    for name in needed.get(body.channel, ()):
        if getattr(body, name) is None:
            yield PlanRefusal(_Code.INCOMPLETE, f"{name} is missing for {body.channel}")
    if not isinstance(body, Paid) and body.channel in {
        PaymentChannel.CREDIT,
        PaymentChannel.DUPLICATE,
        PaymentChannel.CHECKOUT,
    }:
        yield PlanRefusal(_Code.INCOMPLETE, f"{event_kind(body)} does not come by {body.channel}")


def _returned(state: PlanState, body: Returned) -> _Reasons:
    payment = state.payments.get(body.payment_event_id)
    if payment is None:
        yield PlanRefusal(_Code.UNKNOWN_PAYMENT, f"{state.plan.plan_id} has no payment {body.payment_event_id}")
    elif payment.rail is None:
        yield PlanRefusal(_Code.NOT_RETURNABLE, f"{payment.payment_id} came by {payment.channel}, not by a rail")
    elif not payment.returnable.minor:
        yield PlanRefusal(_Code.ALREADY_RETURNED, f"{payment.payment_id} was taken back already")


def _reversed(state: PlanState, body: Reversed) -> _Reasons:
    kind = state.events.get(body.reversed_event_id)
    if kind is None:
        yield PlanRefusal(_Code.UNKNOWN_EVENT, f"{body.reversed_event_id} is no event that counts")
    elif KINDS[kind] is Opened:
        yield PlanRefusal(_Code.NOT_REVERSIBLE, "an opening is not reversed: the purchase is refunded")


def _refunded(state: PlanState, body: Refunded | Disputed) -> _Reasons:
    if state.plan.merchant_id is None:
        yield PlanRefusal(_Code.NO_MERCHANT, f"{state.plan.plan_id} paid no merchant")
    if body.amount > state.refundable_rest:
        yield PlanRefusal(_Code.BEYOND_THE_PURCHASE, f"{state.refundable_rest} of the purchase can still be refunded")
    elif body.receivable is not None and body.receivable > state.merchant_share_of(body.amount):
        detail = f"the merchant's share is {state.merchant_share_of(body.amount)}"
        yield PlanRefusal(_Code.BEYOND_THE_MERCHANTS_SHARE, detail)
    if isinstance(body, Disputed) and body.case_id in state.cases:
        yield PlanRefusal(_Code.ID_TAKEN, f"case {body.case_id} is known")


def _refund_paid(state: PlanState, body: RefundPaid) -> _Reasons:
    payable = state.payable_refunds.get(body.refund_id, Money.zero(state.currency))
    if body.amount > payable:
        yield PlanRefusal(_Code.BEYOND_THE_REFUND, f"{payable} of refund {body.refund_id} is payable")


def _dispute_settled(state: PlanState, body: DisputeSettled) -> _Reasons:
    yield from _open_case(state.cases.get(body.case_id), CaseKind.DISPUTE, body.case_id)


def _claim_opened(state: PlanState, body: ClaimOpened) -> _Reasons:
    payment = state.payments.get(body.payment_event_id)
    if body.case_id in state.cases:
        yield PlanRefusal(_Code.ID_TAKEN, f"case {body.case_id} is known")
    if payment is None:
        yield PlanRefusal(_Code.UNKNOWN_PAYMENT, f"{state.plan.plan_id} has no payment {body.payment_event_id}")
        return
    if any(case.open and case.payment_event_id == payment.event_id for case in state.cases.values()):
        yield PlanRefusal(_Code.CASE_OPEN, f"{payment.payment_id} is being claimed back already")
    if not payment.returnable.minor or (body.amount is not None and body.amount > payment.returnable):
        yield PlanRefusal(_Code.BEYOND_THE_PAYMENT, f"{payment.returnable} of the payment can be claimed back")


def _claim_decided(state: PlanState, body: ClaimWon | ClaimLost) -> _Reasons:
    yield from _open_case(state.cases.get(body.case_id), CaseKind.CLAIM, body.case_id)
    if isinstance(body, ClaimWon) and body.cash_back is CashBack.BANK and body.bank is None:
        yield PlanRefusal(_Code.INCOMPLETE, "bank is missing for money that came back by the bank")


def _open_case(case: CaseState | None, kind: CaseKind, case_id: str) -> _Reasons:
    if case is None or case.kind is not kind:
        yield PlanRefusal(_Code.UNKNOWN_CASE, f"{case_id} is no {kind} of the plan")
    elif not case.open:
        yield PlanRefusal(_Code.CASE_CLOSED, f"{case_id} is decided")


def _fee_charged(state: PlanState, body: FeeCharged) -> _Reasons:
    if body.fee_id in state.fees:
        yield PlanRefusal(_Code.ID_TAKEN, f"fee {body.fee_id} is known")
    if body.instalment_id is not None and state.instalment(body.instalment_id) is None:
        yield PlanRefusal(_Code.UNKNOWN_INSTALMENT, f"{state.plan.plan_id} has no instalment {body.instalment_id}")
        return
    room = state.late_fee_room(body.instalment_id)
    if body.kind is FeeKind.LATE and room is not None and body.amount > room:
        yield PlanRefusal(_Code.FEE_BEYOND_CAP, f"the caps leave {room}")


def _fee_waived(state: PlanState, body: FeeWaived) -> _Reasons:
    fee = state.fees.get(body.fee_id)
    if fee is None:
        yield PlanRefusal(_Code.UNKNOWN_FEE, f"{state.plan.plan_id} has no fee {body.fee_id}")
    elif not fee.waivable.minor or (body.amount is not None and body.amount > fee.waivable):
        yield PlanRefusal(_Code.BEYOND_THE_FEE, f"{fee.waivable} of the fee can be waived")


def _interest_waived(state: PlanState, body: InterestWaived) -> _Reasons:
    owed = state.interest_by(state.through)
    if body.amount > owed:
        yield PlanRefusal(_Code.BEYOND_WHAT_IS_OWED, f"{owed} of interest is owed")


def _rescheduled(state: PlanState, body: Rescheduled) -> _Reasons:
    free = state.outstanding - state.disputed
    if body.capitalise_interest:
        free += state.interest_by(state.through)
    if body.capitalise_fees:
        free += state.open_fees
    asked = Money.total((due.principal for due in body.dues), state.currency)
    if asked != free:
        yield PlanRefusal(_Code.DUES_DO_NOT_REPAY, f"the new dues repay {asked} of {free}")
    numbers = [due.number for due in body.dues]
    taken = {each.number for each in state.instalments}
    if len(set(numbers)) < len(numbers) or taken & set(numbers):
        yield PlanRefusal(_Code.ID_TAKEN, f"numbers of new instalments begin at {max(taken) + 1}")


def _terms_changed(
    state: PlanState, body: ReAged | ReAmortised | RateChanged | InterestPaused | DuesMoved | Extended, day: date
) -> _Reasons:
    """Nothing is changed for days that have passed, and interest is computed only where the terms say how."""
    bears = any(each.interest.minor for each in state.plan.instalments)
    of_rate = isinstance(body, RateChanged | InterestPaused)
    if (bears or of_rate) and state.terms.interest is None:
        yield PlanRefusal(_Code.NO_DAY_COUNT, f"{state.terms.version} has no day count to compute interest with")
    if isinstance(body, InterestPaused) and state.terms.interest_as_agreed:
        yield PlanRefusal(_Code.NO_DAY_COUNT, "interest is owed as agreed, whatever the days")
    yield from _changed(state, body, day)


def _changed(  # noqa: C901 - one case a kind
    state: PlanState, body: ReAged | ReAmortised | RateChanged | InterestPaused | DuesMoved | Extended, day: date
) -> _Reasons:
    match body:
        case ReAged():
            yield from _number("instalments", body.instalments, MOST_INSTALMENTS)
            yield from _number("every", body.every, _MOST_EVERY)
            yield from _not_before(day, "first_due_on", body.first_due_on)
        case ReAmortised():
            if not any(each.due_on > day and each.open.minor for each in state.instalments):
                yield PlanRefusal(_Code.DUES_DO_NOT_REPAY, f"nothing is due after {day}")
            elif body.interest is MovedInterest.EQUAL_PARTS_OF_ALL:
                yield PlanRefusal(_Code.INCOMPLETE, "dues that stay keep the interest to come")
        case RateChanged():
            if not 0 <= body.annual_rate_basis_points <= _MOST_BASIS_POINTS:
                detail = f"a yearly rate of {body.annual_rate_basis_points} basis points"
                yield PlanRefusal(_Code.OUT_OF_BOUNDS, detail)
            yield from _not_before(day, "effective_from", body.effective_from)
        case InterestPaused():
            yield from _period(body)
            if body.starts <= day:
                yield PlanRefusal(_Code.TOO_EARLY, f"starts is {body.starts}: interest has accrued up to {day}")
        case DuesMoved():
            if not any(each.due_on == body.due_on and each.open.minor for each in state.instalments):
                yield PlanRefusal(_Code.UNKNOWN_INSTALMENT, f"{state.plan.plan_id} has nothing due on {body.due_on}")
            yield from _not_before(day, "due_on", body.due_on)
            yield from _not_before(day, "moved_to", body.moved_to)
        case Extended():
            yield from _number("instalments", body.instalments, MOST_INSTALMENTS)
            yield from _not_before(day, "effective_from", body.effective_from)


_MOST_EVERY = 366
_MOST_BASIS_POINTS = 1_000_000


def _number(name: str, number: int, most: int) -> _Reasons:
    if not 1 <= number <= most:
        yield PlanRefusal(_Code.OUT_OF_BOUNDS, f"{name} is {number}, not between 1 and {most}")


def _not_before(day: date, name: str, asked: date) -> _Reasons:
    if asked < day:
        yield PlanRefusal(_Code.TOO_EARLY, f"{name} is {asked}, before {day}, the day from which the change counts")


def _period(body: InterestPaused | Holiday | Forbearance) -> _Reasons:
    if body.ends <= body.starts:
        yield PlanRefusal(_Code.EMPTY_PERIOD, f"from {body.starts} until before {body.ends} is no day")


def _freeze(state: PlanState, body: Frozen | Unfrozen) -> _Reasons:
    is_frozen = any(pause.ends is None for pause in state.pauses)
    if is_frozen is isinstance(body, Frozen):
        yield PlanRefusal(_Code.NOT_IN_THIS_STATUS, "the plan is frozen" if is_frozen else "the plan is not frozen")


def _credit(state: PlanState, amount: Money) -> _Reasons:
    free = state.credit_balance - state.withheld
    if amount > free:
        yield PlanRefusal(_Code.BEYOND_THE_CREDIT, f"{free} of credit can be used")
