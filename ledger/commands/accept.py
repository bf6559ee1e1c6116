"""Command line: who accepts that a rebuild replaces stored rows, and the list of what was replaced."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ledger.settings import Settings
from terminal.database import DatabaseProcess
from terminal.fault import Fault
from terminal.report import Report, reporting

if TYPE_CHECKING:
    from psycopg import Connection

    from ledger.proof.postgres_accepted import PostgresAcceptedDifferences

Accept = Annotated[bool, typer.Option("--accept", help="Replace what differs; what was there is kept on record.")]
AcceptReason = Annotated[
    str | None, typer.Option("--reason", help="With --accept: why it may be replaced; it is kept.")
]

REBUILD = "rebuild"


class AcceptFault(Fault):
    """Raised when a difference is accepted without a reason, or by somebody who may not."""


def accepted_by_key(
    connection: "Connection[Any]", *, accept: bool, reason: str | None, key: str | None, at: datetime
) -> "PostgresAcceptedDifferences | None":
    """Where the principal of this key keeps what it lets a rebuild replace; None without `accept`. Raises faults."""
    from ledger.identity.authority import authority_file
    from ledger.identity.postgres_principals import PostgresPrincipals
    from ledger.identity.principal import identify
    from ledger.proof.accepted import Acceptance
    from ledger.proof.postgres_accepted import PostgresAcceptedDifferences

    if not accept:
        return None
    if not (reason or "").strip():
        raise AcceptFault("--accept replaces what is stored, so it needs a --reason, which is kept")
    who = identify(key, principals=PostgresPrincipals(connection), at=at)
    if not authority_file().role(who.role).does.names(REBUILD):
        raise AcceptFault(f"{who.principal_id} may not let a rebuild replace anything: its role is {who.role}")
    return PostgresAcceptedDifferences(connection, Acceptance(who.principal_id, (reason or "").strip(), at))


@reporting("projection", "place", "was", "became", "accepted_by", "reason", "accepted_at")
def accepted_differences() -> Report:
    """List what rebuilds replaced: each row as it was and as it was derived, who accepted it, and why."""
    from ledger.books.postgres import connect
    from ledger.proof.postgres_accepted import listed_differences

    with connect(Settings.from_environment(process=DatabaseProcess.READER).database_url) as connection:
        rows = [
            {
                "projection": difference.projection,
                "place": difference.place,
                "was": difference.was,
                "became": difference.became,
                "accepted_by": given.accepted_by,
                "reason": given.reason,
                "accepted_at": given.accepted_at,
            }
            for difference, given in listed_differences(connection)
        ]

    def shown() -> Iterator[str]:
        for each in rows:
            yield f"{each['projection']}: {each['place']}: {each['was']} became {each['became']}"
            yield f"  accepted by {each['accepted_by']} at {each['accepted_at']}: {each['reason']}"
        yield f"{len(rows):,} differences accepted"

    return Report({"accepted": rows}, shown(), rows)
