"""Reads the books in PostgreSQL."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from ledger.account import Balance
from ledger.books.line import Target
from ledger.books.statement import (
    OpenGroup,
    Posted,
    StatementLine,
    TrialBalance,
    statement_lines,
    trial_balance_lines,
)
from ledger.books.store import Act, Entry, Hold
from ledger.database import Database
from ledger.journal import Journal
from ledger.map.flows import money_map
from ledger.money import Currency, Money
from ledger.transfer import Transfer

_CREDIT_LIMIT = """
SELECT b.credit_limit_minor FROM ledger.accounts a JOIN ledger.balances b USING (account_id)
 WHERE a.account = %s AND a.currency = %s
"""
_HEADER = """
r.entry_id, r.position, r.act, r.flow, r.template_version, r.value_date, r.original_date, r.occurred_at, r.recorded_at,
r.correlation, r.expires_at,
(SELECT t.entry_id FROM ledger.requests t WHERE t.position = r.refers_to) AS refers,
(SELECT t.entry_id FROM ledger.requests t WHERE t.position = r.corrects) AS corrects,
(SELECT b.entry_id FROM ledger.entries b WHERE b.refers_to = r.position AND b.act = 'reverse') AS reversed_by
"""
_ENTRIES = f"SELECT {_HEADER} FROM ledger.entries r WHERE r.correlation @> %s::jsonb ORDER BY r.position"  # noqa: S608
_ENTRIES_BY_ID = f"SELECT {_HEADER} FROM ledger.entries r WHERE r.entry_id = ANY(%s)"  # noqa: S608
_ENTRIES_ON = f"""
SELECT {_HEADER} FROM ledger.entries r
 WHERE r.position IN (
    SELECT t.position FROM ledger.accounts a JOIN ledger.transfers t ON t.debit = a.account_id
     WHERE a.account = ANY(%(accounts)s) AND NOT t.pending
    UNION
    SELECT t.position FROM ledger.accounts a JOIN ledger.transfers t ON t.credit = a.account_id
     WHERE a.account = ANY(%(accounts)s) AND NOT t.pending)
 ORDER BY r.position
"""  # noqa: S608
_TRANSFERS = """
SELECT t.position, d.account, c.account, d.currency, t.amount_minor
  FROM ledger.transfers t
  JOIN ledger.accounts d ON d.account_id = t.debit
  JOIN ledger.accounts c ON c.account_id = t.credit
 WHERE t.position = ANY(%s) ORDER BY t.position, t.number
"""
_OPEN_HOLDS = f"""
SELECT {_HEADER} FROM ledger.requests r
 WHERE r.position IN (SELECT o.hold_position FROM ledger.open_holds o
                       WHERE %(expired_at)s::timestamptz IS NULL OR o.expires_at <= %(expired_at)s)
 ORDER BY r.expires_at NULLS LAST, r.entry_id
"""  # noqa: S608 - only a fixed list of columns is put in
_LEFT = "SELECT hold_position, number, remaining_minor FROM ledger.open_holds WHERE hold_position = ANY(%s)"
_VOIDED = "SELECT refers_to FROM ledger.requests WHERE refers_to = ANY(%s) AND act = 'void'"

_PENDING = """
SELECT s.account_id, sum(s.debits), sum(s.credits)
  FROM (SELECT debit AS account_id, remaining_minor AS debits, 0 AS credits FROM ledger.open_holds
        UNION ALL SELECT credit, 0, remaining_minor FROM ledger.open_holds) s
 GROUP BY s.account_id
"""
# The balance of an account without a floor: its sealed total, the entries after it, and its open holds.
_UNLIMITED = """
WITH w AS MATERIALIZED (SELECT * FROM ledger.watermark),
sealed AS (
    SELECT t.debits_total AS debits, t.credits_total AS credits FROM ledger.seal_totals t
     WHERE t.account_id = %(account_id)s ORDER BY t.seal_no DESC, t.value_date DESC LIMIT 1
), tail AS (
    SELECT t.position, t.amount_minor AS debits, 0 AS credits FROM ledger.transfers t, w
     WHERE t.debit = %(account_id)s AND t.position > w.tail_from AND NOT t.pending
    UNION ALL
    SELECT t.position, 0, t.amount_minor FROM ledger.transfers t, w
     WHERE t.credit = %(account_id)s AND t.position > w.tail_from AND NOT t.pending
), posted AS (
    SELECT debits, credits FROM sealed
    UNION ALL
    SELECT t.debits, t.credits FROM tail t JOIN ledger.requests r ON r.position = t.position, w
     WHERE (r.txid, r.position) > (w.txid, w.position)
)
SELECT coalesce(sum(p.debits), 0), coalesce(sum(p.credits), 0),
       (SELECT coalesce(sum(o.remaining_minor), 0) FROM ledger.open_holds o WHERE o.debit = %(account_id)s),
       (SELECT coalesce(sum(o.remaining_minor), 0) FROM ledger.open_holds o WHERE o.credit = %(account_id)s)
  FROM posted p
