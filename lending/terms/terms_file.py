"""Reads a TOML file of terms setting by setting; each must be present and valid, and unknown settings are refused."""

import hashlib
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ledger.money import Currency, Money
from terminal.fault import Fault

Choice = TypeVar("Choice", bound=StrEnum)
Value = TypeVar("Value")
Versioned = TypeVar("Versioned", bound="InForce")

_ALL_OF_IT = 10_000


class TermsFileFault(Fault, ValueError):
    """Raised for a file of terms that cannot be used; names the file and the setting."""


class InForce(Protocol):
    """Terms with a first and a last day; a last day of None is open-ended."""

    @property
    def version(self) -> str: ...

    @property
    def effective_from(self) -> date: ...

    @property
    def effective_until(self) -> date | None: ...


@dataclass(slots=True)
class Section:
    """A table of a terms file. Settings are read one by one, and `done` refuses those not read."""

    file: Path
    place: str
    left: dict[str, Any]
    _taken: set[str] = field(default_factory=set)

    def fault(self, name: str, reason: str) -> TermsFileFault:
        return TermsFileFault(f"{self.file}: {self.place}{name}: {reason}")

    def has(self, name: str) -> bool:
        return name in self.left

    def section(self, name: str) -> "Section":
        value = self._take(name)
        if not isinstance(value, dict):
            raise self.fault(name, "is not a table")
        return Section(self.file, f"{self.place}{name}.", dict(value))

    def text(self, name: str) -> str:
        value = self._take(name)
        if not isinstance(value, str) or not value:
            raise self.fault(name, f"{value!r} is not a text")
        return value

    def pattern(self, name: str) -> re.Pattern[str]:
        """A regular expression."""
        text = self.text(name)
        try:
            return re.compile(text)
        except re.error as error:
            raise self.fault(name, f"{text!r} is no regular expression: {error}") from error

    def texts(self, name: str) -> tuple[str, ...]:
        """One or more texts, without repetition."""
        value = self._take(name)
        if not isinstance(value, list) or not value or not all(isinstance(each, str) and each for each in value):
            raise self.fault(name, f"{value!r} is not a list of texts")
        if _repeats(value):
            raise self.fault(name, f"{value!r} repeats a text")
        return tuple(value)

    def whole(self, name: str, *, least: int = 0, most: int = 2**31) -> int:
        value = self._take(name)
        if type(value) is not int or not least <= value <= most:
            raise self.fault(name, f"{value!r} is not a whole number from {least} to {most}")
        return value

    def basis_points(self, name: str) -> int:
        """A share in basis points, 500 for 5 %."""
        return self.whole(name, most=_ALL_OF_IT)

    def flag(self, name: str) -> bool:
        value = self._take(name)
        if not isinstance(value, bool):
            raise self.fault(name, f"{value!r} is neither true nor false")
        return value

    def day(self, name: str) -> date:
        value = self._take(name)
        if not isinstance(value, date) or isinstance(value, datetime):
            raise self.fault(name, f"{value!r} is not a day such as 2026-01-31")
        return value

    def one_of(self, name: str, choices: type[Choice]) -> Choice:
        value = self._take(name)
        if not isinstance(value, str) or value not in set(choices):
            raise self.fault(name, f"{value!r} is none of {', '.join(choices)}")
        return choices(value)

    def key_of(self, name: str, known: Mapping[str, Value]) -> Value:
        """The value that a word of a closed list stands for."""
        value = self.text(name)
        if value not in known:
            raise self.fault(name, f"{value!r} is none of {', '.join(known)}")
        return known[value]

    def some_of(self, name: str, choices: type[Choice]) -> tuple[Choice, ...]:
        """One or more of the choices, without repetition."""
        value = self._take(name)
        if not isinstance(value, list) or not value or not set(map(str, value)) <= set(choices) or _repeats(value):
            raise self.fault(name, f"{value!r} is not some of {', '.join(choices)}, each once")
        return tuple(choices(each) for each in value)

    def order_of(self, name: str, choices: type[Choice]) -> tuple[Choice, ...]:
        """All of the choices in the file's order, each once."""
        value = self._take(name)
        if not isinstance(value, list) or sorted(map(str, value)) != sorted(choices):
            raise self.fault(name, f"{value!r} does not name each of {', '.join(choices)} once")
        return tuple(choices(each) for each in value)

    def sections(self, name: str) -> "tuple[Section, ...]":
        """A list of tables."""
        value = self._take(name)
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise self.fault(name, "is not a list of tables")
        return tuple(
            Section(self.file, f"{self.place}{name}[{number}].", dict(each)) for number, each in enumerate(value, 1)
        )

    def amounts(self, name: str) -> Mapping[Currency, Money]:
        """Amounts by currency, at least one, given in the currency's smallest unit."""
        table = self.section(name)
        amounts = {}
        for code in sorted(table.left):
            currency = Currency.of(code)
            if currency is None:
                raise table.fault(code, "is not a currency we know")
            amounts[currency] = Money(table.whole(code), currency)
        if not amounts:
            raise self.fault(name, "names no currency")
        return amounts

    def by_currency(self, name: str, read: Callable[[str], Value]) -> Mapping[Currency, Value]:
        """A word for each of some currencies, and what it stands for; `read` raises ValueError for an unknown word."""
        table = self.section(name)
        found = {}
        for code in sorted(table.left):
            currency = Currency.of(code)
            if currency is None:
                raise table.fault(code, "is not a currency we know")
            try:
                found[currency] = read(table.text(code))
            except ValueError as error:
                raise table.fault(code, str(error)) from error
        return found

    def done(self) -> None:
        """Raise TermsFileFault for a setting that was not read."""
        for name in sorted(self.left.keys() - self._taken):
            raise self.fault(name, "is not a known setting")

    def _take(self, name: str) -> Any:
        if name not in self.left:
            raise self.fault(name, "is missing")
        self._taken.add(name)
        return self.left[name]


