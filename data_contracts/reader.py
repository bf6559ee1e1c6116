"""Reads one contract's file into a Contract, and reports every fault of the file, not only the first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from data_contracts.column_reader import custom, read_column
from data_contracts.contract import AggregateRule, Column, Contract, NotBefore, PersonalData, Version
from data_contracts.document import ContractFault, Faults, Place, read_document
from data_contracts.rule_reader import read_rule
from data_contracts.terms import LegalBasis
from data_contracts.terms_reader import read_contract_terms

ODCS = "v3.1.0"
PROPOSAL = "next.odcs.yaml"
_EVENT_TYPE = "event_type"
_OF_A_PERSON = {PersonalData.PSEUDONYMOUS, PersonalData.PERSONAL}


@dataclass(frozen=True, slots=True)
class ContractReading:
    """The result of reading one file: its contract (None if the file does not define one) and all its faults.

    `lines` gives the lines of `version`, `curatedTable`, each column and each rule of the whole table.
    """

    file: Path
    contract: Contract | None
    faults: tuple[ContractFault, ...]
    lines: Mapping[str, int]


def read_contract(file: Path) -> ContractReading:
    """Read one contract, past any fault, to its end."""
    faults = Faults(file)
    top = read_document(file, faults)
    lines: dict[str, int] = {}
    found = None if top is None else _contract(top, lines, file)
    return ContractReading(file, None if faults.found else found, tuple(faults.found), lines)


def _contract(top: Place, lines: dict[str, int], file: Path) -> Contract | None:
    top.mapping()["apiVersion"].must_be(ODCS)
    top["kind"].must_be("DataContract")
    tables = list(top["schema"].entries())
    if len(tables) > 1:
        tables[1].fault(f"one record type a file, found {len(tables)}")
    if not tables:
        return None
    table = tables[0].mapping()
    columns, key = _columns(table["properties"], lines)
    rules = _rules(table["quality"], columns, lines)
    version = _version(top["version"], file)
    terms = read_contract_terms(top)
    curated = custom(top, "curatedTable")
    lines |= {"version": top["version"].line, "curatedTable": curated.line, "table": table["physicalName"].line}
    name, purpose = top["name"].text(), top["description"].mapping()["purpose"].text()
    owner = top["team"].mapping()["name"].text()
    raw, beside = table["physicalName"].text_if_any(), curated.text_if_any()
    if version is None or terms is None:
        return None
    found = Contract(
        name=name,
        version=version,
        meaning=purpose,
        owner=owner,
        columns=columns,
        key=key,
        orderings=tuple(rule for rule in rules if isinstance(rule, NotBefore)),
        aggregate_rules=tuple(rule for rule in rules if isinstance(rule, AggregateRule)),
        table=raw,
        curated_table=beside,
        terms=terms,
        is_closed=_is_closed(custom(top, "unknownColumns")),
    )
    _judge_subject(found, top)
    _judge_event_type(found, table["properties"])
    return found


def _columns(properties: Place, lines: dict[str, int]) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """The columns, and the names of the key columns."""
    columns: list[Column] = []
    key: list[str] = []
    for entry in properties.entries():
        column = read_column(entry)
        if column is None:
            continue
        if column.name in lines:
            entry.fault(f"column {column.name} is already on line {lines[column.name]}")
        lines[column.name] = entry.line
        columns.append(column)
        if entry["primaryKey"].value is True:
            key.append(column.name)
    if columns and not key:
        properties.fault("no column is the primaryKey")
    return tuple(columns), tuple(key)


def _rules(quality: Place, columns: tuple[Column, ...], lines: dict[str, int]) -> list[NotBefore | AggregateRule]:
    """The rules over several columns and over the whole table; each has a name of its own."""
    rules: list[NotBefore | AggregateRule] = []
    names: dict[str, int] = {}
    for entry in quality.entries(may_be_missing=True):
        rule = read_rule(entry, {column.name: column for column in columns})
        if rule is None:
            continue
        name = rule.name if isinstance(rule, AggregateRule) else f"{rule.column}.not_before"
        if name in names:
            entry.fault(f"rule {name} is already on line {names[name]}")
        names[name] = entry.line
        rules.append(rule)
    lines |= {f"rule {name}": line for name, line in names.items()}
    return rules


def _version(place: Place, file: Path) -> Version | None:
    text = place.text()
    try:
        version = Version.parse(text)
    except ValueError:
        if text:
            place.fault(f"{text!r} is not like 1.0.0")
        return None
    if file.name not in (PROPOSAL, f"v{version}.odcs.yaml"):
        place.fault(f"the file of version {version} is called v{version}.odcs.yaml, or {PROPOSAL} before its release")
    return version


def _is_closed(place: Place) -> bool:
    if place.value not in (None, "refused", "ignored"):
        place.fault(f"{place.value!r} is not one of refused, ignored")
    return place.value == "refused"


def _judge_subject(found: Contract, top: Place) -> None:
    """A contract with personal data must say whose data it is and on what grounds we hold it."""
    place = custom(top, "subjectColumn")
    if found.terms.subject is None:
        touching = [column.name for column in found.columns if column.personal_data in _OF_A_PERSON]
        if touching:
            place.fault(f"missing; {', '.join(touching)} touch a person, so one column must say whose data a row is")
        return
    if found.terms.subject not in found.by_name:
        place.fault(f"there is no column {found.terms.subject!r}")
    if found.terms.legal_basis is LegalBasis.NONE:
        custom(top, "legalBasis").fault("none, although a row is somebody's data")


def _judge_event_type(found: Contract, properties: Place) -> None:
    """An event names its own contract and no other, so that one type cannot mean two things."""
    column = found.by_name.get(_EVENT_TYPE)
    if column is None or column.valid_values == (found.event_type,):
        return
    said = ", ".join(column.valid_values) or "anything"
    place = next(entry for entry in properties.entries() if entry["name"].value == _EVENT_TYPE)
    place.called(_EVENT_TYPE).fault(f"allows {said}; events of this contract are {found.event_type}")
