"""The break desk in PostgreSQL: breaks and their events, acts and proposals, undone matches. Nothing here commits."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

from ledger.money import Currency, Money
from payments.break_class import BreakClass
from payments.break_desk.desk_log import (
    AskedDeskAct,
    BreakCase,
    BreakEvent,
    DeskProposal,
    KeptDeskAct,
    UndoneGroup,
)
from payments.break_events.severity import Severity
from payments.breaks import Break
from payments.expectation_key import expectation_key
from payments.files.line import FileLine
from payments.line_key import LineKey
from payments.reconciliation.postgres_line_rows import line_of_row

_CASE = """
SELECT b.*, o.unit, g.group_id
  FROM payments.breaks b
  LEFT JOIN payments.open_lines o USING (line_key)
  LEFT JOIN payments.group_lines g USING (line_key)
 WHERE b.break_id = %s
"""
_LISTED_BREAKS = """
SELECT * FROM payments.breaks
 WHERE (%(closed)s OR closed_on IS NULL) AND (%(owner)s::text IS NULL OR owner = %(owner)s)
 ORDER BY array_position(%(severities)s::text[], severity) DESC, due_by, break_id LIMIT %(limit)s
"""
_LINE = """
SELECT l.*, (SELECT count(*) FROM payments.undone_groups u WHERE l.line_key = ANY (u.line_keys)) AS undone,
       g.group_id
  FROM payments.lines l LEFT JOIN payments.group_lines g USING (line_key) WHERE l.line_key = %s
"""
_EVENTS = """
SELECT number, event, class, owner, severity, due_by, reason, actor, act_id, on_day, at
  FROM payments.break_events WHERE break_id = %s ORDER BY number
"""
_ADD_EVENT = """
INSERT INTO payments.break_events (break_id, number, event, class, owner, severity, due_by, reason, actor, act_id, key,
                                   on_day, at)
SELECT b.break_id, n.number, %(event)s, b.class, b.owner, b.severity, b.due_by, w.reason, w.actor, w.act_id,
       b.break_id || ':' || n.number, w.on_day, w.at
  FROM payments.breaks b
 CROSS JOIN LATERAL (SELECT count(*) + 1 AS number FROM payments.break_events e WHERE e.break_id = b.break_id) n
 CROSS JOIN payments.who_acts_on_breaks() w
 WHERE b.break_id = %(break_id)s
"""
_ACTS = """
SELECT a.act_id, a.break_id, a.act, a.asked, a.reason, a.key, a.principal_id, a.answer, a.recorded_at, p.approved_by
  FROM payments.break_acts a LEFT JOIN payments.break_approvals p ON p.proposal_id = a.proposal_id
"""
_PROPOSALS = """
SELECT p.proposal_id, p.break_id, p.act, p.asked, p.reason, p.key, p.proposed_by, p.because, p.proposed_at,
       p.expires_at, a.approved_by
  FROM payments.break_proposals p LEFT JOIN payments.break_approvals a USING (proposal_id)
