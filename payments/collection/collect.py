"""Act: charge what is due as of a day, and book the result.

An attempt is claimed, its hold placed in the ledger and its request stored before anything is sent; the provider is
called outside any database transaction, under the attempt's own idempotency key. So the act may be killed at any
point, repeated, or run twice at once: an instalment is charged once. An unknown outcome is resolved by an enquiry,
never by another attempt under a new key.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import TypeVar

from ledger.books.store import AlreadyRecorded, Recorded
from lending.plan.plan import Origin, Plan, PlanId
from lending.plan.when import When
from lending.servicing.close_of_business import close_plans
from lending.servicing.record_events import KeptLedger, TermsOf
from lending.servicing.store import OpenInstalment, Plans
from lending.terms.merchant_terms import AllMerchantTerms
from payments.break_class import BreakClass
from payments.breaks import Break, Breaks
from payments.collection.attempt import Attempt, AttemptEvent, AttemptState, Planned, attempt_id_of
from payments.collection.attempts import Attempts
from payments.collection.bookings import Components, attempt_claimed
from payments.collection.opening import KeptDecisions
from payments.collection.outcome import Applied, ApplyOutcome, Result, apply_outcome, collection_of
from payments.collection.retry import RetryPolicy, Stop
from payments.each_alone import each_alone, reason_of
from payments.expectation import Expectations
from payments.ids import AttemptId
from payments.provider.charge import ChargeRequest, ChargeResult, NotKnown
from payments.provider.provider import Provider
from payments.rail_profile import Rail, RailProfile
from payments.transaction import Transaction
from terminal.fault import Fault

T = TypeVar("T")

AT_ONCE = 40  # instalments claimed and booked in one database transaction
THREADS = 8  # concurrent requests to the provider


@dataclass(frozen=True, slots=True)
class CollectReport:
    """The results of one run. All are counts of instalments, except `captured_minor`, an amount by currency.

    `resolved`: attempts of earlier runs whose outcome is now known. `waiting`: instalments whose retry is on a later
    day, or that are not tried again automatically. `failed`: those whose plan or booking failed; each is a break.
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
    failed: int
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


class _Failures:
    """Lists attempts that could not be claimed or booked as breaks, until they are."""

    def __init__(self, due: date, breaks: Breaks, profile: RailProfile, transaction: Transaction) -> None:
        self.seen: set[AttemptId] = set()
        self._due = due
        self._breaks = breaks
        self._treatment = profile.treatments[BreakClass.STATUS_CONFLICT]
        self._transaction = transaction

    def add(self, attempt_id: AttemptId, error: Exception) -> None:
        self.seen.add(attempt_id)
        broken = Break(
            break_id=f"attempt:{attempt_id}",
            break_class=BreakClass.STATUS_CONFLICT,
            reason=f"{attempt_id} cannot be booked: {reason_of(error)}",
            owner=self._treatment.owner,
            severity=self._treatment.severity,
            opened_on=self._due,
            due_by=self._treatment.due_by(self._due),
        )
        with self._transaction():
            self._breaks.raise_breaks([broken])

    def cured(self, result: Result) -> None:
        if result.applied in (Applied.CAPTURED, Applied.REFUSED):
            with self._transaction():
                self._breaks.close_break(f"attempt:{result.attempt.attempt_id}", self._due, "booked")


class NotYetDue(Fault):
    """Raised for a collection of a day that has not begun."""


