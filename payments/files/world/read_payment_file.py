"""Detects the format of an outside payment file by its content and reads it into neutral items, as a stream."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from ledger.money import Currency
from payments.files.world.item import FileAccount, FileEntry, FileItem, OwnTotalBroken, ReportedBalance, ReportedStatus
from payments.files.world.source_file import UTF8_BOM, SourceFile

_STANDARD18 = re.compile(r"(VOL1.{6,}|[0-9]{14}[0-9 ][0-9A-Z]{2}[0-9]{14}.{4}[0-9]{11}.*)")
# The first editions of camt put their number behind the name of the message.
_EDITION = re.compile(r"V[0-9]{2}$")


@dataclass(frozen=True, slots=True)
class StatedBalance:
    """A balance of the summary, as decimal text with the currency's digits."""

    account: str | None
    kind: str
    amount: str
    currency: str
    on: str | None


@dataclass(frozen=True, slots=True)
class FileSummary:
    """A file in figures: booked entries by currency and direction, and own totals that do not hold, which are E26."""

    format: str
    accounts: tuple[str, ...]
    entries: int
    sums: dict[str, str]
    balances: tuple[StatedBalance, ...]
    statuses: dict[str, int]
    reasons: dict[str, int]
    breaks: tuple[OwnTotalBroken, ...]


def read_payment_file(path: Path, max_bytes: int) -> tuple[str, Iterator[FileItem]]:
    """The format of the file and its items as they are read; raises FileFault, naming the line and the field.

    A fault may come after many items: what they say counts only once the last one was read.
    """
    source = SourceFile.of(path, max_bytes)
    begin = source.head.removeprefix(UTF8_BOM).lstrip(b" \t\r\n")
    if source.head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise source.at(1).fault("(file)", "is UTF-16; UTF-8 is read")
    if begin.startswith(b"<"):
        return _xml(source)
    if begin[:1] in (b"{", b"[") and not begin.startswith(b"{1:"):
        return _json(source)
    return _text(source, begin)


def summarise(format_name: str, items: Iterator[FileItem]) -> FileSummary:
    """Read all items, keeping figures and balances only."""
    figures = _Figures()
    for item in items:
        figures.add(item)
    return FileSummary(
        format=format_name,
        accounts=tuple(figures.accounts),
        entries=figures.entries,
        sums={
            f"{currency}_{side}": exact_decimal(amount, currency)
            for (currency, side), amount in sorted(figures.totals.items())
        },
        balances=tuple(figures.balances),
        statuses=dict(sorted(figures.statuses.items())),
        reasons=dict(sorted(figures.reasons.items())),
        breaks=tuple(figures.breaks),
    )


@dataclass(slots=True)
class _Figures:
    """The figures of the items so far."""

    entries: int = 0
    accounts: dict[str, None] = field(default_factory=dict)
    totals: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    statuses: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    balances: list[StatedBalance] = field(default_factory=list)
    breaks: list[OwnTotalBroken] = field(default_factory=list)

    def add(self, item: FileItem) -> None:
        match item:
            case FileEntry():
                self._entry(item)
            case ReportedStatus():
                self.entries += item.is_item
                self.statuses[item.status] += 1
                self.reasons.update(item.reasons)
            case FileAccount():
                self.accounts[item.account] = None
            case ReportedBalance():
                amount = exact_decimal(item.amount, item.currency)
                on = None if item.on is None else item.on.isoformat()
                self.balances.append(StatedBalance(item.account, item.kind, amount, item.currency, on))
            case OwnTotalBroken():
                self.breaks.append(item)

    def _entry(self, entry: FileEntry) -> None:
        self.entries += 1
        self.statuses[entry.status] += 1
        if entry.booked:
            key = (entry.currency, entry.direction.value)
            self.totals[key] = self.totals.get(key, Decimal(0)) + entry.amount
        of_details = [detail.reason for detail in entry.details if detail.reason is not None]
        self.reasons.update(of_details or ([] if entry.reason is None else [entry.reason]))


def exact_decimal(amount: Decimal, currency: str) -> str:
    """The whole figure with the currency's digits, and more only where the figure has them.

    >>> exact_decimal(Decimal("8.850"), "EUR"), exact_decimal(Decimal("8.85125"), "EUR")
    ('8.85', '8.85125')
    """
    known = Currency.of(currency)
    text = f"{amount + 0:f}"
    whole, _, part = text.partition(".")
    part = part.rstrip("0").ljust(known.exponent if known is not None else 0, "0")
    return f"{whole}.{part}" if part else whole


def _xml(source: SourceFile) -> tuple[str, Iterator[FileItem]]:
    from payments.files.world.bacs_advices import BACS_REPORTS, read_advices, read_arudd, read_ddica
    from payments.files.world.camt import MESSAGES, read_camt
    from payments.files.world.order_status import STATUS_REPORTS, read_statuses
    from payments.files.world.orders import ORDERS, read_orders
    from payments.files.world.xml_elements import root_names

    bacs = {"ARUDD": read_arudd, "MessagingAdvices": read_advices, "NewAdvices": read_ddica}
    outermost = None
    for found in root_names(source):
        outermost = outermost or found
        name = _EDITION.sub("", found)
        if name in MESSAGES:
            return MESSAGES[name], read_camt(source)
        if name in ORDERS:
            return ORDERS[name].format, read_orders(source, ORDERS[name])
        if name in STATUS_REPORTS:
            return STATUS_REPORTS[name], read_statuses(source)
        if name in bacs:
            return BACS_REPORTS[name], bacs[name](source)
    raise source.at(1).fault("(file)", f"XML <{(outermost or '?')[:40]}> holds no message that is read")


def _json(source: SourceFile) -> tuple[str, Iterator[FileItem]]:
    from payments.files.world.gocardless import pages_of_gocardless, read_gocardless
    from payments.files.world.json_file import load_json
    from payments.files.world.stripe_balance import objects_of_stripe, read_stripe

    tree = load_json(source)
    pages = pages_of_gocardless(tree)
    if pages:
        return "gocardless", read_gocardless(source, pages)
    objects = objects_of_stripe(tree)
    if objects:
        return "stripe", read_stripe(source, objects)
    raise source.at(0).fault("(file)", "JSON without resources of GoCardless or objects of Stripe")


def _text(source: SourceFile, begin: bytes) -> tuple[str, Iterator[FileItem]]:
    from payments.files.world.bai2 import read_bai2
    from payments.files.world.mt940 import read_mt940
    from payments.files.world.nacha import read_nacha
    from payments.files.world.standard18 import read_standard18

    first = begin.split(b"\n", 1)[0].decode("utf-8", "replace").rstrip("\r")
    if begin.startswith(b"{1:") or re.match(r":20:", first):
        return "mt940", read_mt940(source)
    if first.startswith("01,"):
        return "bai2", read_bai2(source)
    if re.match(r"101.{20}[0-9]{6}.{5}094", first):
        return "nacha", read_nacha(source)
    if _STANDARD18.fullmatch(first):
        return "bacs.standard18", read_standard18(source)
    raise source.at(1).fault("(file)", "no format is known that begins like this")