"""
_ACCOUNT = """
SELECT a.account_id, b.debits_posted, b.credits_posted, b.debits_pending, b.credits_pending
  FROM ledger.accounts a LEFT JOIN ledger.balances b ON b.account_id = a.account_id
 WHERE a.account = %s AND a.currency = %s
"""
_CURRENCIES = "SELECT currency FROM ledger.accounts WHERE account = %s ORDER BY currency"
_LIMITED = """
SELECT a.account, a.currency, b.debits_posted, b.credits_posted, b.debits_pending, b.credits_pending
  FROM ledger.balances b JOIN ledger.accounts a ON a.account_id = b.account_id
"""
# The state known by a moment: all seals up to it, then the next seal up to its first entry recorded later; where no
# seal follows, the unsealed entries recorded by then. `edge` is that boundary; each part finds its rows by key.
_EDGE = """
WITH asked AS MATERIALIZED (
    SELECT coalesce(%(valued_by)s::date, 'infinity') AS valued_by,
           coalesce(%(recorded_by)s::timestamptz, 'infinity') AS recorded_by
), w AS MATERIALIZED (
    SELECT * FROM ledger.watermark
), whole AS MATERIALIZED (
    SELECT s.seal_no, s.last_txid, s.last_position FROM ledger.seals s, asked
     WHERE s.known_to <= asked.recorded_by ORDER BY s.known_to DESC, s.seal_no DESC LIMIT 1
), cut AS MATERIALIZED (
    SELECT c.* FROM (SELECT coalesce((SELECT seal_no FROM whole), 0) + 1 AS seal_no) n
      CROSS JOIN LATERAL (
        SELECT s.known_on, s.lowest_position, s.highest_position, s.last_txid, s.last_position
          FROM ledger.seals s WHERE s.seal_no = n.seal_no) c
), edge AS MATERIALIZED (
    SELECT asked.valued_by, asked.recorded_by, w.known_to,
           coalesce(whole.seal_no, 0) AS seal_no,
           coalesce(whole.last_txid, '0') AS txid, coalesce(whole.last_position, 0) AS position,
           coalesce(cut.known_on, w.known_on) AS day,
           cut.known_on IS NULL AS tail,
           coalesce(cut.lowest_position, w.tail_from + 1) AS lowest,
           coalesce(cut.highest_position, 9223372036854775807) AS highest,
           later.txid AS later_txid, later.position AS later_position
      FROM asked CROSS JOIN w
      LEFT JOIN whole ON true
      LEFT JOIN cut ON true
      LEFT JOIN LATERAL (
        SELECT r.txid, r.position FROM ledger.requests r
         WHERE r.position BETWEEN cut.lowest_position AND cut.highest_position
           AND (r.txid, r.position) > (coalesce(whole.last_txid, '0'), coalesce(whole.last_position, 0))
           AND (r.txid, r.position) <= (cut.last_txid, cut.last_position)
           AND r.recorded_at > asked.recorded_by
         ORDER BY r.txid, r.position LIMIT 1) later ON true
)
"""
_IN_PART = """
(r.txid, r.position) > (e.txid, e.position)
AND CASE WHEN e.tail THEN greatest(r.recorded_at, e.known_to) <= e.recorded_by
         ELSE (r.txid, r.position) < (e.later_txid, e.later_position) END
