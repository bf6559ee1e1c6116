"""Measure: one aggregate over the known events of one entity, declared rather than written as SQL.

A declaration can be computed in two ways that agree to the last unit: over the events themselves, for any moment, or
over days, for a moment at midnight UTC. Parts are what a day keeps of its events so that days add up; every part is
made of integers, so the order in which events arrived cannot show.
"""

from dataclasses import dataclass
from typing import Literal

Aggregate = Literal[
    "count", "sum", "min", "max", "last", "days_since_first", "days_since_last", "distinct_days", "deviation"
]

# What a measure says of an entity of which nothing is known: there were none of them, or nobody can say.
_COUNTED = ("count", "distinct_days")
_BITS = 60  # days that one 64-bit word holds
_DAY = "8.64E10"  # microseconds


@dataclass(frozen=True, slots=True)
class Measure:
    """One aggregate of `value` over the events that meet `where`, in the days `(beyond, within]` before the moment.

    `value` and `where` are written over the columns of the measure's source. Without `within` the window is the whole
    history. `last` is the newest stated value in the source's order of ties.
    """

    aggregate: Aggregate
    value: str = ""
    where: str = ""
    within: int | None = None
    beyond: int = 0

    @property
    def counted(self) -> bool:
        """Whether nothing known means 0 rather than unknown."""
        return self.aggregate in _COUNTED

    def over_events(self, order: tuple[str, ...]) -> str:
        """Spark SQL over the known events, each with its `days_before` and `day_gap`."""
        where = _all_of(self.where, _window("days_before", self.within, self.beyond))
        match self.aggregate:
            case "days_since_first":
                sql = f"MAX({_when(where, 'days_before')})"
            case "days_since_last":
                sql = f"MIN({_when(where, 'days_before')})"
            case "last":
                stated = _all_of(f"{self.value} IS NOT NULL", where)
                sql = f"MAX_BY({self.value}, struct({', '.join(order)})) FILTER (WHERE {stated})"
            case "distinct_days":
                sql = self._words(where)
            case "deviation":
                sql = _deviation(*_moments(_when(where, self.value)))
            case _:
                sql = self._plain(where)
        return sql

    def parts(self, order: tuple[str, ...]) -> tuple[str, ...]:
        """Spark SQL of what one day of events keeps, grouped by entity and day."""
        match self.aggregate:
            case "days_since_first":
                parts = (f"MIN({_when(self.where, 'UNIX_MICROS(occurred_at)')})",)
            case "days_since_last":
                parts = (f"MAX({_when(self.where, 'UNIX_MICROS(occurred_at)')})",)
            case "last":
                stated = _all_of(f"{self.value} IS NOT NULL", self.where)
                parts = (f"MAX(struct({', '.join(order)}, {self.value} AS stated)) FILTER (WHERE {stated})",)
            case "deviation":
                return _moments(_when(self.where, self.value))
            case _:
                parts = (self._plain(self.where),)
        return parts

    def over_days(self, parts: tuple[str, ...]) -> str:
        """Spark SQL over the known days, each with its `day_gap`; `parts` are the columns that hold this one's parts.

        At midnight whole days fall inside or outside a window, so `day_gap` decides as `days_before` would.
        """
        window = _window("day_gap", self.within, self.beyond)
        part = parts[0]
        match self.aggregate:
            case "count" | "sum":
                sql = _total(_when(window, part, "0"))
            case "min" | "max":
                sql = f"{self.aggregate.upper()}({_when(window, part)})"
            case "days_since_first":
                sql = f"CAST(UNIX_MICROS(as_of) - MIN({_when(window, part)}) AS DOUBLE) / {_DAY}"
            case "days_since_last":
                sql = f"CAST(UNIX_MICROS(as_of) - MAX({_when(window, part)}) AS DOUBLE) / {_DAY}"
            case "last":
                sql = f"MAX_BY({part}.stated, {part}) FILTER (WHERE {_all_of(f'{part} IS NOT NULL', window)})"
            case "distinct_days":
                sql = self._words(_all_of(f"{part} > 0", window))
            case "deviation":
                count, total, squares = (_when(window, each) for each in parts)
                sql = _deviation(_total(count), _total(total), f"SUM({squares})")
        return sql

    def _plain(self, where: str) -> str:
        """An aggregate that SQL has by name; days are counted as their events."""
        match self.aggregate:
            case "sum":
                return _total(_when(where, self.value, "0"))
            case "min" | "max":
                return f"{self.aggregate.upper()}({_when(where, self.value)})"
        return f"COUNT({_when(where, '1')})"

    def _words(self, where: str) -> str:
        """Distinct days without DISTINCT, which would multiply the rows: one bit a day, counted at the end."""
        assert self.within is not None, "distinct days are counted in a window"
        words = []
        for first in range(0, self.within + 1, _BITS):
            inside = _all_of(where, f"day_gap >= {first}", f"day_gap < {first + _BITS}")
            bit = f"SHIFTLEFT(CAST(1 AS BIGINT), CAST(day_gap - {first} AS INT))"
            words.append(f"CAST(BIT_COUNT(BIT_OR({_when(inside, bit, 'CAST(0 AS BIGINT)')})) AS BIGINT)")
        return " + ".join(words)


def _window(age: str, within: int | None, beyond: int) -> str:
    newer = "" if within is None else f"{age} <= {within}"
    older = f"{age} > {beyond}" if beyond else ""
    return _all_of(older, newer)


def _all_of(*conditions: str) -> str:
    return " AND ".join(each for each in conditions if each)


def _when(condition: str, value: str, otherwise: str = "") -> str:
    """The value where the condition holds; without a condition, always."""
    if not condition:
        return value
    return f"CASE WHEN {condition} THEN {value}{f' ELSE {otherwise}' if otherwise else ''} END"


def _total(value: str) -> str:
    """A sum that every engine keeps in 64 bits, or refuses."""
    return f"CAST(SUM({value}) AS BIGINT)"


def _square(value: str) -> str:
    return f"CAST({value} AS DECIMAL(19, 0)) * CAST({value} AS DECIMAL(19, 0))"


def _moments(value: str) -> tuple[str, str, str]:
    """Count, sum and sum of squares: the integers from which a deviation follows exactly."""
    return f"COUNT({value})", _total(value), f"SUM({_square(value)})"


def _deviation(count: str, total: str, squares: str) -> str:
    """Standard deviation of a whole population from exact integers; null without any value."""
    count, total = f"CAST({count} AS DECIMAL(19, 0))", f"CAST({total} AS DECIMAL(19, 0))"
    return f"SQRT(CAST({count} * {squares} - {total} * {total} AS DOUBLE)) / NULLIF(CAST({count} AS DOUBLE), 0)"
