"""Where published vectors are kept."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from terminal.environment import required_url


@dataclass(frozen=True, slots=True)
class Settings:
    """The database that serving reads."""

    database_url: str

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the variable; `SettingFault` when it is missing or malformed."""
        environ = os.environ if environ is None else environ
        example = "postgresql://tranche@localhost/tranche"
        return cls(required_url(environ, "TRANCHE_DATABASE_URL", example, ("postgresql", "postgres")))
