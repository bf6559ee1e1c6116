"""A lender's day with all that can move money in it, and what has to be true of it however often it is killed."""

import fcntl
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from ledger.money import Currency, Money
from payments.collection.attempt import UNRESOLVED
from payments.files.control_file import FileContent
from payments.files.inbox import unseen
from payments.files.payout_file import read_payouts
from payments.provider.charge import ChargeRequest, ChargeResult, EnquiryResult, RefundRequest
from payments.refunds.refund import RefundTaken
from payments.wiring import Adapters
from simulation.bank import OURS, BankMovement
from simulation.book import Book
from simulation.faults import fraction
from simulation.provider import REFUSED, ProviderBook
from tests.payments.acts import collect, pay_merchants, pay_refunds, reconcile, refund
from tests.payments.outside import InProcess, Outside, at, pay_capital_in
from tests.payments.plans import NOON, an_open_plan, first_due, open_items, the_adapters
from tests.waiting import until

DUE = date(2026, 4, 2)  # of the plans that were opened at noon
SEED = 7
BEHAVIOUR = {
    "s-1": ("pays", 1),
    "s-2": ("stops_paying", 1),
    "s-3": ("answers_late", 1),
    "s-4": ("answers_late", 1),  # its first due is the day before, so its outcome is not known when the day begins
    "s-5": ("pays", 1),
    "s-7": ("takes_back", 1),
}
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class World:
    """A database and the folder of its provider and bank. Copies are whole, so a world can be lived through twice."""

    server: str
    name: str
    folder: Path

    @property
    def database_url(self) -> str:
        return self.server.replace("/postgres?", f"/{self.name}?")

    @property
    def outside(self) -> Outside:
        """The provider and the bank as their books on disk say."""
        return Outside(self.folder, BEHAVIOUR, SEED)

    @contextmanager
    def ports(self) -> Iterator[Adapters]:
        with the_adapters(self.database_url, SharedProvider(self.folder)) as ports:
            yield ports

    def copied(self) -> "World":
        name = f"kills_{next(_numbers)}"
        folder = self.folder.with_name(name)
        shutil.copytree(self.folder, folder)
        with psycopg.connect(self.server, autocommit=True) as admin:
            admin.execute(f"create database {name} template {self.name} strategy = file_copy")
        return replace(self, name=name, folder=folder)

    def dropped(self) -> None:
        shutil.rmtree(self.folder)
        with psycopg.connect(self.server, autocommit=True) as admin:
            admin.execute(f"drop database {self.name} with (force)")

    def left_alone(self) -> None:
        """Wait until the server has noticed that the processes that worked on it are gone."""
        asked = "select count(*) from pg_stat_activity where datname = %s"
        with psycopg.connect(self.server, autocommit=True) as admin:
            until(lambda: admin.execute(asked, (self.name,)).fetchone() == (0,))


