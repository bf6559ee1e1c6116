"""The ids of entries whose earlier posting was undone with its match. Nothing here commits."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from psycopg import Connection

from ledger.journal import Journal

_UNDONE = "SELECT EXISTS (SELECT FROM payments.undone_entries)"
_TIMES = "SELECT entry_id, max(times) FROM payments.undone_entries WHERE entry_id = ANY(%s) GROUP BY entry_id"


def posted_anew(connection: Connection[Any], journals: Sequence[Journal]) -> list[Journal]:
    """The journals, each that was posted before and undone under another id, with the entry that it corrects."""
    row = connection.execute(_UNDONE).fetchone()
    if row is None or not row[0] or not journals:
        return list(journals)
    ids = [each.entry_id for each in journals]
    times: dict[str, int] = dict(connection.execute(_TIMES, (ids,)).fetchall())
    return [_again(each, times[each.entry_id]) if each.entry_id in times else each for each in journals]


def _again(journal: Journal, times: int) -> Journal:
    return replace(
        journal, entry_id=posting_id(journal.entry_id, times + 1), corrects=posting_id(journal.entry_id, times)
    )


def posting_id(entry_id: str, times: int) -> str:
    """The id of an entry's so many-th posting.

    >>> posting_id("F37b:main/1", 1), posting_id("F37b:main/1", 2)
    ('F37b:main/1', 'F37b:main/1#2')
    """
    return entry_id if times == 1 else f"{entry_id}#{times}"
