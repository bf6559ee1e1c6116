"""May version n+1 of a contract replace version n? Every change, and the version that it needs.

| change | version |
|---|---|
| an optional column added, a limit loosened, a type widened where no table holds it | minor |
| a new value, or an empty one, where it was not possible | minor where every consumer tolerates it, else major |
| a column renamed, dropped or narrowed, a required one added, a limit tightened, a use withdrawn | major |
| descriptions | patch |
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from data_contracts.contract import Column, ColumnType, Contract, PersonalData, Version
from data_contracts.quarantine import typed
from data_contracts.terms import Jurisdiction, Span, Use

_WIDER = {(ColumnType.INTEGER, ColumnType.NUMBER)}
_CLASSES = list(PersonalData)


class Level(IntEnum):
    """The part of the version number that a change must raise."""

    PATCH = 1
    MINOR = 2
    MAJOR = 3

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class ContractChange:
    """One difference between two versions, and the smallest step of the version number that allows it."""

    level: Level
    subject: str
    what: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.what} ({self.level})"


def contract_changes(old: Contract, new: Contract) -> tuple[ContractChange, ...]:
    """All changes from `old` to `new`, the most serious first.

    A renamed column counts as one removed and one added.
    """
    tolerant = all(consumer.tolerates_new_values for consumer in old.terms.consumers)
    found = [*_of_columns(old, new, tolerant), *_of_rules(old, new), *_of_places(old, new), *_of_terms(old, new)]
    return tuple(sorted(found, key=lambda change: -change.level))


def breaking(old: Contract, new: Contract) -> tuple[ContractChange, ...]:
    """The changes that need a major version."""
    return tuple(change for change in contract_changes(old, new) if change.level is Level.MAJOR)


def refusal(old: Contract, new: Contract) -> str | None:
    """Why `new` may not replace `old` under its version number; None if it may.

    The reason names the changes for which the version step is too small, and all consumers of the record.
    """
    if new.version <= old.version:
        return f"{new.version} does not come after {old.version}"
    carried = _level(old.version, new.version)
    too_great = [change for change in contract_changes(old, new) if change.level > carried]
    if not too_great:
        return None
    told = "; ".join(map(str, too_great))
    consumers = ", ".join(consumer.name for consumer in old.terms.consumers)
    return f"{new.version} may not replace {old.version}: {told}. Consumers: {consumers}"


def _level(old: Version, new: Version) -> Level:
    if new.major != old.major:
        return Level.MAJOR
    return Level.MINOR if new.minor != old.minor else Level.PATCH


def _of_columns(old: Contract, new: Contract, tolerant: bool) -> Iterator[ContractChange]:
    for name in old.by_name:
        if name not in new.by_name:
            yield ContractChange(Level.MAJOR, name, "dropped, or renamed")
    for name, column in new.by_name.items():
        if name in old.by_name:
            before = old.by_name[name]
            if before.valid_values == (old.event_type,):  # an event's own name follows from its version
                before = replace(before, valid_values=column.valid_values)
            yield from _of_column(before, column, tolerant, has_rows=old.table is not None)
        elif column.required:
            yield ContractChange(Level.MAJOR, name, "added as required")
        else:
            yield ContractChange(Level.MINOR, name, "added as optional")
    if old.key != new.key:
        yield ContractChange(Level.MAJOR, "key", f"{', '.join(old.key)} became {', '.join(new.key)}")


def _of_column(old: Column, new: Column, tolerant: bool, *, has_rows: bool) -> Iterator[ContractChange]:
    name = old.name
    unheard = Level.MINOR if tolerant else Level.MAJOR
    if old.type is not new.type:
        # Iceberg cannot change a long to a double: the rows of a table would have to be written again.
        may_widen = (old.type, new.type) in _WIDER and not has_rows
        yield ContractChange(
            Level.MINOR if may_widen else Level.MAJOR,
            name,
            f"type {old.type} {'widened to' if may_widen else 'became'} {new.type}",
        )
        return
    if new.required and not old.required:
        yield ContractChange(Level.MAJOR, name, "became required")
    if old.required and not new.required:
        yield ContractChange(unheard, name, "may be empty now")
    yield from _of_values(old, new, unheard)
    yield from _of_limits(old, new)
    if old.personal_data is not new.personal_data:
        raised = _CLASSES.index(new.personal_data) > _CLASSES.index(old.personal_data)
        what = f"personal data {old.personal_data} became {new.personal_data}"
        yield ContractChange(Level.MAJOR if raised else Level.MINOR, name, what)
    if old.meaning != new.meaning:
        yield ContractChange(Level.PATCH, name, "described in other words")


def _of_values(old: Column, new: Column, unheard: Level) -> Iterator[ContractChange]:
    before, after = old.valid_values, new.valid_values
    if before and not after:
        yield ContractChange(unheard, old.name, "takes any value now")
    elif after and not before:
        yield ContractChange(Level.MAJOR, old.name, "takes only listed values now")
    else:
        if gone := [word for word in before if word not in after]:
            yield ContractChange(Level.MAJOR, old.name, f"no longer takes {', '.join(gone)}")
        if added := [word for word in after if word not in before]:
            yield ContractChange(unheard, old.name, f"takes {', '.join(added)} too")


def _of_limits(old: Column, new: Column) -> Iterator[ContractChange]:
    if old.pattern != new.pattern:
        # It cannot be decided in general whether one pattern accepts everything that another accepts.
        level = Level.MINOR if new.pattern is None else Level.MAJOR
        yield ContractChange(level, old.name, f"pattern {old.pattern} became {new.pattern}")
    limits: tuple[tuple[str, Any, Any, int], ...] = (
        ("maximum length", old.maximum_length, new.maximum_length, 1),
        ("minimum", _typed(old, old.minimum), _typed(new, new.minimum), -1),
        ("maximum", _typed(old, old.maximum), _typed(new, new.maximum), 1),
    )
    for what, before, after, outwards in limits:
        if before == after:
            continue
        loosened = after is None or (before is not None and (after > before) is (outwards > 0))
        level = Level.MINOR if loosened else Level.MAJOR
        yield ContractChange(
            level, old.name, f"{what} {before} {'loosened to' if loosened else 'tightened to'} {after}"
        )


def _typed(column: Column, bound: str | None) -> Any:
    return None if bound is None else typed(column.type, bound)


def _of_rules(old: Contract, new: Contract) -> Iterator[ContractChange]:
    for order in new.orderings:
        if order not in old.orderings:
            yield ContractChange(Level.MAJOR, order.column, f"may not be before {order.earlier} now")
    for order in old.orderings:
        if order not in new.orderings:
            yield ContractChange(Level.MINOR, order.column, f"may be before {order.earlier} now")
    if old.aggregate_rules != new.aggregate_rules:
        yield ContractChange(Level.MINOR, "quality", "the whole table is judged by other rules")
    if old.is_closed != new.is_closed:
        level = Level.MAJOR if new.is_closed else Level.MINOR
        yield ContractChange(level, "unknownColumns", "refused now" if new.is_closed else "ignored now")


def _of_places(old: Contract, new: Contract) -> Iterator[ContractChange]:
    for what, before, after in (
        ("physicalName", old.table, new.table),
        ("curatedTable", old.curated_table, new.curated_table),
    ):
        if before != after:
            yield ContractChange(Level.MINOR if before is None else Level.MAJOR, what, f"{before} became {after}")


def _of_terms(old: Contract, new: Contract) -> Iterator[ContractChange]:
    before, after = old.terms, new.terms
    for jurisdiction in Jurisdiction:
        for use in Use:
            was, is_now = before.allows(use, jurisdiction), after.allows(use, jurisdiction)
            if was != is_now:
                what = f"{use} in {jurisdiction} is {'allowed' if is_now else 'no longer allowed'}"
                yield ContractChange(Level.MINOR if is_now else Level.MAJOR, "allowedUse", what)
    if before.legal_basis is not after.legal_basis:
        yield ContractChange(Level.MAJOR, "legalBasis", f"{before.legal_basis} became {after.legal_basis}")
    if before.subject != after.subject:
        level = Level.MINOR if before.subject is None else Level.MAJOR
        yield ContractChange(level, "subjectColumn", f"{before.subject} became {after.subject}")
    if before.retention != after.retention:
        shorter = after.retention.hours < before.retention.hours
        what = f"{before.retention} became {after.retention}"
        yield ContractChange(Level.MAJOR if shorter else Level.MINOR, "retention", what)
    yield from _of_promises(old, new)
    if before.consumers != after.consumers or old.owner != new.owner or old.meaning != new.meaning:
        yield ContractChange(Level.PATCH, "words", "owner, purpose or consumers are others")
    if before.rejected_share_limit != after.rejected_share_limit:
        what = f"{before.rejected_share_limit} became {after.rejected_share_limit}"
        yield ContractChange(Level.PATCH, "rejectedShareLimit", what)


def _of_promises(old: Contract, new: Contract) -> Iterator[ContractChange]:
    promises: tuple[tuple[str, Span | None, Span | None], ...] = (
        ("frequency", old.terms.frequency, new.terms.frequency),
        ("latency", old.terms.latency, new.terms.latency),
    )
    for what, before, after in promises:
        if before == after:
            continue
        weaker = before is not None and (after is None or after.hours > before.hours)
        yield ContractChange(Level.MAJOR if weaker else Level.MINOR, what, f"{before} became {after}")
