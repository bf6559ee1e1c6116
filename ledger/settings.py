"""Where the books are."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from terminal.fault import Fault

DATABASE_URL = "TRANCHE_DATABASE_URL"
EXAMPLE = "postgresql://tranche@db.example:5432/tranche"


class SettingFault(Fault):
    """Raised when a setting is missing or malformed; names the variable and shows a value that works."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The database that holds the schema `ledger`."""

    database_url: str

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read TRANCHE_DATABASE_URL; raises SettingFault."""
        environ = os.environ if environ is None else environ
        url = environ.get(DATABASE_URL, "").strip()
        if not url.startswith(("postgresql://", "postgres://")):
            trouble = "must start with postgresql://" if url else "is not set"
            raise SettingFault(f"setting {DATABASE_URL} {trouble}; for example {DATABASE_URL}={EXAMPLE}")
        return cls(url)
