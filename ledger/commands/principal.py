"""Command line: add, list and revoke principals."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import typer

from ledger.settings import Settings
from terminal.clock import now
from terminal.report import Report, reporting


@reporting()
def add_principal(
    principal_id: Annotated[str, typer.Argument(help="Small letters, digits and hyphens, such as ann-lee.")],
    *,
    role: Annotated[str, typer.Option(help="A role of ledger/authority.toml, such as servicing.")],
    expires: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The first day on which the key is not valid.")
    ] = None,
) -> Report:
    """Add a person or program that may act, and print its key, which is shown this once."""
    from ledger.books.postgres import connect
    from ledger.identity import principal as act
    from ledger.identity.authority import authority_file
    from ledger.identity.postgres_principals import PostgresPrincipals

    roles = authority_file().roles
    if role not in roles:
        raise act.PrincipalFault(f"{role!r} is no role of the authority file: {', '.join(sorted(roles))}")
    with connect(Settings.from_environment().database_url) as connection:
        key = act.add_principal(
            principal_id,
            role,
            expires_at=None if expires is None else expires.replace(tzinfo=UTC),
            principals=PostgresPrincipals(connection),
            at=now(),
        )
    lines = [f"{principal_id} may act as {role}", f"TRANCHE_KEY={key}", "the key is shown this once; it is not stored"]
    return Report({"principal_id": principal_id, "role": role, "expires": expires, "key": key}, lines)


@reporting("principal_id", "role", "expires_at", "revoked_at")
def principals() -> Report:
    """List everyone who may act or ever might, by id."""
    from ledger.books.postgres import connect
    from ledger.identity.postgres_principals import PostgresPrincipals

    with connect(Settings.from_environment().database_url) as connection:
        found = PostgresPrincipals(connection).listed()
    rows = [
        {
            "principal_id": each.principal_id,
            "role": each.role,
            "expires_at": each.expires_at,
            "revoked_at": each.revoked_at,
        }
        for each in found
    ]

    def shown() -> Iterator[str]:
        for each in found:
            until = f"expires {each.expires_at:%Y-%m-%d}" if each.expires_at else "does not expire"
            state = f"revoked {each.revoked_at:%Y-%m-%d}" if each.revoked_at else until
            yield f"{each.principal_id}  {each.role}  {state}"
        yield f"{len(found):,} principals"

    return Report({"principals": rows}, shown(), rows)


@reporting()
def revoke_principal(principal_id: Annotated[str, typer.Argument(help="The principal's id.")]) -> Report:
    """End a principal for good: its key is refused from now on. What it did stays."""
    from ledger.books.postgres import connect
    from ledger.identity.postgres_principals import PostgresPrincipals
    from ledger.identity.principal import PrincipalFault

    with connect(Settings.from_environment().database_url) as connection:
        principals = PostgresPrincipals(connection)
        if principals.by_id(principal_id) is None:
            raise PrincipalFault(f"there is no principal {principal_id}")
        new = principals.revoke(principal_id, now())
    line = f"{principal_id} is revoked" if new else f"{principal_id} was revoked before; nothing changed"
    return Report({"principal_id": principal_id, "new": new}, [line])
