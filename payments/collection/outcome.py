"""What a provider's answer does to an attempt, the books and the plan, inside the caller's database transaction."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from ledger.money import Money
from lending.plan.plan import Plan
from lending.plan.when import When
from payments.collection.attempt import UNRESOLVED, Attempt, Event, Planned, State
from payments.collection.bookings import Collection
from payments.collection.events import collected
from payments.collection.opening import must_hold, open_plan
from payments.collection.retry import Stop, TryAgain, next_step
from payments.collection.settle_credit import settle_credit
from payments.expectation import Expected, Leg, capture_key
from payments.plan_events import record_on_plan
from payments.provider.charge import ChargeResult, Refused, Succeeded, Unknown
from payments.till import Till


class Applied(StrEnum):
    """What became of an attempt."""

    CAPTURED = "captured"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    KNOWN_BEFORE = "known_before"


@dataclass(frozen=True, slots=True)
class Result:
    """What an answer came to. `next_step` follows a refusal; `detail` says why the outcome is still unknown."""

    applied: Applied
    attempt: Attempt
    next_step: TryAgain | Stop | None = None
    detail: str = ""


def apply_outcome(till: Till, attempt_id: str, answer: ChargeResult, at: datetime) -> Result:
    """Record what the provider answered, once: an attempt that has its outcome keeps it."""
    attempt = till.attempts.get(attempt_id, lock=True)
    assert attempt is not None, f"{attempt_id} was asked about and is not kept"
    if attempt.state not in UNRESOLVED:
        return Result(Applied.KNOWN_BEFORE, attempt)
    message_id = till.attempts.keep_message("in", type(answer).__name__.lower(), attempt_id, _written(answer), at)
    if isinstance(answer, Succeeded) and answer.amount != attempt.planned.amount:
        answer = Unknown(attempt_id, f"captured {answer.amount}, asked for {attempt.planned.amount}")
    match answer:
        case Succeeded():
            _captured(till, attempt, answer, message_id, at)
            return Result(Applied.CAPTURED, attempt)
        case Refused():
            step = _refused(till, attempt, answer, message_id, at)
            return Result(Applied.REFUSED, attempt, step)
        case Unknown():
            if attempt.state is State.SUBMITTING:
                till.attempts.move(attempt_id, Event.NO_ANSWER, at=at, cause=answer.detail, message_id=message_id)
            return Result(Applied.UNKNOWN, attempt, detail=answer.detail)


def collection_of(plan: Plan, planned: Planned, till: Till) -> Collection:
    """The attempt as the books name it."""
    rail = till.profile.card
    return Collection(plan, plan.instalment(planned.instalment_id), planned.attempt_id, rail.rail, rail.provider)


def _captured(till: Till, attempt: Attempt, answer: Succeeded, message_id: str, at: datetime) -> None:
    """The plan is told, whose debt falls by it; the provider's line is expected."""
    planned = attempt.planned
    till.attempts.move(
        planned.attempt_id,
        Event.CAPTURED,
        at=at,
        cause=answer.provider_reference,
        message_id=message_id,
        values={"provider_reference": answer.provider_reference, "captured_on": answer.captured_on},
    )
    when = When.day(answer.captured_on, recorded_at=at)
    paid = collected(planned, till.profile.card, when)
    if planned.opens_plan:
        decision = till.decisions.get(planned.plan_id.removeprefix("p-"))
        assert decision is not None, f"{planned.attempt_id} pays for a decision that is not kept"
        open_plan(till, decision, when, paid)
    else:
        record_on_plan(till, [paid])
        record_on_plan(till, settle_credit(till, planned, When.moment(at), captured=True))
    till.expectations.expect([_provider_line(planned, answer.captured_on, till)])


def _refused(till: Till, attempt: Attempt, answer: Refused, message_id: str, at: datetime) -> TryAgain | Stop:
    """F13a: the hold is released; the policy says whether it is asked for again."""
    planned = attempt.planned
    step = next_step(till.policy, answer.code, planned.number, planned.requested_on)
    values: Mapping[str, object] = {
        "refusal": answer.code.value,
        "detail": answer.detail,
        "policy_version": step.policy_version,
        "retry_on": step.on if isinstance(step, TryAgain) else None,
    }
    till.attempts.move(
        planned.attempt_id, Event.REFUSED, at=at, cause=answer.code.value, message_id=message_id, values=values
    )
    if not planned.opens_plan:  # a down payment holds nothing of its own: the offer's reservation stays
        voided = till.ledger.void_hold(planned.hold_id, at=at, reason=f"refused: {answer.code}")
        must_hold(voided, planned.attempt_id)
        when = When.moment(at)
        record_on_plan(till, settle_credit(till, planned, when, captured=False))
    return step


def _provider_line(planned: Planned, captured_on: date, till: Till) -> Expected:
    """The provider's file must show the capture."""
    return Expected(
        key=capture_key(planned.attempt_id),
        leg=Leg.LEDGER_PROVIDER,
        amount=planned.amount,
        expected_on=captured_on,
        due_by=captured_on + timedelta(days=till.profile.line_days),
        created_by=planned.attempt_id,
        plan_id=planned.plan_id,
        instalment_id=planned.instalment_id,
    )


def _written(answer: ChargeResult) -> str:
    """The provider's own message, or what stands for it when none came."""
    if answer.raw:
        return answer.raw
    return ", ".join(f"{name}={_plain(value)}" for name, value in sorted(asdict(answer).items()) if name != "raw")


def _plain(value: object) -> str:
    return str(Money(**value)) if isinstance(value, dict) else str(value)
