"""How reviews go: outcomes by queue, time to a decision, and how often people differ from the policy and each other.

A review that never changes anything is not one: the rate of changed decisions is what shows that it is meaningful.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from lending.referrals.case import CaseCause, CaseEventKind, CaseStanding, ReviewState
from lending.terms.review_terms import ReviewVerdict


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """The cases of one cause that were opened in a queue.

    `overturned` are contested decisions that a person changed; `second_agreed` and `second_refused` count second looks.
    Hours run from the opening to the decision; None when nothing was decided by a person.
    """

    queue: str
    cause: CaseCause
    opened: int
    undecided: int
    overdue: int
    approved: int
    declined: int
    expired: int
    overturned: int
    second_agreed: int
    second_refused: int
    median_hours: Fraction | None
    p90_hours: Fraction | None

    @property
    def approval_rate(self) -> Fraction | None:
        """The share of a person's decisions that approve: of referred cases, or of contested ones the overrides."""
        return _share(self.approved, self.approved + self.declined)

    @property
    def agreement_rate(self) -> Fraction | None:
        """The share of second looks that agree with the first."""
        return _share(self.second_agreed, self.second_agreed + self.second_refused)


def review_figures(cases: Iterable[CaseStanding], at: datetime) -> tuple[QueueFigures, ...]:
    """The figures of each queue and cause, in the order of their names."""
    by_queue: dict[tuple[str, CaseCause], list[CaseStanding]] = {}
    for stands in cases:
        by_queue.setdefault((stands.case.queue, stands.case.cause), []).append(stands)
    return tuple(_figures(queue, cause, of_queue, at) for (queue, cause), of_queue in sorted(by_queue.items()))


def figures_tree(figures: Sequence[QueueFigures]) -> list[dict[str, Any]]:
    """The figures as plain values; rates and hours with two digits after the point."""
    return [
        {
            "queue": each.queue,
            "cause": each.cause.value,
            "opened": each.opened,
            "undecided": each.undecided,
            "overdue": each.overdue,
            "approved": each.approved,
            "declined": each.declined,
            "expired": each.expired,
            "overturned": each.overturned,
            "approval_rate": _two_digits(each.approval_rate),
            "second_agreed": each.second_agreed,
            "second_refused": each.second_refused,
            "agreement_rate": _two_digits(each.agreement_rate),
            "median_hours": _two_digits(each.median_hours),
            "p90_hours": _two_digits(each.p90_hours),
        }
        for each in figures
    ]


def _figures(queue: str, cause: CaseCause, cases: Sequence[CaseStanding], at: datetime) -> QueueFigures:
    verdicts = [each.verdict for each in cases]
    by_people = [each for each in cases if each.verdict in (ReviewVerdict.APPROVED, ReviewVerdict.DECLINED)]
    seconds = sorted(
        int((each.decided_at - each.case.opened_at).total_seconds())
        for each in by_people
        if each.decided_at is not None
    )
    approved = verdicts.count(ReviewVerdict.APPROVED)
    return QueueFigures(
        queue=queue,
        cause=cause,
        opened=len(cases),
        undecided=sum(each.state is not ReviewState.DECIDED for each in cases),
        overdue=sum(each.overdue_at(at) for each in cases),
        approved=approved,
        declined=verdicts.count(ReviewVerdict.DECLINED),
        expired=verdicts.count(ReviewVerdict.EXPIRED),
        overturned=approved if cause is CaseCause.CONTESTED else 0,
        second_agreed=sum(bool(each.events) and each.events[-1].body.get("second") is not None for each in cases),
        second_refused=sum(event.kind is CaseEventKind.SECOND_LOOK_REFUSED for each in cases for event in each.events),
        median_hours=_hours(seconds, Fraction(1, 2)),
        p90_hours=_hours(seconds, Fraction(9, 10)),
    )


def _hours(seconds: Sequence[int], share: Fraction) -> Fraction | None:
    """The hours within which this share was decided."""
    if not seconds:
        return None
    place = -(-len(seconds) * share.numerator // share.denominator)
    return Fraction(seconds[max(place, 1) - 1], 3600)


def _share(part: int, whole: int) -> Fraction | None:
    return Fraction(part, whole) if whole else None


def _two_digits(number: Fraction | None) -> str | None:
    if number is None:
        return None
    hundredths = round(number * 100)
    return f"{hundredths // 100}.{hundredths % 100:02}"
