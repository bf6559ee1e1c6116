"""Act: a shopper takes an offer; what is due today is charged first, and the plan opens only once it is captured."""

from dataclasses import dataclass
from datetime import datetime

from ledger.money import Money
from lending.decision.record import StoredDecision
from lending.plan.plan import Instalment, Plan, plan_id_of
from lending.plan.when import When
from payments.collection.attempt import UNRESOLVED, Attempt, Event, Planned, State, attempt_id_of
from payments.collection.collect import resolve, send
from payments.collection.opening import open_plan, plan_of
from payments.collection.outcome import Applied, Result
from payments.till import Till


@dataclass(frozen=True, slots=True)
class Accepted:
    """The offer is a plan; `new` when it became one just now."""

    plan: Plan
    new: bool


@dataclass(frozen=True, slots=True)
class PaymentRefused:
    """What is due today could not be charged; nothing is owed. `code` is one of the closed list of refusals."""

    attempt_id: str
    code: str


@dataclass(frozen=True, slots=True)
class PaymentUnknown:
    """Whether today's charge was made is not known yet. Asking again resolves it, as does the next collection."""

    attempt_id: str
    detail: str


@dataclass(frozen=True, slots=True)
class NotOnOffer:
    """There is nothing to accept, and why: a stable code and a sentence."""

    code: str
    detail: str


Acceptance = Accepted | PaymentRefused | PaymentUnknown | NotOnOffer


def accept_offer(decision_id: str, *, asked_by: str, till: Till, at: datetime) -> Acceptance:
    """Turn an approved decision into its plan, once.

    `asked_by` is the caller's key: the same key never causes a second attempt, another one may after a refusal.
    """
    decision = till.decisions.get(decision_id)
    if decision is None:
        return NotOnOffer("not-found", f"There is no decision {decision_id}.")
    with till.attempts.guard([f"accept:{decision_id}"]) as mine:
        if not mine:
            return NotOnOffer("in-progress", f"Decision {decision_id} is being accepted right now.")
        kept = till.plans.get(plan_id_of(decision_id))
        if kept is not None:
            return Accepted(kept, new=False)
        today = _due_today(decision, till, at)
        if isinstance(today, NotOnOffer):
            return today
        if today is None:
            return _open_now(decision, till, at)
        return _pay_first(decision, today, asked_by, till, at)


def _due_today(decision: StoredDecision, till: Till, at: datetime) -> Instalment | NotOnOffer | None:
    """The instalment that is paid at the checkout, None without one; or why there is nothing to accept."""
    if decision.offer is None:
        return NotOnOffer("not-approved", f"Decision {decision.decision_id} is {decision.outcome}: it offers nothing.")
    if decision.order.merchant_id is None:
        return NotOnOffer("no-merchant", "A loan without a merchant has no purchase to capture.")
    plan = plan_of(decision, till, When.moment(at))
    today = next((each for each in plan.instalments if each.number == 0), None)
    asked = None if today is None else till.attempts.latest([today.instalment_id]).get(today.instalment_id)
    under_way = asked is not None and asked.state in UNRESOLVED
    if decision.expires_at is not None and at >= decision.expires_at and not under_way:
        return NotOnOffer("offer-expired", f"The offer ended at {decision.expires_at.isoformat()}.")
    return today


def _open_now(decision: StoredDecision, till: Till, at: datetime) -> Accepted:
    with till.database.transaction():
        return Accepted(open_plan(till, decision, When.moment(at)), new=True)


def _pay_first(decision: StoredDecision, today: Instalment, asked_by: str, till: Till, at: datetime) -> Acceptance:
    """One attempt at a time: an open one is resolved, a refused one answers its own key and gives way to another."""
    before = till.attempts.asked_by(today.instalment_id, asked_by)
    if before is not None and before.state is State.REJECTED:
        return PaymentRefused(before.attempt_id, before.refusal or "")
    last = till.attempts.latest([today.instalment_id]).get(today.instalment_id)
    if last is not None and last.state is not State.REJECTED:
        return _answer(last.attempt_id, _resolve(last, till, at), till)
    number = 1 if last is None else last.planned.number + 1
    if number > till.policy.checkout_attempts:
        return NotOnOffer("attempts-used", f"{number - 1} payments of this offer were refused; no more are tried.")
    planned = _planned(decision, today, number, asked_by, till, at)
    return _answer(planned.attempt_id, _try(planned, decision, till, at), till)


def _resolve(attempt: Attempt, till: Till, at: datetime) -> Result | None:
    with till.attempts.guard([attempt.attempt_id]) as mine:
        return resolve(till, attempt.attempt_id, at) if mine else None


def _try(planned: Planned, decision: StoredDecision, till: Till, at: datetime) -> Result | None:
    """F01's reservation stays while the provider is asked, so the attempt holds nothing of its own."""
    with till.attempts.guard([planned.attempt_id]) as mine:
        if not mine:
            return None
        with till.database.transaction():
            till.attempts.plan([planned])
            till.attempts.move(planned.attempt_id, Event.GUARD_PASSED, at=at, cause=decision.hold_id)
        return send(till, Attempt(planned, State.CLAIMED), at)


def _answer(attempt_id: str, result: Result | None, till: Till) -> Acceptance:
    """What an attempt came to; None is somebody else resolving it at this moment."""
    if result is None or result.applied is Applied.UNKNOWN:
        return PaymentUnknown(attempt_id, "the payment is being resolved" if result is None else result.detail)
    if result.applied is Applied.REFUSED:
        refused = till.attempts.get(attempt_id)
        return PaymentRefused(attempt_id, (refused.refusal if refused else None) or "")
    plan = till.plans.get(result.attempt.planned.plan_id)
    assert plan is not None, f"{attempt_id} was captured and its plan is not kept"
    return Accepted(plan, new=result.applied is Applied.CAPTURED)


def _planned(  # noqa: PLR0917 - an attempt names everything it is about
    decision: StoredDecision, today: Instalment, number: int, asked_by: str, till: Till, at: datetime
) -> Planned:
    return Planned(
        attempt_id=attempt_id_of(today.instalment_id, number),
        instalment_id=today.instalment_id,
        number=number,
        plan_id=plan_id_of(decision.decision_id),
        shopper_id=decision.order.shopper_id,
        account_id=decision.order.account_id,
        provider=till.provider.name,
        fees=Money.zero(today.principal.currency),
        interest=today.interest,
        principal=today.principal,
        due_on=today.due_on,
        requested_on=at.date(),
        opens_plan=True,
        asked_by=asked_by,
    )
