"""The Online Retail data set (UCI 352, a British wholesaler of gifts, 2010-2011) as canonical events, one per line.

The folder has a file for each trading day, `2010-12-01.csv` or `2010-12-01.csv.gz`; it need not have all days. A line
is identified by its invoice, its file's day and its number in that file, so exact repetitions are separate lines.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from itertools import chain
from pathlib import Path

import orjson

from pipelines.sources.online_retail_rows import COLUMNS, RetailRow, RetailRowRefused, line
from pipelines.sources.source import CanonicalEvent, Reject, SourceFault, SourceReading

SOURCE = "online_retail"
MERCHANT = "online-retail"
CURRENCY = "GBP"
EVENT_TYPE = "order_line.v1"
_DAY_FILE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[.]csv(?:[.]gz)?")


@dataclass(frozen=True, slots=True)
class OnlineRetail:
    """The source: the daily files in a folder; files with other names are ignored."""

    folder: Path

    @property
    def name(self) -> str:
        return SOURCE

    def read(self) -> SourceReading:
        """Read all days, oldest first; see `Source.read`."""
        rejects: list[Reject] = []
        lines: list[RetailRow] = []
        for day, path in day_files(self.folder):
            # For equal times, lines keep the order of their file.
            lines += sorted(_lines(path, day, rejects), key=lambda each: each.occurred_at)
        return SourceReading(tuple(rejects), len(lines), map(_event, lines))

    def turnover_mills(self) -> int:
        """The exact sum of quantity times price over all lines, in thousandths of a pound."""
        lines = chain.from_iterable(_lines(path, day, []) for day, path in day_files(self.folder))
        return sum(each.quantity * each.unit_price_mills for each in lines)


def by_day(data: Path) -> Path:
    """The folder of daily files in or below `data`; `data` itself if there is none, so that a fault names it."""
    below = (data / "online_retail" / "by-day", data / "by-day")
    return next((folder for folder in below if folder.is_dir()), data)


def day_files(folder: Path) -> list[tuple[date, Path]]:
    """Each day with its file, oldest first; raises SourceFault if there are none, or two of one day."""
    if not folder.is_dir():
        raise SourceFault(folder, None, "no such folder")
    days: dict[date, Path] = {}
    for path in sorted(folder.iterdir()):
        named = _DAY_FILE.fullmatch(path.name)
        if named is None:
            continue
        try:
            day = date.fromisoformat(named.group(1))
        except ValueError:
            raise SourceFault(path, None, f"{named.group(1)} is not a day of the calendar") from None
        if day in days:
            raise SourceFault(path, None, f"{days[day].name} is of the same day")
        days[day] = path
    if not days:
        raise SourceFault(folder, None, "no file of a day, like 2010-12-01.csv or 2010-12-01.csv.gz")
    return sorted(days.items())


def _lines(path: Path, day: date, rejects: list[Reject]) -> Iterator[RetailRow]:
    """The rows of one file; malformed rows are added to `rejects` with the rule they broke."""
    data = _content(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceFault(path, None, f"not UTF-8 at byte {error.start}") from error
    digest = sha256(data).hexdigest()
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    number = 0
    try:
        header = next(rows, [])
        if tuple(header) != COLUMNS:
            raise SourceFault(path, 1, f"the columns are {', '.join(header)}, needed {', '.join(COLUMNS)}")
        for number, fields in enumerate(rows, start=1):
            try:
                yield line(fields, day, number)
            except RetailRowRefused as refusal:
                payload = orjson.dumps(fields).decode()
                rejects.append(Reject(SOURCE, path.name, digest, rows.line_num, str(refusal), payload))
    except csv.Error as error:
        raise SourceFault(path, rows.line_num, f"row {number + 1} is not CSV: {error}") from error


def _content(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError, zlib.error) as error:
        raise SourceFault(path, None, f"cannot be read: {error}") from error


def _event(found: RetailRow) -> CanonicalEvent:
    day = found.ordered_on.isoformat()
    event_id = f"{SOURCE}:{found.order_id}/{day}/{found.number}"
    body = {
        "event_id": event_id,
        "event_type": EVENT_TYPE,
        "source": SOURCE,
        "occurred_at": found.occurred_at,
        "recorded_at": found.recorded_at,
        "merchant_id": MERCHANT,
        "order_id": found.order_id,
        "document": found.document,
        "ordered_on": day,
        "line_number": found.number,
        "shopper_id": found.shopper_id,
        "stock_code": found.stock_code,
        "description": found.description,
        "quantity": found.quantity,
        "unit_price_mills": found.unit_price_mills,
        "currency": CURRENCY,
        "country": found.country,
    }
    # The stream keeps the lines of a customer in order; lines without a customer are keyed by their invoice.
    return CanonicalEvent(event_id, EVENT_TYPE, found.shopper_id or found.order_id, orjson.dumps(body))
