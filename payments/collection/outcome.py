"""Apply a provider's answer to the attempt, the books and the plan, inside the caller's database transaction."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from ledger.money import Money
from lending.plan.plan import Plan, decision_id_of
from lending.plan.when import When
from lending.servicing.record_events import KeptLedger, TermsOf
from lending.servicing.store import Plans
from lending.terms.merchant_terms import AllMerchantTerms
from payments.break_class import BreakClass
from payments.breaks import Break, Breaks, break_of_unit
from payments.collection.attempt import OVER, UNRESOLVED, Attempt, AttemptEvent, AttemptPurpose, AttemptState, Planned
from payments.collection.attempts import Attempts
from payments.collection.bookings import Collection
from payments.collection.events import collected_otherwise
from payments.collection.opening import KeptDecisions, must_hold, open_plan, zone_of
from payments.collection.retry import RetryPolicy, Stop, TryAgain, next_step
from payments.collection.settle_credit import settle_credit
from payments.expectation import Expectations, Expected, Leg
from payments.expectation_key import CaptureKey
from payments.ids import AttemptId
from payments.plan_events import record_on_plan
from payments.provider.charge import ChargeRefused, ChargeResult, Succeeded, Unknown
from payments.rail_profile import Rail, RailProfile


class Applied(StrEnum):
    """The effect of an answer on an attempt."""

    CAPTURED = "captured"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    KNOWN_BEFORE = "known_before"
    WITHDRAWN = "withdrawn"  # our own doing: nothing was sent, because the plan does not owe it now


@dataclass(frozen=True, slots=True)
class Result:
    """The result of an answer.

    `next_step` is set after a refusal; `detail` says why an outcome is still unknown, and `unrecognised` that no
    enquiry will tell it, because the provider states it in words that we do not know.
    """

    applied: Applied
    attempt: Attempt
    next_step: TryAgain | Stop | None = None
    detail: str = ""
    unrecognised: bool = False


ApplyOutcome = Callable[[AttemptId, ChargeResult, datetime], Result]
"""`apply_outcome` with its ports bound, for the acts that call a provider."""


def apply_outcome(
    attempt_id: AttemptId,
    answer: ChargeResult,
    at: datetime,
    *,
    attempts: Attempts,
    decisions: KeptDecisions,
    plans: Plans,
    ledger: KeptLedger,
    expectations: Expectations,
    breaks: Breaks,
    merchants: AllMerchantTerms,
    terms: TermsOf,
    policy: RetryPolicy,
    profile: RailProfile,
) -> Result:
    """Record the provider's answer. An attempt that already has an outcome keeps it.

    One exception: a refusal that the provider takes back, because it captured the money after all, is a capture, as
    long as no other attempt has asked for the same due since.
    """
    attempt = attempts.get(attempt_id, lock=True)
    assert attempt is not None, f"{attempt_id} was asked about and is not kept"
    late = isinstance(answer, Succeeded) and captured_after_all(attempt, attempts)
    if attempt.state not in UNRESOLVED and not late:
        return Result(Applied.KNOWN_BEFORE, attempt)
    message_id = attempts.keep_message("in", type(answer).__name__.lower(), attempt_id, _written(answer), at)
    if isinstance(answer, Succeeded) and answer.amount.currency is not attempt.planned.amount.currency:
        answer = Unknown(attempt_id, f"captured {answer.amount}, asked for {attempt.planned.amount}")
    match answer:
        case Succeeded():
            values = {
                "provider_reference": answer.provider_reference,
                "captured_on": answer.captured_on,
                "captured": answer.amount,
            }
            attempts.move(
                attempt_id,
                AttemptEvent.CAPTURED,
                at=at,
                cause=answer.provider_reference,
                message_id=message_id,
                values=values,
            )
            _book_capture(
                attempt.planned,
                answer,
                at,
                held=not late,
                decisions=decisions,
                plans=plans,
                ledger=ledger,
                merchants=merchants,
                terms=terms,
                rail=profile.card,
            )
            expectations.expect([_provider_line(attempt.planned, answer, profile)])
            breaks.raise_breaks(_other_amount(attempt.planned, answer, profile))
            return Result(Applied.CAPTURED, replace(attempt, captured=answer.amount))
        case ChargeRefused():
            step = _after_refusal(attempt.planned, answer, policy)
            attempts.move(
                attempt_id,
                AttemptEvent.REFUSED,
                at=at,
                cause=answer.code.value,
                message_id=message_id,
                values=_refusal_values(answer, step),
            )
            _book_refusal(attempt.planned, answer, at, plans=plans, ledger=ledger, terms=terms)
            return Result(Applied.REFUSED, attempt, step)
        case Unknown():
            if attempt.state is AttemptState.SUBMITTING:
                attempts.move(attempt_id, AttemptEvent.NO_ANSWER, at=at, cause=answer.detail, message_id=message_id)
            return Result(Applied.UNKNOWN, attempt, detail=answer.detail, unrecognised=answer.unrecognised)


def captured_after_all(attempt: Attempt, attempts: Attempts) -> bool:
    """Whether a capture of this refused attempt can still be what paid its due: no later attempt may have.

    A down payment's offer is over once it was refused, so its money is for a person.
    """
    if attempt.state is not AttemptState.REJECTED or attempt.planned.opens_plan:
        return False
    place = attempt.planned.instalment_id
    return attempts.latest([place])[place].state in OVER


def collection_of(plan: Plan, planned: Planned, rail: Rail) -> Collection:
    """The attempt as its journals need it."""
    due = planned.purpose is AttemptPurpose.DUE
    return Collection(plan, planned.instalment_id if due else None, planned.attempt_id, rail.rail, rail.provider)


def _book_capture(
    planned: Planned,
    captured: Succeeded,
    at: datetime,
    *,
    held: bool,
    decisions: KeptDecisions,
    plans: Plans,
    ledger: KeptLedger,
    merchants: AllMerchantTerms,
    terms: TermsOf,
    rail: Rail,
) -> None:
    """Reduce the plan's debt by the captured amount; a down payment opens the plan first."""
    if planned.opens_plan:
        decision = decisions.get(decision_id_of(planned.plan_id))
        assert decision is not None, f"{planned.attempt_id} pays for a decision that is not kept"
        zone = zone_of(decision, at, merchants=merchants, terms=terms)
        when = When.day(captured.captured_on, recorded_at=at, zone=zone)
        paid = collected_otherwise(planned, rail, when, captured.amount, planned.held)
        open_plan(decision, when, paid, plans=plans, ledger=ledger, merchants=merchants, terms=terms)
    else:
        # A payoff's split may be another than the quote's, and another amount is not the one that is held.
        as_held = held and planned.purpose is not AttemptPurpose.PAYOFF and captured.amount == planned.amount
        when = When.day(captured.captured_on, recorded_at=at)
        paid = collected_otherwise(planned, rail, when, captured.amount, planned.held if as_held else None)
        if held and planned.has_hold and not as_held:
            must_hold(
                ledger.void_hold(planned.hold_id, at=at, reason=f"captured {captured.amount}"), planned.attempt_id
            )
        record_on_plan([paid], plans=plans, ledger=ledger, terms=terms)
        credit = settle_credit(planned, at, captured=True, plans=plans, terms=terms)
        record_on_plan(credit, plans=plans, ledger=ledger, terms=terms)


