"""Cash against plan: what was due each month, and what came in, from the plans and their events."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from lending.plan import EventKind, Plan, PlanEvent
from tranche.details import CashMonth


class Plans(Protocol):
    """What is needed of the store of plans."""

    def get(self, plan_id: str) -> Plan | None:
        """A plan as agreed."""

    def events(self, plan_id: str) -> tuple[PlanEvent, ...]:
        """What happened to it."""


@dataclass(frozen=True, slots=True)
class Cash:
    """The months up to the last day, and the sums behind them."""

    months: tuple[CashMonth, ...]
    plans: int
    instalments: int
    financed_minor: int
    received_minor: int


def cash_against_plan(plans: Plans, plan_ids: Iterable[str], until: date) -> Cash:
    """Add up the plans' dues and payments up to and including `until`; a returned payment counts against its month."""
    due: dict[str, int] = defaultdict(int)
    came: dict[str, int] = defaultdict(int)
    opened = instalments = financed = 0
    for plan_id in plan_ids:
        plan = plans.get(plan_id)
        if plan is None:
            continue
        opened += 1
        instalments += len(plan.instalments)
        financed += plan.principal.minor
        for instalment in plan.instalments:
            if instalment.due_on <= until:
                due[_month(instalment.due_on)] += instalment.amount.minor
        for event in plans.events(plan_id):
            if event.value_date <= until:
                sign = 1 if event.kind is EventKind.PAID else -1
                came[_month(event.value_date)] += sign * event.amount.minor
    months = tuple(CashMonth(month, due[month], came[month]) for month in sorted({*due, *came}))
    return Cash(months, opened, instalments, financed, sum(came.values()))


def _month(day: date) -> str:
    return f"{day:%Y-%m}"
