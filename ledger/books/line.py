"""A request to the books: whether it may be asked at all, what it refers to, and the line that it would record."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache

from ledger.account import AccountType
from ledger.books.store import Act, Asked, Conflict, Entry, Hold, Request, Reversal, UnknownEntry, UnknownHold, Void
from ledger.journal import Journal
from ledger.map.flow import Flow
from ledger.map.flows import NotOnTheMap, admit, admit_free, money_map
from ledger.money import Money
from ledger.transfer import Transfer

REVERSAL_FLOW = Flow.REVERSED
_REVERSAL_VERSION = 1
_ADMITTED: set[tuple[object, ...]] = set()  # of the shapes on the map, which are a few hundred


@dataclass(slots=True)
class Target:
    """A recorded entry that a request refers to; of a hold, what is left of each transfer."""

    entry: Entry
    remaining: list[int]
    voided: bool = False
    reversed_by: str | None = None

    @property
    def journal(self) -> Journal:
        return self.entry.journal

    def hold(self) -> Hold:
        """The hold as the books show it."""
        amounts = zip(self.remaining, self.journal.transfers, strict=True)
        left = tuple(Money(minor, transfer.amount.currency) for minor, transfer in amounts)
        return Hold(self.journal.entry_id, self.journal, self.entry.expires_at, left, self.voided)


@dataclass(slots=True)
class Line:
    """A request as it is recorded, whatever it asked for."""

    act: Act
    entry_id: str
    flow: str
    template_version: int
    value_date: date
    original_date: date | None
    occurred_at: datetime
    recorded_at: datetime
    correlation: Mapping[str, str]
    refers: str | None
    corrects: str | None
    expires_at: datetime | None
    reason: str
    transfers: tuple[Transfer, ...]

    def body(self) -> dict[str, str]:
        """What makes two requests under one id the same, as texts, in the order in which a difference is named.

        When we first knew of it and the template's version are left out: the first recording stands, and a template
        that now writes other transfers is caught by these.
        """
        return {
            **header(
                act=str(self.act),
                refers=self.refers,
                corrects=self.corrects,
                expires_at=self.expires_at,
                flow=self.flow,
                value_date=self.value_date,
                original_date=self.original_date,
                occurred_at=self.occurred_at,
                correlation=self.correlation,
                reason=self.reason,
            ),
            "transfers": self.transfers_text(),
        }

    def transfers_text(self) -> str:
        """A line per transfer: debit, credit, currency and amount, as the digest of a request has them."""
        return "".join(
            [f"{each.debit}\t{each.credit}\t{each.amount.currency}\t{each.amount.minor}\n" for each in self.transfers]
        )

    def journal(self) -> Journal:
        """The journal that is recorded; a voiding has none."""
        return Journal(
            entry_id=self.entry_id,
            flow=self.flow,
            template_version=self.template_version,
            value_date=self.value_date,
            occurred_at=self.occurred_at,
            recorded_at=self.recorded_at,
            correlation=self.correlation,
            transfers=self.transfers,
            original_date=self.original_date,
            corrects=self.corrects,
        )


def header(
    *,
    act: str,
    refers: str | None,
    corrects: str | None,
    expires_at: datetime | None,
    flow: str,
    value_date: date,
    original_date: date | None,
    occurred_at: datetime,
    correlation: Mapping[str, str],
    reason: str,
) -> dict[str, str]:
    """The body of a request without its transfers, as texts."""
    return {
        "act": act,
        "reference": refers or "",
        "corrects": corrects or "",
        "expires_at": "" if expires_at is None else _instant(expires_at),
        "flow": flow,
        "value_date": value_date.isoformat(),
        "original_date": "" if original_date is None else original_date.isoformat(),
        "occurred_at": _instant(occurred_at),
        "correlation": json.dumps(dict(sorted(correlation.items())), ensure_ascii=False),
        "reason": reason,
    }


def difference(known: Mapping[str, str], arriving: Mapping[str, str]) -> str | None:
    """The first field in which two bodies under one id differ."""
    return next((field for field in arriving if known[field] != arriving[field]), None)


def check_batch(requests: Iterable[Asked]) -> None:
    """Refuse a batch with a request off the map, or with one id for two contents; raises NotOnTheMap, Conflict."""
    first: dict[str, Asked] = {}
    for request in requests:
        if isinstance(request, Request):
            _admit(request)
        one = first.setdefault(request.entry_id, request)
        if one is request or isinstance(request, Void):
            continue
        if isinstance(one, Request) and isinstance(request, Request):
            found = difference(line_of(one, {}).body(), line_of(request, {}).body())
        else:
            found = None if one == request else "act" if type(one) is not type(request) else "value_date"
        if found is not None:
            raise Conflict(request.entry_id, found)


def references(request: Asked) -> tuple[str, ...]:
    """The ids of the recorded entries that a request is about."""
    if isinstance(request, Void):
        return (request.hold_id,)
    if isinstance(request, Reversal):
        return (request.reverses,)
    if request.hold_id is not None:
        return (request.hold_id,)
    return () if request.journal.corrects is None else (request.journal.corrects,)


def waves(requests: Sequence[Asked]) -> list[list[Asked]]:
    """Cut a batch so that no part refers to what the same part writes."""
    parts: list[list[Asked]] = [[]]
    written: set[str] = set()
    for request in requests:
        if not written.isdisjoint(references(request)):
            parts.append([])
            written = set()
        parts[-1].append(request)
        written.add(request.entry_id)
    return parts


def check_targets(request: Asked, targets: Mapping[str, Target]) -> None:
    """Refuse a request about something that was never recorded, or of another kind.

    Raises UnknownHold, UnknownEntry, NotOnTheMap.
    """
    for entry_id in references(request):
        target = targets.get(entry_id)
        if isinstance(request, Void) or (isinstance(request, Request) and request.hold_id is not None):
            if target is None or target.entry.act is not Act.HOLD:
                raise UnknownHold(entry_id)
        elif target is None:
            raise UnknownEntry(entry_id)
        if isinstance(request, Request):
            _check_kind(request, targets[entry_id])


def line_of(request: Asked, targets: Mapping[str, Target]) -> Line:
    """What a request asks to be recorded; `targets` holds what it refers to, unless it brings its own journal."""
    if isinstance(request, Request):
        journal = request.journal
        return Line(
            request.act,
            journal.entry_id,
            journal.flow,
            journal.template_version,
            journal.value_date,
            journal.original_date,
            journal.occurred_at,
            journal.recorded_at,
            journal.correlation,
            request.hold_id,
            journal.corrects,
            request.expires_at,
            "",
            journal.transfers,
        )
    if isinstance(request, Void):
        held = targets[request.hold_id].journal
        return Line(
            Act.VOID,
            request.entry_id,
            held.flow,
            held.template_version,
            request.at.astimezone(UTC).date(),
            None,
            request.at,
            request.at,
            held.correlation,
            request.hold_id,
            None,
            None,
            request.reason,
            (),
        )
    original = targets[request.reverses].journal
    return Line(
        Act.REVERSE,
        request.entry_id,
        REVERSAL_FLOW,
        _REVERSAL_VERSION,
        request.value_date,
        None,
        request.occurred_at,
        request.recorded_at,
        original.correlation,
        request.reverses,
        None,
        None,
        request.reason,
        tuple(Transfer(each.credit, each.debit, each.amount) for each in original.transfers),
    )


@lru_cache(maxsize=100_000)
def kind_of(account: str) -> AccountType:
    """The line of the chart that an account's full name falls under; raises NotOnTheMap."""
    return money_map().account_type(account)


