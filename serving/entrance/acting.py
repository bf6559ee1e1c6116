"""Who acts by a command, and the database transaction that it acts in."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from lending.settings import Settings
from terminal.clock import now
from terminal.database import DatabaseProcess

if TYPE_CHECKING:
    from ledger.identity.principal import Principal
    from serving.postgres import Connection


@contextmanager
def acting() -> "Iterator[tuple[Connection, Principal, datetime]]":
    """One database transaction, who acts, and when. Raises PrincipalFault for a key that is not accepted."""
    from ledger.identity.postgres_principals import PostgresPrincipals
    from ledger.identity.principal import identify
    from serving.postgres import serving_connection

    settings, at = Settings.from_environment(process=DatabaseProcess.SERVING), now()
    with serving_connection(settings.database_url) as connection:
        yield connection, identify(settings.key, principals=PostgresPrincipals(connection), at=at), at
