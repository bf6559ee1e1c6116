"""Fold a plan and note what each event settled of each instalment, of which the state tells only the sums."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from unittest import mock

from lending.plan import fold as folding
from lending.plan.debt import Debt, Owed
from lending.plan.event import (
    ChargedOff,
    ClaimLost,
    PlanEvent,
    ReAged,
    ReAmortised,
    RefundPaid,
    Terminated,
    WrittenOff,
)
from lending.plan.interest import split_again
from lending.plan.plan import Plan
from lending.plan.running import RunningInstalment, RunningPlan
from lending.plan.state import PlanState
from lending.terms.servicing_terms import ChargeOffInterest, ServicingTerms


@dataclass(slots=True)
class Touch:
    """What one event settled of one instalment."""

    event_id: str
    line: RunningInstalment
    due_on: date
    on: date
    principal: int
    interest: int
    fees: int
    penalties: int

    @property
    def amount(self) -> int:
        return self.principal + self.interest + self.fees + self.penalties


@dataclass(slots=True)
class WatchedFold:
    state: PlanState
    run: RunningPlan
    touches: list[Touch] = field(default_factory=list)
    moved_interest: dict[str, int] = field(default_factory=dict)
    moved_on: dict[str, date] = field(default_factory=dict)
    owed_again: dict[str, int] = field(default_factory=dict)
    emptied_on: dict[str, date] = field(default_factory=dict)


def origin_of(fee_id: str) -> str:
    """The fee that a charge-back made owed again, or the fee itself."""
    return fee_id.partition("/")[0]


def off_the_books(run: RunningPlan, line: RunningInstalment) -> Owed:
    debt = run.charged_off or Debt()
    return debt.parts.get(line.instalment_id, Owed())


def _settled(run: RunningPlan) -> dict[str, tuple[int, int, dict[str, int]]]:
    """What is no longer owed of each instalment, also off the books: principal, interest, and each fee."""
    settled = {}
    for line in run.lines:
        off = off_the_books(run, line)
        fees = {fee.fee_id: fee.paid + fee.gone for fee in line.fees}
        left = off.fees
        for fee in reversed(line.fees):
            fees[fee.fee_id] -= min(left, fee.gone)
            left -= min(left, fee.gone)
        settled[line.instalment_id] = (
            line.repaid + line.credited - off.principal,
            line.interest_paid + line.interest_gone - off.interest,
            fees,
        )
    return settled


_MOVES = (ReAged, ReAmortised)


def _follow_merged(run: RunningPlan, touches: Sequence[Touch], day: date, known: Container[str]) -> None:
    """Let payments of instalments that merged into the last known one by a day be payments of that one."""
    own = [line for line in run.lines if line.due_on <= day]
    last = next((line for line in reversed(own) if line.instalment_id in known), own[-1] if own else None)
    for touch in touches:
        if last is not None and touch.line.due_on > day and not touch.line.paid:
            touch.line = last


def _note_moved(run: RunningPlan, event: PlanEvent, open_before: Mapping[str, int], moved_on: dict[str, date]) -> None:
    """Note the instalments whose debt was moved to new dues."""
    old = [line for line in run.lines if line.instalment_id in open_before]
    moved = [line for line in old if open_before[line.instalment_id]]
    if isinstance(event.body, ReAged):
        moved += [line for line in old if line.due_on > event.value_date]
    if isinstance(event.body, ReAmortised):
        moved = [line for line in moved if line.due_on <= event.value_date]
    moved_on |= {line.instalment_id: event.value_date for line in moved}


def watched_fold(  # noqa: C901 - one act of watching after the other
    plan: Plan, events: Sequence[PlanEvent], terms: ServicingTerms, through: date, penalties: set[str]
) -> WatchedFold:
    """Fold, and note what each event settled of each instalment: the state tells only the sums."""
    touches: list[Touch] = []
    moved_interest: dict[str, int] = {}
    moved_on: dict[str, date] = {}
    owed_again: dict[str, int] = {}
    noted: dict[str, RunningPlan] = {}
    emptied_on: dict[str, date] = {}
    latest: list[date] = []
    apply, split, finish = folding._apply, split_again, folding._state

    def watched(run: RunningPlan, event: PlanEvent) -> None:
        before = _settled(run)
        latest.append(event.value_date)
        open_before = {line.instalment_id: line.claimable for line in run.lines}
        principal_before = {line.instalment_id: line.principal for line in run.lines}
        apply(run, event)
        if isinstance(event.body, ClaimLost | RefundPaid):
            for line in run.lines:
                more = line.principal - principal_before.get(line.instalment_id, 0)
                owed_again[line.instalment_id] = owed_again.get(line.instalment_id, 0) + more
        if isinstance(event.body, _MOVES):
            _note_moved(run, event, open_before, moved_on)
        after = _settled(run)
        merges = isinstance(event.body, ReAged | Terminated) or (
            isinstance(event.body, ChargedOff) and run.terms.charge_off_interest is ChargeOffInterest.ACCELERATED
        )
        if merges:
            _follow_merged(run, touches, event.value_date, open_before)
        for line in run.lines:
            principal, interest, fees = before.get(line.instalment_id, (0, 0, {}))
            principal_after, interest_after, fees_after = after[line.instalment_id]
            fell, interest_fell = principal_after - principal, interest_after - interest
            fee_parts = {fee_id: part - fees.get(fee_id, 0) for fee_id, part in fees_after.items()}
            own_fees = sum(part for fee_id, part in fee_parts.items() if origin_of(fee_id) not in penalties)
            own_penalties = sum(part for fee_id, part in fee_parts.items() if origin_of(fee_id) in penalties)
            if isinstance(event.body, ChargedOff | Terminated):
                continue
            if isinstance(event.body, _MOVES):
                moved_interest[line.instalment_id] = moved_interest.get(line.instalment_id, 0) + interest_fell
            elif (fell or interest_fell or own_fees or own_penalties) and not isinstance(event.body, WrittenOff):
                on = event.value_date
                touches.append(
                    Touch(event.event_id, line, line.due_on, on, fell, interest_fell, own_fees, own_penalties)
                )

    def watched_split(run: RunningPlan) -> None:
        open_before = {line.instalment_id for line in run.lines if line.open}
        split(run)
        for line in run.lines:
            if line.open:
                emptied_on.pop(line.instalment_id, None)
            elif line.instalment_id in open_before:
                emptied_on[line.instalment_id] = latest[-1]

    def finished(run: RunningPlan, *rest: Any) -> PlanState:
        noted["run"] = run
        return finish(run, *rest)

    with (
        mock.patch.object(folding, "_apply", watched),
        mock.patch.object(folding, "split_again", watched_split),
        mock.patch.object(folding, "_state", finished),
    ):
        state = folding.fold(plan, events, terms, through=through)
    return WatchedFold(state, noted["run"], touches, moved_interest, moved_on, owed_again, emptied_on)
