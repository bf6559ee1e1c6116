"""Where the clock of every command is."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """`clock_file`, when it is there, holds the time as ISO text; while it is not there, the machine's clock counts."""

    clock_file: Path | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        environ = os.environ if environ is None else environ
        clock_file = environ.get("TRANCHE_CLOCK_FILE", "").strip()
        return cls(Path(clock_file) if clock_file else None)
