"""Act: take a payment that a shopper makes now, of any amount up to what settles the plan, or exactly that.

It is an attempt like those of collection: stored with its hold before anything is sent, sent outside any database
transaction under its own key, booked from the provider's answer, and resolved by an enquiry while that is unknown.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from ledger.books.store import AlreadyRecorded, Conflict, Entry, Recorded
from ledger.identity.authority import Authority
from ledger.identity.principal import Principal
from ledger.money import Money
from lending.acts.look import quote_payoff
from lending.acts.perform import rolled_back
from lending.plan.fold import fold
from lending.plan.plan import InstalmentId, Origin, Plan, PlanId, PlanStatus
from lending.plan.refuse import refuse
from lending.plan.state import Payoff, PlanState
from lending.plan.when import When
from lending.servicing.interest_pools import interest_entry_id
from lending.servicing.record_events import KeptLedger, TermsOf
from lending.servicing.store import Plans
from payments.collection.ask_provider import Asking, resolve, send, written
from payments.collection.attempt import (
    UNRESOLVED,
    Attempt,
    AttemptEvent,
    AttemptPurpose,
    AttemptState,
    Planned,
    attempt_id_of,
)
from payments.collection.attempts import Attempts
from payments.collection.bookings import Components, attempt_claimed
from payments.collection.events import collected
from payments.collection.outcome import Applied, Result, collection_of
from payments.collection.withdraw import takes_no_payment
from payments.ids import AttemptId
from payments.provider.charge import Succeeded
from payments.rail_profile import Rail, RailProfile

PAY = "pay"
"""The name of this act in the authority file."""


@dataclass(frozen=True, slots=True)
class AskedPayment:
    """A payment as asked for. `amount` is None for whatever settles the plan today. `by` may take payments or not."""

    plan_id: str
    key: str
    amount: Money | None
    by: Principal


@dataclass(frozen=True, slots=True)
class PaymentTaken:
    """The provider captured it. `owed` is what is left; `new` if this call took it."""

    attempt_id: AttemptId
    amount: Money
    owed: Money
    status: PlanStatus
    new: bool


@dataclass(frozen=True, slots=True)
class PaymentDeclined:
    """The provider refused it, so nothing changed. `code` is a ChargeRefusalCode. Another key tries again."""

    attempt_id: AttemptId
    code: str


@dataclass(frozen=True, slots=True)
class PaymentPending:
    """The outcome is not known yet. A repeated request resolves it, as does the next collection."""

    attempt_id: AttemptId
    detail: str


@dataclass(frozen=True, slots=True)
class PaymentNotPossible:
    """Nothing was sent to the provider; the reason as a stable code and a sentence."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class PaymentPreview:
    """What a captured payment would change: the plan before and after, and the journals that would be posted."""

    amount: Money
    before: PlanState
    after: PlanState
    posted: tuple[Entry, ...]


PaymentAnswer = PaymentTaken | PaymentDeclined | PaymentPending | PaymentNotPossible


def pay(
    asked: AskedPayment,
    *,
    authority: Authority,
    asking: Asking,
    plans: Plans,
    ledger: KeptLedger,
    terms: TermsOf,
    profile: RailProfile,
    at: datetime,
    preview: bool = False,
) -> PaymentAnswer | PaymentPreview:
    """Charge the shopper once for a key. With `preview`, show what the payment would change and send nothing.

    Raises Conflict if the plan's key was used for another amount.
    """
    place = _instalment_id(asked)
    with asking.attempts.guard([place]) as mine:
        if not mine:
            return PaymentNotPossible("in-progress", f"the payment {asked.key} is being made right now")
        before = asking.attempts.latest([place]).get(place)
        if before is not None:
            _check_same(before.planned, asked)
            unresolved = before.state in UNRESOLVED and not preview
            result = resolve(before.attempt_id, at, asking) if unresolved else None
            return _answer(before.attempt_id, result, at, attempts=asking.attempts, plans=plans, terms=terms)
        planned = _not_in_role(asked.by, authority) or _planned(
            asked, asking.provider.name, at, plans=plans, ledger=ledger, terms=terms, rail=profile.card
        )
        if isinstance(planned, PaymentNotPossible):
            return planned
        claim = partial(_claim, planned, at, attempts=asking.attempts, plans=plans, ledger=ledger, rail=profile.card)
        try:
            with asking.transaction():
                if preview:
                    return _previewed(planned, at, claim, asking, plans=plans, ledger=ledger, terms=terms)
                claim()
        except _HoldRefused:
            return PaymentNotPossible("in-progress", "another payment of the plan is under way; try again after it")
        result = send(Attempt(planned, AttemptState.CLAIMED), at, asking)
        return _answer(planned.attempt_id, result, at, attempts=asking.attempts, plans=plans, terms=terms)


