"""The clock that every command and the API read from a file, moved on by a person or by a replay of the past."""

from datetime import UTC, datetime
from pathlib import Path


class ClockFile:
    """The time in `path`, as `terminal.clock` reads it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def show(self, moment: datetime) -> None:
        """Let it be that moment from now on; a reader never sees half a time."""
        scratch = self.path.with_suffix(".part")
        scratch.write_text(moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") + "\n", encoding="ascii")
        scratch.replace(self.path)
