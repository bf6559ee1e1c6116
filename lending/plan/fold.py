"""Fold a plan's events into its state and its bookings. Pure: depends on the arguments only."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from itertools import accumulate
from operator import itemgetter
from typing import assert_never

from lending.plan import capture, change_terms, charge_off, claim, fee, refund, repay, reschedule
from lending.plan.accrual import Accrual
from lending.plan.checkpoint import Checkpoint, divides, ids_brought_or_meant, place_of, rules_of
from lending.plan.credit import apply_credit_moved, credit_refunded, goodwill
from lending.plan.debt import Debt, Owed
from lending.plan.earn_discount import earn_discount
from lending.plan.event import (
    Cancelled,
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
    FeeWaived,
    Forbearance,
    Frozen,
    Goodwill,
    Holiday,
    InterestPaused,
    InterestWaived,
    Opened,
    Paid,
    PaidOff,
    PartShipped,
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
)  # fmt: skip
from lending.plan.interest import accruals_of, accrue_to, split_again
from lending.plan.plan import Plan, PlanFault, PlanStatus
from lending.plan.run_data import RunReader, data_of
from lending.plan.running import Payment, RunningInstalment, RunningPlan
from lending.plan.state import CaseState, FeeState, InstalmentState, PaymentState, PaymentStates, PlanState
from lending.terms.servicing_terms import Component, ServicingTerms


def fold(
    plan: Plan,
    events: Iterable[PlanEvent],
    terms: ServicingTerms,
    *,
    through: date,
    accrued_from: date | None = None,
    start: Checkpoint | None = None,
) -> PlanState:
    """The state of a plan at the end of `through`, and all bookings up to then, in the order of their posting.

    The order in which events are given does not matter. Events with later value dates are left out. Late fees and
    interest are not events: they follow from the calendar, so a backdated payment removes a late fee without an event.
    Only daily interest bookings after `accrued_from` are listed; the state does not depend on it.

    The fold never refuses an event. If an earlier event that became known late leaves it nothing to act on, or less,
    the event applies as far as it can.

    With a checkpoint as `start`, `events` are those after it, and only their bookings are listed; the checkpoint must
    hold before them.
    """
    run, known = RunningPlan(plan, terms, accrued_from), dict[str, str]()
    if start is not None:
        run, known = RunReader(start.run).run(plan, terms, accrued_from), dict(start.known)
    _apply_all(run, [event for event in in_fold_order(plan, events) if event.value_date <= through], known)
    fee.assess_late_fees(run, through)
    accrue_to(run, through)
    return _state(run, through, known)


def fold_to_checkpoint(
    plan: Plan, events: Sequence[PlanEvent], terms: ServicingTerms, *, start: Checkpoint | None, spare: int
) -> Checkpoint | None:
    """A checkpoint after as many of these events as can be, except the last `spare`; None where there is none.

    `events` are in the order of the log; with `start`, those after it.
    """
    count = next((each for each in _gaps(events) if each <= len(events) - spare and _divide(events, each)), 0)
    if count == 0:
        return None
    reader = None if start is None else RunReader(start.run)
    run = RunningPlan(plan, terms, None) if reader is None else reader.run(plan, terms, None)
    known = {} if start is None else dict(start.known)
    _apply_all(run, in_fold_order(plan, events[:count]), known)
    mentioned = {each for event in events[:count] for each in ids_brought_or_meant(event)}
    return Checkpoint(
        rules=rules_of(terms),
        count=count + (0 if start is None else start.count),
        log_end=events[count - 1].event_id,
        last=max(map(place_of, events[:count])),
        mentioned=frozenset(mentioned) if start is None else start.mentioned | mentioned,
        known=known,
        run=data_of(run, reader),
    )


def _gaps(events: Sequence[PlanEvent]) -> Iterator[int]:
    """The numbers of first events that all count before the rest, the largest first."""
    places = [place_of(event) for event in events]
    latest = list(accumulate(places, max))
    earliest = list(accumulate(reversed(places), min))[::-1]
    for count in range(len(events), 0, -1):
        if count == len(events) or latest[count - 1] < earliest[count]:
            yield count


def _divide(events: Sequence[PlanEvent], count: int) -> bool:
    """Whether the fold of all these events begins with the fold of the first ones."""
    mentioned = {each for event in events[:count] for each in ids_brought_or_meant(event)}
    return divides(max(map(place_of, events[:count])), mentioned, events[count:])


def _apply_all(run: RunningPlan, ordered: Iterable[PlanEvent], known: dict[str, str]) -> None:
    """Apply events in the order of the fold; adds the kind of each to `known`."""
    for event in ordered:
        fee.assess_late_fees(run, event.value_date)
        accrue_to(run, event.value_date)
        _apply(run, event)
        split_again(run)
        earn_discount(run, event)
        known[event.event_id] = event.kind


def _apply(run: RunningPlan, event: PlanEvent) -> None:  # noqa: C901, PLR0912, PLR0915 - one case for each kind of event
    """Apply one event to the plan. The type checker reports a kind of body without a case."""
    match event.body:
        case Opened() | PartShipped() as body:
            capture.captured(run, event, body)
        case Cancelled():
            capture.cancelled(run)
        case Paid() as body:
            repay.paid(run, event, body)
        case PaidOff() as body:
            repay.paid_off(run, event, body)
        case Returned() as body:
            repay.return_payment(run, event, body)
        case Refunded() as body:
            refund.take_refund(run, event, body)
        case RefundPaid() as body:
            refund.pay_refund(run, event, body)
        case Disputed() as body:
            refund.disputed(run, event, body)
        case DisputeSettled() as body:
            refund.dispute_settled(run, event, body)
        case ClaimOpened() as body:
            claim.claim_opened(run, event, body)
        case ClaimWon() as body:
            claim.claim_won(run, event, body)
        case ClaimLost() as body:
            claim.claim_lost(run, event, body)
        case ChargedOff() as body:
            charge_off.charged_off(run, event, body)
        case Recovered() as body if run.charged_off is None:  # the charge-off is dated later than what was recovered
            paid = Paid(body.amount, body.channel, body.payment_id, body.provider, body.rail)
            repay.paid(run, event, paid)
        case Recovered() as body:
            charge_off.recovered(run, event, body)
        case WrittenOff() as body:
            charge_off.written_off(run, event, body)
        case Rescheduled() as body:
            reschedule.rescheduled(run, event, body)
        case ReAged() as body:
            change_terms.re_aged(run, event, body)
        case ReAmortised() as body:
            change_terms.re_amortised(run, event, body)
        case RateChanged() as body:
            change_terms.rate_changed(run, body)
        case InterestPaused() as body:
            change_terms.interest_paused(run, body)
        case DuesMoved() as body:
            change_terms.dues_moved(run, body)
        case Extended() as body:
            change_terms.extended(run, body)
        case Terminated():
            change_terms.terminated(run, event)
        case Holiday() as body:
            reschedule.holiday(run, event, body)
        case Forbearance() as body:
            reschedule.forbearance(run, body)
        case Frozen():
            reschedule.frozen(run, event)
        case Unfrozen():
            reschedule.unfrozen(run, event)
        case FeeCharged() as body:
            fee.fee_charged(run, event, body)
        case FeeWaived() as body:
            fee.fee_waived(run, event, body)
        case InterestWaived() as body:
            fee.interest_waived(run, event, body)
        case Goodwill() as body:
            goodwill(run, event, body)
        case CreditApplied() as body:
            apply_credit_moved(run, body)
        case CreditRefunded() as body:
            credit_refunded(run, event, body)
        case Reversed():
            raise AssertionError(f"{event.event_id}: in_order leaves reversals out")
        case never:
            assert_never(never)


def in_fold_order(plan: Plan, events: Iterable[PlanEvent]) -> list[PlanEvent]:
    """Events by value date, then by time, then by id; the opening comes first on its day.

    An event that refers to another one, such as a return to its payment or the payment of a refund to the refund, comes
    after it and counts from that event's day if its own value date is earlier. Reversed events and their reversals are
    left out.
    """
    taken = list(events)
    reversed_ids = {event.body.reversed_event_id for event in taken if isinstance(event.body, Reversed)}
    standing = {}
    cases, granted = {}, {}  # what opened a case and what granted a refund, by its id
    for event in taken:
        if event.plan_id != plan.plan_id:
            raise PlanFault(f"{event.event_id} is an event of {event.plan_id}, not of {plan.plan_id}")
        if event.event_id not in reversed_ids and not isinstance(event.body, Reversed):
            standing[event.event_id] = event
            match event.body:
                case ClaimOpened() | Disputed() as body:
                    cases[body.case_id] = event
                case Refunded() | CreditRefunded() as body:
                    granted[body.refund_id] = event
                case DisputeSettled() as body:
                    granted[body.case_id] = event

    def place(event: PlanEvent) -> tuple[_Place, ...]:
        own = (event.value_date, not isinstance(event.body, Opened), event.occurred_at, event.event_id)
        answered = _answered(event, standing, cases, granted)
        if answered is None:
            return (own,)
        places = place(answered)
        return (*places, own) if places > (own,) else (own,)

    placed = sorted(((place(event), event) for event in standing.values()), key=itemgetter(0))
    return [_counting_from(event, places[0][0]) for places, event in placed]


_Place = tuple[date, bool, datetime, str]


def _answered(
    event: PlanEvent,
    standing: Mapping[str, PlanEvent],
    cases: Mapping[str, PlanEvent],
    granted: Mapping[str, PlanEvent],
) -> PlanEvent | None:
    match event.body:
        case Returned(payment_event_id) | ClaimOpened(_, payment_event_id):
            return standing.get(payment_event_id)
        case ClaimWon(case_id) | ClaimLost(case_id) | DisputeSettled(case_id):
            return cases.get(case_id)
        case RefundPaid(refund_id):
            return granted.get(refund_id)
        case _:
            return None


def _counting_from(event: PlanEvent, day: date) -> PlanEvent:
    return event if event.value_date >= day else replace(event, value_date=day)


def _state(run: RunningPlan, through: date, known: Mapping[str, str]) -> PlanState:
    money = run.money
    return PlanState(
        plan=run.plan,
        terms=run.terms,
        through=through,
        status=_status(run),
        instalments=tuple(map(partial(_instalment, run), run.lines, accruals_of(run))),
        bookings=tuple(sorted(run.bookings, key=lambda booking: booking.value_date)),
        events=known,
        captured=money(run.captured.amount),
        uncaptured=money(0 if run.cancelled else run.plan.principal.minor - run.captured.amount),
        refunded=money(run.refunded.amount),
        refundable_rest=money(refund.refundable(run)),
        merchant_share=run.captured,
        merchant_share_given_back=run.given_back,
        credit_balance=money(run.credit),
        withheld=money(run.withheld),
        payable_refunds={refund_id: money(minor) for refund_id, minor in run.payable.items() if minor},
        disputed=money(sum(line.disputed for line in run.lines)),
        charged_off=money(run.charged_off.total if run.charged_off else 0),
        late_fees=money(run.late_fees),
        discount_earned=money(run.earned),
        schedule_version=run.version,
        pauses=tuple(run.pauses),
        payments=PaymentStates(run.payments, partial(_payment, run)),
        fees={
            each.fee_id: FeeState(
                fee_id=each.fee_id,
                instalment_id=each.instalment_id,
                amount=money(each.amount),
                paid=money(each.paid),
                waived=money(each.waived),
                waivable=money(fee.waivable(run, each)),
            )
            for each in run.fees.values()
        },
        cases={
            each.case_id: CaseState(
                case_id=each.case_id,
                kind=each.kind,
                amount=money(each.amount),
                open=each.open,
                payment_event_id=each.payment.event_id if each.payment else None,
            )
            for each in run.cases.values()
        },
        fraud=run.fraud,
    )


def _payment(run: RunningPlan, each: Payment) -> PaymentState:
    money = run.money
    return PaymentState(
        event_id=each.event_id,
        payment_id=each.payment_id,
        channel=each.channel,
        amount=money(each.amount),
        fees=money(each.of(Component.FEES)),
        interest=money(each.of(Component.INTEREST)),
        principal=money(each.of(Component.PRINCIPAL)),
        credit=money(each.credit),
        recovery=each.recovered is not None,
        returnable=money(each.left),
        rail=each.rail,
    )


def _instalment(run: RunningPlan, line: RunningInstalment, accrual: Accrual) -> InstalmentState:
    money = run.money
    off = (run.charged_off or Debt()).parts.get(line.instalment_id, Owed())
    return InstalmentState(
        instalment_id=line.instalment_id,
        number=line.number,
        due_on=line.due_on,
        counts_from=line.counts_from,
        principal=money(line.principal - line.credited),
        interest=money(line.interest),
        open_principal=money(line.open_principal),
        open_interest=money(line.open_interest),
        open_fees=money(line.open_fees),
        disputed=money(line.disputed),
        accrued_interest=money(line.accrued),
        paid_interest=money(line.interest_paid + line.interest_gone),
        charged_off=money(off.total),
        charged_off_principal=money(off.principal),
        accrual=accrual,
    )


def _status(run: RunningPlan) -> PlanStatus:
    if run.written_off:
        return PlanStatus.WRITTEN_OFF
    if run.charged_off is not None:
        return PlanStatus.CHARGED_OFF if run.charged_off.total else PlanStatus.RECOVERED
    if run.captured.amount == 0:
        return PlanStatus.CANCELLED if run.cancelled else PlanStatus.AGREED
    if any(line.open for line in run.lines):
        return PlanStatus.OPEN
    return PlanStatus.REFUNDED if run.refunded.amount == run.captured.amount else PlanStatus.PAID
