"""What was taken out of the lake for good, and whose events must not come back: the table `raw.erasures`.

It names nobody. A subject stands there as a keyed hash of the id, under a key that the lake does not hold, because ids
are few enough to try them all.
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
    """What a line of the record says."""

    KEYED = "keyed"
    """the subjects of the record stand under this key: what it makes of nobody"""
    REQUESTED = "requested"
    """somebody asked; from here on the subject's events are refused"""
    HELD = "held"
    """a legal hold stands, nothing was done"""
    REMOVING = "removing"
    """rows are about to go from what a branch or tag of a table names"""
    REMOVED = "removed"
    """they went, or went from the published vectors"""
    VERIFIED = "verified"
    """looked for everywhere and found nowhere"""


@dataclass(frozen=True, slots=True)
class ErasureEntry:
    """One line of the record; `subject` is empty for what a retention period took."""

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
    """Keeps lines; those of different moments in the order of these."""

    def lines(self) -> list[ErasureEntry]:
        """All of them."""
        ...

    def write(self, lines: Iterable[ErasureEntry]) -> None:
        """Add lines; once this returns they are kept."""
        ...


def pseudonym(key: str, kind: str, subject_id: str) -> str:
    """How a subject stands in the record; `kind` is `shopper`, `account` or what hangs on them (`plan`).

    Numbers of two kinds may be equal.

    >>> pseudonym("k", "shopper", "7") == pseudonym("k", "account", "7")
    False
    """
    return hmac.new(key.encode(), f"{kind}:{subject_id}".encode(), hashlib.sha256).hexdigest()


def keyed(key: str) -> str:
    """How nobody stands in a record under this key, by which another key is told from it."""
    return pseudonym(key, "nobody", "")


def require_key(lines: Iterable[ErasureEntry], key: str) -> None:
    """SettingFault where the record was kept under another key: it would know nobody again who was erased."""
    of_record = {line.subject for line in lines if line.state is ErasureState.KEYED}
    if of_record and keyed(key) not in of_record:
        raise SettingFault(
            "TRANCHE_ERASURE_KEY",
            f"is another key than the one under which subjects stand in {TABLE}",
            "the key that was set when the first of them was erased",
        )


class ErasedSubjects:
    """Tells ingest which events belong to a subject who was erased, and were recorded by then.

    One who comes back as a customer is a new subject: what is recorded after the request is taken.
    """

    def __init__(self, lines: Iterable[ErasureEntry], key: str) -> None:
        """Raises SettingFault where the lines were written under another key."""
        lines = list(lines)
        require_key(lines, key)
        self._key = key
        self._until: dict[str, datetime] = {}
        for line in lines:
            if line.state is ErasureState.REQUESTED and line.subject:
                self._until[line.subject] = max(line.at, self._until.get(line.subject, line.at))

    def until(self, kind: str, subject_ids: Iterable[str]) -> Mapping[str, datetime]:
        """Of these shoppers, accounts or plans those erased, with the moment up to which their events are refused."""
        found = {each: self._until.get(pseudonym(self._key, kind, each)) for each in set(subject_ids)}
        return {each: moment for each, moment in found.items() if moment is not None}
