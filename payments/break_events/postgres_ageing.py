"""Ages breaks in PostgreSQL: what is past its due day becomes graver. Nothing here commits."""

from datetime import date
from typing import Any

from psycopg import Connection

from payments.break_class import BreakClass
from payments.break_events.severity import Severity, severity_on
from payments.rail_profile import RailProfile

_PAST_DUE = """
SELECT break_id, class, severity, due_by FROM payments.breaks
 WHERE closed_on IS NULL AND due_by < %s AND severity <> %s ORDER BY break_id
"""
_RAISE_SEVERITY = """
UPDATE payments.breaks b SET severity = u.severity
  FROM unnest(%s::text[], %s::text[]) AS u (break_id, severity)
 WHERE b.break_id = u.break_id AND b.closed_on IS NULL
"""
_ON_DAY = """
SELECT set_config('tranche.break_act', jsonb_build_object('on_day', %s::date)::text, true)
"""


def changed_on(connection: Connection[Any], day: date) -> None:
    """Let the changes of breaks in the rest of this transaction count from a business day."""
    connection.execute(_ON_DAY, (day,))


def age_breaks(connection: Connection[Any], day: date, profile: RailProfile) -> int:
    """Raise the severity of open breaks past their due day, as their class says; returns how many rose."""
    graver: dict[str, Severity] = {}
    for break_id, name, severity, due_by in connection.execute(_PAST_DUE, (day, Severity.CRITICAL.value)):
        treatment = profile.treatments[BreakClass(name)]
        starts, now = Severity(treatment.severity), Severity(severity)
        then = severity_on(day, due_by, days=treatment.days, starts=starts, now=now)
        if then is not now:
            graver[break_id] = then
    if graver:
        connection.execute(_RAISE_SEVERITY, (list(graver), [each.value for each in graver.values()]))
    return len(graver)
