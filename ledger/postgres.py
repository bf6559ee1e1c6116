"""Writes the books in PostgreSQL, in the caller's database transaction, which it never commits.

A request is claimed under its id, then its accounts are locked in one order for all writers, then it is judged by the
rules of posting.py against the balances under the lock. The database keeps the balances and refuses what would break
them, whoever writes. Needs READ COMMITTED, PostgreSQL's default: each step must see what others have committed.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import psycopg

from ledger.account import Balance
from ledger.flows import money_map
from ledger.journal import Journal
from ledger.money import Currency
from ledger.postgres_books import PostgresBooks
from ledger.posting import (
    AccountKey,
    Changes,
    Request,
    accounts,
    check_batch,
    check_posts,
    difference,
    digest_of,
    header,
    judge,
    resolved,
)
from ledger.store import (
    Act,
    AlreadyRecorded,
    AlreadyVoided,
    Conflict,
    Hold,
    Outcome,
    Recorded,
    Refusal,
    RefusalCode,
    Refused,
    UnknownHold,
    Voided,
)

_CLAIM = """
WITH asked AS MATERIALIZED (
    SELECT u.*, nextval('ledger.positions') AS position
      FROM unnest(%s::text[], %s::text[], %s::text[], %s::integer[], %s::date[], %s::timestamptz[], %s::timestamptz[],
                  %s::text[], %s::text[], %s::timestamptz[], %s::integer[], %s::text[], %s::text[])
           AS u (entry_id, act, flow, template_version, value_date, occurred_at, recorded_at,
                 correlation, hold_id, expires_at, transfer_count, body_digest, digest)
)
INSERT INTO ledger.requests (entry_id, act, flow, template_version, value_date, occurred_at, recorded_at,
                             correlation, hold_id, expires_at, transfer_count, body_digest, digest, position)
SELECT entry_id, act, flow, template_version, value_date, occurred_at, recorded_at,
       correlation::jsonb, hold_id, expires_at, transfer_count, body_digest, digest, position
  FROM asked ORDER BY entry_id
    ON CONFLICT (entry_id) DO NOTHING RETURNING entry_id
"""
_KNOWN = """
SELECT r.entry_id, r.body_digest, r.act, r.hold_id, r.expires_at, r.flow, r.value_date, r.occurred_at, r.correlation,
       f.reasons
  FROM ledger.requests r LEFT JOIN ledger.refusals f USING (entry_id) WHERE r.entry_id = ANY(%s)
"""
_LOCK = """
SELECT account, currency, debits_posted, credits_posted, debits_pending, credits_pending, opened
  FROM ledger.lock_balances(%s, %s, %s)
"""
_OPEN_ACCOUNTS = """
INSERT INTO ledger.accounts (account, currency, pattern, kind, normal, opened_by)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
    ON CONFLICT DO NOTHING
"""
_TRANSFERS = """
INSERT INTO ledger.transfers (entry_id, number, transfer_count, pending, debit_account, credit_account,
                              currency, amount_minor)
SELECT * FROM unnest(%s::text[], %s::integer[], %s::integer[], %s::boolean[], %s::text[], %s::text[],
                     %s::text[], %s::bigint[])
