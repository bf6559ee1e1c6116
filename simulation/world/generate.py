"""Act: make the seeded world and write it: canonical events, checkouts, payment habits and the labels of faults."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from simulation.world import events as canonical
from simulation.world.chance import stream
from simulation.world.events import Event
from simulation.world.merchants import MERCHANTS
from simulation.world.mistakes import Late, Malformed, delay, malformed, sent_twice
from simulation.world.period import Period, at
from simulation.world.population import Borrower, Buyer, a_borrower, a_buyer
from simulation.world.size import Size


@dataclass(frozen=True, slots=True)
class World:
    """The whole world of one seed, before it is written."""

    seed: int
    period: Period
    borrowers: Sequence[Borrower]
    buyers: Sequence[Buyer]
    bank_transactions: Sequence[Event]
    duplicates: Sequence[str]
    malformed: Sequence[Malformed]
    late: Sequence[Late]


@dataclass(frozen=True, slots=True)
class GenerateReport:
    """The rows and sha256 of each file written, and the number of faults of each kind."""

    seed: int
    out: str
    rows: Mapping[str, int]
    sha256: Mapping[str, str]
    planted: Mapping[str, int]
    loans: int
    bad_loans: int


def a_world(seed: int, size: Size | None = None, period: Period | None = None) -> World:
    """Draw the world of a seed; equal arguments give an equal world."""
    size, period = size or Size(), period or Period()
    borrowers = [a_borrower(seed, number, period) for number in range(1, size.borrowers + 1)]
    buyers: list[Buyer] = []
    orders = 1
    for number in range(size.borrowers + 1, size.borrowers + size.buyers + 1):
        buyers.append(a_buyer(seed, number, orders, period))
        orders += len(buyers[-1].checkouts)
    people: list[Borrower | Buyer] = [*borrowers, *buyers]
    good = [canonical.bank_transaction_event(row) for person in people for row in person.transactions]
    delayed, late = delay(stream(seed, "late"), good, _decisive_moments(borrowers, buyers), size.late)
    good = [delayed.get(str(event["event_id"]), event) for event in good]
    on_time = [event for event in good if str(event["event_id"]) not in delayed]
    twice = sent_twice(stream(seed, "duplicates"), on_time, size.duplicates)
    broken, broken_labels = malformed(stream(seed, "malformed"), on_time, size.malformed)
    return World(
        seed=seed,
        period=period,
        borrowers=borrowers,
        buyers=buyers,
        bank_transactions=_as_published([*good, *twice, *broken]),
        duplicates=sorted(str(event["event_id"]) for event in twice),
        malformed=sorted(broken_labels, key=lambda label: label.event_id),
        late=late,
    )


def generate(seed: int, out: Path, size: Size | None = None) -> GenerateReport:
    """Write the world of `seed` into the folder `out`, made if absent. The same seed gives the same bytes.

    Raises OSError when the folder cannot be written.
    """
    world = a_world(seed, size)
    out.mkdir(parents=True, exist_ok=True)
    rows = {name: list(lines) for name, lines in _files(world).items()}
    digests: dict[str, str] = {}
    for name, lines in rows.items():
        digests[name] = _write(out / name, "".join(f"{_json(line)}\n" for line in lines))
    labels = _labels(world, {name: len(lines) for name, lines in rows.items()})
    digests["labels.json"] = _write(out / "labels.json", json.dumps(labels, indent=1) + "\n")
    loans = [person.loan for person in world.borrowers if person.loan]
    return GenerateReport(
        seed=seed,
        out=str(out),
        rows={name: len(lines) for name, lines in rows.items()},
        sha256=digests,
        planted={fault: int(str(label["planted"])) for fault, label in _faults(world).items()},
        loans=len(loans),
        bad_loans=sum(loan.status == "finished_unpaid" for loan in loans),
    )


def _decisive_moments(borrowers: Iterable[Borrower], buyers: Iterable[Buyer]) -> dict[str, datetime]:
    """The moment at which each account's features are needed: its application, or the midnight before its checkout."""
    moments = {person.shopper.account_id: person.wish.applied_at for person in borrowers}
    return moments | {buyer.shopper.account_id: at(buyer.checkouts[0].checkout_at.date(), 0) for buyer in buyers}


def _as_published(rows: list[Event]) -> list[Event]:
    """The events in the order in which the banks sent them; a repeated event follows its first copy."""
    return sorted(rows, key=lambda row: (str(row["recorded_at"]), str(row["account_id"]), int(str(row["sequence"]))))


def _files(world: World) -> dict[str, Iterable[Mapping[str, object]]]:
    people: list[Borrower | Buyer] = [*world.borrowers, *world.buyers]
    loans = [person.loan for person in world.borrowers if person.loan]
    return {
        "merchants.jsonl": [canonical.merchant(shop) for shop in MERCHANTS],
        "shoppers.jsonl": [canonical.shopper(person.shopper) for person in people],
        "accounts.jsonl": [canonical.account_event(person.shopper) for person in people],
        "credit_applications.jsonl": [canonical.credit_application(person.wish) for person in world.borrowers],
        "granted_loans.jsonl": [canonical.granted_loan(loan) for loan in loans],
        "loan_outcomes.jsonl": [canonical.loan_outcome(loan) for loan in loans],
        "bank_transactions.jsonl": world.bank_transactions,
        "checkouts.jsonl": [
            checkout.as_row()
            for checkout in sorted(
                (checkout for buyer in world.buyers for checkout in buyer.checkouts),
                key=lambda checkout: (checkout.checkout_at, checkout.order_id),
            )
        ],
        "repayment_behaviour.jsonl": [buyer.repayment.as_row() for buyer in world.buyers],
    }


def _faults(world: World) -> dict[str, dict[str, object]]:
    return {
        "duplicates": {"planted": len(world.duplicates), "event_ids": list(world.duplicates)},
        "malformed": {"planted": len(world.malformed), "events": [asdict(label) for label in world.malformed]},
        "late": {"planted": len(world.late), "events": [asdict(label) for label in world.late]},
    }


def _labels(world: World, rows: Mapping[str, int]) -> dict[str, object]:
    period = world.period
    return {
        "seed": world.seed,
        "source": canonical.SOURCE,
        "currency": canonical.CURRENCY,
        "train_until": period.train_until.isoformat(),
        "test_until": period.test_until.isoformat(),
        "checkout_days": [day.isoformat() for day in period.days_of_checkout()],
        "rows": dict(rows),
        "planted": _faults(world),
    }


def _json(row: Mapping[str, object]) -> str:
    return json.dumps(row, separators=(",", ":"), ensure_ascii=True)


def _write(path: Path, text: str) -> str:
    content = text.encode()
    path.write_bytes(content)
    return sha256(content).hexdigest()