class SharedProvider:
    """The provider that several processes ask, one after the other: each answer comes from its book on disk."""

    name = InProcess.name

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def _asked(self) -> Iterator[InProcess]:
        with (self._folder / "provider.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            book = Book(self._folder / "provider.jsonl")
            try:
                yield InProcess(ProviderBook(book, SEED, BEHAVIOUR))
            finally:
                book.close()

    def charge(self, request: ChargeRequest) -> ChargeResult:
        with self._asked() as provider:
            return provider.charge(request)

    def enquire(self, attempt_id: str) -> EnquiryResult:
        with self._asked() as provider:
            return provider.enquire(attempt_id)

    def refund(self, request: RefundRequest) -> ChargeResult:
        with self._asked() as provider:
            return provider.refund(request)

    def enquire_refund(self, payment_id: str) -> EnquiryResult:
        with self._asked() as provider:
            return provider.enquire_refund(payment_id)


Act = Callable[[World, date, datetime], object]


def collects(world: World, day: date, when: datetime) -> None:
    with world.ports() as ports:
        collect(day, ports=ports, at=when)


def pays_merchants(world: World, day: date, when: datetime) -> None:
    with world.ports() as ports:
        pay_merchants(day, ports=ports, outbox=world.outside.outbox, at=when)


def pays_refunds(world: World, day: date, when: datetime) -> None:
    with world.ports() as ports:
        pay_refunds(day, ports=ports, outbox=world.outside.outbox, at=when)


def reconciles(world: World, day: date, when: datetime) -> None:
    with world.ports() as ports:
        files = unseen(world.outside.inbox, ports.reconciliation.names_taken(), day)
        reconcile(files, ports=ports, at=when, as_of=day, refuse_loudly=False)


def day_ends(world: World, day: date, _when: datetime) -> None:
    world.outside.end(day)


def the_day_before(template_database: str, folder: Path) -> World:
    """A world up to the morning of DUE, with plans of which each has its own trouble, and two refunds that are owed."""
    server = template_database.replace("/tranche?", "/postgres?")
    empty = World(server, "tranche", folder / "empty")
    empty.folder.mkdir()
    world = empty.copied()
    early, before = date(2026, 3, 20), DUE - timedelta(days=1)
    with world.ports() as ports:
        outside = world.outside
        pay_capital_in(ports, early - timedelta(days=10))
        outside.bank.close_account("m-2")
        opened = NOON - timedelta(days=10)
        bought = [an_open_plan(ports, number, at=opened, merchant=f"m-{number % 2 + 1}") for number in (5, 6, 7)]
        an_open_plan(ports, 4, at=NOON - timedelta(days=1))
        for number in (1, 2, 3):
            an_open_plan(ports, number)
        assert {first_due(plan) for plan in bought} == {early}
        collect(early, ports=ports, at=at(early))
        for plan in bought[:2]:
            credit = plan.principal.minor + 20_00
            moved = BankMovement(f"by:{plan.plan_id}", OURS, credit, "GBP", early, f"ORDER {plan.plan_id}", "A SHOPPER")
            outside.bank.move(moved)
        pay_merchants(early, ports=ports, outbox=outside.outbox, at=at(early))
        for day in (early, early + timedelta(days=1)):
            outside.end(day)
            files = unseen(outside.inbox, ports.reconciliation.names_taken(), day)
            reconcile(files, ports=ports, at=at(day, 23), as_of=day, refuse_loudly=False)
        for plan, refund_id in zip(bought[:2], ("r-1", declined()), strict=True):
            taken = refund(plan.plan_id, refund_id, Money(10_00, Currency.GBP), ports=ports, at=at(before, 9))
            assert isinstance(taken, RefundTaken)
            assert taken.to_shopper.minor > 0
        collect(before, ports=ports, at=at(before))
        assert ports.attempts.unresolved(), "an answer was lost the day before"
    return world


def declined() -> str:
    """A refund that the provider declines for a shopper without habits of their own, so that it goes by bank."""
    return next(f"r-{n}" for n in count(2) if fraction(SEED, "refund", f"r-{n}#1") < REFUSED)


# What has to be true.


def agrees(world: World) -> None:
    """The provider's and the bank's books equal ours to the penny, nothing is charged or paid twice, nothing is stuck.

    Asked when the last act has run to its end.
    """
    outside = world.outside
    charges = [charge for charge in outside.book._charges.values() if charge.status == "captured"]
    refunds = [each for each in outside.book._refunds.values() if each.code is None]
    kept = Counter(each.order.instalment_id for each in charges if each.order.key not in outside.book._returned)
    twice = [key for key, times in kept.items() if times > 1]
    assert not twice, f"charged twice: {twice}"
    paid_back = Counter(each.order.key.rpartition("#")[0] for each in refunds)
    assert set(paid_back.values()) <= {1}, f"paid back twice: {paid_back}"
    ordered = [payout for path in outside.outbox.glob("*.csv") for payout in read_payouts(FileContent.of(path))]
    assert len({each.payout_id for each in ordered}) == len(ordered), "a payout is in two files"
    with world.ports() as ports:
        ask = ports.database.execute
        ours = ask(
            "SELECT attempt_id, coalesce(captured_minor, fees_minor + interest_minor + principal_minor)"
            " FROM payments.attempts WHERE captured_on IS NOT NULL"
        ).fetchall()
        assert dict(ours) == {charge.order.key: charge.order.amount_minor for charge in charges}
        sent = ask("SELECT payment_id, amount_minor FROM payments.refund_payments WHERE way = 'provider'"
                   " AND state IN ('paid', 'failed')").fetchall()  # fmt: skip
        assert dict(sent) == {each.order.key: each.order.amount_minor for each in refunds}
        orders = ask("SELECT payout_id, amount_minor FROM payments.payout_orders").fetchall()
        assert dict(orders) == {each.payout_id: each.amount.minor for each in ordered}
        listed = {name for (name,) in ask("SELECT break_id FROM payments.breaks WHERE closed_on IS NULL")}
        open_ = {f"attempt:{each.attempt_id}" for each in ports.attempts.unresolved()}
        stuck = open_ - listed
        assert not stuck, f"stuck without a break: {stuck}"
        assert ask("SELECT count(*) FROM payments.payout_batches WHERE written_at IS NULL").fetchone() == (0,)
        assert ask("SELECT count(*) FROM payments.payout_orders WHERE batch_id IS NULL").fetchone() == (0,)
        assert ports.ledger.trial_balance().balanced
        assert open_items(world.database_url, ports).faults == ()
        assert {each.state for each in ports.attempts.unresolved()} <= UNRESOLVED


_ROWS = {
    "attempts": "SELECT attempt_id, state, fees_minor, interest_minor, principal_minor, captured_minor"
    " FROM payments.attempts",
    "refunds": "SELECT payment_id, state, way, amount_minor FROM payments.refund_payments",
    "payouts": "SELECT payout_id, amount_minor, batch_id FROM payments.payout_orders",
    "lines": "SELECT line_key FROM payments.lines",
    "open lines": "SELECT line_key FROM payments.open_lines",
    "groups": "SELECT line_key, expectation_id, rule FROM payments.matches",
    "open expectations": "SELECT expectation_id FROM payments.open_expectations",
    "breaks": "SELECT break_id, class, closed_by FROM payments.breaks",
    "entries": "SELECT entry_id FROM ledger.requests WHERE NOT EXISTS"
    " (SELECT FROM ledger.refusals f WHERE f.position = requests.position)",
    "holds": "SELECT r.entry_id, h.remaining_minor FROM ledger.open_holds h JOIN ledger.requests r"
    " ON r.position = h.hold_position",
}


def standing(world: World) -> dict[str, Any]:
    """Everything that a day leaves, without moments and serial numbers: equal however the day was lived through."""
    with world.ports() as ports:
        rows = {name: sorted(ports.database.execute(query).fetchall(), key=repr) for name, query in _ROWS.items()}
        lines = ports.ledger.trial_balance().lines
    book = world.outside.book
    provider = sorted((key, charge.status, charge.order.amount_minor) for key, charge in book._charges.items())
    return rows | {"books": lines, "provider": provider, "refunded": sorted(book._refunds), "files": files(world)}


def files(world: World) -> dict[str, bytes]:
    """The files for the bank, by name."""
    return {path.name: path.read_bytes() for path in sorted(world.outside.outbox.iterdir())}


def fingerprint(world: World) -> object:
    """Every row of every table of money and all on disk, without numbers of database transactions.

    Worlds in which it is the same have the same future.
    """
    with psycopg.connect(world.database_url, autocommit=True) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname IN ('payments', 'lending', 'ledger') ORDER BY 1"
        ).fetchall()
        hashed = "sum(hashtextextended((to_jsonb(t) - 'txid')::text, 0))"
        query = " UNION ALL ".join(f"SELECT '{name}', count(*), {hashed} FROM {name} t" for (name,) in tables)
        rows = connection.execute(query).fetchall()
    disk = [
        (str(path.relative_to(world.folder)), _charged(path) if path.name == "provider.jsonl" else path.read_bytes())
        for path in sorted(world.folder.rglob("*"))
        if path.is_file()
    ]
    return rows, disk


def _charged(book: Path) -> list[str]:
    """The book without the order in which charges came, which is by chance, and the numbers that they got by it."""
    records = [json.loads(line) | {"reference": ""} for line in book.read_text().splitlines()]
    return sorted(json.dumps(record, sort_keys=True) for record in records)
