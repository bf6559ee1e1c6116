"""The setting of the database that holds the books."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from terminal.environment import required_url

DATABASE_URL = "TRANCHE_DATABASE_URL"
EXAMPLE = "postgresql://tranche@db.example:5432/tranche"


@dataclass(frozen=True, slots=True)
class Settings:
    """The connection settings of the database with the schema `ledger`."""

    database_url: str

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read TRANCHE_DATABASE_URL; raises SettingFault."""
        environ = os.environ if environ is None else environ
        return cls(required_url(environ, DATABASE_URL, EXAMPLE, ("postgresql", "postgres")))
