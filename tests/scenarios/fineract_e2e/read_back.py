"""Read a loan back from the plan engine as the peer shows it."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta

from ledger.map.flow import Flow
from lending.plan.delinquency import PauseReason, days_late
from lending.plan.event import ChargedOff, Terminated, WrittenOff
from lending.plan.plan import PlanStatus
from lending.plan.state import InstalmentState, PlanState
from lending.terms.servicing_terms import ChargeOffInterest
from tests.scenarios.fineract_e2e.loan import EngineLoan, Posted
from tests.scenarios.fineract_e2e.observed import MONEY, Observed, Row, Transaction
from tests.scenarios.fineract_e2e.watch import WatchedFold, off_the_books, origin_of

_A_DAY = timedelta(days=1)
_PAID = frozenset({"Repayment", "Down Payment"})
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


def observe(loan: EngineLoan, as_of: date, worked_out_on: date) -> Observed:
    """The loan on a day, with its schedule as last worked out; acts dated later that are known count too."""
    folded = loan.fold(worked_out_on)
    reversed_ids = loan.reversed_ids()
    transactions = [(each.event_id, transaction(loan, folded, each)) for each in loan.posted if each.name in MONEY]
    standing = [told for event_id, told in transactions if event_id not in reversed_ids]
    standing += interest_refunds(loan, folded)
    state = folded.state
    overpaid = state.credit_balance.minor + sum(
        payable.minor for refund_id, payable in state.payable_refunds.items() if not refund_id.startswith("cr")
    )
    status = _STATUS[state.status]
    return Observed(
        disbursed=tuple(loan.disbursed),
        rows=tuple(rows(loan, folded)),
        paid_with_disbursement=sum(loan.paid_with_disbursement.values()),
        transactions=tuple(standing),
        reversed_transactions=tuple(told for event_id, told in transactions if event_id in reversed_ids),
        status="OVERPAID" if overpaid and status == "CLOSED_OBLIGATIONS_MET" else status,
        outstanding=state.owed.minor,
        overpaid=overpaid,
        days_late=state.days_past_due(as_of),
        late_since=min((each.counts_from for each in _late(state, as_of)), default=None),
        late=tuple((days_late(each.counts_from, as_of, state.pauses), each.open.minor) for each in _late(state, as_of)),
        pauses=tuple(
            (each.starts - _A_DAY, each.ends - _A_DAY)
            for each in state.pauses
            if each.reason is PauseReason.FORBEARANCE and each.ends is not None
        ),
    )


def transaction(loan: EngineLoan, folded: WatchedFold, posted: Posted) -> Transaction:
    ids = {posted.event_id, *(applied for applied, by in paid_by(loan, folded).items() if by == posted.event_id)}
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


def paid_by(loan: EngineLoan, folded: WatchedFold) -> Mapping[str, str]:
    """The payment whose credit each application of credit used: the first that left enough."""
    left: dict[str, int] = {}
    reversed_ids = loan.reversed_ids()
    used: dict[str, str] = {}
    for each in loan.posted:
        paid = sum(touch.amount for touch in folded.touches if touch.event_id == each.event_id)
        if each.name in _PAID and each.event_id not in reversed_ids:
            left[each.event_id] = each.amount - paid
        elif each.name == "Credit applied":
            source = next((event_id for event_id, amount in left.items() if amount >= paid > 0), None)
            if source is not None:
                left[source] -= paid
                used[each.event_id] = source
    return used


def interest_refunds(loan: EngineLoan, folded: WatchedFold) -> Iterator[Transaction]:
    for posted in loan.posted:
        whole, paid = _interest_refund(folded.state, posted.event_id)
        if whole:
            yield Transaction("Interest Refund", posted.on, whole, paid["principal"], paid["interest"], paid["fees"])


def brought_forward_on(loan: EngineLoan) -> date | None:
    """The day on which everything fell due at once, if any."""
    ends: tuple[type, ...] = (Terminated,)
    if loan.servicing.charge_off_interest is ChargeOffInterest.ACCELERATED:
        ends = (Terminated, ChargedOff)
    reversed_ids = loan.reversed_ids()
    return min(
        (each.value_date for each in loan.events if isinstance(each.body, ends) and each.event_id not in reversed_ids),
        default=None,
    )


def rows(loan: EngineLoan, folded: WatchedFold) -> Iterator[Row]:
    penalties = {fee.fee_id for fee in loan.fees if fee.penalty}
    to_come = list(loan.disbursed)
    balance, previous = 0, loan.plan.opened_on
    ended_on, written_off = brought_forward_on(loan), _written_off_on(loan)
    agreed_ids = {each.instalment_id for each in loan.plan.instalments}
    paid_at_once = {on for on, _ in loan.disbursed[1:]} if loan.terms.product.down_payment else set()
    owed_again = _owed_again(folded)
    for line in folded.run.lines:
        down = line.number == 0 or (line.instalment_id not in agreed_ids and line.due_on in paid_at_once)
        same_day = down or line.due_on == ended_on
        while to_come and (to_come[0][0] < line.due_on or (same_day and to_come[0][0] == line.due_on)):
            balance += to_come.pop(0)[1]
        interest = line.interest - folded.moved_interest.get(line.instalment_id, 0)
        fees = sum(fee.amount for fee in line.fees if origin_of(fee.fee_id) not in penalties)
        penalty = sum(fee.amount for fee in line.fees if origin_of(fee.fee_id) in penalties)
        due = line.principal + interest + fees + penalty
        moved_on = folded.moved_on.get(line.instalment_id)
        of_fees = line.instalment_id not in agreed_ids and not line.period.day_price  # it goes when the fees move
        if moved_on is not None and not due and (line.due_on > moved_on or (of_fees and line.due_on == moved_on)):
            continue
        if moved_on is not None and not due and line.due_on == ended_on == moved_on:
            continue
        if line.fees and all(fee.fee_id in loan.paid_with_disbursement for fee in line.fees) and not line.principal:
            continue
        if ended_on is not None and line.due_on > ended_on and line.principal == line.repaid == 0 and not due:
            continue
        outstanding = line.open + off_the_books(folded.run, line).total
        waived = sum(fee.waived for fee in line.fees)
        touches = [touch for touch in folded.touches if touch.line is line]
        emptied_on = folded.emptied_on.get(line.instalment_id)
        balance += owed_again.get(line.instalment_id, 0) - line.principal
        met = [each.on for each in touches if each.amount > 0] + [each for each in (moved_on, written_off) if each]
        yield Row(
            due_on=line.due_on,
            days=0 if down else (line.due_on - previous).days,
            met_on=None if outstanding else max(met, default=line.due_on if waived else emptied_on),
            balance=balance,
            principal=line.principal,
            interest=interest,
            fees=fees,
            penalties=penalty,
            paid=due - outstanding - waived if written_off is None else sum(each.amount for each in touches),
            in_advance=sum(each.amount for each in touches if each.on < each.due_on),
            late=sum(each.amount for each in touches if each.on > each.due_on),
            waived=waived,
            outstanding=outstanding,
        )
        previous = previous if down else line.due_on


def _written_off_on(loan: EngineLoan) -> date | None:
    """The day on which what was still owed was forgiven, if any."""
    reversed_ids = loan.reversed_ids()
    written_off = (each for each in loan.events if isinstance(each.body, WrittenOff))
    return next((each.value_date for each in written_off if each.event_id not in reversed_ids), None)


def _owed_again(folded: WatchedFold) -> Mapping[str, int]:
    """What each instalment got again; where its debt moved to other dues, the first of those from that day on."""
    amounts = dict(folded.owed_again)
    for line in folded.run.lines:
        more, moved_on = amounts.get(line.instalment_id, 0), folded.moved_on.get(line.instalment_id)
        if more and moved_on is not None and line.due_on > moved_on:
            kept = [each for each in folded.run.lines if each.instalment_id not in folded.moved_on]
            new = [each for each in kept if each.due_on >= moved_on and each.principal]
            if new:
                amounts[line.instalment_id] = 0
                amounts[new[0].instalment_id] = amounts.get(new[0].instalment_id, 0) + more
    return amounts


def _late(state: PlanState, as_of: date) -> list[InstalmentState]:
    return [each for each in state.instalments if each.claimable.minor > 0 and each.counts_from < as_of]


def _interest_refund(state: PlanState, event_id: str) -> tuple[int, dict[str, int]]:
    """The interest that a refund gave back, and what that paid by component."""
    whole, paid = 0, dict.fromkeys(("fees", "interest", "principal"), 0)
    for booking in state.bookings:
        if booking.event_id == event_id and booking.flow == Flow.INTEREST_REFUNDED:
            whole = sum(amount.minor for amount in booking.amounts.values())
        if booking.event_id == event_id and booking.flow == Flow.CREDIT_APPLIED and booking.key.endswith("/interest"):
            paid |= {name: amount.minor for name, amount in booking.amounts.items()}
    return whole, paid
