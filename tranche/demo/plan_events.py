"""Which kinds of plan event happened in a run: how often, by which door, and to which plan first."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from ledger.books.postgres import connect
from lending.acts.charge_off_by_rule import CLOSE_OF_BUSINESS
from lending.plan.event import KINDS, PaymentChannel
from tranche.report.summary import KindSeen
from tranche.settings import CHECKOUT

_EVENTS = "SELECT kind, event_id, plan_id, body ->> 'channel' FROM lending.plan_events ORDER BY position"
_NOT_REACHED = re.compile(r"^\| event \| `([^`]+)` \|", re.MULTILINE)

# By the beginning of an event's id, which follows from what caused it.
_DOORS = {
    f"act:{CLOSE_OF_BUSINESS}.": "close_of_business",
    "act:": "act",
    "opened:": "acceptance",
    "shipped:": "shipment",
    "returned:": "reconciliation",
    "refunded:": "refund",
    "refund-": "refund_payment",
    "claim:": "disputes_file",
    "recovered:": "agency_file",
    "credit-": "collection",
}
_CHANNELS = {
    PaymentChannel.CHECKOUT: "acceptance",
    PaymentChannel.CREDIT: "credit",
    PaymentChannel.TRANSFER: "reconciliation",
}


def kinds_seen(database_url: str, not_reached: Iterable[str]) -> dict[str, KindSeen]:
    """Every kind of plan event, with none for those that did not happen; those that nothing reaches are left out."""
    with connect(database_url) as connection:
        rows = connection.execute(_EVENTS).fetchall()
    first: dict[str, str] = {}
    doors: dict[str, Counter[str]] = {kind: Counter() for kind in sorted(KINDS)}
    for kind, event_id, plan_id, channel in rows:
        first.setdefault(kind, plan_id)
        doors[kind][door_of(event_id, channel)] += 1
    seen = {kind: KindSeen(by.total(), dict(sorted(by.items())), first.get(kind)) for kind, by in doors.items()}
    return {kind: each for kind, each in seen.items() if each.count or kind not in set(not_reached)}


def door_of(event_id: str, channel: str | None) -> str:
    """The door by which an event came in.

    >>> [door_of(each, "attempt") for each in ("act:desk-agent.k-1", "paid:p-1/2#1", "paid:p-1/pay/k-1#1")]
    ['act', 'collection', 'payment']
    """
    for beginning, door in _DOORS.items():
        if event_id.startswith(beginning):
            return door
    by_channel: Mapping[str, str] = {each.value: door for each, door in _CHANNELS.items()}
    return by_channel.get(channel or "", "payment" if "/pay/" in event_id else "collection")


def not_reached_kinds(page: Path = CHECKOUT / "docs" / "not-reached.md") -> frozenset[str]:
    """The kinds that the page on what is not reached lists; none where there is no such page."""
    return frozenset(_NOT_REACHED.findall(page.read_text(encoding="utf-8"))) if page.exists() else frozenset()