"""
_HOLD_EVENTS = """
INSERT INTO ledger.hold_events (hold_id, number, event, entry_id, amount_minor, happened_at, reason)
SELECT * FROM unnest(%s::text[], %s::integer[], %s::text[], %s::text[], %s::bigint[], %s::timestamptz[], %s::text[])
"""
_REFUSALS = """
INSERT INTO ledger.refusals (entry_id, reasons, digest) SELECT * FROM unnest(%s::text[], %s::jsonb[], %s::text[])
"""


def connect(database_url: str) -> "psycopg.Connection[Any]":
    """Open a connection whose block commits when it ends well and undoes everything when it does not."""
    return psycopg.connect(database_url, application_name="tranche")


_Judged = tuple[Request, Hold | None, Changes]


class PostgresLedger(PostgresBooks):
    """Ledger and Books over the schema `ledger` of a connection that is not in autocommit mode."""

    def post(self, journal: Journal) -> Outcome:
        return self._record([Request(Act.POST, journal)])[0]

    def post_all(self, journals: Sequence[Journal]) -> tuple[Outcome, ...]:
        if not journals:
            return ()
        self._connection.execute("SAVEPOINT before_batch")
        try:
            outcomes = self._record([Request(Act.POST, journal) for journal in journals])
        except Conflict:  # the batch's other requests were claimed and are not written
            self._connection.execute("ROLLBACK TO SAVEPOINT before_batch")
            raise
        self._connection.execute("RELEASE SAVEPOINT before_batch")
        return outcomes

    def hold(self, journal: Journal, *, expires_at: datetime | None = None) -> Outcome:
        return self._record([Request(Act.HOLD, journal, expires_at=expires_at)])[0]

    def post_hold(self, hold_id: str, journal: Journal) -> Outcome:
        return self._record([Request(Act.POST_HOLD, journal, hold_id=hold_id)])[0]

    def void_hold(self, hold_id: str, *, at: datetime, reason: str) -> Voided | AlreadyVoided | Refused:
        self._lock(accounts(self._hold(hold_id).journal.transfers))
        hold = self._hold(hold_id)  # read again: nobody else can touch it any more
        if hold.voided:
            return AlreadyVoided(hold_id)
        if not hold.open:
            return resolved(hold)
        rows = [
            (hold_id, number, "voided", None, left.minor, at, reason)
            for number, left in enumerate(hold.remaining, 1)
            if left.minor
        ]
        self._connection.execute(_HOLD_EVENTS, _columns(rows))
        return Voided(hold_id)

    def _record(self, requests: Sequence[Request]) -> tuple[Outcome, ...]:
        """Claim, lock, judge and write requests in their order."""
        check_batch(requests)
        held = {key for request in requests for key in self._held_accounts(request)}
        once = {request.journal.entry_id: request for request in requests}
        claimed = self._claim(list(once.values()))
        answers = self._known([request for entry_id, request in once.items() if entry_id not in claimed])
        answers |= self._write([request for entry_id, request in once.items() if entry_id in claimed], held)
        outcomes: list[Outcome] = []
        for request in requests:
            entry_id = request.journal.entry_id
            outcomes.append(answers[entry_id])
            if isinstance(answers[entry_id], Recorded):  # should the batch hold the same request again
                answers[entry_id] = AlreadyRecorded(entry_id)
        return tuple(outcomes)

    def _claim(self, requests: Sequence[Request]) -> set[str]:
        """Take the ids that nobody has; waits for whoever is just taking the same."""
        rows = [_header_row(request) for request in requests]
        return {entry_id for (entry_id,) in self._connection.execute(_CLAIM, _columns(rows))}

    def _known(self, requests: Sequence[Request]) -> dict[str, Outcome]:
        """The stored answers; raises Conflict where the content differs."""
        if not requests:
            return {}
        asked = {request.journal.entry_id: request for request in requests}
        answers: dict[str, Outcome] = {}
        for entry_id, body_digest, act, hold_id, expires_at, *rest in self._connection.execute(_KNOWN, (list(asked),)):
            flow, value_date, occurred_at, correlation, reasons = rest
            if body_digest != asked[entry_id].digests()[0]:
                known = header(
                    act=act,
                    hold_id=hold_id,
                    expires_at=expires_at,
                    flow=flow,
                    value_date=value_date,
                    occurred_at=occurred_at,
                    correlation=correlation,
                )
                arriving = {field: text for field, text in asked[entry_id].body().items() if field in known}
                raise Conflict(entry_id, difference(known, arriving) or "transfers")
            answers[entry_id] = AlreadyRecorded(entry_id) if reasons is None else _refused(entry_id, reasons)
        return answers

    def _write(self, requests: Sequence[Request], held: set[AccountKey]) -> dict[str, Outcome]:
        """Judge and write new requests; `held` are the accounts of the holds that they post."""
        if not requests:
            return {}
        balances, opened = self._lock(held.union(*(request.accounts() for request in requests)))
        judged: list[_Judged] = []
        for request in requests:
            # Read again under the lock: nobody else can touch the hold any more.
            hold = None if request.hold_id is None else self._hold(request.hold_id)
            changes = judge(request, balances, hold)
            if not changes.reasons:
                balances.update(changes.after)
            judged.append((request, hold, changes))
        self._keep_refusals(judged)
        recorded = [(request, hold, changes) for request, hold, changes in judged if not changes.reasons]
        self._open_accounts([request for request, _, _ in recorded], opened)
        self._release(recorded)  # before the transfers: until then the held amount counts twice
        self._keep_transfers([request for request, _, _ in recorded])
        return {
            request.journal.entry_id: Refused(request.journal.entry_id, changes.reasons)
            if changes.reasons
            else Recorded(request.journal.entry_id)
            for request, _, changes in judged
        }

    def _lock(self, touched: Iterable[AccountKey]) -> tuple[dict[AccountKey, Balance], set[AccountKey]]:
        """Lock accounts; their balances, and which of them were ever written to."""
        keys = list(touched)
        floors = [_floor(account) for account, _ in keys]
        wanted = ([account for account, _ in keys], [str(currency) for _, currency in keys], floors)
        balances, opened = {}, set()
        for account, code, *counters, known in self._connection.execute(_LOCK, wanted):
            currency = Currency(code)
            balances[account, currency] = Balance(currency, *counters)
            if known:
                opened.add((account, currency))
        return balances, opened

    def _open_accounts(self, requests: Sequence[Request], opened: set[AccountKey]) -> None:
        rows: dict[AccountKey, tuple[object, ...]] = {}
        for request in requests:
            for account, currency in sorted(request.accounts() - opened):
                kind = money_map().account_type(account)
                row = (account, str(currency), kind.pattern, str(kind.kind), str(kind.normal), request.journal.entry_id)
                rows.setdefault((account, currency), row)
        if rows:
            self._connection.execute(_OPEN_ACCOUNTS, _columns(list(rows.values())))

    def _release(self, recorded: Sequence[_Judged]) -> None:
        rows = [
            (hold.hold_id, number, "posted", request.journal.entry_id, minor, request.journal.recorded_at, "")
            for request, hold, changes in recorded
            if hold is not None
            for number, minor in enumerate(changes.released, 1)
            if minor
        ]
        if rows:
            self._connection.execute(_HOLD_EVENTS, _columns(rows))

    def _keep_transfers(self, requests: Sequence[Request]) -> None:
        rows = [
            (
                request.journal.entry_id,
                number,
                len(request.journal.transfers),
                request.act is Act.HOLD,
                transfer.debit,
                transfer.credit,
                str(transfer.amount.currency),
                transfer.amount.minor,
            )
            for request in requests
            for number, transfer in enumerate(request.journal.transfers, 1)
        ]
        if rows:
            self._connection.execute(_TRANSFERS, _columns(rows))

    def _keep_refusals(self, judged: Sequence[_Judged]) -> None:
        rows = [
            (request.journal.entry_id, json.dumps(_reasons(changes.reasons)), digest_of(_reasons(changes.reasons)))
            for request, _, changes in judged
            if changes.reasons
        ]
        if rows:
            self._connection.execute(_REFUSALS, _columns(rows))

    def _held_accounts(self, request: Request) -> set[AccountKey]:
        """The accounts of the hold that a request posts."""
        if request.hold_id is None:
            return set()
        hold = self._hold(request.hold_id)
        check_posts(request, hold)
        return accounts(hold.journal.transfers)

    def _hold(self, hold_id: str) -> Hold:
        hold = self.find_hold(hold_id)
        if hold is None:
            raise UnknownHold(hold_id)
        return hold


def _header_row(request: Request) -> tuple[object, ...]:
    journal = request.journal
    correlation = json.dumps(dict(journal.correlation), ensure_ascii=False)
    return (
        journal.entry_id,
        str(request.act),
        journal.flow,
        journal.template_version,
        journal.value_date,
        journal.occurred_at,
        journal.recorded_at,
        correlation,
        request.hold_id,
        request.expires_at,
        len(journal.transfers),
        *request.digests(),
    )


def _columns(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    """Rows as one array per column, so that any number of them is one statement."""
    return [list(column) for column in zip(*rows, strict=True)]


def _floor(account: str) -> str:
    kind = money_map().account_type(account)
    return str(kind.normal) if kind.floor else "none"


def _reasons(reasons: Iterable[Refusal]) -> list[list[str]]:
    return [[str(each.code), each.about, each.detail] for each in reasons]


def _refused(entry_id: str, reasons: Iterable[tuple[str, str, str]]) -> Refused:
    return Refused(entry_id, tuple(Refusal(RefusalCode(code), about, detail) for code, about, detail in reasons))
