"""The settings of the simulated provider and bank: folders and seed."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from terminal.database import DatabaseProcess, process_url
from terminal.environment import optional, required_url


@dataclass(frozen=True, slots=True)
class Settings:
    """`folder` holds the books; files for us are written to `inbox`, and files from us are read from `outbox`."""

    folder: Path
    seed: int = 7

    @property
    def inbox(self) -> Path:
        return self.folder / "inbox"

    @property
    def outbox(self) -> Path:
        return self.folder / "outbox"

    @property
    def behaviour(self) -> Path:
        return self.folder / "repayment_behaviour.jsonl"

    @property
    def address(self) -> Path:
        """The file with the address that the server listens on."""
        return self.folder / "address"

    @classmethod
    def from_environment(cls, folder: Path | None, seed: int, environ: Mapping[str, str] | None = None) -> "Settings":
        """The settings of this process; without a folder, `provider` under `TRANCHE_VAR`."""
        environ = os.environ if environ is None else environ
        return cls(folder or Path(optional(environ, "TRANCHE_VAR", "var")) / "provider", seed)


@dataclass(frozen=True, slots=True)
class WorldSettings:
    """Where the acts of a day find the provider, the books and room for what they write, and the checkouts' key."""

    provider_url: str
    database_url: str
    var: Path
    key: str | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "WorldSettings":
        """The settings of this process; a missing one raises `SettingFault` with its name and an example."""
        environ = os.environ if environ is None else environ
        return cls(
            required_url(environ, "TRANCHE_PROVIDER_URL", "http://127.0.0.1:8090", ("http", "https")),
            process_url(environ, DatabaseProcess.PAYMENTS),
            Path(optional(environ, "TRANCHE_VAR", "var")),
            optional(environ, "TRANCHE_KEY", "") or None,
        )
