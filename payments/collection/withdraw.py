"""Withdraws an attempt that nothing has been sent for, because its plan does not owe the amount now."""

from datetime import datetime

from ledger.money import Money
from lending.plan.delinquency import PauseReason
from lending.plan.fold import fold
from lending.plan.plan import PlanStatus
from lending.plan.state import PlanState
from lending.servicing.log import PlanLog
from lending.servicing.record_events import KeptLedger, TermsOf
from payments.collection.attempt import Attempt, AttemptEvent, AttemptPurpose, Planned
from payments.collection.attempts import Attempts
from payments.collection.opening import must_hold
from payments.collection.settle_credit import settle_credit
from payments.plan_events import record_on_plan


def why_not_asked(planned: Planned, at: datetime, *, plans: PlanLog, terms: TermsOf) -> str | None:
    """The reason for which an attempt may not be sent at `at`, from all that its plan knows by then; None if it may.

    The plan must be open and not paused, frozen or in dispute, the due must have come, and the amount must still be
    owed. A down payment has no plan yet.
    """
    if planned.opens_plan:
        return None
    history = plans.histories([planned.plan_id])[planned.plan_id]
    servicing = terms(history.plan)
    today = servicing.days.day_of(at)
    through = max(today, history.folded_through)
    state = fold(history.plan, history.events, servicing, through=through)
    if planned.purpose is AttemptPurpose.DUE:
        return _not_due(planned, state)
    return _not_owed(planned, state)


def _not_due(planned: Planned, state: PlanState) -> str | None:
    may = state.collectable(state.through)
    claim = may.by_instalment.get(planned.instalment_id, Money.zero(planned.amount.currency))
    if not claim.minor:
        why = ", ".join(may.reasons) or "it is paid"
        return f"nothing of {planned.instalment_id} may be collected on {state.through}: {why}"
    if claim < planned.amount:
        return f"{claim} of {planned.instalment_id} may be collected on {state.through}, less than {planned.amount}"
    return None


def _not_owed(planned: Planned, state: PlanState) -> str | None:
    closed = takes_no_payment(state)
    if closed is not None:
        return closed
    settles = state.payoff(state.through).amount
    return None if planned.amount <= settles else f"{settles} settles {planned.plan_id}, less than {planned.amount}"


def takes_no_payment(state: PlanState) -> str | None:
    """The reason for which not even the shopper's own payment is charged: the plan is not open, or frozen."""
    if state.status is not PlanStatus.OPEN:
        return f"{state.plan.plan_id} is {state.status} and takes no payment"
    if any(pause.reason is PauseReason.FROZEN and pause.covers(state.through) for pause in state.pauses):
        return f"{state.plan.plan_id} is frozen and takes no payment"
    return None


def withdraw(
    attempt: Attempt,
    reason: str,
    at: datetime,
    *,
    attempts: Attempts,
    plans: PlanLog,
    ledger: KeptLedger,
    terms: TermsOf,
) -> None:
    """End a claimed attempt and release its hold; credit that waited for its outcome repays the debt instead."""
    planned = attempt.planned
    attempts.move(attempt.attempt_id, AttemptEvent.WITHDRAWN, at=at, cause=reason)
    if planned.has_hold:
        must_hold(ledger.void_hold(planned.hold_id, at=at, reason=f"withdrawn: {reason}"), attempt.attempt_id)
    credit = settle_credit(planned, at, captured=False, plans=plans, terms=terms)
    record_on_plan(credit, plans=plans, ledger=ledger, terms=terms)
