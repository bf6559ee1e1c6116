"""Requests to the books: checks before they are decided, the entries they refer to, and the line each would record."""

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
_ADMITTED: set[tuple[object, ...]] = set()  # checked shapes of journals; the map allows a few hundred


@dataclass(slots=True)
class Target:
    """A recorded entry that a request refers to; for a hold, with the remainder of each transfer."""

    entry: Entry
    remaining: list[int]
    voided: bool = False
    reversed_by: str | None = None

    @property
    def journal(self) -> Journal:
        return self.entry.journal

    def hold(self) -> Hold:
        """The entry as a hold with its remainders."""
        amounts = zip(self.remaining, self.journal.transfers, strict=True)
        left = tuple(Money(minor, transfer.amount.currency) for minor, transfer in amounts)
        return Hold(self.journal.entry_id, self.journal, self.entry.expires_at, left, self.voided)


@dataclass(slots=True)
class RecordedRequest:
    """A request in the form in which it is recorded, whatever its act."""

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
        """The fields that must be equal in two requests under one id, as texts, in the order of comparison.

        `recorded_at` and the template version are left out: the first recording stands, and a newer template that
        writes other transfers differs in `body`.
        """
        return {
            **journal_header(
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
        """One line per transfer with debit, credit, currency and amount, as used in the digest of a request."""
        return "".join(
            [f"{each.debit}\t{each.credit}\t{each.amount.currency}\t{each.amount.minor}\n" for each in self.transfers]
        )

    def journal(self) -> Journal:
        """The journal that is recorded; a void has none."""
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


def journal_header(
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
    """Refuse a batch with a journal that is not on the map, or with one id for two contents.

    Raises NotOnTheMap and Conflict.
    """
    first: dict[str, Asked] = {}
    for request in requests:
        if isinstance(request, Request):
            _admit(request)
        one = first.setdefault(request.entry_id, request)
        if one is request or isinstance(request, Void):
            continue
        if isinstance(one, Request) and isinstance(request, Request):
            found = difference(recorded_request_of(one, {}).body(), recorded_request_of(request, {}).body())
        else:
            found = None if one == request else "act" if type(one) is not type(request) else "value_date"
        if found is not None:
            raise Conflict(request.entry_id, found)


def references(request: Asked) -> tuple[str, ...]:
    """The ids of the recorded entries that a request refers to."""
    if isinstance(request, Void):
        return (request.hold_id,)
    if isinstance(request, Reversal):
        return (request.reverses,)
    if request.hold_id is not None:
        return (request.hold_id,)
    return () if request.journal.corrects is None else (request.journal.corrects,)


def in_dependency_order(requests: Sequence[Asked]) -> list[list[Asked]]:
    """Split a batch into parts so that no request refers to another one in its own part."""
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
    """Refuse a request that refers to an entry that is not recorded or is of the wrong kind.

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


def recorded_request_of(request: Asked, targets: Mapping[str, Target]) -> RecordedRequest:
    """The line that a request would record.

    `targets` holds the entries that the request refers to, by id.
    """
    if isinstance(request, Request):
        journal = request.journal
        return RecordedRequest(
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
        return RecordedRequest(
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
    return RecordedRequest(
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
def request_kind_of(account: str) -> AccountType:
    """The line of the chart that an account's full name falls under; raises NotOnTheMap."""
    return money_map().account_type(account)


def _admit(request: Request) -> None:
    """Refuse a journal that the money map does not allow. A correction of a posted hold posts again without the hold.

    Whether the map allows a journal depends on its flow and the forms of its accounts, unless the map also looks at
    amounts or currencies. Each such shape is therefore checked only once.
    """
    journal = request.journal
    if request.free:
        admit_free(journal)
        return
    kinds = [(request_kind_of(each.debit), request_kind_of(each.credit)) for each in journal.transfers]
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
