"""The log of plans in PostgreSQL, within the caller's database transaction."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC
from decimal import Decimal
from typing import Any

from psycopg import Connection

from ledger.books.store import Conflict
from ledger.money import Currency, Money
from ledger.outbox import outbox
from lending.plan.checkpoint import Checkpoint, checkpoint_of
from lending.plan.correct_bookings import Corrected
from lending.plan.event import PlanEvent, body_of, tree_of
from lending.servicing.daily_interest import DailyInterest
from lending.servicing.log import InstalmentStanding, PlanChange, PlanHistory, PlanStanding, StoredCheckpoint
from lending.servicing.postgres_plans import read_plans

_LOCK = """
SELECT plan_id, folded_through, pooled_minor FROM lending.plan_standing WHERE plan_id = ANY(%s)
 ORDER BY plan_id FOR NO KEY UPDATE
"""
_FOLDED = "SELECT plan_id, folded_through, pooled_minor FROM lending.plan_standing WHERE plan_id = ANY(%s)"
_EVENT = "event_id, plan_id, kind, body, value_date, occurred_at, recorded_at, cause"
_CHECKPOINTS = """
SELECT plan_id, rules, events, position, state FROM lending.fold_checkpoints WHERE plan_id = ANY(%s)
"""
_STORED_CHECKPOINTS = """
SELECT c.plan_id, c.rules, c.events, coalesce(e.event_id, ''), c.state
  FROM lending.fold_checkpoints c LEFT JOIN lending.plan_events e USING (position) WHERE c.plan_id = ANY(%s)
"""
_EVENTS_AFTER = f"""
SELECT {_EVENT} FROM unnest(%s::text[], %s::bigint[]) AS u (plan_id, after) JOIN lending.plan_events e USING (plan_id)
 WHERE e.position > u.after ORDER BY plan_id, e.position
"""  # noqa: S608 - here and below only fixed lists of columns are put in
_PUT_CHECKPOINT = """
INSERT INTO lending.fold_checkpoints (plan_id, rules, events, position, state)
SELECT u.plan_id, u.rules, u.events, e.position, u.state
  FROM unnest(%s::text[], %s::text[], %s::integer[], %s::text[], %s::text[])
       AS u (plan_id, rules, events, log_end, state)
  JOIN lending.plan_events e ON e.event_id = u.log_end
    ON CONFLICT (plan_id) DO UPDATE
   SET rules = excluded.rules, events = excluded.events, position = excluded.position, state = excluded.state
"""
_FORGET_CHECKPOINTS = "DELETE FROM lending.fold_checkpoints WHERE plan_id = ANY(%s)"
_EVENTS_BY_ID = f"SELECT {_EVENT} FROM lending.plan_events WHERE event_id = ANY(%s)"  # noqa: S608
_WITH_EVENTS = """
SELECT DISTINCT plan_id FROM lending.plan_events WHERE plan_id > %s ORDER BY plan_id LIMIT %s
"""
_CORRECTED = "SELECT plan_id, booking, times, stands FROM lending.corrected_bookings WHERE plan_id = ANY(%s)"
_ADD_EVENTS = f"""
INSERT INTO lending.plan_events ({_EVENT})
SELECT event_id, plan_id, kind, body::jsonb, value_date, occurred_at, recorded_at, cause
  FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::date[], %s::timestamptz[], %s::timestamptz[],
              %s::text[]) WITH ORDINALITY AS u ({_EVENT}, place)
 ORDER BY place
    ON CONFLICT (event_id) DO NOTHING RETURNING event_id
"""  # noqa: S608
_CORRECT = """
INSERT INTO lending.corrected_bookings (plan_id, booking, times, stands)
SELECT * FROM unnest(%s::text[], %s::text[], %s::smallint[], %s::boolean[])
    ON CONFLICT (plan_id, booking) DO UPDATE SET times = excluded.times, stands = excluded.stands
