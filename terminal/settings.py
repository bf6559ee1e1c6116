"""What every command goes by: its clock, and the lender's own files."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CONFIG = "TRANCHE_CONFIG"


@dataclass(frozen=True, slots=True)
class Settings:
    """`clock_file`, when it is there, holds the time as ISO text; while it is not there, the machine's clock counts.

    `config` is the folder of the lender's own files; without one those in the packages hold.
    """

    clock_file: Path | None = None
    config: Path | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        environ = os.environ if environ is None else environ
        clock_file, config = (environ.get(name, "").strip() for name in ("TRANCHE_CLOCK_FILE", CONFIG))
        return cls(Path(clock_file) if clock_file else None, Path(config) if config else None)