"""


def _moved(only: str) -> str:
    """SQL for the debits and credits of accounts as of an edge, as parts to be summed.

    The range of positions is given for both tables, so that neither is scanned as a whole.
    """
    of, debit, credit = (
        f" AND {column} = %(account_id)s" if only else "" for column in ("t.account_id", "t.debit", "t.credit")
    )
    return f"""{_EDGE}, moved AS (
    SELECT t.account_id, t.debits, t.credits FROM ledger.account_days t, edge e
     WHERE t.known_on < e.day AND t.value_date <= e.valued_by{of}
    UNION ALL
    SELECT t.account_id, t.debits, t.credits FROM ledger.seal_totals t, edge e
     WHERE t.seal_no <= e.seal_no AND t.value_date <= e.valued_by{of}
       AND t.seal_no >= (SELECT s.seal_no FROM ledger.seals s WHERE s.known_to >= e.day::timestamp AT TIME ZONE 'UTC'
                          ORDER BY s.known_to, s.seal_no LIMIT 1)
    UNION ALL
    SELECT t.debit, t.amount_minor, 0 FROM edge e, ledger.transfers t JOIN ledger.requests r ON r.position = t.position
     WHERE t.position BETWEEN e.lowest AND e.highest AND r.position BETWEEN e.lowest AND e.highest
       AND NOT t.pending{debit}
       AND r.value_date <= e.valued_by AND {_IN_PART}
    UNION ALL
    SELECT t.credit, 0, t.amount_minor FROM edge e, ledger.transfers t JOIN ledger.requests r ON r.position = t.position
     WHERE t.position BETWEEN e.lowest AND e.highest AND r.position BETWEEN e.lowest AND e.highest
       AND NOT t.pending{credit}
       AND r.value_date <= e.valued_by AND {_IN_PART}
)
"""  # noqa: S608 - only fixed conditions are put in


_AS_OF = _moved("account") + "SELECT coalesce(sum(debits), 0), coalesce(sum(credits), 0) FROM moved"  # noqa: S608
_ALL_AS_OF = (
    _moved("")
    + """
SELECT a.account_id, a.account, a.currency, a.floor, coalesce(sum(m.debits), 0), coalesce(sum(m.credits), 0)
  FROM ledger.accounts a LEFT JOIN moved m ON m.account_id = a.account_id GROUP BY a.account_id
"""
)
_STATEMENT = f"""{_EDGE}
SELECT r.value_date, r.entry_id, r.flow, d.account, c.account, d.currency, t.amount_minor
  FROM ledger.accounts a
  CROSS JOIN edge e
  JOIN ledger.transfers t ON a.account_id IN (t.debit, t.credit) AND NOT t.pending
  JOIN ledger.requests r ON r.position = t.position
  JOIN ledger.accounts d ON d.account_id = t.debit
  JOIN ledger.accounts c ON c.account_id = t.credit
 WHERE a.account = %(account)s AND a.currency = %(currency)s AND r.value_date <= e.valued_by
   AND ((r.txid, r.position) <= (e.txid, e.position) OR ({_IN_PART}))
 ORDER BY r.position, t.number
"""  # noqa: S608 - only fixed conditions are put in
_GROUPED = """
SELECT a.account_id, g.key
  FROM ledger.accounts a JOIN unnest(%s::text[], %s::text[]) AS g (pattern, key) USING (pattern)
"""
# First the groups that are not zero; then, for these few, the day on which each last left zero.
_OPEN_GROUPS = """
WITH sides AS (
    SELECT t.debit AS account_id, t.position, t.amount_minor AS posted, 0 AS pending
      FROM ledger.transfers t WHERE t.debit = ANY (%(ids)s::integer[]) AND NOT t.pending
    UNION ALL
    SELECT t.credit, t.position, -t.amount_minor, 0
      FROM ledger.transfers t WHERE t.credit = ANY (%(ids)s::integer[]) AND NOT t.pending
    UNION ALL
    SELECT o.debit, o.hold_position, 0, o.remaining_minor
      FROM ledger.open_holds o WHERE o.debit = ANY (%(ids)s::integer[])
    UNION ALL
    SELECT o.credit, o.hold_position, 0, -o.remaining_minor
      FROM ledger.open_holds o WHERE o.credit = ANY (%(ids)s::integer[])
), totals AS (
    SELECT s.account_id, coalesce(r.correlation ->> g.key, '') AS value,
           sum(s.posted)::bigint AS posted, sum(s.pending)::bigint AS pending, min(r.value_date) AS first
      FROM sides s
      JOIN unnest(%(ids)s::integer[], %(keys)s::text[]) AS g (account_id, key) USING (account_id)
      JOIN ledger.requests r USING (position)
     WHERE r.value_date <= %(as_of)s
     GROUP BY s.account_id, value
    HAVING sum(s.posted) <> 0 OR sum(s.pending) <> 0
), unsettled AS MATERIALIZED (
    SELECT t.*, g.key, a.account, a.currency
      FROM totals t
      JOIN unnest(%(ids)s::integer[], %(keys)s::text[]) AS g (account_id, key) USING (account_id)
      JOIN ledger.accounts a USING (account_id)
)
SELECT u.account, u.currency, u.key, u.value, u.posted, u.pending, coalesce(l.since, u.first) AS since
  FROM unsettled u
  LEFT JOIN LATERAL (
    SELECT min(d.value_date) FILTER (WHERE d.value_date > coalesce(d.settled, '-infinity')) AS since
      FROM (SELECT days.*, max(days.value_date) FILTER (WHERE days.posted = 0 AND days.pending = 0) OVER () AS settled
              FROM (SELECT r.value_date,
                           sum(sum(m.posted)) OVER (ORDER BY r.value_date) AS posted,
                           sum(sum(m.pending)) OVER (ORDER BY r.value_date) AS pending
                      FROM ledger.requests r
                     CROSS JOIN LATERAL (
                        SELECT CASE WHEN t.debit = u.account_id THEN t.amount_minor ELSE -t.amount_minor END AS posted,
                               0 AS pending
                          FROM ledger.transfers t
                         WHERE t.position = r.position AND NOT t.pending AND u.account_id IN (t.debit, t.credit)
                        UNION ALL
                        SELECT 0, CASE WHEN o.debit = u.account_id THEN o.remaining_minor ELSE -o.remaining_minor END
                          FROM ledger.open_holds o
                         WHERE o.hold_position = r.position AND u.account_id IN (o.debit, o.credit)) m
                     WHERE r.correlation @> jsonb_build_object(u.key, u.value) AND r.value_date <= %(as_of)s
                     GROUP BY r.value_date) days) d
    ) l ON u.value <> ''
 ORDER BY since, u.account, u.value
