"""A YAML document whose values know their lines, and the faults found while reading it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import yaml

from terminal.fault import Fault

_Words = TypeVar("_Words", bound=StrEnum)
_STRING = "tag:yaml.org,2002:str"


class ContractFault(Fault):
    """A contract file lacks something or is wrong; names the file, the line and the field."""

    def __init__(self, file: Path, line: int, field: str, reason: str) -> None:
        super().__init__(f"{file}:{line}: {field}: {reason}")
        self.file = file
        self.line = line
        self.field = field
        self.reason = reason


@dataclass(slots=True)
class Faults:
    """The faults of one file, in the order in which they were found."""

    file: Path
    found: list[ContractFault] = field(default_factory=list)

    def add(self, line: int, name: str, reason: str) -> None:
        """Note one fault."""
        self.found.append(ContractFault(self.file, line, name, reason))


class Block(dict[str, Any]):
    """A mapping that knows the line of each of its keys."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, int] = {}


class Entries(list[Any]):
    """A list that knows the line of each of its entries."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[int] = []


class Place:
    """One value of a document, with its name and its line.

    Every accessor returns a value of the right type. If the document has none, the fault is noted and the value is
    empty, so that one reading finds all faults.
    """

    def __init__(self, faults: Faults, name: str, line: int, value: object, *, is_excused: bool = False) -> None:
        self.name = name
        self.line = line
        self.value = value
        self._faults = faults
        self._is_excused = is_excused  # the fault was noted where the value should have been

    def fault(self, reason: str) -> None:
        """Note a fault of this value."""
        if not self._is_excused:
            self._faults.add(self.line, self.name, reason)

    def called(self, label: str) -> Place:
        """The same place under a more exact name, such as that of the column."""
        return Place(self._faults, f"{self.name}({label})", self.line, self.value, is_excused=self._is_excused)

    def lacking(self, name: str) -> Place:
        """The place of an entry that is missing from this one."""
        full = name if self.name == "(file)" else f"{self.name}.{name}"
        return Place(self._faults, full, self.line, None, is_excused=self._is_excused)

    @property
    def is_missing(self) -> bool:
        """Whether there is no value."""
        return self.value is None

    def __getitem__(self, key: str) -> Place:
        name = key if self.name == "(file)" else f"{self.name}.{key}"
        if not isinstance(self.value, Block):
            return Place(self._faults, name, self.line, None, is_excused=True)
        return Place(
            self._faults, name, self.value.lines.get(key, self.line), self.value.get(key), is_excused=self._is_excused
        )

    def mapping(self) -> Place:
        """This place; a fault is noted if it is not a mapping."""
        if not isinstance(self.value, Block):
            self.fault("missing, or not a mapping")
        return self

    def __contains__(self, key: str) -> bool:
        return key in self.names()

    def names(self) -> list[str]:
        """The keys of a mapping; empty for anything else."""
        return list(self.value) if isinstance(self.value, Block) else []

    def entries(self, *, may_be_missing: bool = False) -> Iterator[Place]:
        """The entries of a list; a fault is noted if there is no list, unless it may be missing."""
        if isinstance(self.value, Entries) and self.value:
            for at, (line, value) in enumerate(zip(self.value.lines, self.value, strict=True)):
                yield Place(self._faults, f"{self.name}[{at}]", line, value, is_excused=self._is_excused)
        elif not (may_be_missing and self.value in (None, [])):
            self.fault("missing, or not a list with entries")

    def text(self) -> str:
        """The text; a fault is noted if it is missing or not a text."""
        if isinstance(self.value, str) and self.value:
            return self.value
        self.fault("missing, or not text")
        return ""

    def text_if_any(self) -> str | None:
        """The text, or None if there is no value; a fault is noted if it is not a text."""
        return None if self.is_missing else self.text() or None

    def whole(self) -> int | None:
        """A whole number of at least zero; a fault is noted for anything else."""
        if isinstance(self.value, int) and not isinstance(self.value, bool) and self.value >= 0:
            return self.value
        self.fault(f"{self.value!r} is not a whole number")
        return None

    def truth(self) -> bool:
        """True or false; a fault is noted for anything else."""
        if isinstance(self.value, bool):
            return self.value
        self.fault("must be true or false")
        return False

    def one_of(self, words: type[_Words]) -> _Words | None:
        """One word of a closed list; a fault is noted for anything else."""
        try:
            return words(str(self.value))
        except ValueError:
            said = "missing; it is one of" if self.is_missing else f"{str(self.value)!r} is not one of"
            self.fault(f"{said} {', '.join(words)}")
            return None

    def must_be(self, expected: str) -> None:
        """Note a fault unless the value is this text."""
        if str(self.value) != expected:
            self.fault(f"{self.value!r} where {expected!r} is needed")

    def only(self, allowed: set[str]) -> None:
        """Note a fault for each key that is not allowed here."""
        for key in self.names():
            if key not in allowed:
                self[key].fault(f"unknown; there are {', '.join(sorted(allowed))}")


def read_document(file: Path, faults: Faults) -> Place | None:
    """The document of a file; None, with the fault noted, if it is not YAML or repeats a key."""
    try:
        node = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        faults.add(1 if mark is None else mark.line + 1, "(file)", str(error).replace("\n", " "))
        return None
    if node is None:
        faults.add(1, "(file)", "is empty")
        return None
    try:
        return Place(faults, "(file)", 1, _value(node, yaml.constructor.SafeConstructor(), faults))
    except RecursionError:
        faults.add(1, "(file)", "refers to itself")
        return None


def _value(node: yaml.Node, constructor: yaml.constructor.SafeConstructor, faults: Faults) -> Any:
    if isinstance(node, yaml.MappingNode):
        block = Block()
        for key, value in node.value:
            if key.value in block:
                faults.add(key.start_mark.line + 1, str(key.value), "stands twice in its mapping")
            block[key.value] = _value(value, constructor, faults)
            block.lines[key.value] = key.start_mark.line + 1
        return block
    if isinstance(node, yaml.SequenceNode):
        entries = Entries()
        for entry in node.value:
            entries.append(_value(entry, constructor, faults))
            entries.lines.append(entry.start_mark.line + 1)
        return entries
    if node.tag == _STRING:
        return node.value
    try:
        return constructor.construct_object(node)
    except (yaml.YAMLError, ValueError) as error:
        faults.add(node.start_mark.line + 1, "(file)", str(error).replace("\n", " "))
        return None
