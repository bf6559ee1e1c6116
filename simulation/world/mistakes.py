"""Faults of the bank feeds, planted with labels so that their detection can be verified."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from simulation.world.events import Event
from simulation.world.period import iso

BREAKAGES: tuple[tuple[str, object], ...] = (
    ("purpose", "lottery"),
    ("amount_minor", -500),
    ("booked_on", None),
    ("currency", "GB"),
    ("direction", "sideways"),
    ("operation", "barter"),
)
"""A column and its value in a malformed event; None means that the column is missing."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """The label of a planted contract breach: the event, and its faulty column."""

    event_id: str
    column: str


@dataclass(frozen=True, slots=True)
class Late:
    """The label of a planted delay: the event happened before `as_of` and was recorded after it."""

    event_id: str
    account_id: str
    as_of: str
    occurred_at: str
    recorded_at: str


def sent_twice(chance: random.Random, events: Sequence[Event], count: int) -> list[Event]:
    """Draw events that a bank sends twice, byte for byte the same."""
    return [dict(event) for event in chance.sample(list(events), count)]


def malformed(chance: random.Random, events: Sequence[Event], count: int) -> tuple[list[Event], list[Malformed]]:
    """Further events, each a copy of a real one with its own id and one breach of the contract, with their labels."""
    broken: list[Event] = []
    labels: list[Malformed] = []
    for number, event in enumerate(chance.sample(list(events), count)):
        column, value = BREAKAGES[number % len(BREAKAGES)]
        event_id = f"{event['event_id']}:malformed"
        copy = dict(event) | {"event_id": event_id, column: value}
        if value is None:
            del copy[column]
        broken.append(copy)
        labels.append(Malformed(event_id, column))
    return broken, labels


def delay(
    chance: random.Random, events: Sequence[Event], as_of_by_account: dict[str, datetime], count: int
) -> tuple[dict[str, Event], list[Late]]:
    """Delay the newest event of `count` accounts before their `as_of`, to weeks after it.

    Returns the delayed events by id, and their labels. The newest event is chosen because then the age of the newest
    row shows whether a feature used it.
    """
    newest: dict[str, Event] = {}
    for event in events:
        account_id = str(event["account_id"])
        limit = iso(as_of_by_account[account_id]) if account_id in as_of_by_account else ""
        seen = str(event["recorded_at"]) <= limit and str(event["occurred_at"]) < limit
        if seen and _order(event) > _order(newest.get(account_id)):
            newest[account_id] = event
    delayed: dict[str, Event] = {}
    labels: list[Late] = []
    for account_id in sorted(chance.sample(sorted(newest), count)):
        as_of = as_of_by_account[account_id]
        event = newest[account_id] | {"recorded_at": iso(as_of + timedelta(days=chance.randint(9, 30)))}
        event_id = str(event["event_id"])
        delayed[event_id] = event
        labels.append(Late(event_id, account_id, iso(as_of), str(event["occurred_at"]), str(event["recorded_at"])))
    return delayed, labels


def _order(event: Event | None) -> tuple[str, int]:
    return ("", 0) if event is None else (str(event["occurred_at"]), int(str(event["sequence"])))
