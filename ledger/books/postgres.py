"""Writes the books in PostgreSQL, within the caller's database transaction, which it never commits.

An entry of one transfer between known accounts takes one statement, `ledger.post_one`, unless it must be refused.
Anything else, and any batch, takes two. `ledger.prepare` locks the accounts and holds that the batch touches, in the
same order for every writer, and returns their state. The batch is then decided by the rules of posting.py, and
`ledger.write` records the outcome. The database maintains the balances and enforces floors and limits for every writer.
READ COMMITTED, PostgreSQL's default, is required: each statement must see what others have committed.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypeGuard

import psycopg

from ledger.books.credit_limit import LimitAnswer, LimitSet, decide_limit, stated
from ledger.books.line import (
    RecordedRequest,
    Target,
    check_batch,
    check_targets,
    difference,
    in_dependency_order,
    journal_header,
    recorded_request_of,
    references,
    request_kind_of,
)
from ledger.books.postgres_arrays import moments, numbers, texts, texts_or_null, truths
from ledger.books.postgres_books import PostgresBooks
from ledger.books.postgres_call import Function
from ledger.books.posting import LARGE_MINOR, AccountKey, BatchState, Counters, Ruling, accounts, resolved, rule_on
from ledger.books.store import (
    Act,
    AlreadyRecorded,
    AlreadyVoided,
    Answer,
    Asked,
    Conflict,
    Outcome,
    Recorded,
    Refusal,
    RefusalCode,
    Refused,
    Request,
    Reversal,
    Void,
    Voided,
)
from ledger.journal import Journal
from ledger.money import Currency, Money

_PREPARE = "SELECT * FROM ledger.prepare(%s::text[], %s::text[], %s::boolean[], %s::text[], %s::bigint[], %s)"
_WRITE = """
SELECT ledger.write(
    %s::text[], %s::text[], %s::text[], %s::smallint[], %s::date[], %s::date[], %s::timestamptz[], %s::timestamptz[],
    %s::timestamptz[], %s::text[], %s::text[], %s::bigint[], %s::text[], %s::bigint[], %s::text[], %s::text[],
    %s::smallint[], %s::text[],
    %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::boolean[],
    %s::integer[], %s::smallint[], %s::integer[], %s::integer[], %s::bigint[], %s::integer[], %s::integer[],
    %s::integer[], %s::bigint[], %s::smallint[], %s::text[], %s::bigint[]
)
"""
_POST_ONE = Function("ledger.post_one", parameters=12)
_SET_LIMIT = """
INSERT INTO ledger.credit_limits (account_id, number, limit_minor, set_by, reason, set_at)
SELECT %(account)s, count(*) + 1, %(minor)s, %(by)s, %(reason)s, %(at)s
  FROM ledger.credit_limits WHERE account_id = %(account)s
"""
_LARGE_LOCK = "SELECT pg_advisory_xact_lock(hashtext('ledger.large_accounts'))"
_KNOWN = """
SELECT r.entry_id,
       r.digest = ledger.body_digest(u.act, u.refers, u.corrects, u.expires_at, u.flow, u.value_date, u.original_date,
                                     u.occurred_at, u.correlation::jsonb, u.reason, u.body),
       r.act, h.entry_id, c.entry_id, r.expires_at, r.flow, r.value_date, r.original_date, r.occurred_at,
       r.correlation, r.reason, f.reasons
  FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::text[], %s::date[], %s::date[],
              %s::timestamptz[], %s::text[], %s::text[], %s::text[])
       AS u (entry_id, act, refers, corrects, expires_at, flow, value_date, original_date, occurred_at, correlation,
             reason, body)
  JOIN ledger.requests r USING (entry_id)
  LEFT JOIN ledger.requests h ON h.position = r.refers_to
  LEFT JOIN ledger.requests c ON c.position = r.corrects
  LEFT JOIN ledger.refusals f ON f.position = r.position
