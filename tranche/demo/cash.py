"""Cash against plan: the amounts due and received each month, from the plans and their events."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from lending.plan.event import Paid, PlanEvent, Returned
from lending.servicing.log import PlanHistory
from tranche.report.details import CashMonth


class PlanHistories(Protocol):
    """The part of the store of plans that is needed here."""

    def histories(self, plan_ids: Iterable[str]) -> Mapping[str, PlanHistory]:
        """Plans as agreed, with their events."""


@dataclass(frozen=True, slots=True)
class Cash:
    """The months up to the last day, and the totals."""

    months: tuple[CashMonth, ...]
    plans: int
    instalments: int
    financed_minor: int
    received_minor: int


def cash_against_plan(plans: PlanHistories, plan_ids: Iterable[str], until: date) -> Cash:
    """Add up the plans' dues and payments up to and including `until`; a returned payment counts against its month."""
    due: dict[str, int] = defaultdict(int)
    came: dict[str, int] = defaultdict(int)
    opened = instalments = financed = 0
    for history in plans.histories(plan_ids).values():
        plan = history.plan
        opened += 1
        instalments += len(plan.instalments)
        financed += plan.principal.minor
        for instalment in plan.instalments:
            if instalment.due_on <= until:
                due[_month(instalment.due_on)] += instalment.amount.minor
        for day, minor in _moved(history.events):
            if day <= until:
                came[_month(day)] += minor
    months = tuple(CashMonth(month, due[month], came[month]) for month in sorted({*due, *came}))
    return Cash(months, opened, instalments, financed, sum(came.values()))


def _moved(events: Sequence[PlanEvent]) -> Iterator[tuple[date, int]]:
    """Each payment and each return of one, with its day."""
    paid = {event.event_id: event.body.amount.minor for event in events if isinstance(event.body, Paid)}
    for event in events:
        match event.body:
            case Paid(amount=amount):
                yield event.value_date, amount.minor
            case Returned(payment_event_id=payment):
                yield event.value_date, -paid[payment]
            case _:
                continue


def _month(day: date) -> str:
    return f"{day:%Y-%m}"
