"""Where decisions and plans are kept."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from terminal.environment import required_url


@dataclass(frozen=True, slots=True)
class Settings:
    """The database that holds the schemas `lending` and `ledger`."""

    database_url: str

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read TRANCHE_DATABASE_URL; raises SettingFault naming it when it is missing or malformed."""
        environ = os.environ if environ is None else environ
        example = "postgresql://tranche@db.example:5432/tranche"
        schemes = ("postgresql", "postgres")
        return cls(required_url(environ, "TRANCHE_DATABASE_URL", example, schemes))
