"""Labels of loans: which outcomes count as default, and when they were known. Sole reader of `curated.loan_outcomes`.

An outcome may have no date (Berka's status has none). It is then unknown whether it was known at the time of training,
and reports of the figures must say so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from models.tables import TableReading, TrainingTables
from terminal.fault import Fault

if TYPE_CHECKING:
    import pandas as pd

OUTCOMES = "curated.loan_outcomes"
DEFAULTED = {"finished_unpaid": True, "running_in_debt": True, "finished_paid": False, "running_ok": False}


class LabelFault(Fault):
    """The outcomes contradict each other or speak of a status that has no meaning here."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Whether each loan defaulted, by loan id, from `dated` outcomes with a date and `undated` without."""

    bad: dict[str, bool]
    dated: int
    undated: int
    not_yet_known: int
    reading: TableReading


def read_outcome_labels(tables: TrainingTables, known_by: date | None = None) -> Labels:
    """The newest outcome of each loan, among those recorded by the end of `known_by`; all outcomes without it.

    Undated outcomes always count, because no date excludes them; a loan with one may have no other outcome. Raises
    LabelFault for an unknown status or contradicting outcomes.
    """
    reading = tables.read(OUTCOMES, ["loan_id", "status", "recorded_at"])
    end = None if known_by is None else datetime.combine(known_by + timedelta(days=1), time.min, UTC)
    newest: dict[str, tuple[datetime | None, str]] = {}
    not_yet_known = 0
    for loan_id, status, recorded_at in _rows(reading.frame):
        if status not in DEFAULTED:
            raise LabelFault(
                f"{OUTCOMES}: loan {loan_id} has status {status!r}, expected one of {', '.join(DEFAULTED)}"
            )
        if end is not None and recorded_at is not None and recorded_at >= end:
            not_yet_known += 1
            continue
        newest[loan_id] = _newer(loan_id, newest.get(loan_id), (recorded_at, status))
    dated = sum(recorded_at is not None for recorded_at, _ in newest.values())
    bad = {loan_id: DEFAULTED[status] for loan_id, (_, status) in sorted(newest.items())}
    return Labels(bad, dated, len(newest) - dated, not_yet_known, reading)


def _newer(
    loan_id: str, known: tuple[datetime | None, str] | None, other: tuple[datetime | None, str]
) -> tuple[datetime | None, str]:
    if known is None or known == other:
        return other
    if known[0] is None or other[0] is None or known[0] == other[0]:
        raise LabelFault(
            f"{OUTCOMES}: loan {loan_id} is both {known[1]} and {other[1]}, and no date says which came last"
        )
    return max(known, other, key=lambda outcome: outcome[0] or datetime.min.replace(tzinfo=UTC))


def _rows(frame: pd.DataFrame) -> list[tuple[str, str, datetime | None]]:
    recorded = [None if moment != moment or moment is None else moment for moment in frame["recorded_at"]]  # noqa: PLR0124 - NaT
    return list(zip(frame["loan_id"].tolist(), frame["status"].tolist(), recorded, strict=True))
