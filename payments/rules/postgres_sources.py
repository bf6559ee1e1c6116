"""Sources in PostgreSQL: the policy file in force, as tables that SQL and people read. Nothing here commits."""

from typing import Any

from psycopg import Connection

from payments.rules.source import FileSources

_KEEP = """
INSERT INTO payments.sources (source_id, kind, names, format, calendar, zone, numbering, first_number, empty_statements,
                              version)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (source_id) DO UPDATE
       SET (kind, names, format, calendar, zone, numbering, first_number, empty_statements, version)
         = (excluded.kind, excluded.names, excluded.format, excluded.calendar, excluded.zone, excluded.numbering,
            excluded.first_number, excluded.empty_statements, excluded.version)
"""
_KEEP_TOLERANCE = """
INSERT INTO payments.source_tolerances VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (source_id, currency) DO UPDATE
       SET (absolute_minor, basis_points, cap_minor, daily_cap_minor)
         = (excluded.absolute_minor, excluded.basis_points, excluded.cap_minor, excluded.daily_cap_minor)
"""
_FORGET = "DELETE FROM payments.sources WHERE source_id <> ALL (%s)"
_FORGET_TOLERANCES = "DELETE FROM payments.source_tolerances WHERE source_id || ' ' || currency <> ALL (%s)"


def keep_sources(connection: Connection[Any], sources: FileSources) -> None:
    """Write the sources in force, and forget the others. The same sources again change nothing."""
    connection.execute(_FORGET, (list(sources.by_id),))
    for each in sources.by_id.values():
        connection.execute(
            _KEEP,
            (
                each.source_id, each.kind.value, sorted(each.names), each.format, each.calendar, each.zone,
                each.numbering.value, each.first_number, each.empty_statements, sources.version,
            ),
        )  # fmt: skip
    tolerances = [
        (each.source_id, currency, tolerance)
        for each in sources.by_id.values()
        for currency, tolerance in each.tolerance.items()
    ]
    connection.execute(_FORGET_TOLERANCES, ([f"{source_id} {currency}" for source_id, currency, _ in tolerances],))
    for source_id, currency, tolerance in tolerances:
        connection.execute(
            _KEEP_TOLERANCE,
            (
                source_id, currency.value, tolerance.absolute.minor, tolerance.basis_points, tolerance.cap.minor,
                tolerance.daily_cap.minor,
            ),
        )  # fmt: skip
