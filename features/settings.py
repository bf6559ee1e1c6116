"""Where published vectors are kept."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from terminal.database import DatabaseProcess, process_url


@dataclass(frozen=True, slots=True)
class Settings:
    """The database in which serving finds vectors."""

    database_url: str

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the variables; `SettingFault` when the database is not named or malformed."""
        environ = os.environ if environ is None else environ
        return cls(process_url(environ, DatabaseProcess.FEATURES))
