"""One thing that provisioning has made."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Made:
    """`kind` is a word such as `bucket`, `name` what it is called there."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"
