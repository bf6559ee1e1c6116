"""The file from which every command and the API read the clock, set by a person or by a replay of the past."""

from datetime import UTC, datetime
from pathlib import Path


class ClockFile:
    """The time in `path`, as `terminal.clock` reads it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def show(self, moment: datetime) -> None:
        """Set the clock. The file is replaced atomically, so a reader never sees a part of it."""
        scratch = self.path.with_suffix(".part")
        scratch.write_text(moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") + "\n", encoding="ascii")
        scratch.replace(self.path)
