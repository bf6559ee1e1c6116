"""One thing that provisioning has created."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Made:
    """A created thing: its `kind`, such as `bucket`, and its `name`."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"
