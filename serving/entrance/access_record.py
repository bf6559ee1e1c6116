"""One reading of what is kept of a person: who, when, what and what for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Protocol

from ledger.identity.authority import Role
from serving.problems import FieldFault, Problem

PURPOSE = "Tranche-Purpose"
"""The header that names the purpose of a reading; without it a reading is for the role's usual one."""

_LONGEST_SUBJECT = 500


@dataclass(frozen=True, slots=True)
class AccessRecord:
    """A reading. `route` is the route's path, `subject` what was asked for in it, such as `plan_id=p-1`."""

    read_at: datetime
    principal_id: str
    purpose: str
    route: str
    subject: str


@dataclass(frozen=True, slots=True)
class NumberedAccess:
    """A record with its number, by which they are paged."""

    number: int
    record: AccessRecord


class Accesses(Protocol):
    """Stores readings, which never change."""

    def add(self, record: AccessRecord) -> None:
        """Store one reading."""

    def newest(
        self, *, subject: str | None, principal_id: str | None, before: int | None, most: int
    ) -> Sequence[NumberedAccess]:
        """Readings of a subject, by a principal or all, the newest first; those before a number, for the next page."""


def purpose_of(role: Role, asked: str | None) -> str:
    """The purpose of a reading by a role; a Problem 403 for one that the role may not read for."""
    purpose = asked or next(iter(role.reads_for), None)
    if purpose is None or purpose not in role.reads_for:
        detail = f"The role {role.name} reads for {', '.join(role.reads_for) or 'nothing'}, and not for {purpose}."
        raise Problem(HTTPStatus.FORBIDDEN, "not-for-this", detail, (FieldFault(PURPOSE, "is not one of these"),))
    return purpose


def subject_of(path: Mapping[str, str], query: str) -> str:
    """What a request asks for: the ids in its path, or else its query.

    >>> subject_of({"plan_id": "p-1"}, "on=2026-01-31"), subject_of({}, "shopper_id=s-1")
    ('plan_id=p-1', 'shopper_id=s-1')
    """
    return ("&".join(f"{name}={each}" for name, each in path.items()) or query)[:_LONGEST_SUBJECT]