def _book_refusal(
    planned: Planned, answer: ChargeRefused, at: datetime, *, plans: Plans, ledger: KeptLedger, terms: TermsOf
) -> None:
    """F13a: release the hold. A down payment has no hold of its own, and the offer's reservation stays."""
    if planned.opens_plan:
        return
    if planned.has_hold:
        voided = ledger.void_hold(planned.hold_id, at=at, reason=f"refused: {answer.code}")
        must_hold(voided, planned.attempt_id)
    credit = settle_credit(planned, at, captured=False, plans=plans, terms=terms)
    record_on_plan(credit, plans=plans, ledger=ledger, terms=terms)


def _after_refusal(planned: Planned, answer: ChargeRefused, policy: RetryPolicy) -> TryAgain | Stop:
    """A shopper's own payment is not tried again: they see the refusal and decide."""
    if planned.purpose is not AttemptPurpose.DUE:
        return Stop("the shopper's own payment", needs_person=False, policy_version=policy.version)
    return next_step(policy, answer.code, planned.number, planned.requested_on)


def _refusal_values(answer: ChargeRefused, step: TryAgain | Stop) -> Mapping[str, object]:
    """The values to store with a refused attempt: the refusal, and the day on which the policy allows a retry."""
    return {
        "refusal": answer.code.value,
        "detail": answer.detail,
        "policy_version": step.policy_version,
        "retry_on": step.on if isinstance(step, TryAgain) else None,
    }


def _other_amount(planned: Planned, captured: Succeeded, profile: RailProfile) -> list[Break]:
    """E7 for a capture of another amount than asked for: it is booked as it is, and a person decides on the rest."""
    if captured.amount == planned.amount:
        return []
    reason = f"{planned.attempt_id} asked for {planned.amount}, and the provider captured {captured.amount}"
    broken = break_of_unit(
        f"captured:{planned.attempt_id}", BreakClass.AMOUNT_DIFFERS, reason, captured.captured_on, profile
    )
    return [replace(broken, amount=captured.amount)]


def _provider_line(planned: Planned, captured: Succeeded, profile: RailProfile) -> Expected:
    """The expectation that the provider's file shows the capture."""
    return Expected(
        key=CaptureKey(planned.attempt_id),
        leg=Leg.LEDGER_PROVIDER,
        amount=captured.amount,
        expected_on=captured.captured_on,
        due_by=captured.captured_on + timedelta(days=profile.line_days),
        created_by=planned.attempt_id,
        plan_id=planned.plan_id,
        instalment_id=planned.instalment_id,
    )


def _written(answer: ChargeResult) -> str:
    """The provider's own message, or a text of ours if no message came."""
    if answer.raw:
        return answer.raw
    return ", ".join(f"{name}={_plain(value)}" for name, value in sorted(asdict(answer).items()) if name != "raw")


def _plain(value: object) -> str:
    return str(Money(**value)) if isinstance(value, dict) else str(value)
