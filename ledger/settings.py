"""The settings of the books: their database, and who acts."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from terminal.environment import optional, required_url

DATABASE_URL = "TRANCHE_DATABASE_URL"
EXAMPLE = "postgresql://tranche@db.example:5432/tranche"


@dataclass(frozen=True, slots=True)
class Settings:
    """The database with the schema `ledger`, and the key of whoever changes principals and keys."""

    database_url: str
    key: str | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read TRANCHE_DATABASE_URL; raises SettingFault."""
        environ = os.environ if environ is None else environ
        url = required_url(environ, DATABASE_URL, EXAMPLE, ("postgresql", "postgres"))
        return cls(url, optional(environ, "TRANCHE_KEY", "") or None)