"""
_STANDING = """
plan_id, version, status, bucket, folded_through, past_due_since, next_due_on, days_past_due, accrues, principal_minor,
interest_minor, fees_minor, credit_balance_minor, pooled_minor, interest_start, interest_step, interest_divisor,
folded_by, paused
"""
_PUT_STANDING = f"""
UPDATE lending.plan_standing s
   SET version = u.version, status = u.status, bucket = u.bucket, folded_through = u.folded_through,
       past_due_since = u.past_due_since, next_due_on = u.next_due_on, days_past_due = u.days_past_due,
       accrues = u.accrues, principal_minor = u.principal_minor, interest_minor = u.interest_minor,
       fees_minor = u.fees_minor, credit_balance_minor = u.credit_balance_minor, pooled_minor = u.pooled_minor,
       interest_start = u.interest_start, interest_step = u.interest_step, interest_divisor = u.interest_divisor,
       folded_by = u.folded_by, paused = u.paused::datemultirange
  FROM unnest(%s::text[], %s::integer[], %s::text[], %s::text[], %s::date[], %s::date[], %s::date[], %s::integer[],
              %s::boolean[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::numeric[],
              %s::numeric[], %s::numeric[], %s::date[], %s::text[]) AS u ({_STANDING})
 WHERE s.plan_id = u.plan_id
"""  # noqa: S608
_WITH_CREDIT = """
SELECT plan_id FROM lending.plan_standing WHERE plan_id = ANY(%s) AND credit_balance_minor > 0 ORDER BY plan_id
"""
_INSTALMENT = """
instalment_id, plan_id, number, due_on, principal_minor, interest_minor, open_principal_minor, open_interest_minor,
open_fees_minor, disputed_minor
"""
_PUT_INSTALMENTS = f"""
INSERT INTO lending.instalment_standing AS i ({_INSTALMENT})
SELECT * FROM unnest(%s::text[], %s::text[], %s::integer[], %s::date[], %s::bigint[], %s::bigint[], %s::bigint[],
                     %s::bigint[], %s::bigint[], %s::bigint[])
    ON CONFLICT (instalment_id) DO UPDATE
   SET due_on = excluded.due_on, principal_minor = excluded.principal_minor, interest_minor = excluded.interest_minor,
       open_principal_minor = excluded.open_principal_minor, open_interest_minor = excluded.open_interest_minor,
       open_fees_minor = excluded.open_fees_minor, disputed_minor = excluded.disputed_minor
 WHERE (i.due_on, i.principal_minor, i.interest_minor, i.open_principal_minor, i.open_interest_minor,
        i.open_fees_minor, i.disputed_minor)
       IS DISTINCT FROM
       (excluded.due_on, excluded.principal_minor, excluded.interest_minor, excluded.open_principal_minor,
        excluded.open_interest_minor, excluded.open_fees_minor, excluded.disputed_minor)
"""  # noqa: S608
# A backdated event can remove an instalment that a later event had added.
_FORGET_INSTALMENTS = """
DELETE FROM lending.instalment_standing WHERE plan_id = ANY(%s) AND instalment_id <> ALL(%s)
"""
_READ_STANDING = f"""
SELECT {_STANDING}, currency
  FROM lending.plan_standing JOIN (SELECT plan_id, currency FROM lending.plans) p USING (plan_id)
 WHERE plan_id = ANY(%s) ORDER BY plan_id
"""  # noqa: S608
_READ_INSTALMENTS = (
    f"SELECT {_INSTALMENT} FROM lending.instalment_standing WHERE plan_id = ANY(%s) ORDER BY plan_id, number"  # noqa: S608
)


class PostgresPlanLog:
    """PlanLog over the schema `lending`. It never commits."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def lock(self, plan_ids: Iterable[str]) -> Mapping[str, PlanHistory]:
        return self._histories(_LOCK, plan_ids)

    def lock_since_checkpoint(self, plan_ids: Iterable[str]) -> Mapping[str, PlanHistory]:
        return self._histories(_LOCK, plan_ids, since_checkpoint=True)

    def histories(self, plan_ids: Iterable[str]) -> Mapping[str, PlanHistory]:
        return self._histories(_FOLDED, plan_ids)

    def find_events(self, event_ids: Sequence[str]) -> Mapping[str, PlanEvent]:
        rows = self._connection.execute(_EVENTS_BY_ID, (list(event_ids),))
        return {row[0]: _event(row) for row in rows}

    def keep(self, changes: Sequence[PlanChange]) -> None:
        events = [event for change in changes for event in change.events]
        if events:
            added = {event_id for (event_id,) in self._run(_ADD_EVENTS, [_event_row(event) for event in events])}
            for event in events:
                if event.event_id not in added:  # the id belongs to an event of another plan
                    raise Conflict(event.event_id, "plan_id")
        facts = [fact for change in changes for fact in change.facts]
        if facts:
            outbox.append_all(self._connection, facts)
        corrected = [
            (change.standing.plan_id, booking, known.times, known.stands)
            for change in changes
            for booking, known in change.corrected.items()
        ]
        if corrected:
            self._run(_CORRECT, corrected)
        self._put_checkpoints(changes)
        self._put([change.standing for change in changes])
        self._put_instalments([change.standing for change in changes if change.instalments_too])

    def put_all(self, standings: Sequence[PlanStanding]) -> None:
        self._connection.execute(_FORGET_CHECKPOINTS, ([standing.plan_id for standing in standings],))
        self._put(standings)
        self._put_instalments(standings)

    def with_events(self, *, after: str, limit: int) -> Sequence[str]:
        return [plan_id for (plan_id,) in self._connection.execute(_WITH_EVENTS, (after, limit))]

    def stored_checkpoints(self, plan_ids: Iterable[str]) -> Mapping[str, StoredCheckpoint]:
        rows = self._connection.execute(_STORED_CHECKPOINTS, (list(plan_ids),))
        return {plan_id: StoredCheckpoint(*row) for plan_id, *row in rows}

    def _put_checkpoints(self, changes: Sequence[PlanChange]) -> None:
        void = [change.standing.plan_id for change in changes if change.forget_checkpoint and change.checkpoint is None]
        if void:
            self._connection.execute(_FORGET_CHECKPOINTS, (void,))
        rows = [
            (change.standing.plan_id, each.rules, each.count, each.log_end, each.text())
            for change in changes
            if (each := change.checkpoint) is not None
        ]
        if rows:
            self._run(_PUT_CHECKPOINT, rows)

    def _put(self, standings: Sequence[PlanStanding]) -> None:
        if standings:
            self._run(_PUT_STANDING, [_standing_row(standing) for standing in standings])

    def _put_instalments(self, standings: Sequence[PlanStanding]) -> None:
        if not standings:
            return
        rows = [_instalment_row(standing.plan_id, each) for standing in standings for each in standing.instalments]
        self._connection.execute(
            _FORGET_INSTALMENTS, ([standing.plan_id for standing in standings], [row[0] for row in rows])
        )
        if rows:
            self._run(_PUT_INSTALMENTS, rows)

    def standings(self, plan_ids: Iterable[str]) -> Mapping[str, PlanStanding]:
        wanted = list(plan_ids)
        instalments = defaultdict(list)
        for row in self._connection.execute(_READ_INSTALMENTS, (wanted,)):
            instalments[row[1]].append(row)
        rows = self._connection.execute(_READ_STANDING, (wanted,))
        return {row[0]: _standing(row, instalments[row[0]]) for row in rows}

    def with_credit(self, plan_ids: Sequence[str]) -> Sequence[str]:
        return [plan_id for (plan_id,) in self._connection.execute(_WITH_CREDIT, (list(plan_ids),))]

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        self._connection.execute("SAVEPOINT whole")
        try:
            yield
        except Exception:  # whatever the reason: nothing written inside may stay
            self._connection.execute("ROLLBACK TO SAVEPOINT whole")
            # A savepoint outlives the rollback to it and would hide one of the same name outside.
            self._connection.execute("RELEASE SAVEPOINT whole")
            raise
        self._connection.execute("RELEASE SAVEPOINT whole")

    def _histories(
        self, query: str, plan_ids: Iterable[str], *, since_checkpoint: bool = False
    ) -> Mapping[str, PlanHistory]:
        wanted = list(plan_ids)
        standing = {row[0]: row[1:] for row in self._connection.execute(query, (wanted,))}
        plans = read_plans(self._connection, standing)
        events: dict[str, list[PlanEvent]] = defaultdict(list)
        corrected: dict[str, dict[str, Corrected]] = defaultdict(dict)
        checkpoints: dict[str, Checkpoint] = {}
        after = dict.fromkeys(wanted, 0)
        if since_checkpoint:
            for plan_id, rules, count, position, text in self._connection.execute(_CHECKPOINTS, (wanted,)):
                checkpoints[plan_id], after[plan_id] = checkpoint_of(rules, count, text), position
        for row in self._connection.execute(_EVENTS_AFTER, (list(after), list(after.values()))):
            events[row[1]].append(_event(row))
        for plan_id, booking, times, stands in self._connection.execute(_CORRECTED, (wanted,)):
            corrected[plan_id][booking] = Corrected(times, stands)
        return {
            plan_id: PlanHistory(
                plan, tuple(events[plan_id]), through, corrected[plan_id], checkpoints.get(plan_id), pooled
            )
            for plan_id, plan in plans.items()
            for through, pooled in (standing[plan_id],)
        }

    def _run(self, query: str, rows: Sequence[tuple[object, ...]]) -> list[tuple[Any, ...]]:
        """Run a statement over rows, which are passed as one array per column."""
        cursor = self._connection.execute(query, [list(column) for column in zip(*rows, strict=True)])
        return cursor.fetchall() if cursor.description else []


def _event_row(event: PlanEvent) -> tuple[object, ...]:
    return (
        event.event_id,
        event.plan_id,
        event.kind,
        json.dumps(tree_of(event.body), ensure_ascii=False),
        event.value_date,
        event.occurred_at,
        event.recorded_at,
        event.cause,
    )


def _event(row: Sequence[Any]) -> PlanEvent:
    event_id, plan_id, kind, tree, value_date, occurred_at, recorded_at, cause = row
    return PlanEvent(
        event_id=event_id,
        plan_id=plan_id,
        value_date=value_date,
        occurred_at=occurred_at.astimezone(UTC),
        recorded_at=recorded_at.astimezone(UTC),
        cause=cause,
        body=body_of(kind, tree),
    )


def _standing_row(standing: PlanStanding) -> tuple[object, ...]:
    spans = (f"[{starts},{'' if ends is None else ends})" for starts, ends in standing.paused)
    return (
        standing.plan_id,
        standing.version,
        standing.status,
        standing.bucket,
        standing.folded_through,
        standing.past_due_since,
        standing.next_due_on,
        standing.days_past_due,
        standing.accrues,
        standing.principal.minor,
        standing.interest.minor,
        standing.fees.minor,
        standing.credit_balance.minor,
        standing.pooled.minor,
        *_line(standing.daily),
        f"{{{','.join(spans)}}}",
    )


def _line(daily: DailyInterest | None) -> tuple[object, ...]:
    if daily is None:
        return None, None, None, None
    return Decimal(daily.start), Decimal(daily.step), Decimal(daily.divisor), daily.folded_by


def _instalment_row(plan_id: str, each: InstalmentStanding) -> tuple[object, ...]:
    return (
        each.instalment_id,
        plan_id,
        each.number,
        each.due_on,
        each.principal.minor,
        each.interest.minor,
        each.open_principal.minor,
        each.open_interest.minor,
        each.open_fees.minor,
        each.disputed.minor,
    )


def _standing(row: Sequence[Any], instalments: Iterable[Sequence[Any]]) -> PlanStanding:
    plan_id, version, status, bucket, folded_through, past_due_since, next_due_on, *rest = row
    days, accrues, *minors, start, step, divisor, folded_by, paused, code = rest
    currency = Currency(code)
    principal, interest, fees, credit_balance, pooled = (Money(minor, currency) for minor in minors)
    return PlanStanding(
        plan_id=plan_id,
        version=version,
        status=status,
        bucket=bucket,
        folded_through=folded_through,
        past_due_since=past_due_since,
        next_due_on=next_due_on,
        days_past_due=days,
        accrues=accrues,
        principal=principal,
        interest=interest,
        fees=fees,
        credit_balance=credit_balance,
        paused=tuple((span.lower, span.upper) for span in paused),
        instalments=tuple(
            InstalmentStanding(instalment_id, number, due_on, *(Money(minor, currency) for minor in minors))
            for instalment_id, _, number, due_on, *minors in instalments
        ),
        pooled=pooled,
        daily=None if folded_by is None else DailyInterest(int(start), int(step), int(divisor), folded_by),
    )
