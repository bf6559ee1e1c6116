"""Read scenarios from a folder: JSON lines, plain or gzipped, each with an id, a kind and its steps in order."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

_DATE_FORMS = ("%d %B %Y", "%d %b %Y", "%Y-%m-%d")


class UnreadableScenario(ValueError):
    """Raised for a file, a date or an amount that cannot be read; names it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step in the peer's words, and its table as one mapping for each row."""

    text: str
    rows: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class PeerScenario:
    """A scenario. `key` is its id, with a number where an id occurs more than once."""

    key: str
    kind: str
    steps: tuple[Step, ...]


def read_scenarios(folder: Path) -> list[PeerScenario]:
    """Every scenario of a folder's files, in the order of file names and lines."""
    files = sorted(path for path in folder.iterdir() if path.name.endswith((".jsonl", ".jsonl.gz")))
    if not files:
        raise UnreadableScenario(f"no .jsonl or .jsonl.gz file in {folder}")
    seen: Counter[str] = Counter()
    return [scenario for path in files for scenario in _of_file(path, seen)]


def _of_file(path: Path, seen: Counter[str]) -> Iterator[PeerScenario]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                told = json.loads(line)
                yield scenario_of(told, seen)
            except (KeyError, TypeError, json.JSONDecodeError) as error:
                raise UnreadableScenario(f"{path.name}:{number}: {error!r}") from error


def scenario_of(told: Mapping[str, Any], seen: Counter[str]) -> PeerScenario:
    """The scenario of one line. `seen` counts how often each id occurred before."""
    seen[told["id"]] += 1
    times = seen[told["id"]]
    key = told["id"] if times == 1 else f"{told['id']}#{times}"
    return PeerScenario(
        key, told["kind"], tuple(Step(each["step"], _rows(each.get("table"))) for each in told["steps"])
    )


def _rows(table: Sequence[Sequence[str]] | None) -> tuple[Mapping[str, str], ...]:
    if not table:
        return ()
    head = [name.strip() for name in table[0]]
    return tuple({name: cell.strip() for name, cell in zip(head, row, strict=False)} for row in table[1:])


def day_of(text: str) -> date:
    """A day as the scenarios write it.

    >>> str(day_of("5 March 2024"))
    '2024-03-05'
    """
    for form in _DATE_FORMS:
        try:
            return datetime.strptime(text.strip(), form).date()  # noqa: DTZ007 - a day has no time zone
        except ValueError:
            continue
    raise UnreadableScenario(f"{text!r} is no day")


def is_day(text: str) -> bool:
    try:
        day_of(text)
    except UnreadableScenario:
        return False
    return True


def units_of(text: str) -> int:
    """An amount in major units with at most two decimals, as minor units; an empty cell is zero.

    >>> units_of("1,017.5"), units_of("")
    (101750, 0)
    """
    plain = text.replace(",", "").strip()
    if plain in {"", "null"}:
        return 0
    try:
        return int((Decimal(plain) * 100).to_integral_exact())
    except ArithmeticError as error:
        raise UnreadableScenario(f"{text!r} is no amount") from error