"""
_CLOSED_THROUGH = "SELECT max(through) FROM ledger.periods"


class PostgresBooks:
    """Books over the schema `ledger`, as the connection's database transaction sees it."""

    def __init__(self, connection: Database) -> None:
        self._connection = connection

    def balance(
        self,
        account: str,
        currency: Currency,
        *,
        valued_by: date | None = None,
        recorded_by: datetime | None = None,
    ) -> Balance:
        money_map().account_type(account)
        row = self._connection.execute(_ACCOUNT, (account, currency)).fetchone()
        if row is None:
            return Balance(currency)
        account_id, *counters = row
        if valued_by is not None or recorded_by is not None:
            asked = {"account_id": account_id, "valued_by": valued_by, "recorded_by": recorded_by}
            counters = self._connection.execute(_AS_OF, asked).fetchone()
        elif counters[0] is None:
            counters = self._connection.execute(_UNLIMITED, {"account_id": account_id}).fetchone()
        return Balance(currency, *map(int, counters))

    def credit_limit(self, account: str, currency: Currency) -> Money:
        money_map().account_type(account)
        row = self._connection.execute(_CREDIT_LIMIT, (account, currency)).fetchone()
        return Money(0 if row is None else row[0], currency)

    def currencies(self, account: str) -> tuple[Currency, ...]:
        return tuple(Currency(code) for (code,) in self._connection.execute(_CURRENCIES, (account,)))

    def balances(self) -> Mapping[tuple[str, Currency], Balance]:
        found = {
            (account, Currency(code)): Balance(Currency(code), *counters)
            for account, code, *counters in self._connection.execute(_LIMITED)
        }
        pending = {account_id: held for account_id, *held in self._connection.execute(_PENDING)}
        for account_id, account, code, floor, *posted in self._connection.execute(_ALL_AS_OF, _asked(None, None)):
            if not floor:
                counters = map(int, (*posted, *pending.get(account_id, (0, 0))))
                found[account, Currency(code)] = Balance(Currency(code), *counters)
        return found

    def closed_through(self) -> date | None:
        row = self._connection.execute(_CLOSED_THROUGH).fetchone()
        found: date | None = row[0]
        return found

    def entry(self, entry_id: str) -> Entry | None:
        found = self._read_entries(_ENTRIES_BY_ID, [entry_id])
        return found[0] if found else None

    def entries(self, *, correlation: Mapping[str, str]) -> tuple[Entry, ...]:
        return tuple(self._read_entries(_ENTRIES, json.dumps(dict(correlation), ensure_ascii=False)))

    def entries_on(self, accounts: Collection[str]) -> tuple[Entry, ...]:
        """Every posted journal that moves any of these accounts, in the order of recording."""
        return tuple(self._read_entries(_ENTRIES_ON, {"accounts": sorted(accounts)}, named=True))

    def find_hold(self, hold_id: str) -> Hold | None:
        found = self._targets([hold_id]).get(hold_id)
        if found is None or found.entry.act is not Act.HOLD:
            return None
        self._read_remaining([found])
        return found.hold()

    def open_holds(self, *, expired_at: datetime | None = None) -> tuple[Hold, ...]:
        entries = self._read_entries(_OPEN_HOLDS, {"expired_at": expired_at}, named=True)
        holds = [_target(entry) for entry in entries]
        self._read_remaining(holds)
        return tuple(hold.hold() for hold in holds)

    def trial_balance(
        self, as_of: date | None = None, *, valued_by: date | None = None, recorded_by: datetime | None = None
    ) -> TrialBalance:
        rows = self._connection.execute(_ALL_AS_OF, _asked(valued_by or as_of, recorded_by))
        nets = {
            (account, Currency(currency)): int(debits - credits_) for _, account, currency, _, debits, credits_ in rows
        }
        return TrialBalance(valued_by or as_of, trial_balance_lines(nets))

    def statement(
        self,
        account: str,
        currency: Currency,
        *,
        as_of: date | None = None,
        valued_by: date | None = None,
        recorded_by: datetime | None = None,
    ) -> tuple[StatementLine, ...]:
        wanted = {"account": account, "currency": currency, **_asked(valued_by or as_of, recorded_by)}
        rows = self._connection.execute(_STATEMENT, wanted)
        posted = [Posted(day, entry_id, flow, _transfer(row)) for day, entry_id, flow, *row in rows]
        return statement_lines(account, currency, posted)

    def open_groups(self, as_of: date) -> tuple[OpenGroup, ...]:
        grouped = [(kind.pattern, kind.group) for kind in money_map().chart if kind.group is not None]
        patterns, keys = [pattern for pattern, _ in grouped], [key for _, key in grouped]
        accounts = dict(self._connection.execute(_GROUPED, (patterns, keys)))
        wanted = {"ids": list(accounts), "keys": list(accounts.values()), "as_of": as_of}
        rows = self._connection.execute(_OPEN_GROUPS, wanted)
        return tuple(
            OpenGroup(account, key, value, Money(posted, Currency(currency)), Money(pending, Currency(currency)), since)
            for account, currency, key, value, posted, pending, since in rows
        )

    def _targets(self, entry_ids: Collection[str]) -> dict[str, Target]:
        """Recorded entries by id. The remainders of holds are read later, under the lock."""
        if not entry_ids:
            return {}
        entries = self._read_entries(_ENTRIES_BY_ID, list(entry_ids))
        return {entry.journal.entry_id: _target(entry) for entry in entries}

    def _read_remaining(self, holds: Sequence[Target]) -> None:
        by_position = {hold.entry.position: hold for hold in holds}
        positions = list(by_position)
        for hold in holds:
            hold.remaining = [0] * len(hold.journal.transfers)
        for position, number, minor in self._connection.execute(_LEFT, (positions,)):
            by_position[position].remaining[number - 1] = minor
        for (position,) in self._connection.execute(_VOIDED, (positions,)):
            by_position[position].voided = True

    def _read_entries(self, query: str, wanted: Any, *, named: bool = False) -> list[Entry]:
        rows = list(self._connection.execute(query, wanted if named else (wanted,)))
        transfers = defaultdict(list)
        for position, *row in self._connection.execute(_TRANSFERS, ([row[1] for row in rows],)):
            transfers[position].append(_transfer(row))
        return [_entry(row, transfers[row[1]]) for row in rows]


