"""The types of which a contract consists: what a record means and which rules it must keep."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from data_contracts.terms import ContractTerms


class ColumnType(StrEnum):
    """The type of a column's values.

    Money is INTEGER: minor units of the currency beside it, never NUMBER, which is a double. OBJECT and ARRAY are the
    nested parts of an API's payload; a table stores them as JSON text.
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
    """How personal the data of a column is."""

    NONE = "none"
    PSEUDONYMOUS = "pseudonymous"
    FINANCIAL = "financial"
    PERSONAL = "personal"


class RuleType(StrEnum):
    """The kinds of row rule, in the order in which broken rules are reported."""

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
    """One column: its type, its meaning and the rules for its values.

    `minimum` and `maximum` are inclusive and written in the column's own type.
    `pattern` must match the whole value.
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
    """`column` is never earlier than `earlier`; the rule holds when either is empty."""

    column: str
    earlier: str


@dataclass(frozen=True, slots=True)
class RowRule:
    """A rule for one record; `bound` is its pattern, its limit or the other column."""

    column: Column
    type: RuleType
    bound: str | None = None

    @property
    def name(self) -> str:
        """The rule's name in the quarantine, e.g. `amount_minor.minimum`."""
        return f"{self.column.name}.{self.type}"


@dataclass(frozen=True, slots=True)
class AggregateRule:
    """A rule for a whole table, as a named expectation with its arguments."""

    name: str
    meaning: str
    expectation: str
    arguments: tuple[tuple[str, object], ...]


@dataclass(frozen=True)
class Contract:
    """The definition of a record type: the only source of its schema, its checks and its documentation.

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
    terms: ContractTerms
    is_closed: bool = False

    @property
    def raw_table(self) -> str | None:
        """The raw table of an event; None for a contract that is not of an event."""
        return self.table if self.table is not None and self.table.startswith("raw.") else None

    @property
    def event_type(self) -> str:
        """The event type that a record of this contract carries, e.g. `bank_transaction.v1`."""
        return f"{self.name}.v{self.version.major}"

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """Each column under its name."""
        return {column.name: column for column in self.columns}

    @cached_property
    def row_rules(self) -> tuple[RowRule, ...]:
        """Every rule of every column, in the order in which broken rules are reported."""
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
