"""A checkpoint: the fold of a plan's first events, kept so that later events are folded from there."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from lending.plan.event import (
    ClaimLost,
    ClaimOpened,
    ClaimWon,
    CreditRefunded,
    Disputed,
    DisputeSettled,
    Opened,
    Paid,
    PaidOff,
    PlanEvent,
    Recovered,
    Refunded,
    RefundPaid,
    Returned,
    Reversed,
)
from lending.plan.run_data import RunData
from lending.terms.servicing_terms import ServicingTerms

Place = tuple[date, bool, datetime, str]

_RULES = ("lending.plan", "lending.schedule", "lending.terms", "ledger.map", "ledger")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The fold of the first `count` events of a plan's log, none of which counts after `last`.

    `rules`: the digest of the code and the terms that made it; under others it is void. `log_end`: the id of the last
    of these events in the log. `mentioned`: payments, cases and refunds that these events bring or refer to.
    `known`: their kinds by id, without reversed ones.
    """

    rules: str
    count: int
    log_end: str
    last: Place
    mentioned: frozenset[str]
    known: Mapping[str, str]
    run: RunData

    def holds(self, later: Sequence[PlanEvent], rules: str) -> bool:
        """Whether the fold of all events begins with this one, if these are the events after it in the log."""
        return self.rules == rules and divides(self.last, self.mentioned, later)

    def text(self) -> str:
        """All but `rules` and `count`, as JSON."""
        day, not_opening, at, event_id = self.last
        return json.dumps(
            {
                "log_end": self.log_end,
                "last": [day.isoformat(), not_opening, at.isoformat(), event_id],
                "mentioned": sorted(self.mentioned),
                "known": dict(self.known),
                "attributes": dict(self.run.attributes),
                "objects": self.run.objects,
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )


def checkpoint_of(rules: str, count: int, text: str) -> Checkpoint:
    """The checkpoint whose text this is."""
    kept = json.loads(text)
    day, not_opening, at, event_id = kept["last"]
    last = date.fromisoformat(day), not_opening, datetime.fromisoformat(at), event_id
    run = RunData(kept["attributes"], kept["objects"])
    return Checkpoint(rules, count, kept["log_end"], last, frozenset(kept["mentioned"]), kept["known"], run)


def divides(last: Place, mentioned: AbstractSet[str], later: Sequence[PlanEvent]) -> bool:
    """Whether later events leave those before them as they are: none counts earlier, reverses one or is referred to."""
    ours = {event.event_id for event in later}
    undone = (event.body.reversed_event_id for event in later if isinstance(event.body, Reversed))
    return (
        all(place_of(event) > last for event in later)
        and ours.issuperset(undone)
        and mentioned.isdisjoint(each for event in later for each in brings(event))
    )


def place_of(event: PlanEvent) -> Place:
    """The place of an event in the order of the fold, if it refers to no later one."""
    return event.value_date, not isinstance(event.body, Opened), event.occurred_at, event.event_id


def brings(event: PlanEvent) -> Iterator[str]:
    """What an event brings that others may refer to, or that may be there only once."""
    match event.body:
        case Paid(payment_id=payment_id) | PaidOff(payment_id=payment_id) | Recovered(payment_id=payment_id):
            yield f"payment:{payment_id}"
            held = event.body.held if isinstance(event.body, Paid) else None
            if held is not None:
                yield f"hold:{held.hold_id}"
        case ClaimOpened(case_id=case_id) | Disputed(case_id=case_id):
            yield f"case:{case_id}"
        case Refunded(refund_id=refund_id) | CreditRefunded(refund_id=refund_id):
            yield f"refund:{refund_id}"
        case DisputeSettled(case_id=case_id):
            yield f"refund:{case_id}"
    yield f"event:{event.event_id}"


def ids_brought_or_meant(event: PlanEvent) -> Iterator[str]:
    """What an event brings or refers to; its own id is left out, as no other event can have it."""
    yield from (each for each in brings(event) if each != f"event:{event.event_id}")
    match event.body:
        case Returned(payment_event_id=paid) | ClaimOpened(payment_event_id=paid):
            yield f"event:{paid}"
        case ClaimWon(case_id=case_id) | ClaimLost(case_id=case_id) | DisputeSettled(case_id=case_id):
            yield f"case:{case_id}"
        case RefundPaid(refund_id=refund_id):
            yield f"refund:{refund_id}"


@lru_cache(maxsize=1_000)
def rules_of(terms: ServicingTerms) -> str:
    """The digest of everything but the plan and its events on which the fold depends: its code and the terms."""
    return hashlib.sha256(f"{_code()}\n{_stated(terms)}".encode()).hexdigest()


@cache
def _code() -> str:
    digest = hashlib.sha256()
    for package in _RULES:
        for file in sorted(files(package).iterdir(), key=lambda each: each.name):
            if file.name.endswith((".py", ".toml")) and file.is_file():
                digest.update(f"{package}/{file.name}\n".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()


def _stated(value: Any) -> str:
    """A value of the terms as text that depends on nothing else; sets are put in order."""
    if is_dataclass(value) and not isinstance(value, type):
        inner = ",".join(f"{each.name}={_stated(getattr(value, each.name))}" for each in fields(value))
        return f"{type(value).__name__}({inner})"
    if isinstance(value, frozenset | set):
        return f"{{{','.join(sorted(map(_stated, value)))}}}"
    if isinstance(value, tuple | list):
        return f"({','.join(map(_stated, value))})"
    if isinstance(value, Mapping):
        return f"[{','.join(sorted(f'{_stated(key)}:{_stated(each)}' for key, each in value.items()))}]"
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    return f"{type(value).__name__}:{value}"
