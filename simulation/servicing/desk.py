"""The servicing desk of the seeded world: it finds a plan for each case, and does what is wanted of it day by day.

It works through the platform's doors alone: the API with the keys of its staff, the provider's file of disputes and a
collection agency's file. It records no event and posts no entry itself.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from ledger.money import Currency, Money
from payments.disputes.dispute_file import COLUMNS as DISPUTE_COLUMNS
from payments.files.control_file import write_controlled
from payments.recoveries.recovery_file import COLUMNS as RECOVERY_COLUMNS
from simulation.outside import Outside
from simulation.servicing.case import CaseStep, Door, PlanSeen, ServicingCase
from simulation.servicing.cases import CASES
from simulation.servicing.counter import ServiceCounter

OPENS_AT = time(10)


@dataclass(frozen=True, slots=True)
class ServedPlan:
    """A case and the plan that it has found. `unshipped_minor`: the part of the order that is still to be shipped."""

    case: ServicingCase
    plan_id: str
    shopper_id: str
    opened_on: date
    unshipped_minor: int = 0


@dataclass(frozen=True, slots=True)
class DeskFiles:
    """The files that came from outside on a day, for the commands that take them."""

    disputes: Path | None
    recoveries: Path | None


@dataclass(slots=True)
class ServicingDesk:
    """The cases and their plans. `folder` receives the files; `accepts` counts the offers that each shopper accepts."""

    folder: Path
    habits: Mapping[str, str]
    served: list[ServedPlan] = field(default_factory=list)
    plans: dict[str, list[str]] = field(default_factory=dict)

    def case_for(self, product: str, shopper_id: str, *, two_plans: bool) -> ServicingCase | None:
        """The first case without a plan that fits one of this shopper; None if there is none."""
        taken = {each.case.name for each in self.served}
        habit = self.habits[shopper_id]
        fitting = (each for each in CASES if each.fits(product, habit, two_plans=two_plans))
        return next((each for each in fitting if each.name not in taken), None)

    def opened(self, plan_id: str, shopper_id: str) -> None:
        """A plan was opened, whether a case takes it or not."""
        self.plans.setdefault(shopper_id, []).append(plan_id)

    def take(self, served: ServedPlan) -> None:
        """Let a case have this plan."""
        self.served.append(served)

    @property
    def without_a_plan(self) -> tuple[str, ...]:
        """The cases that found no plan."""
        taken = {each.case.name for each in self.served}
        return tuple(each.name for each in CASES if each.name not in taken)

    def wanted_on(self, day: date) -> list[tuple[ServedPlan, CaseStep]]:
        """The steps of a day, in the order of the cases' plans."""
        return [
            (each, step)
            for each in self.served
            for step in each.case.steps
            if each.opened_on + timedelta(days=step.after_days) == day
        ]

    def serve(self, day: date, counter: ServiceCounter, world: Outside) -> DeskFiles:
        """Do what is wanted on a day. Doing a day again changes nothing more."""
        disputes, recoveries = list[Mapping[str, Any]](), list[Mapping[str, Any]]()
        for served, step in self.wanted_on(day):
            seen = counter.see(
                served.plan_id,
                day,
                unshipped_minor=served.unshipped_minor,
                other_plan_id=next((each for each in self.plans[served.shopper_id] if each != served.plan_id), None),
            )
            if step.door is Door.CLAIM:
                disputes.append(_claim(served, step, seen, world))
            elif step.door is Door.REMITTANCE:
                recoveries.append(_remittance(served, step, seen))
            else:
                _done(served, step, seen, counter, world)
        return DeskFiles(
            _written(self.folder / f"disputes-{day}.csv", DISPUTE_COLUMNS, disputes),
            _written(self.folder / f"recoveries-{day}.csv", RECOVERY_COLUMNS, recoveries),
        )


def opens_at(day: date, zone: Any) -> datetime:
    """The moment of a day at which the desk works."""
    return datetime.combine(day, OPENS_AT, zone)


def _done(served: ServedPlan, step: CaseStep, seen: PlanSeen, counter: ServiceCounter, world: Outside) -> None:
    """One step that goes through the API, or that happens outside."""
    plan_id, body = served.plan_id, step.wanted(seen)
    key = f"{step.after_days}-{served.plan_id[-20:]}"
    match step.door:
        case Door.ACT:
            assert step.by is not None, f"{step.name} is somebody's"
            counter.act(seen, step.name, step.by, body | {"reason": step.why}, key)
        case Door.PAYMENT:
            assert step.by is not None, f"{step.name} is somebody's"
            counter.pay(plan_id, step.by, body, key)
        case Door.SHIPMENT:
            assert step.by is not None, f"{step.name} is somebody's"
            counter.ship(seen, step.by, body, key)
        case Door.HABIT:
            world.know(
                [
                    {
                        "account_id": served.shopper_id,
                        "shopper_id": served.shopper_id,
                        "kind": step.name,
                        "from_instalment": seen.next_number,
                    }
                ]
            )
        case Door.TRANSFER:
            amount = Money(body["amount_minor"], Currency(body["currency"]))
            world.pay_in(_reference(served), amount, _reference(served), "collection agency", seen.on)
        case Door.CLAIM | Door.REMITTANCE:
            raise AssertionError(f"{step.door} comes by a file")


def _claim(served: ServedPlan, step: CaseStep, seen: PlanSeen, world: Outside) -> Mapping[str, Any]:
    """The provider's notice of a claim on the plan's newest payment."""
    case_id, attempt_id = f"cb-{served.plan_id}", seen.newest_attempt
    said = dict(world.claim(case_id, step.name, attempt_id, seen.on))
    return said | {"route": "card", "fee_minor": "", "cash_back": ""}


def _remittance(served: ServedPlan, step: CaseStep, seen: PlanSeen) -> Mapping[str, Any]:
    """The agency's row for the transfer that it made."""
    about = {"recovery_id": _reference(served), "plan_id": served.plan_id, "reference": _reference(served)}
    return step.wanted(seen) | about | {"told_on": seen.on.isoformat()}


def _reference(served: ServedPlan) -> str:
    return f"agency-{served.plan_id}"


def _written(path: Path, columns: tuple[str, ...], rows: Iterable[Mapping[str, Any]]) -> Path | None:
    kept = list(rows)
    if not kept:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    write_controlled(path, columns, kept)
    return path
