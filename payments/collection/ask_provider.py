"""Sends attempts to the provider, and enquires about those without an outcome.

Nothing is sent, first or again, without a look at what the plan owes by then; where anything may have been sent, an
enquiry comes first. The provider is called outside any database transaction.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from lending.servicing.record_events import KeptLedger, TermsOf
from lending.servicing.store import Plans
from lending.terms.merchant_terms import AllMerchantTerms
from payments.breaks import Breaks
from payments.collection.attempt import UNRESOLVED, Attempt, AttemptEvent, AttemptState, Planned
from payments.collection.attempts import Attempts
from payments.collection.opening import KeptDecisions
from payments.collection.outcome import Applied, ApplyOutcome, Result, apply_outcome
from payments.collection.retry import RetryPolicy
from payments.collection.withdraw import why_not_asked, withdraw
from payments.each_alone import in_chunks
from payments.expectation import Expectations
from payments.ids import AttemptId
from payments.provider.charge import ChargeRequest, NotKnown
from payments.provider.provider import Provider
from payments.rail_profile import RailProfile
from payments.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Asking:
    """What it takes to ask the provider for the money of attempts and to book its answers, with all ports bound.

    `why_not`: the reason for which an attempt may not be sent now, or None. `withdraw` ends one that may not.
    """

    attempts: Attempts
    provider: Provider
    policy: RetryPolicy
    transaction: Transaction
    apply: ApplyOutcome
    why_not: Callable[[Planned, datetime], str | None]
    withdraw: Callable[[Attempt, str, datetime], None]


def asking_over(
    *,
    attempts: Attempts,
    decisions: KeptDecisions,
    plans: Plans,
    ledger: KeptLedger,
    expectations: Expectations,
    breaks: Breaks,
    provider: Provider,
    merchants: AllMerchantTerms,
    terms: TermsOf,
    policy: RetryPolicy,
    profile: RailProfile,
    transaction: Transaction,
) -> Asking:
    """Bind the ports once, for an act that asks."""
    return Asking(
        attempts=attempts,
        provider=provider,
        policy=policy,
        transaction=transaction,
        apply=partial(
            apply_outcome,
            attempts=attempts,
            decisions=decisions,
            plans=plans,
            ledger=ledger,
            expectations=expectations,
            breaks=breaks,
            merchants=merchants,
            terms=terms,
            policy=policy,
            profile=profile,
        ),
        why_not=partial(why_not_asked, plans=plans, terms=terms),
        withdraw=partial(withdraw, attempts=attempts, plans=plans, ledger=ledger, terms=terms),
    )


def resolve_open(
    at: datetime,
    told: Callable[[Result], None],
    failed: Callable[[AttemptId, Exception], None],
    asking: Asking,
) -> int:
    """Enquire about attempts without an outcome; returns how many are resolved now. Skips those guarded elsewhere.

    `failed` receives an attempt whose outcome could not be booked; the next run enquires again.
    """
    resolved = 0
    for chunk in in_chunks(asking.attempts.unresolved()):
        with asking.attempts.guard([attempt.attempt_id for attempt in chunk]) as mine:
            for attempt_id in map(AttemptId, mine):
                try:
                    result = resolve(attempt_id, at, asking)
                except Exception as error:  # noqa: BLE001  # whatever the reason: it stops no other attempt
                    failed(attempt_id, error)
                    continue
                if result is not None:
                    told(result)
                    resolved += result.applied is not Applied.UNKNOWN
    return resolved


def resolve(attempt_id: AttemptId, at: datetime, asking: Asking) -> Result | None:
    """Enquire about one attempt, which the caller guards; None if it already has its outcome.

    An attempt that the provider does not know is sent again under its own key, but only after the settle-down delay,
    when a delayed first request can no longer arrive, and only if its plan still owes it.
    """
    attempts = asking.attempts
    attempt = attempts.get(attempt_id)
    if attempt is None or attempt.state not in UNRESOLVED:
        return None
    if attempt.state is AttemptState.SUBMITTING:  # its sender has died, or we could not hold the guard
        with asking.transaction():
            attempts.move(attempt_id, AttemptEvent.NO_ANSWER, at=at, cause="its sender left no answer")
    if attempt.state is not AttemptState.CLAIMED:
        said = asking.provider.enquire(attempt_id)
        if not isinstance(said, NotKnown):
            with asking.transaction():
                return asking.apply(attempt_id, said, at)
        if attempt.submitted_at is not None and at < attempt.submitted_at + asking.policy.settle_down:
            return Result(Applied.UNKNOWN, attempt, detail="the provider does not know it yet")
        with asking.transaction():
            attempts.keep_message("in", "notknown", attempt_id, said.raw or "not known", at)
            attempts.move(attempt_id, AttemptEvent.NEVER_SEEN, at=at, cause="the provider never saw it")
    return send(attempt, at, asking)


def send(attempt: Attempt, at: datetime, asking: Asking) -> Result:
    """Send a claimed attempt, which the caller guards, and book the provider's answer; withdraw one not owed now."""
    with asking.transaction():
        reason = asking.why_not(attempt.planned, at)
        if reason is not None:
            asking.withdraw(attempt, reason, at)
            return Result(Applied.WITHDRAWN, attempt, detail=reason)
        written(attempt.planned, at, attempts=asking.attempts)
    answer = asking.provider.charge(request_of(attempt.planned))
    with asking.transaction():
        return asking.apply(attempt.attempt_id, answer, at)


def written(planned: Planned, at: datetime, *, attempts: Attempts) -> None:
    """Store the request; from here on the attempt counts as sent."""
    message_id = attempts.keep_message("out", "charge", planned.attempt_id, _body(planned), at)
    attempts.move(
        planned.attempt_id,
        AttemptEvent.REQUEST_WRITTEN,
        at=at,
        cause=planned.attempt_id,
        message_id=message_id,
        values={"submitted_at": at},
    )


def request_of(planned: Planned) -> ChargeRequest:
    """The charge request for the provider."""
    return ChargeRequest(
        planned.attempt_id,
        planned.plan_id,
        planned.instalment_id,
        planned.shopper_id,
        planned.account_id,
        planned.amount,
        planned.requested_on,
    )


def _body(planned: Planned) -> str:
    return json.dumps(
        {
            "key": planned.attempt_id,
            "amount_minor": planned.amount.minor,
            "currency": planned.amount.currency.value,
            "shopper_id": planned.shopper_id,
            "instalment_id": planned.instalment_id,
            "requested_on": planned.requested_on.isoformat(),
        },
        sort_keys=True,
    )