def _asked(valued_by: date | None, recorded_by: datetime | None) -> dict[str, date | datetime | None]:
    return {"valued_by": valued_by, "recorded_by": recorded_by}


def _target(entry: Entry) -> Target:
    remaining = [0] * len(entry.journal.transfers) if entry.act is Act.HOLD else []
    return Target(entry, remaining, reversed_by=entry.reversed_by)


def _entry(row: Any, transfers: Iterable[Transfer]) -> Entry:
    entry_id, position, act, flow, version, value_date, original_date, occurred_at, recorded_at, *rest = row
    correlation, expires_at, refers, corrects, reversed_by = rest
    journal = Journal(
        entry_id=entry_id,
        flow=flow,
        template_version=version,
        value_date=value_date,
        occurred_at=occurred_at.astimezone(UTC),
        recorded_at=recorded_at.astimezone(UTC),
        correlation=correlation,
        transfers=tuple(transfers),
        original_date=original_date,
        corrects=corrects,
    )
    return Entry(
        position=position,
        act=Act(act),
        journal=journal,
        hold_id=refers if act == Act.POST_HOLD else None,
        expires_at=None if expires_at is None else expires_at.astimezone(UTC),
        reverses=refers if act == Act.REVERSE else None,
        reversed_by=reversed_by,
    )


def _transfer(row: Any) -> Transfer:
    debit, credit, currency, minor, *_ = row
    return Transfer(debit, credit, Money(minor, Currency(currency)))
