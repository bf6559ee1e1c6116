"""Compare the faults that the platform found with those planted in the seeded world, by the generator's labels.

A fault counts as found only with its own identity, such as the event id and the column. False alarms are added to the
number found, so that a false alarm makes the figures differ, as a missed fault does.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from payments.expectation_key import CaptureKey, ReturnKey, expectation_key
from payments.reconciliation.standing import ListedBreak, Standing
from tranche.report.summary import Planted

QUARANTINE, DUPLICATES = "raw.quarantine", "raw.duplicates"
BANK_TRANSACTIONS, APPLICANT = "raw.bank_transactions", "features.applicant"


@dataclass(frozen=True, slots=True)
class PlantedLabels:
    """The faults planted among events: ids of duplicates, (id, column) of malformed events, and late events."""

    duplicates: frozenset[str]
    malformed: frozenset[tuple[str, str]]
    late: tuple[Mapping[str, str], ...]


def read_labels(path: Path) -> PlantedLabels:
    """Read the labels that the generator wrote with its events."""
    planted = json.loads(path.read_text())["planted"]
    return PlantedLabels(
        duplicates=frozenset(planted["duplicates"]["event_ids"]),
        malformed=frozenset((label["event_id"], label["column"]) for label in planted["malformed"]["events"]),
        late=tuple(planted["late"]["events"]),
    )


def found_in_lake(tables: Any, labels: PlantedLabels) -> dict[str, Planted]:
    """Compare the labels with the events that ingest quarantined or parked, and with the events that features used."""
    quarantined = {(row["event_id"], row["column"]) for row in _rows(tables, QUARANTINE, ("event_id", "column"))}
    parked = {row["event_id"] for row in _rows(tables, DUPLICATES, ("event_id",))}
    return {
        "malformed": compare_planted(labels.malformed, quarantined),
        "duplicates": compare_planted(labels.duplicates, parked),
        "late": Planted(len(labels.late), _held_back(tables, labels.late)),
    }


def found_in_files(standing: Standing, faults: Mapping[str, Any]) -> dict[str, Planted]:
    """Compare the faults that the provider and the bank planted with the breaks that reconciliation found."""
    planted: dict[str, set[str]] = defaultdict(set)
    for label in faults["planted"]:
        planted[label["kind"]].add(label["about"])
    breaks: dict[str, list[ListedBreak]] = defaultdict(list)
    for each in standing.listed:
        breaks[each.break_class].append(each)
    missing = {_attempt(each.expectation_id) for each in breaks["E3"] if each.closed_on is None} - {None}
    late = {_attempt(key) for key in standing.found_late} - {None}
    returned = {_returned(each.expectation_id) for each in breaks["E16"]}
    return {
        "late": compare_planted(frozenset(planted["late"]), late),
        "missing_line": compare_planted(frozenset(planted["missing_line"]), missing),
        "returned": compare_planted(frozenset(planted["returned"]), returned),
        "parked": compare_planted(frozenset(planted["parked"]), _named(planted["parked"], breaks["E19"])),
        "duplicates": compare_planted(
            frozenset(planted["duplicated_file"]), _named(planted["duplicated_file"], breaks["E5"])
        ),
        "cut_file": compare_planted(frozenset(planted["cut_file"]), _named(planted["cut_file"], breaks["E22"])),
        "wrong_balance": compare_planted(
            frozenset(planted["wrong_balance"]), _named(planted["wrong_balance"], breaks["E26"])
        ),
        # What an agency passes on is on suspense as well until its file comes, so another line is no false alarm.
        "unknown_credit": compare_planted(
            frozenset(planted["unknown_credit"]), planted["unknown_credit"] & {each.line_id for each in breaks["E4"]}
        ),
    }


def _attempt(expected: str) -> str | None:
    """The attempt whose capture was expected; None for other expectations."""
    key = expectation_key(expected)
    return key.attempt_id if isinstance(key, CaptureKey) else None


def _returned(expected: str) -> str:
    """The attempt that was returned; any other expectation keeps its key, and so counts as a false alarm."""
    key = expectation_key(expected)
    return key.attempt_id if isinstance(key, ReturnKey) else expected


def _named(about: Iterable[str], breaks: Iterable[ListedBreak]) -> set[str]:
    """For each break, the name of `about` in its reason; otherwise the reason itself, which counts as a false alarm."""
    asked = set(about)
    return {next((name for name in asked if name in each.reason), each.reason) for each in breaks}


def planted_together(*counts: Mapping[str, Planted]) -> dict[str, Planted]:
    """Add up counts by kind of fault, because one kind may be planted among events and in files.

    >>> planted_together({"late": Planted(2, 2)}, {"late": Planted(1, 0), "parked": Planted(1, 1)})
    {'late': Planted(planted=3, found=2), 'parked': Planted(planted=1, found=1)}
    """
    sums: dict[str, Planted] = {}
    for each in counts:
        for fault, seen in each.items():
            before = sums.get(fault, Planted(0, 0))
            sums[fault] = Planted(before.planted + seen.planted, before.found + seen.found)
    return dict(sorted(sums.items()))


def compare_planted(planted: frozenset[Any], seen: Iterable[Any]) -> Planted:
    """The number planted, and the number found: planted ones found, plus false alarms.

    >>> compare_planted(frozenset({"a", "b"}), {"a"}), compare_planted(frozenset({"a", "b"}), {"a", "b", "c"})
    (Planted(planted=2, found=1), Planted(planted=2, found=3))
    >>> compare_planted(frozenset({"a", "b"}), {"a", "c"})  # one missed, one false alarm: they must not cancel out
    Planted(planted=2, found=1)
    """
    found = set(seen)
    missed = planted - found
    return Planted(len(planted), len(planted) - len(missed) if missed else len(found))


def _held_back(tables: Any, late: Iterable[Mapping[str, str]]) -> int:
    """The number of late events that are in the lake and were not used by the features of their time.

    Each was the newest event of its account, so features that had used it would have its time as `observed_until`.
    """
    accepted = {row["event_id"] for row in _rows(tables, BANK_TRANSACTIONS, ("event_id",))}
    observed = {
        (row["account_id"], row["as_of"]): row["observed_until"]
        for row in _rows(tables, APPLICANT, ("account_id", "as_of", "observed_until"))
    }
    held_back = 0
    for label in late:
        moment = (label["account_id"], datetime.fromisoformat(label["as_of"]))
        until = observed.get(moment)
        unseen = moment in observed and (until is None or until < datetime.fromisoformat(label["occurred_at"]))
        held_back += unseen and label["event_id"] in accepted
    return held_back


def _rows(tables: Any, table: str, columns: tuple[str, ...]) -> list[dict[str, Any]]:
    newest = tables.newest(table)
    if newest is None:
        return []
    rows: list[dict[str, Any]] = tables.read(table, columns, snapshot_id=newest.snapshot_id, equal={}).to_pylist()
    return rows