"""

_encoded = json.JSONEncoder(ensure_ascii=False).encode

_DESCRIBED = (  # the columns of _KNOWN between `same` and the reasons of a refusal
    "act",
    "refers",
    "corrects",
    "expires_at",
    "flow",
    "value_date",
    "original_date",
    "occurred_at",
    "correlation",
    "reason",
)


def connect(database_url: str) -> "psycopg.Connection[Any]":
    """Open a connection; its `with` block commits on success and rolls back on an exception."""
    return psycopg.connect(database_url, application_name="tranche")


MOST_ATTEMPTS = 50  # each one lost means that another writer recorded the same id or opened the same account


class _Overtaken(Exception):
    """Raised when the state read before locking has changed; the batch is retried from a savepoint."""


class PostgresLedger(PostgresBooks):
    """Ledger and Books over the schema `ledger` of a connection that is not in autocommit mode."""

    def post(self, journal: Journal) -> Outcome:
        return self._outcome(Request(Act.POST, journal))

    def post_all(self, journals: Sequence[Journal]) -> tuple[Outcome, ...]:
        answers = self.post_batch([Request(Act.POST, journal) for journal in journals])
        return tuple(answer for answer in answers if not isinstance(answer, Voided | AlreadyVoided))

    def post_batch(self, requests: Sequence[Asked]) -> tuple[Answer, ...]:
        check_batch(requests)
        if not requests:
            return ()
        if len(requests) == 1:
            if _is_simple(requests[0]) and self._post_one(requests[0].journal):
                return (Recorded(requests[0].entry_id),)
            try:
                return self._record(requests, openings=False)
            except _Overtaken:  # or an account with a floor must be opened, which needs a savepoint
                pass
        for _ in range(MOST_ATTEMPTS):
            self._connection.execute("SAVEPOINT before_batch")
            try:
                answers = self._record(requests, openings=True)
            except _Overtaken:  # the rollback also releases the locks, so that they are taken in order again
                self._connection.execute("ROLLBACK TO SAVEPOINT before_batch")
                continue
            except Exception:  # whatever the reason, such as a conflict: nothing of the batch stays written
                self._connection.execute("ROLLBACK TO SAVEPOINT before_batch")
                raise
            self._connection.execute("RELEASE SAVEPOINT before_batch")
            return answers
        raise psycopg.errors.SerializationFailure(f"other writers were faster {MOST_ATTEMPTS} times; post it again")

    def preview(self, requests: Sequence[Asked]) -> tuple[Answer, ...]:
        self._connection.execute("SAVEPOINT before_preview")
        try:
            return self.post_batch(requests)
        finally:
            self._connection.execute("ROLLBACK TO SAVEPOINT before_preview")

    def hold(self, journal: Journal, *, expires_at: datetime | None = None) -> Outcome:
        return self._outcome(Request(Act.HOLD, journal, expires_at=expires_at))

    def post_hold(self, hold_id: str, journal: Journal) -> Outcome:
        return self._outcome(Request(Act.POST_HOLD, journal, hold_id=hold_id))

    def void_hold(self, hold_id: str, *, at: datetime, reason: str) -> Voided | AlreadyVoided | Refused:
        (answer,) = self.post_batch([Void(hold_id, at, reason)])
        assert not isinstance(answer, Recorded | AlreadyRecorded)
        return answer

    def reverse(
        self, entry_id: str, *, value_date: date, occurred_at: datetime, recorded_at: datetime, reason: str
    ) -> Outcome:
        return self._outcome(Reversal(entry_id, value_date, occurred_at, recorded_at, reason))

    def set_credit_limit(self, account: str, limit: Money, *, by: str, reason: str, at: datetime) -> LimitAnswer:
        stated(limit, by, reason, at)
        key = (account, limit.currency)
        sheet, account_ids, _ = self._prepare([key], [], {}, openings=True)  # locked in the same way as by a posting
        balance, present = None, Money(0, limit.currency)
        if key in account_ids and key in sheet.accounts:
            balance = sheet.accounts[key].balance(limit.currency)
            present = Money(sheet.accounts[key].credit_limit, limit.currency)
        answer = decide_limit(account, limit, present=present, balance=balance)
        if isinstance(answer, LimitSet):
            row = {"account": account_ids[key], "minor": limit.minor, "by": by, "reason": reason, "at": at}
            self._connection.execute(_SET_LIMIT, row)
        return answer

    def _post_one(self, journal: Journal) -> bool:
        """Post an entry of one transfer in one statement; False, with nothing written, where more must be decided."""
        (transfer,) = journal.transfers
        return _POST_ONE.call(
            self._connection,
            (
                journal.entry_id,
                str(journal.flow),
                str(journal.template_version),
                str(journal.value_date),
                None if journal.original_date is None else str(journal.original_date),
                str(journal.occurred_at),
                str(journal.recorded_at),
                _json(journal.correlation),
                transfer.debit,
                transfer.credit,
                str(transfer.amount.currency),
                str(transfer.amount.minor),
            ),
        )

    def _outcome(self, request: Asked) -> Outcome:
        (answer,) = self.post_batch([request])
        assert not isinstance(answer, Voided | AlreadyVoided)
        return answer

    def _record(self, requests: Sequence[Asked], *, openings: bool) -> tuple[Answer, ...]:
        """Record requests in order, in parts without references within a part. The first part locks for all."""
        answers: dict[str, Answer] = {}
        outcomes: list[Answer] = []
        ahead = requests
        for part in in_dependency_order(requests):
            once = {request.entry_id: request for request in part if request.entry_id not in answers}
            answers |= self._record_part(list(once.values()), ahead, openings=openings)
            ahead = ()
            for request in part:
                answer = answers[request.entry_id]
                outcomes.append(answer)
                if isinstance(answer, Recorded):  # in case the batch holds the same request again
                    answers[request.entry_id] = AlreadyRecorded(answer.entry_id)
                if isinstance(answer, Voided):
                    answers[request.entry_id] = AlreadyVoided(answer.hold_id)
        return tuple(outcomes)

    def _record_part(self, requests: Sequence[Asked], ahead: Sequence[Asked], *, openings: bool) -> dict[str, Answer]:
        """Read, lock, decide and write requests that do not refer to each other; raises _Overtaken."""
        targets = self._targets({entry_id for request in (*requests, *ahead) for entry_id in references(request)})
        for request in requests:
            check_targets(request, targets)
        lines = [recorded_request_of(request, targets) for request in requests]
        touched = {key for line in lines for key in accounts(line.transfers)}
        touched.update(key for target in targets.values() for key in accounts(target.journal.transfers))
        touched.update(
            key for request in ahead if isinstance(request, Request) for key in accounts(request.journal.transfers)
        )
        sheet, account_ids, known = self._prepare(list(touched), lines, targets, openings=openings)
        answers = self._known(requests, lines, known, targets)
        decisions: list[Ruling] = []
        for request, line in zip(requests, lines, strict=True):
            if request.entry_id in answers:
                continue
            if isinstance(request, Void) and not any(targets[request.hold_id].remaining):
                answers[request.entry_id] = resolved(targets[request.hold_id].hold())
                continue
            decision = rule_on(line, sheet)
            decisions.append(decision)
            taken = Voided(request.hold_id) if isinstance(request, Void) else Recorded(request.entry_id)
            answers[request.entry_id] = decision.refused or taken
        if decisions:
            self._write(decisions, targets, account_ids)
        return answers

    def _prepare(
        self,
        touched: Sequence[AccountKey],
        lines: Sequence[RecordedRequest],
        targets: Mapping[str, Target],
        *,
        openings: bool,
    ) -> tuple[BatchState, dict[AccountKey, int], list[str]]:
        """Lock everything that the lines touch; returns its state, the account ids, and the ids already recorded."""
        floors = [request_kind_of(account).floor for account, _ in touched]
        places = {target.entry.position: target for target in targets.values()}
        row = self._connection.execute(
            _PREPARE,
            (
                texts([account for account, _ in touched]),
                texts([currency for _, currency in touched]),
                truths(floors),
                texts([line.entry_id for line in lines]),
                numbers(list(places)),
                openings,
            ),
        ).fetchone()
        found, locked, *counters, known, closed_through, large = row[:10]
        held, resolutions, (opens, credit_limits) = row[10:13], row[13:16], row[16:]
        if opens and not openings:
            raise _Overtaken
        account_ids = {key: place for key, place in zip(touched, found or (), strict=True) if place is not None}
        standing = _standing(locked, [*counters, credit_limits])
        sheet = BatchState(targets=dict(targets), closed_through=closed_through)
        for key, floor in zip(touched, floors, strict=True):
            if floor:
                sheet.accounts[key] = standing.get(account_ids.get(key)) or Counters(version=0)
        if large or any(transfer.amount.minor >= LARGE_MINOR for line in lines for transfer in line.transfers):
            self._connection.execute(_LARGE_LOCK)
            for key in touched:
                if key not in sheet.accounts:
                    sheet.accounts[key] = self._sums(*key)
        _settle(places, held, resolutions)
        return sheet, account_ids, known or []

    def _sums(self, account: str, currency: Currency) -> Counters:
        found = self.balance(account, currency)
        return Counters(found.debits_posted, found.credits_posted, found.debits_pending, found.credits_pending)

    def _known(
        self,
        requests: Sequence[Asked],
        lines: Sequence[RecordedRequest],
        known: Sequence[str],
        targets: Mapping[str, Target],
    ) -> dict[str, Answer]:
        """The answers stored for requests recorded before; raises Conflict where the content differs."""
        if not known:
            return {}
        taken = set(known)
        asked = {request.entry_id: (request, line) for request, line in zip(requests, lines, strict=True)}
        rows = [_body(line) for _, line in asked.values() if line.entry_id in taken]
        answers: dict[str, Answer] = {}
        for entry_id, same, *described, reasons in self._connection.execute(_KNOWN, _columns(rows)):
            request, line = asked[entry_id]
            if isinstance(request, Void):
                answers[entry_id] = AlreadyVoided(request.hold_id)
            elif same:
                answers[entry_id] = AlreadyRecorded(entry_id) if reasons is None else _refused(entry_id, reasons)
            elif isinstance(request, Reversal) and reasons is None:
                by = targets[request.reverses].reversed_by
                reason = Refusal(RefusalCode.ALREADY_REVERSED, request.reverses, f"by {by}")
                answers[entry_id] = Refused(entry_id, (reason,))
            else:
                arriving = line.body()
                del arriving["transfers"]
                stored = journal_header(**dict(zip(_DESCRIBED, described, strict=True)))
                raise Conflict(entry_id, difference(stored, arriving) or "transfers")
        return answers

    def _write(
        self, decisions: Sequence[Ruling], targets: Mapping[str, Target], account_ids: Mapping[AccountKey, int]
    ) -> None:
        """Write the decided requests; raises _Overtaken."""
        opened: dict[AccountKey, int] = {}
        transfers = _transfer_columns(decisions, account_ids, opened)
        row = self._connection.execute(
            _WRITE,
            [
                *_request_columns(decisions, targets),
                *_account_columns(opened),
                *transfers,
                *_release_columns(decisions, targets),
            ],
        ).fetchone()
        if not row[0]:
            raise _Overtaken


def _is_simple(request: Asked) -> TypeGuard[Request]:
    """Whether a request only posts one transfer."""
    return (
        isinstance(request, Request)
        and request.act is Act.POST
        and request.hold_id is None
        and request.expires_at is None
        and not request.free
        and request.journal.corrects is None
        and len(request.journal.transfers) == 1
    )


def _standing(locked: Sequence[int] | None, columns: Sequence[Sequence[int] | None]) -> dict[int | None, Counters]:
    """The locked counters by account, from parallel columns of ids, versions, four counters and limits."""
    rows = zip(locked or (), *(column or () for column in columns), strict=True)
    return {account_id: Counters(dp, cp, dh, ch, version, limit) for account_id, version, dp, cp, dh, ch, limit in rows}


def _settle(targets: Mapping[int, Target], held: Sequence[Any], resolutions: Sequence[Any]) -> None:
    """Set on each target, read under the lock, what remains of a hold and how it was resolved."""
    for target in targets.values():
        target.remaining = [0] * len(target.remaining)
    for position, number, minor in zip(*(column or () for column in held), strict=True):
        targets[position].remaining[number - 1] = minor
    for position, act, by in zip(*(column or () for column in resolutions), strict=True):
        if act == Act.VOID:
            targets[position].voided = True
        else:
            targets[position].reversed_by = by


def _request_columns(decisions: Sequence[Ruling], targets: Mapping[str, Target]) -> list[str]:
    lines = [decision.line for decision in decisions]
    positions: dict[str | None, int | None] = {entry_id: each.entry.position for entry_id, each in targets.items()}
    positions[None] = None
    return [
        texts([line.entry_id for line in lines]),
        texts([line.act for line in lines]),
        texts([line.flow for line in lines]),
        numbers([line.template_version for line in lines]),
        moments([line.value_date for line in lines]),
        moments([line.original_date for line in lines]),
        moments([line.occurred_at for line in lines]),
        moments([line.recorded_at for line in lines]),
        moments([line.expires_at for line in lines]),
        texts([_json(line.correlation) for line in lines]),
        texts_or_null([line.refers for line in lines]),
        numbers([positions[line.refers] for line in lines]),
        texts_or_null([line.corrects for line in lines]),
        numbers([positions[line.corrects] for line in lines]),
        texts([line.reason for line in lines]),
        texts([line.transfers_text() for line in lines]),
        numbers([len(line.transfers) for line in lines]),
        texts_or_null([_reasons(decision.reasons) if decision.reasons else None for decision in decisions]),
    ]


def _account_columns(opened: Iterable[AccountKey]) -> list[str]:
    kinds = [request_kind_of(account) for account, _ in opened]
    return [
        texts([account for account, _ in opened]),
        texts([currency for _, currency in opened]),
        texts([kind.pattern for kind in kinds]),
        texts([kind.kind for kind in kinds]),
        texts([kind.normal for kind in kinds]),
        truths([kind.floor for kind in kinds]),
    ]


def _transfer_columns(
    decisions: Iterable[Ruling], account_ids: Mapping[AccountKey, int], opened: dict[AccountKey, int]
) -> list[str]:
    """The transfers of the accepted decisions as column literals.

    Accounts that do not exist yet are added to `opened` and referred to by their index there.
    """
    rows: list[tuple[int | None, ...]] = []
    for place, decision in enumerate(decisions, 1):
        if decision.reasons:
            continue
        for number, (transfer, versions) in enumerate(zip(decision.line.transfers, decision.versions, strict=True), 1):
            amount = transfer.amount
            key = (transfer.debit, amount.currency)
            debit = account_ids.get(key) or -opened.setdefault(key, len(opened) + 1)
            key = (transfer.credit, amount.currency)
            credit = account_ids.get(key) or -opened.setdefault(key, len(opened) + 1)
            rows.append((place, number, debit, credit, amount.minor, *versions))
    return [numbers(column) for column in zip(*rows, strict=True)] if rows else ["{}"] * 7


def _release_columns(decisions: Iterable[Ruling], targets: Mapping[str, Target]) -> list[str]:
    rows = [
        (place, targets[line.refers].entry.position, number, "voided" if line.act is Act.VOID else "posted", minor)
        for place, (line, released) in enumerate(((each.line, each.released) for each in decisions), 1)
        for number, minor in released
        if line.refers is not None
    ]
    places, positions, held, events, amounts = zip(*rows, strict=True) if rows else ((),) * 5
    return [numbers(places), numbers(positions), numbers(held), texts(events), numbers(amounts)]


def _body(line: RecordedRequest) -> tuple[object, ...]:
    return (
        line.entry_id,
        line.act.value,
        line.refers,
        line.corrects,
        line.expires_at,
        line.flow,
        line.value_date,
        line.original_date,
        line.occurred_at,
        _json(line.correlation),
        line.reason,
        line.transfers_text(),
    )


def _columns(rows: Sequence[tuple[object, ...]], count: int = 0) -> list[list[object]]:
    """Rows transposed into one array per column, so that any number of rows is one statement."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(count)]


def _json(value: Mapping[str, str]) -> str:
    return _encoded(value if type(value) is dict else dict(value))


def _reasons(reasons: Iterable[Refusal]) -> str:
    return json.dumps([[str(each.code), each.about, each.detail] for each in reasons], ensure_ascii=False)


def _refused(entry_id: str, reasons: Iterable[tuple[str, str, str]]) -> Refused:
    return Refused(entry_id, tuple(Refusal(RefusalCode(code), about, detail) for code, about, detail in reasons))
