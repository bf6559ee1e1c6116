"""Command line: add, list and revoke principals."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ledger.settings import Settings
from terminal.clock import now
from terminal.database import DatabaseProcess
from terminal.report import Report, reporting

if TYPE_CHECKING:
    from psycopg import Connection

    from ledger.identity.change_keys import By
    from ledger.identity.postgres_principals import PostgresPrincipals

Reason = Annotated[str | None, typer.Option(help="Why, in a sentence; it is kept.")]
Expires = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The first day on which it is not valid.")]


@contextmanager
def keeping(reason: str | None) -> "Iterator[tuple[PostgresPrincipals, By]]":
    """Principals in one database transaction, and who changes them: whose key TRANCHE_KEY is."""
    from ledger.books.postgres import connect
    from ledger.identity.authority import authority_file
    from ledger.identity.change_keys import By, key_keeper
    from ledger.identity.postgres_principals import PostgresPrincipals

    settings, at = Settings.from_environment(process=DatabaseProcess.IDENTITY), now()
    with connect(settings.database_url) as connection:
        principals = PostgresPrincipals(connection)
        who = key_keeper(settings.key, principals=principals, authority=authority_file(), at=at)
        yield principals, By(None if who is None else who.principal_id, at, (reason or "").strip() or None)


def keeper_of_books(connection: "Connection[Any]") -> str:
    """The id of the principal whose key TRANCHE_KEY is; raises PrincipalFault unless its role may change the books."""
    from ledger.identity.authority import Right, authority_file
    from ledger.identity.postgres_principals import PostgresPrincipals
    from ledger.identity.principal import PrincipalFault, identify

    who = identify(Settings.from_environment().key, principals=PostgresPrincipals(connection), at=now())
    if not authority_file().role(who.role).has(Right.BOOKS):
        raise PrincipalFault(f"the role {who.role} of {who.principal_id} posts no entry and sets no limit by hand")
    return who.principal_id


def first_moment(day: datetime | None) -> datetime | None:
    """The start of a day, in UTC."""
    return None if day is None else day.replace(tzinfo=UTC)


@reporting()
def add_principal(
    principal_id: Annotated[str, typer.Argument(help="Small letters, digits and hyphens, such as ann-lee.")],
    *,
    role: Annotated[str, typer.Option(help="A role of ledger/authority.toml, such as servicing.")],
    merchant: Annotated[str | None, typer.Option(help="The merchant it belongs to, whose plans alone it sees.")] = None,
    expires: Expires = None,
    reason: Reason = None,
) -> Report:
    """Add a person or program that may act, and print its key, which is shown this once."""
    from ledger.identity import principal as act
    from ledger.identity.authority import authority_file

    roles = authority_file().roles
    if role not in roles:
        raise act.PrincipalFault(f"{role!r} is no role of the authority file: {', '.join(sorted(roles))}")
    if roles[role].of_merchant and merchant is None:
        raise act.PrincipalFault(f"a principal of the role {role} belongs to a merchant: name it with --merchant")
    with keeping(reason) as (principals, by):
        key = act.add_principal(
            principal_id,
            role,
            expires_at=first_moment(expires),
            principals=principals,
            at=by.at,
            merchant_id=merchant,
            by=by.principal_id,
            reason=by.reason,
        )
    of = "" if merchant is None else f" of the merchant {merchant}"
    lines = [f"{principal_id} may act as {role}{of}", *key_lines(key)]
    tree = {"principal_id": principal_id, "role": role, "merchant_id": merchant, "expires": expires, "key": key}
    return Report(tree, lines)


def key_lines(key: str) -> list[str]:
    """A new key as it is shown."""
    return [f"TRANCHE_KEY={key}", "the key is shown this once; it is not stored"]


@reporting("principal_id", "role", "merchant_id", "expires_at", "revoked_at")
def principals() -> Report:
    """List everyone who may act or ever might, by id."""
    from ledger.books.postgres import connect
    from ledger.identity.postgres_principals import PostgresPrincipals

    with connect(Settings.from_environment(process=DatabaseProcess.READER).database_url) as connection:
        found = PostgresPrincipals(connection).listed()
    rows = [
        {
            "principal_id": each.principal_id,
            "role": each.role,
            "merchant_id": each.merchant_id,
            "expires_at": each.expires_at,
            "revoked_at": each.revoked_at,
        }
        for each in found
    ]

    def shown() -> Iterator[str]:
        for each in found:
            until = f"expires {each.expires_at:%Y-%m-%d}" if each.expires_at else "does not expire"
            state = f"revoked {each.revoked_at:%Y-%m-%d}" if each.revoked_at else until
            of = f"  of {each.merchant_id}" if each.merchant_id else ""
            yield f"{each.principal_id}  {each.role}{of}  {state}"
        yield f"{len(found):,} principals"

    return Report({"principals": rows}, shown(), rows)


@reporting()
def revoke_principal(
    principal_id: Annotated[str, typer.Argument(help="The principal's id.")], *, reason: Reason = None
) -> Report:
    """End a principal for good: its keys are refused from now on. What it did stays."""
    from ledger.identity.principal import PrincipalFault

    with keeping(reason) as (principals, by):
        if principals.by_id(principal_id) is None:
            raise PrincipalFault(f"there is no principal {principal_id}")
        new = principals.revoke(principal_id, by.at, by=by.principal_id, reason=by.reason)
    line = f"{principal_id} is revoked" if new else f"{principal_id} was revoked before; nothing changed"
    return Report({"principal_id": principal_id, "new": new}, [line])
