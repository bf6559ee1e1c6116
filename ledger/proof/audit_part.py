"""A part of the audit beside the books: what follows from other tables, checked by the package that owns them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

from ledger.proof.check import CheckFault

# Each the name of an AuditPart. They are named and not imported, because the books stand below these packages.
PARTS = ("lending.proof.postgres_verify:audit_plans",)


@dataclass(frozen=True, slots=True)
class AuditSnapshot:
    """The state of a database that several connections can read, as long as the one that exported it stays open."""

    database_url: str
    snapshot_id: str


@dataclass(frozen=True, slots=True)
class PartFindings:
    """What a part counted, by the plural of its name, and the faults that it found."""

    counts: Mapping[str, int]
    faults: tuple[CheckFault, ...]


class AuditPart(Protocol):
    """Checks one snapshot of the database."""

    def __call__(self, snapshot: AuditSnapshot) -> PartFindings: ...


def audit_parts(names: Iterable[str] = PARTS) -> Iterator[AuditPart]:
    """Every part, loaded from its module."""
    for name in names:
        module, _, function = name.partition(":")
        yield getattr(import_module(module), function)