def _repeats(values: list[Any]) -> bool:
    return any(value in values[:place] for place, value in enumerate(values))


def read_terms(file: Path) -> Section:
    """Read a file whose `version` must equal its name; raises TermsFileFault."""
    try:
        settings = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise TermsFileFault(f"{file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TermsFileFault(f"{file}: is not TOML: {error}") from error
    section = Section(file, "", settings)
    version = section.text("version")
    if version != file.stem:
        raise section.fault("version", f"is {version!r}, the file's name says {file.stem!r}")
    return section


def content_digest(settings: Mapping[str, Any]) -> str:
    """The digest of the settings in a terms file; comments and order do not count."""
    canonical = json.dumps(settings, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=date.isoformat)
    return hashlib.sha256(canonical.encode()).hexdigest()


def effective(section: Section) -> tuple[date, date | None]:
    """The first and the last day of a file's terms; a last day of None is open-ended."""
    start = section.day("effective_from")
    end = section.day("effective_until") if section.has("effective_until") else None
    if end is not None and end < start:
        raise section.fault("effective_until", f"{end} is before {start}")
    return start, end


def one_at_a_time(versions: Iterable[Versioned], folder: Path, of: str) -> tuple[Versioned, ...]:
    """The versions ordered by their first day; raises TermsFileFault where two overlap."""
    ordered = tuple(sorted(versions, key=lambda version: version.effective_from))
    for one, other in pairwise(ordered):
        if one.effective_until is None or one.effective_until >= other.effective_from:
            raise TermsFileFault(
                f"{folder / other.version}.toml: effective_from: {other.effective_from} is within {one.version} of {of}"
            )
    return ordered


def on_day(versions: Iterable[Versioned], day: date) -> Versioned | None:
    """The version that holds on a day, or None."""
    for version in versions:
        if version.effective_from <= day and (version.effective_until is None or day <= version.effective_until):
            return version
    return None
