"""Reads one column of a contract's document, with the rules for its values."""

from __future__ import annotations

import re

from data_contracts.consistency import contradictions
from data_contracts.contract import Column, ColumnType, PersonalData
from data_contracts.document import Place

_OPTIONS = {"pattern", "maxLength", "minimum", "maximum"}


def read_column(place: Place) -> Column | None:
    """The column, or None with the faults noted if its entry does not define one."""
    place.mapping()
    name = place["name"].text()
    place = place.called(name) if name else place
    options = place["logicalTypeOptions"]
    if not options.is_missing:
        options.mapping().only(_OPTIONS)
    column_type = place["logicalType"].one_of(ColumnType)
    personal_data = custom(place, "personalData").one_of(PersonalData)
    longest = options["maxLength"]
    pattern, is_regular = _pattern(options["pattern"])
    values, values_place = _valid_values(place)
    required, meaning = place["required"].truth(), place["description"].text()
    if not name or column_type is None or personal_data is None or not is_regular:
        return None
    if name.endswith("_minor") and column_type is not ColumnType.INTEGER:
        place["logicalType"].fault(f"money is integer minor units, never {column_type}")
    column = Column(
        name=name,
        type=column_type,
        required=required,
        meaning=meaning,
        personal_data=personal_data,
        valid_values=values,
        pattern=pattern,
        maximum_length=None if longest.is_missing else longest.whole(),
        minimum=_limit(options["minimum"]),
        maximum=_limit(options["maximum"]),
    )
    for option, reason in contradictions(column):
        (values_place if option == "validValues" else options[option]).fault(reason)
    return column


def custom(place: Place, name: str) -> Place:
    """The value of a custom property, or an empty place if there is no such property."""
    found = entry_named(place["customProperties"], name)
    return found if found.is_missing else found["value"]


def entry_named(entries: Place, name: str) -> Place:
    """The entry of a list whose `property` is that name; a repeated one is noted as a fault."""
    found = [entry for entry in entries.entries(may_be_missing=True) if entry["property"].value == name]
    for again in found[1:]:
        again.fault(f"{name} is already said above")
    return found[0].called(name) if found else entries.lacking(name)


def _limit(place: Place) -> str | None:
    return None if place.is_missing else str(place.value)


def _pattern(place: Place) -> tuple[str | None, bool]:
    """The pattern, and whether it is valid (or missing)."""
    pattern = place.text_if_any()
    if pattern is None:
        return None, place.is_missing
    try:
        re.compile(pattern)
    except re.error as error:
        place.fault(str(error))
        return None, False
    if "'" in pattern:
        # The pattern is also written into Spark SQL text between single quotes.
        place.fault("no single quote can be in it")
        return None, False
    return pattern, True


def _valid_values(column: Place) -> tuple[tuple[str, ...], Place]:
    """The list of valid values and its place; a second list is a fault, since either could apply."""
    values: tuple[str, ...] = ()
    place = column["quality"]
    for at, rule in enumerate(column["quality"].entries(may_be_missing=True)):
        rule.mapping()["metric"].must_be("invalidValues")
        rule["mustBe"].must_be("0")
        if at:
            rule.fault("a second list of validValues; a column has one")
            continue
        place = rule["arguments"].mapping()["validValues"]
        values = tuple(_word(entry) for entry in place.entries())
    return values, place


def _word(entry: Place) -> str:
    if isinstance(entry.value, bool) or not isinstance(entry.value, str | int | float):
        entry.fault(f"{entry.value!r} is no text; write it in quotes")
    return str(entry.value)
