"""Measure: one aggregate over the known events of one entity, declared rather than written as SQL.

A declaration is computed in two steps. First each group of events is reduced to parts that can be added up: a group is
a band of ages for any moment, or a day for a moment at midnight UTC. Then the parts of a window are added. All parts
are integers, so both ways agree to the last unit and do not depend on the order in which events arrived.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Aggregate = Literal[
    "count", "sum", "min", "max", "last", "days_since_first", "days_since_last", "distinct_days", "deviation"
]

# The value of a measure without events: zero, or unknown.
_COUNTED = ("count", "distinct_days")
_BITS = 60  # days that one 64-bit word holds
_DAY = "8.64E10"  # microseconds
_NO_DAY = "CAST(0 AS BIGINT)"


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
        """Whether the measure is 0 rather than unknown without events."""
        return self.aggregate in _COUNTED

    @property
    def of_money(self) -> bool:
        """Whether the measure is an amount, which only amounts of the same currency can make."""
        return "_minor" in self.value

    def parts(self, order: tuple[str, ...]) -> tuple[str, ...]:
        """Spark SQL of the parts of one group of events: a day of an entity, or a band of ages."""
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

    def parts_of_band(self, order: tuple[str, ...]) -> tuple[str, ...]:
        """Like `parts`, for a band of ages whose events lie on many days: one bit per day, in words, by `day_gap`."""
        if self.aggregate != "distinct_days":
            return self.parts(order)
        return tuple(
            f"BIT_OR({_when(_all_of(self.where, _in_word(first)), _bit(first), _NO_DAY)})" for first in self._words()
        )

    def over_days(self, parts: tuple[str, ...]) -> str:
        """Spark SQL over the stored days, each with its `day_gap`; `parts` are the columns with this measure's parts.

        At midnight each day is wholly inside or outside a window, so `day_gap` decides like the age in microseconds.
        """
        if self.aggregate != "distinct_days":
            return self._over(parts, "day_gap")
        inside = _all_of(f"{parts[0]} > 0", self._window("day_gap"))
        return _days_in(_when(_all_of(inside, _in_word(first)), _bit(first), _NO_DAY) for first in self._words())

    def over_bands(self, parts: tuple[str, ...]) -> str:
        """Spark SQL over bands of ages, each with its `band`; no window ends inside a band."""
        if self.aggregate != "distinct_days":
            return self._over(parts, "band")
        return _days_in(_when(self._window("band"), part, _NO_DAY) for part in parts)

    def _over(self, parts: tuple[str, ...], age: str) -> str:
        """Spark SQL over groups of events; the group's `age` decides whether it is inside the window."""
        window = self._window(age)
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
            case _:
                count, total, squares = (_when(window, each) for each in parts)
                sql = _deviation(_total(count), _total(total), f"SUM({squares})")
        return sql

    def _window(self, age: str) -> str:
        newer = "" if self.within is None else f"{age} <= {self.within}"
        older = f"{age} > {self.beyond}" if self.beyond else ""
        return _all_of(older, newer)

    def _plain(self, where: str) -> str:
        """An aggregate that SQL has by name; counting days uses the same as counting events."""
        match self.aggregate:
            case "sum":
                return _total(_when(where, self.value, "0"))
            case "min" | "max":
                return f"{self.aggregate.upper()}({_when(where, self.value)})"
        return f"COUNT({_when(where, '1')})"

    def _words(self) -> range:
        """The first day of each 64-bit word that the window covers."""
        assert self.within is not None, "distinct days are counted in a window"
        return range(0, self.within + 1, _BITS)


def _in_word(first: int) -> str:
    return f"day_gap >= {first} AND day_gap < {first + _BITS}"


def _bit(first: int) -> str:
    return f"SHIFTLEFT(CAST(1 AS BIGINT), CAST(day_gap - {first} AS INT))"


def _days_in(words: Iterable[str]) -> str:
    """Distinct days without DISTINCT, which would multiply the rows: one bit per day, counted at the end."""
    return " + ".join(f"CAST(BIT_COUNT(BIT_OR({word})) AS BIGINT)" for word in words)


def _all_of(*conditions: str) -> str:
    return " AND ".join(each for each in conditions if each)


def _when(condition: str, value: str, otherwise: str = "") -> str:
    """The value where the condition holds; without a condition, always."""
    if not condition:
        return value
    return f"CASE WHEN {condition} THEN {value}{f' ELSE {otherwise}' if otherwise else ''} END"


def _total(value: str) -> str:
    """A sum that must fit 64 bits; every engine refuses a larger one."""
    return f"CAST(SUM({value}) AS BIGINT)"


def _square(value: str) -> str:
    return f"CAST({value} AS DECIMAL(19, 0)) * CAST({value} AS DECIMAL(19, 0))"


def _moments(value: str) -> tuple[str, str, str]:
    """Count, sum and sum of squares: integers from which the deviation can be computed exactly."""
    return f"COUNT({value})", _total(value), f"SUM({_square(value)})"


def _deviation(count: str, total: str, squares: str) -> str:
    """Standard deviation of a whole population from exact integers; null without any value."""
    count, total = f"CAST({count} AS DECIMAL(19, 0))", f"CAST({total} AS DECIMAL(19, 0))"
    return f"SQRT(CAST({count} * {squares} - {total} * {total} AS DOUBLE)) / NULLIF(CAST({count} AS DOUBLE), 0)"
