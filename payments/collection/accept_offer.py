"""Act: a shopper accepts an offer. What is due today is charged first; the plan opens only once that is captured."""

from dataclasses import dataclass
from datetime import date, datetime

from ledger.money import Money
from lending.decision.record import StoredDecision
from lending.plan.plan import Instalment, Plan, plan_id_of
from lending.plan.when import When
from lending.servicing.record_events import KeptLedger, TermsOf
from lending.servicing.store import Plans
from lending.terms.merchant_terms import AllMerchantTerms
from payments.collection.ask_provider import Asking, resolve, send
from payments.collection.attempt import UNRESOLVED, Attempt, AttemptEvent, AttemptState, Planned, attempt_id_of
from payments.collection.attempts import Attempts
from payments.collection.opening import KeptDecisions, open_plan, plan_to_open, zone_of
from payments.collection.outcome import Applied, Result
from payments.ids import AttemptId


@dataclass(frozen=True, slots=True)
class Accepted:
    """The plan exists; `new` if this call opened it."""

    plan: Plan
    new: bool


@dataclass(frozen=True, slots=True)
class PaymentRefused:
    """What is due today could not be charged, so nothing is owed. `code` is a ChargeRefusalCode."""

    attempt_id: AttemptId
    code: str


@dataclass(frozen=True, slots=True)
class PaymentUnknown:
    """The outcome of today's charge is not known yet. A repeated request resolves it, as does the next collection."""

    attempt_id: AttemptId
    detail: str


@dataclass(frozen=True, slots=True)
class NotOnOffer:
    """There is no offer to accept; the reason as a stable code and a sentence."""

    code: str
    detail: str


Acceptance = Accepted | PaymentRefused | PaymentUnknown | NotOnOffer


def accept_offer(
    decision_id: str,
    *,
    asked_by: str,
    asking: Asking,
    decisions: KeptDecisions,
    plans: Plans,
    ledger: KeptLedger,
    merchants: AllMerchantTerms,
    terms: TermsOf,
    at: datetime,
    shipped_minor: int | None = None,
) -> Acceptance:
    """Open the plan of an approved decision, once.

    `asked_by` is the caller's idempotency key: the same key never causes a second attempt; after a refusal, a new key
    may. `shipped_minor` is the part of the order that the merchant has shipped, if not all of it.
    """
    offering = _offering(decision_id, shipped_minor, decisions)
    if isinstance(offering, NotOnOffer):
        return offering
    decision, shipped = offering
    with asking.attempts.guard([f"accept:{decision_id}"]) as mine:
        if not mine:
            return NotOnOffer("in-progress", f"Decision {decision_id} is being accepted right now.")
        kept = plans.get(plan_id_of(decision_id))
        if kept is not None:
            return Accepted(kept, new=False)
        when = When.moment(at, zone_of(decision, at, merchants=merchants, terms=terms))
        today = _due_today(decision, shipped, when, attempts=asking.attempts, merchants=merchants)
        if isinstance(today, NotOnOffer):
            return today
        if today is None:
            with asking.transaction():
                plan = open_plan(
                    decision, when, plans=plans, ledger=ledger, merchants=merchants, terms=terms, shipped=shipped
                )
                return Accepted(plan, new=True)
        return _pay_first(decision, today, asked_by, when, asking=asking, plans=plans)


def _offering(
    decision_id: str, shipped_minor: int | None, decisions: KeptDecisions
) -> tuple[StoredDecision, Money | None] | NotOnOffer:
    """The decision, if it offers something that can be accepted at a checkout, and the part that was shipped."""
    decision = decisions.get(decision_id)
    if decision is None:
        return NotOnOffer("not-found", f"There is no decision {decision_id}.")
    if decision.offer is None:
        return NotOnOffer("not-approved", f"Decision {decision_id} is {decision.outcome}: it offers nothing.")
    if decision.order.merchant_id is None:
        return NotOnOffer("no-merchant", "A loan without a merchant has no purchase to capture.")
    shipped = None if shipped_minor is None else Money(shipped_minor, decision.offer.amount.currency)
    if shipped is not None and not 0 < shipped.minor < decision.offer.amount.minor:
        return NotOnOffer("part-not-possible", f"{shipped} is no part of the offered {decision.offer.amount}.")
    return decision, shipped