def collect(
    due: date,
    *,
    attempts: Attempts,
    decisions: KeptDecisions,
    plans: Plans,
    ledger: KeptLedger,
    expectations: Expectations,
    provider: Provider,
    merchants: AllMerchantTerms,
    terms: TermsOf,
    policy: RetryPolicy,
    profile: RailProfile,
    transaction: Transaction,
    breaks: Breaks,
    at: datetime,
    tick: Callable[[int], None] = lambda _: None,
) -> CollectReport:
    """Resolve attempts that earlier runs left open, then charge every instalment of a checkout plan due by `due`.

    A plan that refuses its booking is a break of its own, and the others are charged. Raises NotYetDue for a day that
    has not begun. `tick` receives the number of instalments processed by each step.
    """
    if due > at.astimezone(UTC).date():
        raise NotYetDue(f"{due} has not begun: it is {at:%Y-%m-%d %H:%M} UTC, and nothing is charged before its day")
    apply = partial(
        apply_outcome,
        attempts=attempts,
        decisions=decisions,
        plans=plans,
        ledger=ledger,
        expectations=expectations,
        merchants=merchants,
        terms=terms,
        policy=policy,
        profile=profile,
    )
    tally = _Tally()
    failures = _Failures(due, breaks, profile, transaction)

    def told(result: Result) -> None:
        tally.add(result)
        failures.cured(result)

    resolved = resolve_open(
        at,
        told,
        failures.add,
        attempts=attempts,
        provider=provider,
        policy=policy,
        transaction=transaction,
        apply=apply,
    )
    not_closed = _bring_up(due, at, plans=plans, ledger=ledger, terms=terms, transaction=transaction)
    dues = _collectable(due, plans)
    latest = attempts.latest([each.instalment.instalment_id for each in dues])
    ready = [planned for each in dues if (planned := _next_attempt(each, latest, due, provider.name)) is not None]
    stuck = [planned for planned in ready if planned.plan_id in not_closed]
    ready = [planned for planned in ready if planned.plan_id not in not_closed]
    for planned in stuck:
        failures.add(planned.attempt_id, not_closed[planned.plan_id])
    known = {each.plan.plan_id: each.plan for each in dues}
    claimed = 0
    for chunk in _chunks(ready):
        results = _charge(
            chunk,
            known,
            at,
            attempts=attempts,
            ledger=ledger,
            provider=provider,
            rail=profile.card,
            transaction=transaction,
            apply=apply,
            failed=failures.add,
        )
        claimed += len(results)
        for result in results:
            told(result)
        tick(len(chunk))
    in_progress = sum(
        1
        for found in latest.values()
        if found.state in (AttemptState.CLAIMED, AttemptState.SUBMITTING, AttemptState.UNKNOWN)
    )
    counts = tally.counts
    return CollectReport(
        due=due,
        instalments_due=len(dues),
        claimed=claimed,
        captured=counts[Applied.CAPTURED.value],
        refused=counts[Applied.REFUSED.value],
        unknown=counts[Applied.UNKNOWN.value],
        resolved=resolved,
        waiting=len(dues) - len(ready) - in_progress - len(stuck),
        elsewhere=len(ready) - claimed - len(failures.seen & {planned.attempt_id for planned in ready}),
        needs_person=counts["needs_person"],
        failed=len(failures.seen),
        captured_minor=dict(sorted(tally.captured.items())),
    )


def _collectable(due: date, plans: Plans) -> list[OpenInstalment]:
    """The instalments that may be charged. Imported plans have none: their shoppers send the money themselves."""
    return [each for each in plans.collectable(due) if each.plan.origin is Origin.CHECKOUT]


def _bring_up(
    due: date, at: datetime, *, plans: Plans, ledger: KeptLedger, terms: TermsOf, transaction: Transaction
) -> dict[PlanId, Exception]:
    """Bring interest and late fees up to the day before `due`, whether or not that business day was closed.

    Returns the plans that refused it, with the reason.
    """
    plan_ids = list(dict.fromkeys(each.plan.plan_id for each in _collectable(due, plans)))
    refused: dict[PlanId, Exception] = {}
    for chunk in _chunks(plan_ids):
        _, failed = each_alone(
            chunk,
            lambda some: close_plans(due, some, plans=plans, ledger=ledger, terms=terms, at=at),
            transaction,
        )
        refused.update(failed)
    return refused


def resolve_open(
    at: datetime,
    told: Callable[[Result], None],
    failed: Callable[[AttemptId, Exception], None],
    *,
    attempts: Attempts,
    provider: Provider,
    policy: RetryPolicy,
    transaction: Transaction,
    apply: ApplyOutcome,
) -> int:
    """Enquire about attempts without an outcome; returns how many are resolved now. Skips those guarded elsewhere.

    `failed` receives an attempt whose outcome could not be booked; the next run enquires again.
    """
    resolved = 0
    for chunk in _chunks(attempts.unresolved()):
        with attempts.guard([attempt.attempt_id for attempt in chunk]) as mine:
            for attempt_id in map(AttemptId, mine):
                try:
                    result = resolve(
                        attempt_id,
                        at,
                        attempts=attempts,
                        provider=provider,
                        policy=policy,
                        transaction=transaction,
                        apply=apply,
                    )
                except Exception as error:  # noqa: BLE001  # whatever the reason: it stops no other attempt
                    failed(attempt_id, error)
                    continue
                if result is not None:
                    told(result)
                    resolved += result.applied in (Applied.CAPTURED, Applied.REFUSED)
    return resolved


