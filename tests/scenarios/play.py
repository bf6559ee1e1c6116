"""Plays a scenario twice, through the pure fold and through the books, and says what each of them shows in the end."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from ledger.books.store import Act, Outcome, Recorded
from ledger.journal import Journal
from ledger.money import Currency, Money
from lending.plan.booking import journal_of
from lending.plan.event import PlanEvent
from lending.plan.fold import fold
from lending.plan.refusal import PlanRefusal
from lending.plan.refuse import refuse
from lending.plan.state import PlanState
from lending.servicing.close_of_business import close_of_business
from lending.servicing.postgres_close import PostgresBusinessDates
from lending.servicing.record_events import EventRecorded, EventRefused
from tests.lending.servicing.servicing import Desk
from tests.scenarios.scenario import Scenario, Step

_BY_THE_CALENDAR = "F17"  # daily interest is told in one row up to the next thing that happens


@dataclass(frozen=True, slots=True)
class Played:
    """How a scenario ended in the books: what stands of its journals, what was reversed, what each account holds."""

    rows: tuple[str, ...]
    reversed: tuple[str, ...]
    balances: Mapping[tuple[str, Currency], int]
    open_principal: Money


def fold_in_order(scenario: Scenario) -> PlanState:
    """Judge and take each event in the order in which they become known; where the plan stands at the end."""
    taken: list[PlanEvent] = []
    through = scenario.plan.opened_on
    for step in scenario.steps:
        if step.event is None:
            through = max(through, step.on) if step.what == "day_closed" else through
            continue
        through = max(through, step.event.value_date)
        reasons = refuse(fold(scenario.plan, taken, scenario.terms, through=through), step.event)
        _as_expected(step, reasons)
        if not reasons:
            taken.append(step.event)
    return fold(scenario.plan, taken, scenario.terms, through=scenario.ends_on)


def play(scenario: Scenario, desk: Desk, close: Callable[[date], None], steps: Sequence[Step] | None = None) -> Played:
    """Record each step in the books in the order in which they become known, then close the last day."""
    desk.plans.open_all([scenario.plan])
    for step in scenario.steps if steps is None else steps:
        if step.event is not None:
            answer = desk.record(step.event)[0]
            _as_expected(step, answer.reasons if isinstance(answer, EventRefused) else ())
            assert isinstance(answer, EventRecorded if step.refused is None else EventRefused), answer
        elif step.what == "day_closed":
            close(step.on)
        elif step.what == "voided":
            desk.ledger.void_hold(step.step_id, at=step.at, reason=step.what)
        elif step.journal is not None:
            assert isinstance(_moved(desk, step, step.journal), Recorded), step.step_id
    close(scenario.ends_on)
    assert desk.ledger.trial_balance().balanced
    entries = desk.ledger.entries(correlation={})
    standing = desk.standing(scenario.plan)
    return Played(
        rows=rows_of(
            each.journal for each in entries if each.act in {Act.POST, Act.POST_HOLD} and not each.reversed_by
        ),
        reversed=tuple(each.journal.entry_id for each in entries if each.reversed_by),
        balances=desk.balances(),
        open_principal=Money.total((each.open_principal for each in standing.instalments), scenario.plan.currency),
    )


def _moved(desk: Desk, step: Step, journal: Journal) -> Outcome:
    if step.what == "held":
        return desk.ledger.hold(journal)
    return desk.ledger.post(journal) if step.posts is None else desk.ledger.post_hold(step.posts, journal)


def closing(desk: Desk, connection: Any) -> Callable[[date], None]:
    """Close of business for the plans of a desk over a connection."""

    def close(day: date) -> None:
        for each in close_of_business(
            day,
            plans=desk.plans,
            dates=PostgresBusinessDates(connection),
            ledger=desk.ledger,
            terms=lambda _: desk.terms,
            at=datetime.combine(day, time(23), UTC),
            commit=lambda: None,
        ):
            assert each.business_date <= day

    return close


def rows_of_state(scenario: Scenario, state: PlanState) -> tuple[str, ...]:
    """The journals that the fold asks for, and those that the story posts beside them, row by row."""
    beside = [step.journal for step in scenario.steps if step.what == "posted" and step.journal is not None]
    booked = [journal_of(booking, recorded_at=booking.occurred_at) for booking in state.bookings]
    return rows_of([*beside, *booked])


def schedule_rows(state: PlanState) -> tuple[str, ...]:
    """What is open of each instalment: due, principal, interest, fees."""
    return tuple(
        f"{each.due_on} {_plain(each.open_principal)} {_plain(each.open_interest)} {_plain(each.open_fees)}"
        for each in state.instalments
    )


def end_of(state: PlanState, day: date) -> dict[str, Any]:
    """Everything that a scenario may say about where its plan stands."""
    return {
        "on": day,
        "status": state.status.value,
        "outstanding": _plain(state.outstanding),
        "owed": _plain(state.owed),
        "credit_balance": _plain(state.credit_balance),
        "withheld": _plain(state.withheld),
        "refund_payable": _plain(state.refunds_payable),
        "refundable_rest": _plain(state.refundable_rest),
        "disputed": _plain(state.disputed),
        "charged_off": _plain(state.charged_off),
        "discount_earned": _plain(state.discount_earned),
        "payoff": _plain(state.payoff(day).amount),
        "collectable": _plain(state.collectable(day).amount),
        "not_collected_because": [reason.value for reason in state.collectable(day).reasons],
        "days_past_due": state.days_past_due(day),
        "bucket": state.bucket(day).name,
        "schedule_version": state.schedule_version,
    }


def short(account: str) -> str:
    """An account without whose it is.

    >>> [short(each) for each in ("plan:p:principal", "provider:sim:clearing", "rail:card:sim:returns", "inc:discount")]
    ['plan:principal', 'clearing', 'returns', 'inc:discount']
    """
    match account.split(":"):
        case ["plan", _, "deferred_discount"]:
            return "deferred:discount"
        case ["plan" | "merchant" | "shopper" as whose, _, what]:
            return f"{whose}:{what}"
        case ["dispute", _, "receivable" | "payable" as what]:
            return f"dispute:{what}"
        case ["provider", _, what] | ["rail", _, _, what]:
            return what
        case ["bank", _]:
            return "bank"
        case _:
            return account


def rows_of(journals: Iterable[Journal]) -> tuple[str, ...]:
    """Rows by value date; the daily interest of a plan is one row for all days between two other rows of it."""
    found: list[tuple[date, str, str, str, Money]] = []
    for each in sorted(journals, key=lambda each: (each.value_date, each.occurred_at)):
        for transfer in each.transfers:
            row = (each.value_date, each.flow, short(transfer.debit), short(transfer.credit), transfer.amount)
            if each.flow == _BY_THE_CALENDAR and found and found[-1][1] == each.flow:
                row = (*row[:4], row[4] + found.pop()[4])
            found.append(row)
    return tuple(f"{on} {flow} {debit} {credit} {_in_words(amount)}" for on, flow, debit, credit, amount in found)


def _in_words(amount: Money) -> str:
    return _plain(amount) if amount.currency is Currency.GBP else str(amount)


def _plain(amount: Money) -> str:
    return str(amount).split(" ", maxsplit=1)[0]


def _as_expected(step: Step, reasons: Sequence[Any]) -> None:
    if step.refused is None:
        assert not reasons, f"{step.step_id} is refused: {[str(reason) for reason in reasons]}"
        return
    said = [(each.code.value, each.detail) for each in reasons if isinstance(each, PlanRefusal)]
    assert said == [(step.refused.code, step.refused.says)], f"{step.step_id}: {said}"
