"""The erasure record, table `raw.erasures`: what was removed from the lake, and whose events must be refused.

It contains no names or ids: a subject appears as a keyed hash (HMAC) of the id. The key is not stored in the lake,
because there are few enough ids to find the subject by trying them all.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from terminal.environment import SettingFault

TABLE = "raw.erasures"


class ErasureState(StrEnum):
    """The kind of a line of the record."""

    KEYED = "keyed"
    """identifies the key of the record's pseudonyms, by a hash of a fixed text under it"""
    REQUESTED = "requested"
    """an erasure was requested; events of the subject recorded up to now are refused from here on"""
    HELD = "held"
    """a legal hold is in force, so nothing was removed"""
    REMOVING = "removing"
    """rows are about to be removed from a branch or tag of a table"""
    REMOVED = "removed"
    """the rows were removed from the branch or tag, or the vectors from the published ones"""
    VERIFIED = "verified"
    """the subject was searched for everywhere and not found"""


@dataclass(frozen=True, slots=True)
class ErasureEntry:
    """One line of the record; `subject` is empty for rows removed because their retention passed."""

    case_id: str
    subject: str
    state: ErasureState
    at: datetime
    table: str = ""
    ref: str = ""
    rows: int = 0
    snapshot_before: int = 0
    snapshot_after: int = 0


class Record(Protocol):
    """Stores the lines of the record, in the order of their times."""

    def lines(self) -> list[ErasureEntry]:
        """All lines."""
        ...

    def write(self, lines: Iterable[ErasureEntry]) -> None:
        """Add lines; they are durable once this returns."""
        ...


def pseudonym(key: str, kind: str, subject_id: str) -> str:
    """The pseudonym of a subject in the record; `kind` is `shopper`, `account`, or something of theirs such as `plan`.

    The kind is hashed too, because ids of two kinds may be equal.

    >>> pseudonym("k", "shopper", "7") == pseudonym("k", "account", "7")
    False
    """
    return hmac.new(key.encode(), f"{kind}:{subject_id}".encode(), hashlib.sha256).hexdigest()


def keyed(key: str) -> str:
    """The hash of a fixed text under this key; stored in the record, it shows whether a key is the record's key."""
    return pseudonym(key, "nobody", "")


def require_key(lines: Iterable[ErasureEntry], key: str) -> None:
    """Raise SettingFault if the record was written under another key, which could not recognise an erased subject."""
    of_record = {line.subject for line in lines if line.state is ErasureState.KEYED}
    if of_record and keyed(key) not in of_record:
        raise SettingFault(
            "TRANCHE_ERASURE_KEY",
            f"is another key than the one under which subjects stand in {TABLE}",
            "the key that was set when the first of them was erased",
        )


class ErasedSubjects:
    """For ingest: which events belong to an erased subject and were recorded before the erasure request.

    An erased shopper who becomes a customer again is a new subject: events recorded after the request are accepted.
    """

    def __init__(self, lines: Iterable[ErasureEntry], key: str) -> None:
        """Raises SettingFault if the lines were written under another key."""
        lines = list(lines)
        require_key(lines, key)
        self._key = key
        self._until: dict[str, datetime] = {}
        for line in lines:
            if line.state is ErasureState.REQUESTED and line.subject:
                self._until[line.subject] = max(line.at, self._until.get(line.subject, line.at))

    def until(self, kind: str, subject_ids: Iterable[str]) -> Mapping[str, datetime]:
        """Those of these ids that were erased, with the time up to which their events are refused."""
        found = {each: self._until.get(pseudonym(self._key, kind, each)) for each in set(subject_ids)}
        return {each: moment for each, moment in found.items() if moment is not None}