def resolve(
    attempt_id: AttemptId,
    at: datetime,
    *,
    attempts: Attempts,
    provider: Provider,
    policy: RetryPolicy,
    transaction: Transaction,
    apply: ApplyOutcome,
) -> Result | None:
    """Enquire about one attempt, which the caller guards; None if it already has its outcome.

    An attempt that the provider does not know is sent again under its own key, but only after the settle-down delay,
    when a delayed first request can no longer arrive.
    """
    attempt = attempts.get(attempt_id)
    if attempt is None or attempt.state not in (AttemptState.CLAIMED, AttemptState.SUBMITTING, AttemptState.UNKNOWN):
        return None
    if attempt.state is AttemptState.SUBMITTING:  # its sender has died, or we could not hold the guard
        with transaction():
            attempts.move(attempt_id, AttemptEvent.NO_ANSWER, at=at, cause="its sender left no answer")
    if attempt.state is not AttemptState.CLAIMED:
        said = provider.enquire(attempt_id)
        if not isinstance(said, NotKnown):
            with transaction():
                return apply(attempt_id, said, at)
        if attempt.submitted_at is not None and at < attempt.submitted_at + policy.settle_down:
            return Result(Applied.UNKNOWN, attempt, detail="the provider does not know it yet")
        with transaction():
            attempts.keep_message("in", "notknown", attempt_id, said.raw or "not known", at)
            attempts.move(attempt_id, AttemptEvent.NEVER_SEEN, at=at, cause="the provider never saw it")
    return send(attempt, at, attempts=attempts, provider=provider, transaction=transaction, apply=apply)


def send(
    attempt: Attempt,
    at: datetime,
    *,
    attempts: Attempts,
    provider: Provider,
    transaction: Transaction,
    apply: ApplyOutcome,
) -> Result:
    """Send a claimed attempt, which the caller guards, and book the provider's answer."""
    with transaction():
        written(attempt.planned, at, attempts=attempts)
    answer = provider.charge(request_of(attempt.planned))
    with transaction():
        return apply(attempt.attempt_id, answer, at)


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


def _next_attempt(due: OpenInstalment, latest: Mapping[str, Attempt], on: date, provider: str) -> Planned | None:
    """The next attempt at an instalment; None while one is open, or if the policy says later or never."""
    last = latest.get(due.instalment.instalment_id)
    if last is not None:
        retry_now = last.state is AttemptState.REJECTED and last.retry_on is not None and last.retry_on <= on
        if not (retry_now or last.state is AttemptState.CANCELLED):
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
        provider=provider,
        fees=due.open_fees,
        interest=due.open_interest,
        principal=due.open_principal - due.disputed,
        due_on=instalment.due_on,
        requested_on=on,
    )


def _charge(
    ready: Sequence[Planned],
    plans: Mapping[PlanId, Plan],
    at: datetime,
    *,
    attempts: Attempts,
    ledger: KeptLedger,
    provider: Provider,
    rail: Rail,
    transaction: Transaction,
    apply: ApplyOutcome,
    failed: Callable[[AttemptId, Exception], None],
) -> list[Result]:
    """Claim some instalments in one transaction, send their charges concurrently, book the answers in another.

    `failed` receives an attempt that could not be claimed, so that nothing was sent, or whose answer could not be
    booked, so that the next run enquires about it.
    """

    def claim(some: Sequence[Planned]) -> list[Planned]:
        return [
            planned
            for planned in attempts.plan(some)
            if _claim(planned, plans[planned.plan_id], at, attempts=attempts, ledger=ledger, rail=rail)
        ]

    def book(some: Sequence[tuple[Planned, ChargeResult]]) -> list[Result]:
        return [apply(planned.attempt_id, answer, at) for planned, answer in some]

    with attempts.guard([planned.attempt_id for planned in ready]) as mine:
        guarded = set(mine)
        claimed, unclaimed = each_alone([each for each in ready if each.attempt_id in guarded], claim, transaction)
        sent = [planned for part in claimed for planned in part]
        booked, unbooked = each_alone(list(zip(sent, _asked(sent, provider), strict=True)), book, transaction)
    for planned, error in (*unclaimed, *((planned, error) for (planned, _), error in unbooked)):
        failed(planned.attempt_id, error)
    return [result for part in booked for result in part]


def _claim(planned: Planned, plan: Plan, at: datetime, *, attempts: Attempts, ledger: KeptLedger, rail: Rail) -> bool:
    """F12a: place the hold for an attempt; False if another hold or payment has already taken the amount."""
    asks = Components(planned.principal, planned.interest, planned.fees)
    journal = attempt_claimed(collection_of(plan, planned, rail), asks, When.moment(at))
    if not isinstance(ledger.hold(journal), Recorded | AlreadyRecorded):
        attempts.move(planned.attempt_id, AttemptEvent.WITHDRAWN, at=at, cause="the amount is no longer free")
        return False
    attempts.move(planned.attempt_id, AttemptEvent.GUARD_PASSED, at=at, cause=planned.instalment_id)
    written(planned, at, attempts=attempts)
    return True


def _asked(sent: Sequence[Planned], provider: Provider) -> Iterator[ChargeResult]:
    if not sent:
        return
    with ThreadPoolExecutor(THREADS) as pool:
        yield from pool.map(provider.charge, [request_of(planned) for planned in sent])


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
