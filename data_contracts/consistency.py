"""Finds rules of one column that contradict each other: one forbids what the other allows, or no value keeps both."""

from __future__ import annotations

import re
from collections.abc import Iterator

from data_contracts.contract import Column, ColumnType
from data_contracts.quarantine import Typed, typed

_ORDERED = {ColumnType.INTEGER, ColumnType.NUMBER, ColumnType.DATE, ColumnType.TIMESTAMP}
_WITHOUT_VALUES = {ColumnType.OBJECT, ColumnType.ARRAY}


def contradictions(column: Column) -> Iterator[tuple[str, str]]:
    """Each contradiction: the option of the contract's file that causes it, and the reason.

    >>> from dataclasses import replace
    >>> from data_contracts.catalog import contract
    >>> direction = replace(contract("bank_transaction").by_name["direction"], maximum_length=5)
    >>> list(contradictions(direction))
    [('validValues', "the valid value 'credit' is longer than maxLength 5")]
    """
    yield from _of_the_type(column)
    yield from _of_the_bounds(column)
    yield from _of_the_values(column)


def _of_the_type(column: Column) -> Iterator[tuple[str, str]]:
    """Options that have no meaning for the type of the column."""
    text_only = {"pattern": column.pattern, "maxLength": column.maximum_length}
    ordered_only = {"minimum": column.minimum, "maximum": column.maximum}
    for option, value in text_only.items():
        if value is not None and column.type is not ColumnType.STRING:
            yield option, f"means nothing for a {column.type}"
    for option, value in ordered_only.items():
        if value is not None and column.type not in _ORDERED:
            yield option, f"means nothing for a {column.type}"
    if column.valid_values and column.type in _WITHOUT_VALUES:
        yield "validValues", f"means nothing for a {column.type}"


def _of_the_bounds(column: Column) -> Iterator[tuple[str, str]]:
    if column.type not in _ORDERED:
        return
    for option, bound in (("minimum", column.minimum), ("maximum", column.maximum)):
        if bound is not None and typed(column.type, bound) is None:
            yield option, f"{bound!r} is no {column.type}"
    lowest, highest = _bound(column, column.minimum), _bound(column, column.maximum)
    if lowest is not None and highest is not None and lowest > highest:  # type: ignore[operator]  # of one type
        yield "minimum", f"minimum {column.minimum} is above maximum {column.maximum}"


def _of_the_values(column: Column) -> Iterator[tuple[str, str]]:
    """Valid values that another rule of the column rejects."""
    lowest, highest = _bound(column, column.minimum), _bound(column, column.maximum)
    seen: set[str] = set()
    for word in column.valid_values:
        if word in seen:
            yield "validValues", f"{word!r} stands twice"
        seen.add(word)
        value = typed(column.type, word)
        if value is None:
            yield "validValues", f"the valid value {word!r} is no {column.type}"
            continue
        if column.pattern is not None and not re.fullmatch(column.pattern, word, re.ASCII):
            yield "validValues", f"the valid value {word!r} breaks the pattern {column.pattern}"
        if column.maximum_length is not None and len(word) > column.maximum_length:
            yield "validValues", f"the valid value {word!r} is longer than maxLength {column.maximum_length}"
        if lowest is not None and value < lowest:  # type: ignore[operator]  # of one type
            yield "validValues", f"the valid value {word!r} is below minimum {column.minimum}"
        if highest is not None and value > highest:  # type: ignore[operator]  # of one type
            yield "validValues", f"the valid value {word!r} is above maximum {column.maximum}"


def _bound(column: Column, text: str | None) -> Typed | None:
    return None if text is None or column.type not in _ORDERED else typed(column.type, text)
