"""The words every contract is written in: what a record means and what it must obey."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from data_contracts.terms import Terms


class ColumnType(StrEnum):
    """What a column holds.

    Money is INTEGER: minor units of the currency beside it, never NUMBER, which is a double. OBJECT and ARRAY are the
    nested parts of an API's payload; in a table they lie as JSON text.
    """

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"
    OBJECT = "object"
    ARRAY = "array"


class PersonalData(StrEnum):
    """How closely a column touches a person."""

    NONE = "none"
    PSEUDONYMOUS = "pseudonymous"
    FINANCIAL = "financial"
    PERSONAL = "personal"


class RuleType(StrEnum):
    """What a row rule looks at, in the order in which broken rules are told."""

    REQUIRED = "required"
    TYPE = "type"
    ENUM = "enum"
    PATTERN = "pattern"
    LENGTH = "length"
    MINIMUM = "minimum"
    MAXIMUM = "maximum"
    NOT_BEFORE = "not_before"


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A contract's version; a released one never changes."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read `1.0.0`; anything else raises ValueError."""
        major, minor, patch = (int(part) for part in text.split("."))
        return cls(major, minor, patch)

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its type, what it means and what its values must obey.

    `minimum` and `maximum` are inclusive and written in the column's own type.
    `pattern` must fit the whole value.
    """

    name: str
    type: ColumnType
    required: bool
    meaning: str
    personal_data: PersonalData
    valid_values: tuple[str, ...] = ()
    pattern: str | None = None
    maximum_length: int | None = None
    minimum: str | None = None
    maximum: str | None = None


@dataclass(frozen=True, slots=True)
class NotBefore:
    """`column` is never earlier than `earlier`; an empty one of the two is no offence."""

    column: str
    earlier: str


@dataclass(frozen=True, slots=True)
class RowRule:
    """One thing that one record must obey; `bound` is its pattern, limit or other column."""

    column: Column
    type: RuleType
    bound: str | None = None

    @property
    def name(self) -> str:
        """The rule's name in the quarantine, e.g. `amount_minor.minimum`."""
        return f"{self.column.name}.{self.type}"


@dataclass(frozen=True, slots=True)
class AggregateRule:
    """One thing that a whole table must obey, as a named expectation with its arguments."""

    name: str
    meaning: str
    expectation: str
    arguments: tuple[tuple[str, object], ...]


@dataclass(frozen=True)
class Contract:
    """What a record type means: the only source of its schema, its checks and its documentation.

    `table` is where its rows lie; of an event that is a raw table, of which `curated_table` is made. A closed record
    has no column beside those of the contract; of an open one they are ignored.
    """

    name: str
    version: Version
    meaning: str
    owner: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    orderings: tuple[NotBefore, ...]
    aggregate_rules: tuple[AggregateRule, ...]
    table: str | None
    curated_table: str | None
    terms: Terms
    is_closed: bool = False

    @property
    def raw_table(self) -> str | None:
        """Where an event's rows lie as the stream brought them; None of whatever is no event."""
        return self.table if self.table is not None and self.table.startswith("raw.") else None

    @property
    def event_type(self) -> str:
        """How events of this contract name themselves, e.g. `bank_transaction.v1`."""
        return f"{self.name}.v{self.version.major}"

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """Each column under its name."""
        return {column.name: column for column in self.columns}

    @cached_property
    def row_rules(self) -> tuple[RowRule, ...]:
        """Every rule of every column, in the order in which broken ones are told."""
        rules = [rule for column in self.columns for rule in _rules_of(column)]
        rules += [RowRule(self.by_name[order.column], RuleType.NOT_BEFORE, order.earlier) for order in self.orderings]
        return tuple(rules)


def _rules_of(column: Column) -> list[RowRule]:
    rules = []
    if column.required:
        rules.append(RowRule(column, RuleType.REQUIRED))
    if column.type is not ColumnType.STRING:
        rules.append(RowRule(column, RuleType.TYPE))
    if column.valid_values:
        rules.append(RowRule(column, RuleType.ENUM))
    if column.pattern is not None:
        rules.append(RowRule(column, RuleType.PATTERN, column.pattern))
    if column.maximum_length is not None:
        rules.append(RowRule(column, RuleType.LENGTH, str(column.maximum_length)))
    if column.minimum is not None:
        rules.append(RowRule(column, RuleType.MINIMUM, column.minimum))
    if column.maximum is not None:
        rules.append(RowRule(column, RuleType.MAXIMUM, column.maximum))
    return rules