class _HoldRefused(Exception):
    """The principal is held by another attempt; the transaction with the new one is undone."""


def _not_in_role(by: Principal, authority: Authority) -> PaymentNotPossible | None:
    if authority.role(by.role).does.names(PAY):
        return None
    return PaymentNotPossible("not-in-role", f"the role {by.role} of {by.principal_id} may not take payments")


def _instalment_id(asked: AskedPayment) -> InstalmentId:
    return InstalmentId(f"{asked.plan_id}/pay/{asked.key}")


def _check_same(kept: Planned, asked: AskedPayment) -> None:
    if asked.amount is None and kept.purpose is not AttemptPurpose.PAYOFF:
        raise Conflict(kept.attempt_id, "amount")
    if asked.amount is not None and asked.amount != kept.amount:
        raise Conflict(kept.attempt_id, "amount")


def _planned(
    asked: AskedPayment,
    provider: str,
    at: datetime,
    *,
    plans: Plans,
    ledger: KeptLedger,
    terms: TermsOf,
    rail: Rail,
) -> Planned | PaymentNotPossible:
    """The attempt, or why the plan cannot take it. Any amount that settles the plan is a payoff."""
    history = plans.histories([asked.plan_id]).get(asked.plan_id)
    if history is None or not asked.by.sees(history.plan.merchant_id):
        return PaymentNotPossible("not-found", f"there is no plan {asked.plan_id}")
    plan, servicing = history.plan, terms(history.plan)
    today = servicing.days.day_of(at)
    state = fold(plan, history.events, servicing, through=max(today, plan.opened_on))
    quote = quote_payoff(asked.plan_id, state.through, plans=plans, ledger=ledger, terms=terms, at=at)
    trouble = _trouble(asked.amount, plan, state, quote)
    if trouble is not None:
        return trouble
    amount = asked.amount or quote.amount
    principal = min(amount, quote.principal - quote.in_flight)
    fees = min(amount - principal, quote.fees)
    settles = amount == quote.amount and not quote.in_flight.minor
    place = _instalment_id(asked)
    planned = Planned(
        attempt_id=attempt_id_of(place, 1),
        instalment_id=place,
        number=1,
        plan_id=PlanId(plan.plan_id),
        shopper_id=plan.shopper_id or plan.account_id,
        account_id=plan.account_id,
        provider=provider,
        fees=fees,
        interest=amount - principal - fees,
        principal=principal,
        due_on=today,
        requested_on=today,
        asked_by=asked.by.principal_id,
        purpose=AttemptPurpose.PAYOFF if settles else AttemptPurpose.PAYMENT,
    )
    reasons = refuse(state, collected(planned, rail, When.day(today, recorded_at=at)))
    if reasons:
        return PaymentNotPossible("act-refused", "; ".join(each.detail for each in reasons))
    return planned


def _trouble(amount: Money | None, plan: Plan, state: PlanState, quote: Payoff) -> PaymentNotPossible | None:
    if plan.origin is not Origin.CHECKOUT:
        return PaymentNotPossible("no-payment-method", f"{plan.plan_id} was imported: its shopper sends the money")
    if amount is not None and amount.currency is not plan.currency:
        return PaymentNotPossible("wrong-currency", f"{plan.plan_id} is in {plan.currency}, not {amount.currency}")
    closed = takes_no_payment(state)
    if closed is not None or not quote.amount.minor:
        return PaymentNotPossible("nothing-to-pay", closed or f"nothing is owed on {plan.plan_id}")
    if amount is None and quote.in_flight.minor:
        return PaymentNotPossible("in-progress", f"{quote.in_flight} is being collected; the payoff follows from it")
    if amount is not None and amount > quote.amount:
        return PaymentNotPossible("more-than-owed", f"{quote.amount} settles {plan.plan_id} today")
    return None


