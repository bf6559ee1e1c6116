"""Where outside files come from: providers and bank accounts, with calendar, numbering and tolerance, as a policy."""

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ledger.money import Currency, Money
from lending.schedule.due_dates import Adjustment, on_business_day
from lending.terms.holidays import holidays_of
from payments.rules.tolerance import Tolerance
from terminal.fault import Fault

SOURCES = Path(__file__).parents[1] / "policies" / "sources-1.toml"


class FileSourceFault(Fault):
    """Raised for a file of sources that cannot be used; names the file and the entry."""

    def __init__(self, path: Path, entry: str, reason: str) -> None:
        super().__init__(f"{path}: {entry}: {reason}")


class SourceKind(StrEnum):
    """What a source is."""

    PROVIDER = "provider"
    BANK_ACCOUNT = "bank_account"


class Numbering(StrEnum):
    """How a source numbers its statements."""

    NONE = "none"
    CONTINUOUS = "continuous"
    YEARLY = "yearly"


@dataclass(frozen=True, slots=True)
class FileSource:
    """A provider or a bank account of ours. `first_number` is None where any statement may be the first to come.

    `names`: how banks write it, its id included.
    """

    source_id: str
    kind: SourceKind
    names: frozenset[str]
    format: str
    calendar: str
    holidays: frozenset[date]
    zone: str
    numbering: Numbering
    first_number: int | None
    empty_statements: bool
    tolerance: Mapping[Currency, Tolerance]

    def tolerated(self, amount: Money) -> Money:
        """How far a movement may differ from this amount; zero in a currency that has no entry."""
        tolerance = self.tolerance.get(amount.currency)
        return Money.zero(amount.currency) if tolerance is None else tolerance.of(amount)

    def business_day(self, day: date) -> date:
        """The business day to which a day belongs: itself, or the next one."""
        return on_business_day(day, Adjustment.FOLLOWING, self.holidays)

    def follows(self, number: int, closed_on: date, before: int, before_on: date) -> int | None:
        """How many numbers lie between two statements; None if the later one cannot follow the earlier one.

        >>> bank, march, january = a_source(numbering=Numbering.YEARLY), date(2026, 3, 1), date(2027, 1, 4)
        >>> bank.follows(5, march, 4, march), bank.follows(7, march, 4, march), bank.follows(1, march, 4, march)
        (0, 2, None)
        >>> bank.follows(1, january, 251, march), bank.follows(2, january, 251, march)
        (0, 1)
        """
        if self.numbering is Numbering.NONE:
            return 0
        if number > before:
            return number - before - 1
        restarts = self.numbering is Numbering.YEARLY and closed_on.year > before_on.year
        return number - 1 if restarts else None


def a_source(source_id: str = "", *, numbering: Numbering = Numbering.CONTINUOUS) -> FileSource:
    """A bank account of which nothing is written down: any first number, and then one after the other."""
    names = frozenset({source_id})
    return FileSource(
        source_id, SourceKind.BANK_ACCOUNT, names, "any", "", frozenset(), "UTC", numbering, None, True, {}
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class FileSources:
    """All sources of a policy file."""

    version: str
    by_id: Mapping[str, FileSource]

    def of_account(self, bank_account: str) -> FileSource:
        """A bank account's source; one off our chart is numbered continuously, and tolerates nothing."""
        return self.by_id.get(bank_account) or a_source(bank_account)

    def provider(self, name: str) -> FileSource:
        """A provider's source; raises KeyError."""
        return self.by_id[name]


def load_sources(path: Path = SOURCES) -> FileSources:
    """Read a file of sources; raises FileSourceFault that names the entry."""
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise FileSourceFault(path, "(file)", str(error)) from error
    version = entries.pop("version", None)
    if not isinstance(version, str):
        raise FileSourceFault(path, "version", "is missing")
    return FileSources(version, {name: _source(path, name, entry) for name, entry in entries.items()})


_FIELDS = ("kind", "names", "format", "calendar", "zone", "numbering", "first_number", "empty_statements")


def _source(path: Path, name: str, entry: Mapping[str, Any]) -> FileSource:
    field = "kind"

    def read(wanted: str, convert: Callable[[Any], Any]) -> Any:
        nonlocal field
        field = wanted
        return convert(entry[wanted])

    try:
        source = FileSource(
            source_id=name,
            kind=read("kind", SourceKind),
            names=read("names", _names) | {name},
            format=read("format", str),
            calendar=read("calendar", str),
            holidays=read("calendar", holidays_of),
            zone=read("zone", lambda text: ZoneInfo(text).key),
            numbering=read("numbering", Numbering),
            first_number=read("first_number", _first_number),
            empty_statements=read("empty_statements", bool),
            tolerance=_tolerances(entry.get("tolerance", {})),
        )
    except (KeyError, TypeError, ValueError, OSError, ZoneInfoNotFoundError, Fault) as error:
        reason = "is missing" if error.args == (field,) else str(error)
        raise FileSourceFault(path, f"{name}.{field}", reason) from error
    if unknown := set(entry) - {*_FIELDS, "tolerance"}:
        raise FileSourceFault(path, f"{name}.{min(unknown)}", "is not an entry of a source")
    return source


def _names(values: Iterable[str]) -> frozenset[str]:
    return frozenset(map(str, values))


def _first_number(value: Any) -> int | None:
    if value == "any":
        return None
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is neither a number nor any")
    return value


def _tolerances(entries: Mapping[str, Any]) -> dict[Currency, Tolerance]:
    found = {}
    for code, entry in entries.items():
        currency = Currency.of(code)
        if currency is None:
            raise ValueError(f"tolerance: {code!r} is not a currency we know")
        amounts = [Money.parse(entry[name], currency) for name in ("absolute", "cap", "daily_cap")]
        points = entry["basis_points"]
        if type(points) is not int or points < 0 or any(amount.minor < 0 for amount in amounts):
            raise ValueError(f"tolerance.{code}: a tolerance is not below zero")
        found[currency] = Tolerance(amounts[0], points, amounts[1], amounts[2])
    return found


def days_between(one: date, other: date, source: FileSource) -> int:
    """How many days lie between the business days of two dates; zero if they are one business day."""
    return abs((source.business_day(one) - source.business_day(other)) // timedelta(days=1))
