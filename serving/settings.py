"""The settings of the decision API: database, models and clock."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from serving.entrance.issuer import Issuer
from serving.entrance.request_rate import DEFAULT_RATE, Rate, rate_from
from terminal.database import DatabaseProcess, process_url
from terminal.environment import optional, required
from terminal.settings import Settings as Clock


@dataclass(frozen=True, slots=True)
class Settings:
    """`clock_file`, while it is there, holds the time as ISO text and is read for every request."""

    database_url: str
    models_dir: Path
    clock_file: Path | None = None
    connections: int = 8
    wait_seconds: float = 2.0
    largest_body: int = 64 * 1024
    provider_url: str | None = None
    issuer: Issuer | None = None
    rate: Rate = DEFAULT_RATE

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str] | None = None, process: DatabaseProcess = DatabaseProcess.SERVING
    ) -> "Settings":
        """The settings of the API, or of a command that only reads; `SettingFault` names a missing one."""
        environ = os.environ if environ is None else environ
        return cls(
            database_url=process_url(environ, process),
            models_dir=Path(required(environ, "TRANCHE_MODELS_DIR", "var/models")),
            clock_file=Clock.from_environment(environ).clock_file,
            provider_url=optional(environ, "TRANCHE_PROVIDER_URL", "") or None,
            issuer=Issuer.from_environment(environ),
            rate=rate_from(optional(environ, "TRANCHE_RATE", "")),
        )
