"""Act: which feeds are late. When a feed is due is learned from when it came before.

A feed is what one source sends of one event type. It comes in batches; the time from one to the next that it kept in
nineteen of twenty cases is what it is held to, and what its contract agrees on while there is too little history.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from data_contracts.catalog import event_contracts
from pipelines.lake import raw
from pipelines.lake.table import Tables

# Arrivals that history is learned from, at most and at least.
MOST_ARRIVALS, FEWEST_ARRIVALS = 60, 8


@dataclass(frozen=True, slots=True)
class Agreed:
    """How often a contract says that its feed comes, and how much later than that is still in time."""

    frequency: timedelta
    latency: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Feed:
    """When a feed came last, by when it is due again and whether that moment has passed.

    `learned_from` says where the due time comes from: `history`, `contract`, or nothing at all.
    """

    source: str
    event_type: str
    last_arrival: datetime
    expected_by: datetime | None
    learned_from: str | None
    is_late: bool


def feeds(tables: Tables, agreed: Mapping[str, Agreed], at: datetime) -> tuple[Feed, ...]:
    """Every feed that ever came, as it stands at that time; what arrived later is not known then."""
    found = []
    for (source, event_type), arrivals in sorted(_arrivals(tables).items()):
        known = [arrival for arrival in arrivals if arrival <= at]
        if known:
            found.append(judged_feeds(source, event_type, known, agreed.get(event_type), at))
    return tuple(found)


def judged_feeds(
    source: str, event_type: str, arrivals: Iterable[datetime], agreed: Agreed | None, at: datetime
) -> Feed:
    """One feed at that time; the very moment it is due is still in time."""
    known = sorted(arrivals)
    expected, learned_from = expected_by(known, agreed)
    return Feed(source, event_type, known[-1], expected, learned_from, is_late=expected is not None and at > expected)


def expected_by(arrivals: Sequence[datetime], agreed: Agreed | None) -> tuple[datetime | None, str | None]:
    """By when the next arrival is due after these, in order of time, and where that is known from.

    >>> days = [datetime(2026, 1, day, 6, tzinfo=UTC) for day in range(1, 11)]
    >>> expected_by(days, None)
    (datetime.datetime(2026, 1, 11, 6, 0, tzinfo=datetime.timezone.utc), 'history')
    """
    late = timedelta(0) if agreed is None else agreed.latency
    recent = arrivals[-MOST_ARRIVALS:]
    if len(recent) >= FEWEST_ARRIVALS:
        gaps = sorted(later - earlier for earlier, later in pairwise(recent))
        # The nearest rank: the smallest gap that at least 95 % of all gaps do not pass.
        return recent[-1] + gaps[-(-95 * len(gaps) // 100) - 1] + late, "history"
    if agreed is not None:
        return arrivals[-1] + agreed.frequency + late, "contract"
    return None, None


def agreements() -> dict[str, Agreed]:
    """What the contracts say of how often their feeds come, by event type."""
    found = {}
    for event_type, contract in event_contracts().items():
        frequency, latency = contract.terms.frequency, contract.terms.latency
        if frequency is not None:
            late = timedelta(0) if latency is None else timedelta(hours=latency.hours)
            found[event_type] = Agreed(timedelta(hours=frequency.hours), late)
    return found


def _arrivals(tables: Tables) -> dict[tuple[str, str], list[datetime]]:
    """The ends of the batches that brought a feed something. A redriven row keeps its own batch, and is no arrival."""
    found: dict[tuple[str, str], list[datetime]] = {}
    for name, contract in raw.event_tables().items():
        newest = tables.newest(name)
        if newest is None:
            continue
        rows = tables.read(name, ["source", "until"], snapshot_id=newest.snapshot_id, equal={})
        for row in rows.group_by(["source", "until"]).aggregate([]).to_pylist():
            arrived = datetime.fromtimestamp(row["until"] / 1000, UTC)
            found.setdefault((row["source"], contract.event_type), []).append(arrived)
    return found
