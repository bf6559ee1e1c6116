"""Where decisions and plans are kept, and who acts on them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from terminal.environment import optional, required_url


@dataclass(frozen=True, slots=True)
class Settings:
    """The database that holds the schemas `lending` and `ledger`, and the key of the principal who acts."""

    database_url: str
    key: str | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read TRANCHE_DATABASE_URL; raises SettingFault naming it when it is missing or malformed."""
        environ = os.environ if environ is None else environ
        example = "postgresql://tranche@db.example:5432/tranche"
        schemes = ("postgresql", "postgres")
        url = required_url(environ, "TRANCHE_DATABASE_URL", example, schemes)
        return cls(url, optional(environ, "TRANCHE_KEY", "") or None)
