"""Act: charge what is due as of a day, and book the result.

An attempt is claimed, held in the ledger and written down before anything is sent; the provider is asked outside any
database transaction, under the attempt's own key. So the act may be killed anywhere, run twice, or run twice at once:
an instalment is charged once, and an outcome that is not known is asked for, never tried again under another key.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from ledger.books.store import AlreadyRecorded, Recorded
from lending.plan.plan import Origin, Plan
from lending.plan.when import When
from lending.servicing.close_of_business import close_plans
from lending.servicing.store import OpenInstalment
from payments.collection.attempt import Attempt, Event, Planned, State, attempt_id_of
from payments.collection.bookings import Components, attempt_claimed
from payments.collection.outcome import Applied, Result, apply_outcome, collection_of
from payments.collection.retry import Stop
from payments.provider.charge import ChargeRequest, ChargeResult, NotKnown
from payments.till import Till

T = TypeVar("T")

AT_ONCE = 40  # instalments claimed and booked in one database transaction
THREADS = 8  # requests under way at the provider


@dataclass(frozen=True, slots=True)
class CollectReport:
    """What one run came to. Counts are instalments, but for `captured_minor`, by currency.

    `resolved`: attempts of earlier runs whose outcome is known now. `waiting`: a retry on a later day, or stopped.
    """

    due: date
    instalments_due: int
    claimed: int
    captured: int
    refused: int
    unknown: int
    resolved: int
    waiting: int
    elsewhere: int
    needs_person: int
    captured_minor: Mapping[str, int]


class _Tally:
    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.captured: Counter[str] = Counter()

    def add(self, result: Result) -> None:
        self.counts[result.applied.value] += 1
        if result.applied is Applied.CAPTURED:
            amount = result.attempt.planned.amount
            self.captured[amount.currency.value] += amount.minor
        if isinstance(result.next_step, Stop) and result.next_step.needs_person:
            self.counts["needs_person"] += 1


def collect(due: date, *, till: Till, at: datetime, tick: Callable[[int], None] = lambda _: None) -> CollectReport:
    """Resolve what earlier runs left open, then charge every instalment of a checkout plan due up to `due`.

    `tick` is told how many instalments each step has dealt with.
    """
    tally = _Tally()
    resolved = resolve_open(till, at, tally.add)
    _bring_up(due, till, at)
    dues = _collectable(due, till)
    latest = till.attempts.latest([each.instalment.instalment_id for each in dues])
    ready = [planned for each in dues if (planned := _next_attempt(each, latest, due, till)) is not None]
    plans = {each.plan.plan_id: each.plan for each in dues}
    claimed = 0
    for chunk in _chunks(ready):
        results = _charge(till, chunk, plans, at)
        claimed += len(results)
        for result in results:
            tally.add(result)
        tick(len(chunk))
    in_progress = sum(1 for found in latest.values() if found.state in (State.CLAIMED, State.SUBMITTING, State.UNKNOWN))
    counts = tally.counts
    return CollectReport(
        due=due,
        instalments_due=len(dues),
        claimed=claimed,
        captured=counts[Applied.CAPTURED.value],
        refused=counts[Applied.REFUSED.value],
        unknown=counts[Applied.UNKNOWN.value],
        resolved=resolved,
        waiting=len(dues) - len(ready) - in_progress,
        elsewhere=len(ready) - claimed,
        needs_person=counts["needs_person"],
        captured_minor=dict(sorted(tally.captured.items())),
    )


def _collectable(due: date, till: Till) -> list[OpenInstalment]:
    """What may be asked for: of imported plans nothing, their shoppers push the money themselves."""
    return [each for each in till.plans.collectable(due) if each.plan.origin is Origin.CHECKOUT]


def _bring_up(due: date, till: Till, at: datetime) -> None:
    """Interest and late fees are owed up to the day before they are asked for, whether or not the day was closed."""
    plan_ids = list(dict.fromkeys(each.plan.plan_id for each in _collectable(due, till)))
    for chunk in _chunks(plan_ids):
        with till.database.transaction():
            close_plans(due, chunk, plans=till.plans, ledger=till.ledger, terms=till.terms, at=at)


def resolve_open(till: Till, at: datetime, told: Callable[[Result], None] = lambda _: None) -> int:
    """Ask what became of attempts without an outcome; how many have one now. One that somebody else is at is left."""
    resolved = 0
    for chunk in _chunks(till.attempts.unresolved()):
        with till.attempts.guard([attempt.attempt_id for attempt in chunk]) as mine:
            for attempt_id in mine:
                result = resolve(till, attempt_id, at)
                if result is not None:
                    told(result)
                    resolved += result.applied in (Applied.CAPTURED, Applied.REFUSED)
    return resolved


def resolve(till: Till, attempt_id: str, at: datetime) -> Result | None:
    """Ask what became of one attempt, which the caller guards; None when it has its outcome already.

    One that the provider never saw is sent again under its own key, once the provider can no longer be receiving it.
    """
    attempt = till.attempts.get(attempt_id)
    if attempt is None or attempt.state not in (State.CLAIMED, State.SUBMITTING, State.UNKNOWN):
        return None
    if attempt.state is State.SUBMITTING:  # whoever sent it is gone, or the guard would not be ours
        with till.database.transaction():
            till.attempts.move(attempt_id, Event.NO_ANSWER, at=at, cause="its sender left no answer")
    if attempt.state is not State.CLAIMED:
        said = till.provider.enquire(attempt_id)
        if not isinstance(said, NotKnown):
            with till.database.transaction():
                return apply_outcome(till, attempt_id, said, at)
        if attempt.submitted_at is not None and at < attempt.submitted_at + till.policy.settle_down:
            return Result(Applied.UNKNOWN, attempt, detail="the provider does not know it yet")
        with till.database.transaction():
            till.attempts.keep_message("in", "notknown", attempt_id, said.raw or "not known", at)
            till.attempts.move(attempt_id, Event.NEVER_SEEN, at=at, cause="the provider never saw it")
    return send(till, attempt, at)


def send(till: Till, attempt: Attempt, at: datetime) -> Result:
    """Send a claimed attempt, which the caller guards, and book the answer."""
    with till.database.transaction():
        written(till, attempt.planned, at)
    answer = till.provider.charge(request_of(attempt.planned))
    with till.database.transaction():
        return apply_outcome(till, attempt.attempt_id, answer, at)


def written(till: Till, planned: Planned, at: datetime) -> None:
    """The request is kept, and the attempt counts as sent from here on."""
    message_id = till.attempts.keep_message("out", "charge", planned.attempt_id, _body(planned), at)
    till.attempts.move(
        planned.attempt_id,
        Event.REQUEST_WRITTEN,
        at=at,
        cause=planned.attempt_id,
        message_id=message_id,
        values={"submitted_at": at},
    )


def request_of(planned: Planned) -> ChargeRequest:
    """What the provider is asked for."""
    return ChargeRequest(
        planned.attempt_id,
        planned.plan_id,
        planned.instalment_id,
        planned.shopper_id,
        planned.account_id,
        planned.amount,
        planned.requested_on,
    )


def _next_attempt(due: OpenInstalment, latest: Mapping[str, Attempt], on: date, till: Till) -> Planned | None:
    """The attempt to make at an instalment now; None while one is open, or when the policy says later or never."""
    last = latest.get(due.instalment.instalment_id)
    if last is not None:
        retry_now = last.state is State.REJECTED and last.retry_on is not None and last.retry_on <= on
        if not (retry_now or last.state is State.CANCELLED):
            return None
    plan, instalment = due.plan, due.instalment
    number = 1 if last is None else last.planned.number + 1
    return Planned(
        attempt_id=attempt_id_of(instalment.instalment_id, number),
        instalment_id=instalment.instalment_id,
        number=number,
        plan_id=plan.plan_id,
        shopper_id=plan.shopper_id or plan.account_id,
        account_id=plan.account_id,
        provider=till.provider.name,
        fees=due.open_fees,
        interest=due.open_interest,
        principal=due.open_principal - due.disputed,
        due_on=instalment.due_on,
        requested_on=on,
    )


def _charge(till: Till, ready: Sequence[Planned], plans: Mapping[str, Plan], at: datetime) -> list[Result]:
    """Claim a few instalments in one transaction, ask for all of them at once, book the answers in another."""
    with till.attempts.guard([planned.attempt_id for planned in ready]) as mine:
        with till.database.transaction():
            ours = till.attempts.plan(planned for planned in ready if planned.attempt_id in set(mine))
            sent = [planned for planned in ours if _claim(till, planned, plans[planned.plan_id], at)]
        answers = list(_asked(till, sent))
        with till.database.transaction():
            return [
                apply_outcome(till, planned.attempt_id, answer, at)
                for planned, answer in zip(sent, answers, strict=True)
            ]


def _claim(till: Till, planned: Planned, plan: Plan, at: datetime) -> bool:
    """F12a: the amount is reserved; False when something else has reserved it."""
    asks = Components(planned.principal, planned.interest, planned.fees)
    journal = attempt_claimed(collection_of(plan, planned, till), asks, When.moment(at))
    if not isinstance(till.ledger.hold(journal), Recorded | AlreadyRecorded):
        till.attempts.move(planned.attempt_id, Event.WITHDRAWN, at=at, cause="the amount is no longer free")
        return False
    till.attempts.move(planned.attempt_id, Event.GUARD_PASSED, at=at, cause=planned.instalment_id)
    written(till, planned, at)
    return True


def _asked(till: Till, sent: Sequence[Planned]) -> Iterator[ChargeResult]:
    if not sent:
        return
    with ThreadPoolExecutor(THREADS) as pool:
        yield from pool.map(till.provider.charge, [request_of(planned) for planned in sent])


def _chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[start : start + AT_ONCE] for start in range(0, len(items), AT_ONCE))


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