def _claim(planned: Planned, at: datetime, *, attempts: Attempts, plans: Plans, ledger: KeptLedger, rail: Rail) -> None:
    """Store the attempt and hold the principal it pays, so that no other attempt asks for the same debt."""
    plan = plans.get(planned.plan_id)
    assert plan is not None, f"{planned.plan_id} was read before"
    attempts.plan([planned])
    if planned.has_hold:
        none = Money.zero(plan.currency)
        asks = Components(planned.principal, none, none)
        journal = attempt_claimed(collection_of(plan, planned, rail), asks, When.moment(at))
        if not isinstance(ledger.hold(journal), Recorded | AlreadyRecorded):
            raise _HoldRefused
    attempts.move(planned.attempt_id, AttemptEvent.GUARD_PASSED, at=at, cause=planned.instalment_id)


def _previewed(
    planned: Planned,
    at: datetime,
    claim: partial[None],
    asking: Asking,
    *,
    plans: Plans,
    ledger: KeptLedger,
    terms: TermsOf,
) -> PaymentPreview:
    """Do everything but the charge, as if it were captured today, and undo it."""
    history = plans.histories([planned.plan_id])[planned.plan_id]
    servicing, day = terms(history.plan), planned.requested_on
    before = fold(history.plan, history.events, servicing, through=day)
    after, entries = before, list[Entry]()
    with rolled_back(plans):
        claim()
        written(planned, at, attempts=asking.attempts)
        asking.apply(planned.attempt_id, Succeeded(planned.attempt_id, "preview", planned.amount, day), at)
        history = plans.histories([planned.plan_id])[planned.plan_id]
        after = fold(history.plan, history.events, servicing, through=day)
        entries += _new_entries(before, after, ledger)
    return PaymentPreview(planned.amount, before, after, tuple(entries))


def _new_entries(before: PlanState, after: PlanState, ledger: KeptLedger) -> Iterator[Entry]:
    known = {each.entry_id for each in before.bookings} | before.events.keys()
    ids = [interest_entry_id(after.plan, event_id) for event_id in after.events if event_id not in known]
    ids += [booking.entry_id for booking in after.bookings if booking.entry_id not in known]
    for entry_id in ids:
        entry = ledger.entry(entry_id)
        if entry is not None:
            yield entry


def _answer(
    attempt_id: AttemptId,
    result: Result | None,
    at: datetime,
    *,
    attempts: Attempts,
    plans: Plans,
    terms: TermsOf,
) -> PaymentAnswer:
    """The answer from where the attempt stands now; `result` is what this call did to it."""
    attempt = attempts.get(attempt_id)
    assert attempt is not None, f"{attempt_id} was read before"
    if attempt.state in UNRESOLVED:
        detail = result.detail if result is not None else ""
        return PaymentPending(attempt_id, detail or "the provider has not answered yet")
    if attempt.state is AttemptState.REJECTED:
        return PaymentDeclined(attempt_id, attempt.refusal or "")
    if attempt.state is AttemptState.CANCELLED:
        return PaymentNotPossible("withdrawn", result.detail if result is not None else "nothing was sent for this key")
    plan_id = attempt.planned.plan_id
    history = plans.histories([plan_id])[plan_id]
    servicing = terms(history.plan)
    state = fold(history.plan, history.events, servicing, through=_through(servicing.days.day_of(at), history.plan))
    new = result is not None and result.applied is Applied.CAPTURED
    return PaymentTaken(attempt_id, attempt.amount, state.owed, state.status, new)


def _through(day: date, plan: Plan) -> date:
    return max(day, plan.opened_on)