def _admit(request: Request) -> None:
    """Refuse what the money map does not have; a correction posts again what once posted a hold, without it.

    Journals of one flow over the same forms of accounts are all on the map, or none is, unless the map looks at their
    amounts or currencies as well: so each such shape is checked once.
    """
    journal = request.journal
    if request.free:
        admit_free(journal)
        return
    kinds = [(kind_of(each.debit), kind_of(each.credit)) for each in journal.transfers]
    shape = (request.act, journal.flow, journal.corrects is None, *kinds)
    if shape in _ADMITTED:
        return
    again = journal.corrects is not None and money_map().flow(journal.flow).posts is not None
    admit(journal, held=request.act is Act.HOLD, posts_hold=again or request.act is Act.POST_HOLD)
    if not any(kind.pending_only or "{currency}" in kind.pattern for pair in kinds for kind in pair):
        _ADMITTED.add(shape)


def _check_kind(request: Request, target: Target) -> None:
    flow = request.journal.flow
    if request.hold_id is not None and money_map().flow(flow).posts != target.journal.flow:
        raise NotOnTheMap(f"{request.entry_id}: {flow} does not post a {target.journal.flow}")
    if request.hold_id is None and flow != target.journal.flow:
        raise NotOnTheMap(f"{request.entry_id}: {flow} does not correct a {target.journal.flow}")


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
