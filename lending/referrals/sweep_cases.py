"""Act: end every case whose time ran out, each in a transaction of its own, and open those that are missing."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from lending.decision.decide_review import ReviewRefused
from lending.referrals.case import ReviewState
from lending.referrals.decide_case import CaseDecider, end_overdue
from lending.referrals.open_case import CaseRefused, open_missing


@dataclass(frozen=True, slots=True)
class SweptCase:
    """What became of an overdue case: `escalated`, `declined`, or `left` with the reason in `detail`."""

    case_id: str
    became: str
    detail: str


@dataclass(frozen=True, slots=True)
class CaseSweep:
    """The overdue cases, and how many referred decisions got the case that they lacked."""

    swept: tuple[SweptCase, ...]
    opened: int

    @property
    def left(self) -> tuple[SweptCase, ...]:
        return tuple(each for each in self.swept if each.became == "left")


def sweep_cases(deciders: Callable[[], AbstractContextManager[CaseDecider]]) -> CaseSweep:
    """End what is overdue now. Sent again, it changes nothing. `deciders` gives one database transaction each time."""
    with deciders() as decider:
        desk = decider.desk
        opened = open_missing(cases=desk.cases, terms=desk.terms, at=desk.at)
        overdue = tuple(desk.cases.overdue(desk.at))
    return CaseSweep(tuple(_swept(overdue, deciders)), opened)


def _swept(
    overdue: tuple[str, ...], deciders: Callable[[], AbstractContextManager[CaseDecider]]
) -> Iterator[SweptCase]:
    for case_id in overdue:
        with deciders() as decider:
            answer = end_overdue(case_id, decider)
        match answer:
            case CaseRefused(_, detail):
                yield SweptCase(case_id, "left", detail)
            case ReviewRefused(objections):
                yield SweptCase(case_id, "left", "; ".join(each.detail for each in objections))
            case done if done.stands.state is ReviewState.DECIDED:
                yield SweptCase(case_id, "declined", f"by {done.stands.outcome_id}")
            case done:
                yield SweptCase(case_id, "escalated", f"to {done.stands.queue}, due {done.stands.due_at.isoformat()}")


def sweep_tree(sweep: CaseSweep) -> dict[str, Any]:
    """The sweep as plain values."""
    rows = [{"case_id": each.case_id, "became": each.became, "detail": each.detail} for each in sweep.swept]
    return {"opened": sweep.opened, "cases": rows}