"""
_PROPOSE = """
INSERT INTO payments.break_proposals (proposal_id, break_id, act, asked, reason, key, proposed_by, because, proposed_at,
                                      expires_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (proposed_by, key) DO NOTHING
"""
_APPROVE = """
INSERT INTO payments.break_approvals (proposal_id, proposed_by, approved_by, approved_at) VALUES (%s, %s, %s, %s)
    ON CONFLICT (proposal_id) DO NOTHING
"""
_KEEP = """
INSERT INTO payments.break_acts (act_id, break_id, act, asked, reason, key, principal_id, answer, recorded_at,
                                 proposal_id)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (principal_id, key) DO NOTHING
"""
_GROUP = """
SELECT g.group_id, g.rule,
       array(SELECT line_key FROM payments.group_lines WHERE group_id = g.group_id ORDER BY 1),
       array(SELECT expectation_id FROM payments.group_expectations WHERE group_id = g.group_id ORDER BY 1)
  FROM payments.match_groups g WHERE g.group_id = %s
"""
_KEEP_UNDONE = """
INSERT INTO payments.undone_groups (group_id, number, rule, rule_version, keys, late, matched_on, line_keys,
                                    expectation_ids, act_id)
SELECT g.group_id, (SELECT count(*) + 1 FROM payments.undone_groups u WHERE u.group_id = g.group_id), g.rule,
       g.rule_version, g.keys, g.late, g.matched_on, %(lines)s, %(keys)s, %(act_id)s
  FROM payments.match_groups g WHERE g.group_id = %(group_id)s
"""
# A line that a rule matched is held for a person, since the rule would match it again.
_OPEN_LINES = """
INSERT INTO payments.open_lines
SELECT l.line_key,
       CASE WHEN EXISTS (SELECT FROM payments.undone_groups u
                          WHERE l.line_key = ANY (u.line_keys) AND u.rule <> %(manual)s)
            THEN 'held:' || l.line_id
            ELSE payments.unit_of_line(l.key, l.payout_id, l.account_id, l.line_id) END,
       l.booked_on, l.amount_minor
  FROM payments.lines l WHERE l.line_key = ANY (%(lines)s)
"""
_OPEN_EXPECTATIONS = """
INSERT INTO payments.open_expectations
SELECT expectation_id, leg, expected_on, due_by FROM payments.expectations
 WHERE expectation_id = ANY (%(keys)s)
   AND NOT starts_with(expectation_id, 'transfer:') AND NOT starts_with(expectation_id, 'decided:')
"""
_REOPEN = """
UPDATE payments.breaks SET closed_on = NULL, closed_by = NULL WHERE break_id = %s AND closed_on IS NOT NULL
"""
_CLOSE_ABSENT = """
UPDATE payments.breaks SET closed_on = greatest(%(on)s, opened_on), closed_by = %(by)s
 WHERE closed_on IS NULL AND NOT break_id = ANY (%(present)s)
   AND EXISTS (SELECT FROM unnest(%(prefixes)s::text[]) AS u (prefix) WHERE starts_with(break_id, u.prefix))
"""
_RELEASE = """
UPDATE payments.open_lines o SET unit = payments.unit_of_line(l.key, l.payout_id, l.account_id, l.line_id)
  FROM payments.lines l WHERE l.line_key = o.line_key AND o.line_key = %s RETURNING o.unit
"""
# What people decided about an expectation, which no line ever met.
_DECIDE_EXPECTATION = """
WITH made AS (
    INSERT INTO payments.match_groups VALUES (%(key)s, %(rule)s, %(version)s, ARRAY[%(key)s], false, %(on)s)
)
INSERT INTO payments.group_expectations VALUES (%(key)s, %(key)s)
"""


class PostgresDesk:
    """The records of the break desk over the schema `payments`."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    # Breaks.

    def listed(self, limit: int, *, closed: bool = False, owner: str | None = None) -> list[Break]:
        """Breaks, the gravest first and then by due day; open ones alone unless `closed`."""
        about = {"limit": limit, "closed": closed, "owner": owner, "severities": [each.value for each in Severity]}
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return [_break(row) for row in cursor.execute(_LISTED_BREAKS, about)]

    def case(self, break_id: str, *, lock: bool = True) -> BreakCase | None:
        """A break with its line, locked for an act; None if there is none with this id."""
        with self._connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(f"{_CASE} FOR UPDATE OF b" if lock else _CASE, (break_id,)).fetchone()
            if row is None:
                return None
            line = None if row["line_key"] is None else cursor.execute(_LINE, (row["line_key"],)).fetchone()
        return BreakCase(_break(row), None if line is None else line_of_row(line), row["unit"], row["group_id"])

    def matched_line(self, line_key: str) -> tuple[FileLine, str] | None:
        """A line that is in a match, and the id of the match."""
        with self._connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(_LINE, (line_key,)).fetchone()
        return None if row is None or row["group_id"] is None else (line_of_row(row), str(row["group_id"]))

    def events(self, break_id: str) -> list[BreakEvent]:
        """Everything that happened to a break, the oldest first."""
        rows = self._connection.execute(_EVENTS, (break_id,))
        return [_event(row) for row in rows]

    def announce(self, act_id: str, principal_id: str, reason: str, at: datetime) -> None:
        """Let every change of breaks in the rest of the transaction name this act."""
        said = {"act_id": act_id, "actor": principal_id, "reason": reason, "on_day": at.date().isoformat()}
        told = json.dumps({**said, "at": at.isoformat()})
        self._connection.execute("SELECT set_config('tranche.break_act', %s, true)", (told,))

    def add_event(self, break_id: str, event: str) -> None:
        """Store that the announced act did this to a break."""
        self._connection.execute(_ADD_EVENT, {"break_id": break_id, "event": event})

    def assign(self, break_id: str, owner: str) -> None:
        self._connection.execute("UPDATE payments.breaks SET owner = %s WHERE break_id = %s", (owner, break_id))

    def accept_until(self, break_id: str, until: date) -> None:
        self._connection.execute("UPDATE payments.breaks SET due_by = %s WHERE break_id = %s", (until, break_id))

    def close_absent(self, prefixes: Sequence[str], present: Sequence[str], on: date, by: str) -> int:
        """Close the open breaks whose ids begin like this and are not present; returns how many."""
        about = {"prefixes": list(prefixes), "present": list(present), "on": on, "by": by}
        return self._connection.execute(_CLOSE_ABSENT, about).rowcount

    def reopen(self, break_id: str) -> None:
        """Open a closed break again; an open one stays as it is."""
        self._connection.execute(_REOPEN, (break_id,))

    # Acts and proposals.

    def done(self, act_id: str) -> KeptDeskAct | None:
        row = self._connection.execute(f"{_ACTS} WHERE a.act_id = %s", (act_id,)).fetchone()
        return None if row is None else _kept(row)

    def acts_on(self, break_id: str) -> list[KeptDeskAct]:
        query = f"{_ACTS} WHERE a.break_id = %s ORDER BY a.position"
        return [_kept(row) for row in self._connection.execute(query, (break_id,))]

    def proposal(self, proposal_id: str) -> DeskProposal | None:
        row = self._connection.execute(f"{_PROPOSALS} WHERE p.proposal_id = %s", (proposal_id,)).fetchone()
        return None if row is None else _proposal(row)

    def open_proposals(self, at: datetime) -> list[DeskProposal]:
        """Proposals neither approved nor expired, the oldest first."""
        query = f"{_PROPOSALS} WHERE a.proposal_id IS NULL AND p.expires_at > %s ORDER BY p.proposed_at, p.proposal_id"
        return [_proposal(row) for row in self._connection.execute(query, (at,))]

    def propose(self, proposal: DeskProposal) -> bool:
        """Store a proposal; False when one with its principal and key was stored meanwhile."""
        asked = proposal.asked
        row = (
            *(proposal.proposal_id, asked.break_id, asked.act, json.dumps(dict(asked.arguments)), asked.reason),
            *(asked.key, proposal.proposed_by, list(proposal.because), proposal.proposed_at, proposal.expires_at),
        )
        return self._connection.execute(_PROPOSE, row).rowcount == 1

    def approve(self, proposal: DeskProposal, *, by: str, at: datetime) -> bool:
        """Store an approval; False when the proposal was approved before."""
        row = (proposal.proposal_id, proposal.proposed_by, by, at)
        return self._connection.execute(_APPROVE, row).rowcount == 1

    def keep_act(self, act: KeptDeskAct) -> bool:
        """Store an act; False when one with its principal and key was stored meanwhile."""
        answer = {"posted": act.posted, "reversed": act.reversed, "still_open": act.still_open}
        row = (
            *(act.act_id, act.asked.break_id, act.asked.act, json.dumps(dict(act.asked.arguments)), act.asked.reason),
            *(act.asked.key, act.principal_id, json.dumps(answer), act.recorded_at),
            None if act.approved_by is None else act.act_id,
        )
        return self._connection.execute(_KEEP, row).rowcount == 1

    # Matches.

    def group(self, group_id: str) -> UndoneGroup:
        """A match with its lines and expectations."""
        row = self._connection.execute(_GROUP, (group_id,)).fetchone()
        assert row is not None, f"{group_id} was read as a match"
        return UndoneGroup(*row)

    def undo(self, group: UndoneGroup, act_id: str, *, manual: str) -> None:
        """Take a match apart: it is kept as undone, and its line and expectations are open again.

        `manual` is the rule of matches by hand; a line of any other is held for a person.
        """
        about = {"group_id": group.group_id, "lines": group.line_keys, "keys": group.expectation_ids, "manual": manual}
        self._connection.execute(_KEEP_UNDONE, {**about, "act_id": act_id})
        for table in ("group_lines", "group_expectations", "match_groups"):
            self._connection.execute(f"DELETE FROM payments.{table} WHERE group_id = %s", (group.group_id,))  # noqa: S608
        self._connection.execute(_OPEN_LINES, about)
        self._connection.execute(_OPEN_EXPECTATIONS, about)

    def release(self, line_key: str) -> str | None:
        """Let the rules match an open line again; its unit."""
        row = self._connection.execute(_RELEASE, (line_key,)).fetchone()
        return None if row is None else str(row[0])

    def decide_expectation(self, key: str, on: date, *, rule: str, version: int) -> None:
        """Take an expectation that nothing will meet off the list of those that are open."""
        about = {"key": key, "rule": rule, "version": version, "on": on}
        self._connection.execute(_DECIDE_EXPECTATION, about)

    # Entries that were undone.

    def times_undone(self, entry_id: str) -> int:
        """How often a posting of this entry was undone."""
        query = "SELECT coalesce(max(times), 0) FROM payments.undone_entries WHERE entry_id = %s"
        row = self._connection.execute(query, (entry_id,)).fetchone()
        return 0 if row is None else int(row[0])

    def first_posting(self, entry_id: str) -> tuple[str, int]:
        """The id with which an entry was first posted, and which posting of it this is."""
        query = "SELECT entry_id, times + 1 FROM payments.undone_entries WHERE entry_id || '#' || (times + 1) = %s"
        row = self._connection.execute(query, (entry_id,)).fetchone()
        return (entry_id, 1) if row is None else (str(row[0]), int(row[1]))

    def keep_undone_entry(self, entry_id: str, times: int) -> None:
        self._connection.execute("INSERT INTO payments.undone_entries VALUES (%s, %s)", (entry_id, times))


def _break(row: dict[str, Any]) -> Break:
    minor = row["amount_minor"]
    return Break(
        break_id=row["break_id"],
        break_class=BreakClass(row["class"]),
        reason=row["reason"],
        owner=row["owner"],
        severity=row["severity"],
        opened_on=row["opened_on"],
        due_by=row["due_by"],
        line_key=None if row["line_key"] is None else LineKey.of(row["line_key"]),
        expected=None if row["expectation_id"] is None else expectation_key(row["expectation_id"]),
        amount=None if minor is None else Money(minor, Currency(row["currency"])),
        closed_on=row["closed_on"],
        closed_by=row["closed_by"],
    )


def _event(row: Sequence[Any]) -> BreakEvent:
    number, event, name, owner, severity, due_by, reason, actor, act_id, on_day, at = row
    at = at.astimezone(UTC)
    return BreakEvent(number, event, name, owner, severity, due_by, reason, actor, act_id, on_day, at)


def _kept(row: Sequence[Any]) -> KeptDeskAct:
    act_id, break_id, act, asked, reason, key, principal_id, answer, recorded_at, approved_by = row
    return KeptDeskAct(
        act_id=act_id,
        asked=AskedDeskAct(break_id, act, asked, reason, key),
        principal_id=principal_id,
        posted=tuple(answer["posted"]),
        reversed=tuple(answer["reversed"]),
        still_open=answer["still_open"],
        recorded_at=recorded_at.astimezone(UTC),
        approved_by=approved_by,
    )


def _proposal(row: Sequence[Any]) -> DeskProposal:
    proposal_id, break_id, act, asked, reason, key, by, because, proposed_at, expires_at, approved_by = row
    return DeskProposal(
        proposal_id=proposal_id,
        asked=AskedDeskAct(break_id, act, asked, reason, key),
        proposed_by=by,
        because=tuple(because),
        proposed_at=proposed_at.astimezone(UTC),
        expires_at=expires_at.astimezone(UTC),
        approved_by=approved_by,
    )
