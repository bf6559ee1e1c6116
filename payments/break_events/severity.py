"""How grave a break is: as its class says, and one step more for each period past its due day."""

from datetime import date
from enum import StrEnum


class Severity(StrEnum):
    """From least to most grave."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


_STEPS = tuple(Severity)


def severity_on(day: date, due_by: date, *, days: int, starts: Severity, now: Severity) -> Severity:
    """The severity of an open break on a day; it never falls while its class stays.

    It starts as its class says, and rises by a step on the day after its due day and after every further `days`.

    >>> due = date(2026, 3, 10)
    >>> low = {"days": 5, "starts": Severity.LOW, "now": Severity.LOW}
    >>> [severity_on(date(2026, 3, each), due, **low).value for each in (10, 11, 15, 16, 21)]
    ['low', 'medium', 'medium', 'high', 'critical']
    """
    late = (day - due_by).days
    steps = 0 if late <= 0 else 1 + (late - 1) // max(days, 1)
    reached = min(_STEPS.index(starts) + steps, len(_STEPS) - 1)
    return _STEPS[max(reached, _STEPS.index(now))]