def _due_today(
    decision: StoredDecision, shipped: Money | None, when: When, *, attempts: Attempts, merchants: AllMerchantTerms
) -> Instalment | NotOnOffer | None:
    """The instalment that is paid at the checkout, or None if there is none; or that the offer has ended."""
    plan, at = plan_to_open(decision, when, merchants=merchants), when.occurred_at
    today = next((each for each in plan.instalments if each.number == 0), None)
    asked = None if today is None else attempts.latest([today.instalment_id]).get(today.instalment_id)
    under_way = asked is not None and asked.state in UNRESOLVED
    if decision.expires_at is not None and at >= decision.expires_at and not under_way:
        return NotOnOffer("offer-expired", f"The offer ended at {decision.expires_at.isoformat()}.")
    if today is not None and shipped is not None:
        return NotOnOffer("part-not-possible", "With a payment due today the whole order is captured.")
    return today


def _pay_first(
    decision: StoredDecision, today: Instalment, asked_by: str, when: When, *, asking: Asking, plans: Plans
) -> Acceptance:
    """Charge what is due today, with at most one attempt open at a time.

    An attempt without an outcome is resolved first. A refused attempt is the answer to its own key; another key starts
    a new attempt.
    """
    at, attempts = when.occurred_at, asking.attempts
    before = attempts.asked_by(today.instalment_id, asked_by)
    if before is not None and before.state is AttemptState.REJECTED:
        return PaymentRefused(before.attempt_id, before.refusal or "")
    last = attempts.latest([today.instalment_id]).get(today.instalment_id)
    if last is not None and last.state is not AttemptState.REJECTED:
        with attempts.guard([last.attempt_id]) as mine:
            result = resolve(last.attempt_id, at, asking) if mine else None
        return _answer(last.attempt_id, result, attempts=attempts, plans=plans)
    number = 1 if last is None else last.planned.number + 1
    if number > asking.policy.checkout_attempts:
        return NotOnOffer("attempts-used", f"{number - 1} payments of this offer were refused; no more are tried.")
    planned = _planned(decision, today, number, asked_by, asking.provider.name, when.value_date)
    result = _try(planned, decision.hold_id, at, asking)
    return _answer(planned.attempt_id, result, attempts=attempts, plans=plans)


def _try(planned: Planned, hold_id: str, at: datetime, asking: Asking) -> Result | None:
    """Send one attempt. The reservation of F01 stays meanwhile, so the attempt needs no hold of its own."""
    with asking.attempts.guard([planned.attempt_id]) as mine:
        if not mine:
            return None
        with asking.transaction():
            asking.attempts.plan([planned])
            asking.attempts.move(planned.attempt_id, AttemptEvent.GUARD_PASSED, at=at, cause=hold_id)
        return send(Attempt(planned, AttemptState.CLAIMED), at, asking)


def _answer(attempt_id: AttemptId, result: Result | None, *, attempts: Attempts, plans: Plans) -> Acceptance:
    """The answer for the caller from an attempt's result; None means that another worker is resolving it now."""
    if result is None or result.applied is Applied.UNKNOWN:
        return PaymentUnknown(attempt_id, "the payment is being resolved" if result is None else result.detail)
    if result.applied is Applied.REFUSED:
        refused = attempts.get(attempt_id)
        return PaymentRefused(attempt_id, (refused.refusal if refused else None) or "")
    plan = plans.get(result.attempt.planned.plan_id)
    assert plan is not None, f"{attempt_id} was captured and its plan is not kept"
    return Accepted(plan, new=result.applied is Applied.CAPTURED)


def _planned(  # noqa: PLR0917 - an attempt names everything it is about
    decision: StoredDecision, today: Instalment, number: int, asked_by: str, provider: str, on: date
) -> Planned:
    return Planned(
        attempt_id=attempt_id_of(today.instalment_id, number),
        instalment_id=today.instalment_id,
        number=number,
        plan_id=plan_id_of(decision.decision_id),
        shopper_id=decision.order.shopper_id,
        account_id=decision.order.account_id,
        provider=provider,
        fees=Money.zero(today.principal.currency),
        interest=today.interest,
        principal=today.principal,
        due_on=today.due_on,
        requested_on=on,
        opens_plan=True,
        asked_by=asked_by,
    )
