"""Finds and loads every contract; the only reader of the `.odcs.yaml` files."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import yaml

from data_contracts.contract import AggregateRule, Column, ColumnType, Contract, NotBefore, PersonalData, Version

FOLDER = Path(__file__).parent
ODCS = "v3.1.0"

_Words = TypeVar("_Words", ColumnType, PersonalData)

# Where a library metric of the standard is a named expectation; what is left is written as one.
_BOUNDS = {
    "mustBe": ("min_value", "max_value"),
    "mustBeGreaterOrEqualTo": ("min_value",),
    "mustBeLessOrEqualTo": ("max_value",),
}


class ContractFault(Exception):
    """A contract file does not say what a contract must say; names the file and the field."""

    def __init__(self, file: Path, field: str, reason: str) -> None:
        super().__init__(f"{file}: {field}: {reason}")
        self.file = file
        self.field = field
        self.reason = reason

    @property
    def user_message(self) -> str:
        """One line for the person who wrote the contract."""
        return str(self)


@cache
def contracts(folder: Path = FOLDER) -> dict[str, Contract]:
    """The newest released version of every contract, by name."""
    newest: dict[str, Contract] = {}
    for file in sorted((folder / "events").glob("*/v*.odcs.yaml")):
        found = load(file)
        known = newest.get(found.name)
        if known is None or _order(found.version) > _order(known.version):
            newest[found.name] = found
    return newest


def contract(name: str) -> Contract:
    """The newest contract of that name; an unknown name raises KeyError naming those that exist."""
    known = contracts()
    if name not in known:
        raise KeyError(f"no contract {name!r}; there are {', '.join(sorted(known))}")
    return known[name]


def event_contracts() -> dict[str, Contract]:
    """The contracts of what travels on the stream, by event type."""
    return {found.event_type: found for found in contracts().values() if found.raw_table is not None}


def load(file: Path) -> Contract:
    """Read one contract; anything missing or misspelt raises ContractFault."""
    try:
        document = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ContractFault(file, "(file)", str(error).replace("\n", " ")) from error
    return _Reader(file).contract(document)


def _order(version: Version) -> tuple[int, int, int]:
    return version.major, version.minor, version.patch


class _Reader:
    """Turns one document into a Contract, naming the field at fault."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def contract(self, document: object) -> Contract:
        top = self._mapping(document, "(file)")
        self._expect(self._text(top, "apiVersion", ""), ODCS, "apiVersion")
        self._expect(self._text(top, "kind", ""), "DataContract", "kind")
        schemas = self._list(top, "schema", "")
        if len(schemas) != 1:
            raise self._fault("schema", f"one record type a file, found {len(schemas)}")
        table = self._mapping(schemas[0], "schema[0]")
        properties = self._list(table, "properties", "schema[0].")
        columns = tuple(self._column(entry, f"schema[0].properties[{at}]") for at, entry in enumerate(properties))
        names = [column.name for column in columns]
        if twice := {name for name in names if names.count(name) > 1}:
            raise self._fault("schema[0].properties", f"written twice: {', '.join(sorted(twice))}")
        quality = [
            self._quality(entry, f"schema[0].quality[{at}]", names)
            for at, entry in enumerate(table.get("quality") or [])
        ]
        found = Contract(
            name=self._text(top, "name", ""),
            version=self._version(self._text(top, "version", "")),
            meaning=self._text(self._mapping(top.get("description"), "description"), "purpose", "description."),
            owner=self._text(self._mapping(top.get("team"), "team"), "name", "team."),
            columns=columns,
            key=tuple(entry["name"] for entry in properties if entry.get("primaryKey")),
            orderings=tuple(rule for rule in quality if isinstance(rule, NotBefore)),
            aggregate_rules=tuple(rule for rule in quality if isinstance(rule, AggregateRule)),
            raw_table=table.get("physicalName"),
            curated_table=self._custom(top, "curatedTable", ""),
        )
        if not found.key:
            raise self._fault("schema[0].properties", "no column is the primaryKey")
        self._expect(self._file.name, f"v{found.version}.odcs.yaml", "version")
        return found

    def _column(self, entry: object, where: str) -> Column:
        item = self._mapping(entry, where)
        name = self._text(item, "name", f"{where}.")
        where = f"{where}({name})"
        options = self._mapping(item.get("logicalTypeOptions") or {}, f"{where}.logicalTypeOptions")
        allowed = {"pattern", "maxLength", "minimum", "maximum"}
        if unknown := set(options) - allowed:
            raise self._fault(f"{where}.logicalTypeOptions", f"unknown: {', '.join(sorted(unknown))}")
        if (pattern := options.get("pattern")) is not None:
            self._check_pattern(pattern, where)
        required = item.get("required")
        if not isinstance(required, bool):
            raise self._fault(f"{where}.required", "must be true or false")
        return Column(
            name=name,
            type=self._one_of(ColumnType, self._text(item, "logicalType", f"{where}."), f"{where}.logicalType"),
            required=required,
            meaning=self._text(item, "description", f"{where}."),
            personal_data=self._one_of(
                PersonalData, self._custom(item, "personalData", where) or "", f"{where}.customProperties.personalData"
            ),
            valid_values=self._valid_values(item, where),
            pattern=pattern,
            maximum_length=options.get("maxLength"),
            minimum=None if options.get("minimum") is None else str(options["minimum"]),
            maximum=None if options.get("maximum") is None else str(options["maximum"]),
        )

    def _valid_values(self, item: dict[str, Any], where: str) -> tuple[str, ...]:
        values: tuple[str, ...] = ()
        for at, entry in enumerate(item.get("quality") or []):
            here = f"{where}.quality[{at}]"
            rule = self._mapping(entry, here)
            self._expect(str(rule.get("metric")), "invalidValues", f"{here}.metric")
            self._expect(str(rule.get("mustBe")), "0", f"{here}.mustBe")
            arguments = self._mapping(rule.get("arguments"), f"{here}.arguments")
            values = tuple(str(value) for value in self._list(arguments, "validValues", f"{here}.arguments."))
        return values

    def _quality(self, entry: object, where: str, columns: list[str]) -> NotBefore | AggregateRule:
        rule = self._mapping(entry, where)
        if rule.get("engine") == "tranche":
            how = self._mapping(rule.get("implementation"), f"{where}.implementation")
            self._expect(str(how.get("rule")), "not_before", f"{where}.implementation.rule")
            for end in ("column", "earlier"):
                if how.get(end) not in columns:
                    raise self._fault(f"{where}.implementation.{end}", f"no column {how.get(end)!r}")
            return NotBefore(how["column"], how["earlier"])
        name = self._text(rule, "name", f"{where}.")
        meaning = self._text(rule, "description", f"{where}.")
        if rule.get("engine") == "greatExpectations":
            how = self._mapping(rule.get("implementation"), f"{where}.implementation")
            arguments = self._mapping(how.get("kwargs"), f"{where}.implementation.kwargs")
            expectation = self._text(how, "type", f"{where}.implementation.")
        else:
            expectation, arguments = self._metric(rule, where, columns)
        if "column" in arguments and arguments["column"] not in columns:
            raise self._fault(where, f"no column {arguments['column']!r}")
        return AggregateRule(name, meaning, expectation, tuple(sorted(arguments.items())))

    def _metric(self, rule: dict[str, Any], where: str, names: list[str]) -> tuple[str, dict[str, Any]]:
        """A library metric of the standard as an expectation and its arguments."""
        metric = self._text(rule, "metric", f"{where}.")
        if metric == "rowCount":
            if "mustBeGreaterThan" in rule:
                return "expect_table_row_count_to_be_between", {"min_value": int(rule["mustBeGreaterThan"]) + 1}
            limits = {end: int(rule[word]) for word, ends in _BOUNDS.items() if word in rule for end in ends}
            return "expect_table_row_count_to_be_between", limits
        if metric not in {"duplicateValues", "nullValues"}:
            raise self._fault(f"{where}.metric", f"{metric} has no check")
        columns = self._list(self._mapping(rule.get("arguments"), f"{where}.arguments"), "properties", f"{where}.")
        if columns[0] not in names:
            raise self._fault(f"{where}.arguments.properties", f"no column {columns[0]!r}")
        if metric == "duplicateValues" and rule.get("mustBe") == 0:
            return "expect_column_values_to_be_unique", {"column": columns[0]}
        if metric == "nullValues":
            allowed = rule.get("mustBe", rule.get("mustBeLessOrEqualTo"))
            if allowed == 0:
                return "expect_column_values_to_not_be_null", {"column": columns[0]}
            if rule.get("unit") == "percent" and isinstance(allowed, int):
                return "expect_column_values_to_not_be_null", {"column": columns[0], "mostly": 1 - allowed / 100}
        raise self._fault(f"{where}.metric", f"{metric} with this bound has no check")

    def _custom(self, item: dict[str, Any], name: str, where: str) -> str | None:
        for entry in item.get("customProperties") or []:
            if self._mapping(entry, f"{where}.customProperties").get("property") == name:
                return str(entry.get("value"))
        return None

    def _check_pattern(self, pattern: str, where: str) -> None:
        try:
            re.compile(pattern)
        except re.error as error:
            raise self._fault(f"{where}.logicalTypeOptions.pattern", str(error)) from error
        if "'" in pattern:
            # The pattern is also written into Spark SQL text between single quotes.
            raise self._fault(f"{where}.logicalTypeOptions.pattern", "no single quote can be in it")

    def _version(self, text: str) -> Version:
        try:
            return Version.parse(text)
        except ValueError as error:
            raise self._fault("version", f"{text!r} is not like 1.0.0") from error

    def _one_of(self, words: type[_Words], text: str, field: str) -> _Words:
        try:
            return words(text)
        except ValueError as error:
            raise self._fault(field, f"{text!r} is not one of {', '.join(words)}") from error

    def _expect(self, found: str, expected: str, field: str) -> None:
        if found != expected:
            raise self._fault(field, f"{found!r} where {expected!r} is needed")

    def _mapping(self, value: object, field: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self._fault(field, "missing, or not a mapping")
        return value

    def _list(self, item: dict[str, Any], name: str, where: str) -> list[Any]:
        value = item.get(name)
        if not isinstance(value, list) or not value:
            raise self._fault(f"{where}{name}", "missing, or not a list with entries")
        return value

    def _text(self, item: dict[str, Any], name: str, where: str) -> str:
        value = item.get(name)
        if not isinstance(value, str) or not value:
            raise self._fault(f"{where}{name}", "missing, or not text")
        return value

    def _fault(self, field: str, reason: str) -> ContractFault:
        return ContractFault(self._file, field, reason)
