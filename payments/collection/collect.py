"""Act: charge what is due as of a day, and book the result.

An attempt is claimed, its hold placed in the ledger and its request stored before anything is sent; the provider is
called outside any database transaction, under the attempt's own idempotency key. So the act may be killed at any
point, repeated, or run twice at once: an instalment is charged once. An unknown outcome is resolved by an enquiry,
never by another attempt under a new key.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TypeVar

from ledger.books.store import AlreadyRecorded, Recorded
from lending.plan.plan import Origin, Plan, PlanId
from lending.plan.when import When
from lending.servicing.close_of_business import close_plans
from lending.servicing.record_events import KeptLedger, TermsOf
from lending.servicing.store import OpenInstalment, Plans
from lending.servicing.use_credit import use_credit
from payments.break_class import BreakClass
from payments.breaks import Breaks, break_of_unit
from payments.collection.ask_provider import Asking, request_of, resolve_open, written
from payments.collection.attempt import OVER, Attempt, AttemptEvent, AttemptState, Planned, attempt_id_of
from payments.collection.attempts import Attempts
from payments.collection.bookings import Components, attempt_claimed
from payments.collection.outcome import Applied, Result, collection_of
from payments.collection.retry import Stop
from payments.each_alone import each_alone, in_chunks, reason_of
from payments.ids import AttemptId
from payments.provider.charge import ChargeResult
from payments.provider.provider import Provider
from payments.rail_profile import Rail, RailProfile
from payments.transaction import Transaction
from terminal.clock import must_have_begun

T = TypeVar("T")

THREADS = 8  # concurrent requests to the provider


@dataclass(frozen=True, slots=True)
class CollectReport:
    """The results of one run. All are counts of instalments, except `captured_minor`, an amount by currency.

    `resolved`: attempts of earlier runs whose outcome is now known. `waiting`: instalments whose retry is on a later
    day, or that are not tried again automatically. `failed`: those whose plan or booking failed; each is a break.
    `withdrawn`: attempts that were not sent, because their plan does not owe the amount any more.
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
    withdrawn: int
    captured_minor: Mapping[str, int]


class _Tally:
    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.captured: Counter[str] = Counter()

    def add(self, result: Result) -> None:
        self.counts[result.applied.value] += 1
        if result.applied is Applied.CAPTURED:
            amount = result.attempt.amount
            self.captured[amount.currency.value] += amount.minor
        if isinstance(result.next_step, Stop) and result.next_step.needs_person:
            self.counts["needs_person"] += 1


class _Failures:
    """Lists attempts that could not be claimed or booked, or have no outcome, as breaks, until they are."""

    def __init__(self, due: date, breaks: Breaks, profile: RailProfile, transaction: Transaction) -> None:
        self.seen: set[AttemptId] = set()
        self._due = due
        self._breaks = breaks
        self._profile = profile
        self._transaction = transaction

    def add(self, attempt_id: AttemptId, error: Exception) -> None:
        self.seen.add(attempt_id)
        self._raise(attempt_id, BreakClass.STATUS_CONFLICT, f"{attempt_id} cannot be booked: {reason_of(error)}")

    def waits(self, result: Result, at: datetime) -> bool:
        """List an attempt that no enquiry will resolve, or none has for too long; returns whether it is listed."""
        if result.applied is not Applied.UNKNOWN:
            return False
        sent = result.attempt.submitted_at
        too_long = sent is not None and at >= sent + self._profile.unknown
        if not (result.unrecognised or too_long):
            return False
        attempt_id = result.attempt.attempt_id
        self._raise(attempt_id, BreakClass.UNKNOWN_OUTCOME, f"{attempt_id} has no outcome: {result.detail}")
        return True

    def _raise(self, attempt_id: AttemptId, broken: BreakClass, reason: str) -> None:
        with self._transaction():
            self._breaks.raise_breaks(
                [break_of_unit(f"attempt:{attempt_id}", broken, reason, self._due, self._profile)]
            )

    def cured(self, result: Result) -> None:
        if result.applied in (Applied.CAPTURED, Applied.REFUSED, Applied.WITHDRAWN):
            with self._transaction():
                self._breaks.close_break(f"attempt:{result.attempt.attempt_id}", self._due, "booked")


