"""The settings of payments: the database, the provider, and the folders for exchanging files."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from terminal.database import DatabaseProcess, process_url
from terminal.environment import SettingFault, optional, required_url

DEFAULT_MAX_FILE_BYTES = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class Settings:
    """The database, the provider, the default folders for files, and the key of the principal who acts."""

    database_url: str
    provider_url: str | None = None
    inbox: Path | None = None
    outbox: Path | None = None
    key: str | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None, *, needs_provider: bool = False) -> "Settings":
        """Read the settings of this process; a missing one raises SettingFault with its name and an example."""
        environ = os.environ if environ is None else environ
        inbox, outbox = optional(environ, "TRANCHE_INBOX", ""), optional(environ, "TRANCHE_OUTBOX", "")
        web = ("http", "https")
        provider_url: str | None = optional(environ, "TRANCHE_PROVIDER_URL", "")
        if needs_provider or provider_url:
            provider_url = required_url(environ, "TRANCHE_PROVIDER_URL", "http://127.0.0.1:8090", web)
        return cls(
            database_url=process_url(environ, DatabaseProcess.PAYMENTS),
            provider_url=provider_url or None,
            inbox=Path(inbox) if inbox else None,
            outbox=Path(outbox) if outbox else None,
            key=optional(environ, "TRANCHE_KEY", "") or None,
        )


def max_file_bytes(environ: Mapping[str, str] | None = None) -> int:
    """The size above which a payment file is refused before it is parsed: TRANCHE_MAX_FILE_BYTES, 2 GiB by default."""
    environ = os.environ if environ is None else environ
    text = optional(environ, "TRANCHE_MAX_FILE_BYTES", str(DEFAULT_MAX_FILE_BYTES))
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise SettingFault("TRANCHE_MAX_FILE_BYTES", f"{text!r} is not a number of bytes", str(DEFAULT_MAX_FILE_BYTES))
    return int(text)
