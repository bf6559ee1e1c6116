"""Command line: the keys of principals, from the first to the last, and who changed what."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from ledger.commands.principal import Expires, Reason, first_moment, keeping, key_lines
from ledger.settings import Settings
from terminal.clock import now
from terminal.command_line import stage
from terminal.database import DatabaseProcess
from terminal.report import Report, reporting

app = stage("Keys of principals: make, replace and end them, and see who did.")

PrincipalId = Annotated[str, typer.Argument(help="The principal's id.")]
KeyId = Annotated[str, typer.Argument(help="The key's id, such as ann-lee.1; `keys list` names it.")]


@app.command("add")
@reporting()
def add(principal_id: PrincipalId, *, expires: Expires = None, reason: Reason = None) -> Report:
    """Make another key of a principal and print it, this once; its other keys still work."""
    from ledger.identity.change_keys import make_key

    with keeping(reason) as (principals, by):
        made = make_key(principal_id, by, expires_at=first_moment(expires), principals=principals)
    tree = {"key_id": made.key.key_id, "principal_id": principal_id, "ends_at": made.key.ends_at, "key": made.secret}
    return Report(tree, [f"{made.key.key_id} is a key of {principal_id}", *key_lines(made.secret)])


@app.command("list")
@reporting("key_id", "principal_id", "made_at", "ends_at", "state")
def list_keys(principal_id: Annotated[str | None, typer.Argument(help="One principal; else all.")] = None) -> Report:
    """List keys by their ids, until when each works, and those that have ended. A key itself is stored nowhere."""
    from ledger.books.postgres import connect
    from ledger.identity.postgres_principals import PostgresPrincipals

    at = now()
    with connect(Settings.from_environment(process=DatabaseProcess.READER).database_url) as connection:
        principals = PostgresPrincipals(connection)
        found = principals.keys(principal_id)
        living = {each.principal_id for each in principals.listed() if each.valid_at(at)}
    rows = [
        {
            "key_id": each.key_id,
            "principal_id": each.principal_id,
            "made_at": each.made_at,
            "ends_at": each.ends_at,
            "state": "works" if each.valid_at(at) and each.principal_id in living else "ended",
        }
        for each in found
    ]

    def shown() -> Iterator[str]:
        for key, row in zip(found, rows, strict=True):
            until = "does not expire" if key.ends_at is None else f"until {_minute(key.ends_at)}"
            yield f"{key.key_id}  {row['state']}  made {_minute(key.made_at)}  {until}"
        yield f"{len(found):,} keys"

    return Report({"keys": rows}, shown(), rows)


@app.command("rotate")
@reporting()
def rotate(
    principal_id: PrincipalId,
    *,
    overlap: Annotated[int, typer.Option(min=0, max=720, help="For how many hours the keys before still work.")] = 24,
    expires: Expires = None,
    reason: Reason = None,
) -> Report:
    """Make a new key of a principal and print it, this once; every other key of it ends after the overlap."""
    from ledger.identity.change_keys import rotate_key

    with keeping(reason) as (principals, by):
        made = rotate_key(
            principal_id,
            by,
            overlap=timedelta(hours=overlap),
            expires_at=first_moment(expires),
            principals=principals,
        )
        ends_at = by.at + timedelta(hours=overlap)
    ending = [each.key_id for each in made.ending]
    tree = {"key_id": made.key.key_id, "key": made.secret, "ending": ending, "ending_at": ends_at}
    lines = [f"{made.key.key_id} is a key of {principal_id}", *key_lines(made.secret)]
    return Report(tree, [*lines, *(f"{each} ends at {_minute(ends_at)}" for each in ending)])


@app.command("revoke")
@reporting()
def revoke(key_id: KeyId, *, reason: Reason = None) -> Report:
    """End a key now. Its principal and its other keys stay."""
    from ledger.identity.change_keys import end_key

    with keeping(reason) as (principals, by):
        new = end_key(key_id, by, ends_at=by.at, principals=principals)
    return _ended(key_id, by.at, new)


@app.command("expire")
@reporting()
def expire(
    key_id: KeyId,
    *,
    on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The first day on which it does not work.")],
    reason: Reason = None,
) -> Report:
    """Let a key end on a day ahead; of several ends the earliest counts."""
    from ledger.identity.change_keys import end_key

    ends_at = on.replace(tzinfo=UTC)
    with keeping(reason) as (principals, by):
        new = end_key(key_id, by, ends_at=ends_at, principals=principals)
    return _ended(key_id, ends_at, new)


@app.command("changes")
@reporting("changed_at", "change", "principal_id", "key_id", "changed_by", "reason", "ends_at")
def changes() -> Report:
    """List every change of who may act, the oldest first: what, who did it, and why."""
    from dataclasses import asdict

    from ledger.books.postgres import connect
    from ledger.identity.postgres_principals import PostgresPrincipals

    with connect(Settings.from_environment(process=DatabaseProcess.READER).database_url) as connection:
        found = PostgresPrincipals(connection).changes()
    rows = [asdict(each) for each in found]

    def shown() -> Iterator[str]:
        for each in found:
            who = each.changed_by or "the owner of the database"
            until = "" if each.ends_at is None else f", ends {_minute(each.ends_at)}"
            why = "" if each.reason is None else f": {each.reason}"
            yield f"{_minute(each.changed_at)}  {each.change} {each.key_id or each.principal_id}{until} by {who}{why}"
        yield f"{len(found):,} changes"

    return Report({"changes": rows}, shown(), rows)


def _ended(key_id: str, ends_at: datetime, new: bool) -> Report:
    said = f"{key_id} ends at {_minute(ends_at)}" if new else f"{key_id} ends no later already; nothing changed"
    return Report({"key_id": key_id, "ends_at": ends_at, "new": new}, [said])


def _minute(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