def collect(
    due: date,
    *,
    asking: Asking,
    plans: Plans,
    ledger: KeptLedger,
    terms: TermsOf,
    profile: RailProfile,
    breaks: Breaks,
    at: datetime,
    tick: Callable[[int], None] = lambda _: None,
) -> CollectReport:
    """Resolve attempts that earlier runs left open, then charge every instalment of a checkout plan due by `due`.

    A plan that refuses its booking is a break of its own, and the others are charged. Raises NotYetBegun for a day
    after that of `at`. `tick` receives the number of instalments processed by each step.
    """
    must_have_begun(due, at)
    tally = _Tally()
    failures = _Failures(due, breaks, profile, asking.transaction)

    def told(result: Result) -> None:
        tally.add(result)
        tally.counts["needs_person"] += failures.waits(result, at)
        failures.cured(result)

    resolved = resolve_open(at, told, failures.add, asking)
    not_closed = _bring_up(due, at, plans=plans, ledger=ledger, terms=terms, transaction=asking.transaction)
    dues = _collectable(due, at, plans)
    latest = asking.attempts.latest([each.instalment.instalment_id for each in dues])
    blocked = breaks.blocking([each for each, attempt in latest.items() if attempt.state in OVER])
    ready = [
        planned for each in dues if (planned := _next_attempt(each, latest, due, asking.provider.name)) is not None
    ]
    ready = [planned for planned in ready if planned.instalment_id not in blocked]
    stuck = [planned for planned in ready if planned.plan_id in not_closed]
    ready = [planned for planned in ready if planned.plan_id not in not_closed]
    for planned in stuck:
        failures.add(planned.attempt_id, not_closed[planned.plan_id])
    known = {each.plan.plan_id: each.plan for each in dues}
    claimed = 0
    for chunk in in_chunks(ready):
        results = _charge(
            chunk, known, at, asking=asking, plans=plans, ledger=ledger, rail=profile.card, failed=failures.add
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
        withdrawn=counts[Applied.WITHDRAWN.value],
        captured_minor=dict(sorted(tally.captured.items())),
    )


def _collectable(due: date, at: datetime, plans: Plans) -> list[OpenInstalment]:
    """The instalments that may be charged now. Imported plans have none: their shoppers send the money themselves."""
    found = plans.collectable(due, on=at.astimezone(UTC).date())
    return [each for each in found if each.plan.origin is Origin.CHECKOUT]


def _bring_up(
    due: date, at: datetime, *, plans: Plans, ledger: KeptLedger, terms: TermsOf, transaction: Transaction
) -> dict[PlanId, Exception]:
    """Bring interest and late fees up to the day before `due`, and pay what is due with credit, as the close would.

    Returns the plans that refused it, with the reason.
    """
    plan_ids = list(dict.fromkeys(each.plan.plan_id for each in _collectable(due, at, plans)))
    refused: dict[PlanId, Exception] = {}

    def bring_up(some: Sequence[PlanId]) -> None:
        close_plans(due, some, plans=plans, ledger=ledger, terms=terms, at=at)
        use_credit(due, some, plans=plans, ledger=ledger, terms=terms, at=at)

    for chunk in in_chunks(plan_ids):
        _, failed = each_alone(chunk, bring_up, transaction)
        refused.update(failed)
    return refused


def _next_attempt(due: OpenInstalment, latest: Mapping[str, Attempt], on: date, provider: str) -> Planned | None:
    """The next attempt at an instalment; None while one is open, or if the policy says later or never."""
    last = latest.get(due.instalment.instalment_id)
    if last is not None:
        again = last.state in (AttemptState.REJECTED, AttemptState.RETURNED)
        retry_now = again and last.retry_on is not None and last.retry_on <= on
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
    known: Mapping[PlanId, Plan],
    at: datetime,
    *,
    asking: Asking,
    plans: Plans,
    ledger: KeptLedger,
    rail: Rail,
    failed: Callable[[AttemptId, Exception], None],
) -> list[Result]:
    """Claim some instalments in one transaction, send their charges concurrently, book the answers in another.

    What is owed is read again with the claim. `failed` receives an attempt that could not be claimed, so that nothing
    was sent, or whose answer could not be booked, so that the next run enquires about it.
    """

    def claim(some: Sequence[Planned]) -> list[Planned]:
        still = _still_collectable(some, at, plans)
        return [
            planned
            for planned in asking.attempts.plan(still)
            if _claim(planned, known[planned.plan_id], at, attempts=asking.attempts, ledger=ledger, rail=rail)
        ]

    def book(some: Sequence[tuple[Planned, ChargeResult]]) -> list[Result]:
        return [asking.apply(planned.attempt_id, answer, at) for planned, answer in some]

    with asking.attempts.guard([planned.attempt_id for planned in ready]) as mine:
        guarded = set(mine)
        claimed, unclaimed = each_alone(
            [each for each in ready if each.attempt_id in guarded], claim, asking.transaction
        )
        sent = [planned for part in claimed for planned in part]
        answers = zip(sent, _asked(sent, asking.provider), strict=True)
        booked, unbooked = each_alone(list(answers), book, asking.transaction)
    for planned, error in (*unclaimed, *((planned, error) for (planned, _), error in unbooked)):
        failed(planned.attempt_id, error)
    return [result for part in booked for result in part]


def _still_collectable(some: Sequence[Planned], at: datetime, plans: Plans) -> list[Planned]:
    """Those of which the same amount may be collected as when the run began: a pause or a payment may have come."""
    last, plan_ids = max(planned.due_on for planned in some), [planned.plan_id for planned in some]
    now = {
        each.instalment.instalment_id: each.open_amount - each.disputed
        for each in plans.collectable(last, on=at.astimezone(UTC).date(), plan_ids=plan_ids)
    }
    return [planned for planned in some if now.get(planned.instalment_id) == planned.amount]


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
