"""A day of a provider and a bank with planted breaks of every class of the taxonomy, and the truth about each.

A truth names what a break must be about: a line of a file by its id (`line:`) or by its reference (`ref:`), an
expectation (`key:`), a break by its id (`break:`), or a text of its reason (`text:`).
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.payments_world import (
    AMOUNT,
    DUES,
    FEE,
    Booked,
    Statement,
    a_plan,
    attempt_of,
    captures_of,
    open_attempts,
    payout_rows,
    write_provider,
)
from data_contracts import catalog
from data_contracts.files import write_rows
from ledger.books.free_form import propose
from ledger.books.postgres_proposals import PostgresProposals
from ledger.money import Currency, Money
from lending.plan.event import Opened, Paid, PaymentChannel
from lending.plan.plan import Origin
from lending.plan.when import When
from lending.servicing.postgres import PostgresPlans
from payments.plan_events import event_of, paid_event_id, record_on_plan
from payments.wiring import Adapters

DAY = date(2026, 3, 2)
LARGE = 998  # captures of a payout; with its fee and its own row it has a thousand
SMALL = 3
FILES = 20
OTHER_IBAN = "DE87200500001234567890"
CLASSES = tuple(f"E{number}" for number in range(1, 27))


@dataclass(slots=True)
class Truth:
    """What was planted: the subjects by class, and the pairs of line and expectation that may be matched."""

    planted: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    pairs: set[tuple[str, str]] = field(default_factory=set)


class PlantedDay:
    """Writes the tables and the files of the day. `each` is how many breaks are planted of each class of lines."""

    def __init__(self, ports: Adapters, folder: Path, lines: int, each: int) -> None:
        self.truth = Truth()
        self.files: list[Path] = []
        self.broken_files: list[Path] = []
        self._ports = ports
        self._folder = folder
        self._lines = lines
        self._each = each
        self._next = 0
        self._rows: list[dict[str, object]] = []
        self._bank: list[Booked] = []
        self._payouts = 0

    def write(self) -> "PlantedDay":
        """Plant everything; the files come in the order of `files`."""
        self._capture_breaks()
        self._payout_breaks()
        self._late_breaks()
        while len(self._rows) < self._lines:
            self._paid_out(self._numbers(LARGE))
        folder = self._folder
        self.files.append(write_provider(folder / "a-provider.csv", self._rows))
        self._again()
        self._withheld()
        self._transfers()
        self._off_the_chart()
        sent = self._each * AMOUNT  # by the transfers of the day before
        self.files.append(Statement("S-1", DAY, self._bank, opening=sent).write(folder / "z-bank.xml"))
        self._broken()
        return self

    # Attempts and payouts.

    def _numbers(self, count: int, day: date = DAY, **other: Any) -> range:
        """New attempts that are asked for on a day, on plans of their own."""
        found = range(self._next, self._next + count)
        self._next += -(-count // DUES) * DUES
        open_attempts(self._ports.database, found, day, **other)
        return found

    def _name(self) -> str:
        self._payouts += 1
        return f"po-{DAY:%y%m%d}-{self._payouts:06}"

    def _paid_out(self, numbers: range, *, fee: int | None = None, of_it: int | None = None, **booked: Any) -> str:
        """A payout of captures with its credit at the bank, or with a part of it."""
        payout = self._name()
        self._rows += payout_rows(payout, DAY, captures_of(numbers), fee=fee)
        self._may_match(payout, numbers)
        net = len(numbers) * AMOUNT - (len(numbers) * FEE if fee is None else fee)
        self._bank.append(Booked(payout, of_it or net, **booked))
        return payout

    def _may_match(self, payout: str, numbers: range) -> None:
        self.truth.pairs.update((f"c-{number}", f"capture:{attempt_of(number)}") for number in numbers)
        self.truth.pairs.add((payout, f"payout:{payout}"))

    def _plant(self, name: str, *subjects: str) -> None:
        self.truth.planted[name].update(subjects)

    # Breaks of a provider's rows.

    def _capture_breaks(self) -> None:
        """E4, E6, E7, E10, E11 and E16, in a payout for each class, most of which the bank shows as they should be."""
        each = self._each
        unknown = [(f"u-{n}", "capture", f"p-none-{n}/1#1", AMOUNT) for n in range(each)]
        self._odd_payout(unknown)
        self._plant("E4", *(f"line:{line}" for line, *_ in unknown))
        twice = self._numbers(each)
        self.truth.pairs.update((f"c-{n}", f"capture:{attempt_of(n)}") for n in twice)
        again = [(f"c-{n}-twice", "capture", attempt_of(n), AMOUNT) for n in twice]
        self._odd_payout([*captures_of(twice), *again])
        self._plant("E6", *(f"line:{line}" for line, *_ in again))
        other = [(f"c-{n}", "capture", attempt_of(n), AMOUNT + (1_00 if n % 2 else -1_00)) for n in self._numbers(each)]
        self._odd_payout(other)
        self._plant("E7", *(f"line:{line}" for line, *_ in other))
        refused = self._numbers(each, DAY - timedelta(days=3), state="rejected", expected=False)
        self.truth.pairs.update((f"c-{n}", f"capture:{attempt_of(n)}") for n in refused)
        opened(self._ports, refused)
        self._odd_payout([*captures_of(refused)])
        self._plant("E11", *(f"line:c-{n}" for n in refused))
        self._returned(self._numbers(each, DAY - timedelta(days=3), expected=False))
        euros = self._name()
        wrong = [(f"c-{n}", "capture", attempt_of(n), AMOUNT) for n in self._numbers(each)]
        self._rows += payout_rows(euros, DAY, wrong, currency="EUR")
        self._plant("E10", *(f"line:{line}" for line, *_ in wrong))
        self._plant("E1", f"key:payout:{euros}")

    def _odd_payout(self, parts: list[tuple[str, str, str, int]]) -> None:
        payout = self._name()
        rows = list(payout_rows(payout, DAY, parts))
        self._rows += rows
        self.truth.pairs.add((payout, f"payout:{payout}"))
        self._bank.append(Booked(payout, -int(str(rows[-1]["amount_minor"]))))

    def _returned(self, numbers: range) -> None:
        """E16: paid and settled before, now returned; netted in a payout with enough captures."""
        opened(self._ports, numbers, paid=True)
        back = [(f"r-{n}", "return", attempt_of(n), -AMOUNT) for n in numbers]
        good = self._numbers(len(numbers) + 10)
        self.truth.pairs.update((f"c-{n}", f"capture:{attempt_of(n)}") for n in good)
        self.truth.pairs.update((line, f"return:{attempt}") for line, _, attempt, _ in back)
        self._odd_payout([*captures_of(good), *back])
        self._plant("E16", *(f"line:{line}" for line, *_ in back))

    # Breaks of payouts and of the bank's lines.

    def _payout_breaks(self) -> None:
        """E2, E4, E8, E9, E13, E15, E17 and E20."""
        for n in range(self._each):
            late = f"po-late-{n}"
            self._bank.append(Booked(late, 40_00 + n))
            self._plant("E2", f"ref:{late}")
            stranger = f"thank you {n}"
            self._bank.append(Booked(stranger, 3_00 + n, payer="BAKER LTD"))
            self._plant("E4", f"ref:{stranger}")
            dear = self._paid_out(self._numbers(SMALL), fee=SMALL * FEE + 1_50)
            self._plant("E8", f"key:payout:{dear}", f"break:fee:{dear}")
            shifted = self._paid_out(self._numbers(SMALL), value_days=1)
            self._plant("E20", f"ref:{shifted}", f"key:payout:{shifted}")
            part = self._paid_out(self._numbers(SMALL), of_it=10_00 + n)
            self._plant("E17", f"ref:{part}", f"key:payout:{part}")
            self._exchanged()
            self._together(n)
            self._damaged(n)

    def _exchanged(self) -> None:
        """E9: a payout of euros that the bank credits in pounds, at another rate than agreed."""
        numbers, payout = self._numbers(SMALL, currency=Currency.EUR), self._name()
        self._rows += payout_rows(payout, DAY, captures_of(numbers), currency="EUR")
        self._may_match(payout, numbers)
        self._bank.append(Booked(payout, (SMALL * (AMOUNT - FEE)) * 80 // 100))
        self._plant("E9", f"ref:{payout}", f"key:payout:{payout}")

    def _together(self, n: int) -> None:
        """E13: one credit that names two payouts, and lacks a part of their sum."""
        names = []
        for _ in range(2):
            numbers, payout = self._numbers(SMALL), self._name()
            self._rows += payout_rows(payout, DAY, captures_of(numbers))
            self._may_match(payout, numbers)
            self.truth.pairs.discard((payout, f"payout:{payout}"))
            self._plant("E1", f"key:payout:{payout}")
            names.append(payout)
        reference = " ".join(names)
        self._bank.append(Booked(reference, 2 * SMALL * (AMOUNT - FEE) - 1_00 - n))
        self._plant("E13", f"ref:{reference}")

    def _damaged(self, n: int) -> None:
        """E15: the bank writes a payout's id in capitals without its dashes, every other one with O for 0."""
        numbers, payout = self._numbers(SMALL), self._name()
        self._rows += payout_rows(payout, DAY, captures_of(numbers))
        self._may_match(payout, numbers)
        written = payout.upper().replace("-", "")
        written = written.replace("0", "O") if n % 2 else written
        self.truth.pairs.add((written, f"payout:{payout}"))
        self._bank.append(Booked(written, SMALL * (AMOUNT - FEE)))
        self._plant("E15", f"ref:{written}")

    def _late_breaks(self) -> None:
        """E1 and E3: captures that no file tells; those of E1 have time. E25: entries that one person proposed."""
        self._plant("E1", *(f"key:capture:{attempt_of(n)}" for n in self._numbers(self._each)))
        self._plant("E3", *(f"key:capture:{attempt_of(n)}" for n in self._numbers(self._each, DAY - timedelta(days=6))))
        with self._ports.transaction():
            for n in range(self._each):
                propose(_adjustment(n), by="anna", reason="tidy up", at=_noon(DAY), proposals=self._proposals())
        self._plant("E25", *(f"text:adjust-{n:05}" for n in range(self._each)))

    def _proposals(self) -> PostgresProposals:
        return PostgresProposals(self._ports.database)

    # Further files.

    def _again(self) -> None:
        """E5: a later file tells a whole payout again, and the first file comes again under another name."""
        numbers, payout = self._numbers(self._each - 3), self._name()
        rows = list(payout_rows(payout, DAY, captures_of(numbers)))
        self._may_match(payout, numbers)
        self._bank.append(Booked(payout, len(numbers) * (AMOUNT - FEE)))
        self.files.append(write_provider(self._folder / "b-first.csv", rows))
        more, other = self._numbers(SMALL), self._name()
        self._may_match(other, more)
        self._bank.append(Booked(other, SMALL * (AMOUNT - FEE)))
        rows += payout_rows(other, DAY, captures_of(more))
        self.files.append(write_provider(self._folder / "b-more.csv", rows))
        self._plant("E5", *(f"line:{row['line_id']}" for row in rows[: self._each - 1]))
        copy = self._folder / "c-copy.csv"
        copy.write_bytes(self.files[0].read_bytes())
        self.files.append(copy)
        self._plant("E5", f"break:file:{_sha256(copy)}:{copy.name}")

    def _withheld(self) -> None:
        """E18: payouts of which the provider withholds a reserve, in a file of their own."""
        rows: list[dict[str, object]] = []
        for n in range(self._each):
            numbers, payout = self._numbers(SMALL), self._name()
            parts = [*captures_of(numbers), (f"res-{n}", "reserve", "", -5_00)]
            rows += payout_rows(payout, DAY, parts)
            self._may_match(payout, numbers)
            self._bank.append(Booked(payout, SMALL * (AMOUNT - FEE) - 5_00))
            self._plant("E18", f"key:reserve:res-{n}", f"line:res-{n}")
        self.files.append(write_provider(self._folder / "d-reserves.csv", rows))

    def _transfers(self) -> None:
        """E14: shoppers who owe the same amount twice in one month send it once, without a reference.

        Their file is of the day before the statement's, because money of one day is taken from one of the two alone.
        """
        plans, rows, sent_on = [], [], DAY - timedelta(days=1)
        for n in range(self._each):
            account = f"acc-{n}"
            for _ in range(2):
                plans.append(a_plan(self._next // DUES, DAY, origin=Origin.IMPORTED, dues=1, account=account))
                self._next += DUES
            rows.append(
                {
                    "line_id": f"t-{n}", "account_id": account, "booked_on": sent_on, "amount_minor": AMOUNT,
                    "currency": "GBP", "reference": None, "source": "berka",
                }
            )  # fmt: skip
            self._plant("E14", f"line:t-{n}")
            self._plant("E1", *(f"key:due:{each.instalments[0].instalment_id}" for each in plans[-2:]))
        ports, on = self._ports, When.day(DAY)
        events = [
            event_of(f"opened:{each.plan_id}", each.plan_id, each.order_id, on, Opened(each.principal))
            for each in plans
        ]
        with ports.transaction():
            PostgresPlans(ports.database).open_all(plans)
            record_on_plan(events, plans=ports.plans, ledger=ports.ledger, terms=ports.terms)
        path = self._folder / "e-transfers.csv"
        write_rows(path, catalog.contract("repayment_line"), rows)
        self.files.append(path)

    def _off_the_chart(self) -> None:
        """E19: credits on an account that is none of ours."""
        entries = [Booked(f"stray {n}", 5_00 + n, payer="SOMEBODY") for n in range(self._each)]
        self.files.append(Statement("O-1", DAY, entries, iban=OTHER_IBAN).write(self._folder / "f-other.xml"))
        self._plant("E19", *(f"ref:{entry.reference}" for entry in entries))

    def _broken(self) -> None:
        """E22, E23 and E26: files with a fault of the file, of its form, and of its balance."""
        for n in range(FILES):
            rows = list(payout_rows(f"po-x{n}", DAY, captures_of(range(10**7 + n, 10**7 + n + 2))))
            good = write_provider(self._folder / f"x-fault-{n:02}.csv", rows)
            good.write_bytes(_damaged_file(good.read_bytes(), n))
            drift = write_provider(self._folder / f"x-drift-{n:02}.csv", _drifted(rows, n))
            if n % 2 == 0:
                text = drift.read_text("utf-8")
                drift.write_text(text.replace("detail", f"detail,column_{n}", 1), encoding="utf-8")
            entries = [Booked(f"po-y{n}", 1_00)]
            balance = Statement(f"X-{n}", DAY, entries, iban=OTHER_IBAN, opening=n, closing_off_by=1 + n)
            for name, path in (
                ("E22", good),
                ("E23", drift),
                ("E26", balance.write(self._folder / f"x-sum-{n:02}.xml")),
            ):
                self.broken_files.append(path)
                self._plant(name, f"break:file:{_sha256(path)}")


def opened(ports: Adapters, numbers: range, *, paid: bool = False) -> None:
    """Open the plans of these attempts in the books, and book the money of each attempt if it is paid."""
    on, rail, amount = When.day(DAY - timedelta(days=3)), ports.profile.card, Money(AMOUNT, Currency.GBP)
    events = [
        event_of(f"opened:p-{plan}", f"p-{plan}", f"o-{plan}", on, Opened(amount * DUES))
        for plan in range(numbers.start // DUES, (numbers.stop - 1) // DUES + 1)
    ]
    for attempt in map(attempt_of, numbers if paid else ()):
        due = attempt.partition("#")[0]
        channel = PaymentChannel.SHOPPER
        body = Paid(amount, channel, attempt, provider=rail.provider, rail=rail.rail, instalment_id=due)
        events.append(event_of(paid_event_id(attempt), due.partition("/")[0], attempt, on, body))
    with ports.transaction():
        record_on_plan(events, plans=ports.plans, ledger=ports.ledger, terms=ports.terms)


def _damaged_file(raw: bytes, n: int) -> bytes:
    """Cut short, a wrong number of rows, a wrong total, an amount that is none, or a row that was lost."""
    lines = raw.splitlines(keepends=True)
    match n % 5:
        case 0:
            return b"".join(lines[:-1])
        case 1:
            return raw.replace(b"#control,4", b"#control,5")
        case 2:
            return raw.rstrip(b"\n") + b"9\n"
        case 3:
            return raw.replace(b",2500,", b",25.00,", 1)
        case _:
            return b"".join([*lines[:2], *lines[3:]])


def _drifted(rows: list[dict[str, object]], n: int) -> Iterator[Mapping[str, object]]:
    """Every other file has a kind of row that nobody knows; the others get a column more."""
    yield {**rows[0], "kind": f"kind_{n}"} if n % 2 else rows[0]
    yield from rows[1:]


def _adjustment(n: int) -> str:
    return json.dumps(
        {
            "proposal_id": f"adjust-{n:05}",
            "value_date": DAY.isoformat(),
            "occurred_at": _noon(DAY).isoformat(),
            "correlation": {},
            "transfers": [
                {"debit": "bank:main", "credit": "suspense:unapplied", "currency": "GBP", "amount": f"{n + 1}.00"}
            ],
        }
    )


def _noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
