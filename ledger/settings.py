"""The settings of the books: their database, and who acts."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from terminal.database import DatabaseProcess, process_url
from terminal.environment import optional


@dataclass(frozen=True, slots=True)
class Settings:
    """The database with the schema `ledger`, and the key of whoever changes principals and keys."""

    database_url: str
    key: str | None = None

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str] | None = None, process: DatabaseProcess | None = DatabaseProcess.BOOKS
    ) -> "Settings":
        """The settings of a process that keeps the books, of another one, or with None of the owner; SettingFault."""
        environ = os.environ if environ is None else environ
        return cls(process_url(environ, process), optional(environ, "TRANCHE_KEY", "") or None)
