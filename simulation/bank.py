"""The simulated bank: accounts, movements, payouts read from a folder, and one statement per day and account."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from simulation.book import Book
from simulation.faults import FaultKind, Label

OURS = "main"
PARKED = "former"  # an account that is no longer in use on our side


@dataclass(frozen=True, slots=True)
class BankMovement:
    """One movement on an account; positive is a credit. A `movement_id` is booked at most once."""

    movement_id: str
    account: str
    amount_minor: int
    currency: str
    booked_on: date
    reference: str
    counterparty: str
    returns: bool = False  # it brings back what could not be paid


@dataclass(frozen=True, slots=True)
class BookedRow:
    """A movement on a statement; debits are negative, `balance_minor` is the balance after it."""

    line_id: str
    account: str
    statement: int
    amount_minor: int
    balance_minor: int
    currency: str
    booked_on: str
    value_on: str
    reference: str
    counterparty: str
    returns: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """An account's statement of one day with movements; numbers have no gaps per account and currency."""

    account: str
    currency: str
    day: date
    number: int
    rows: tuple[BookedRow, ...]

    @property
    def statement_id(self) -> str:
        return f"{self.account}-{self.currency}-{self.number:04d}"

    @property
    def file_stem(self) -> str:
        return f"statement-{self.day.isoformat()}-{self.account}-{self.currency}"

    def line_id(self, row: BookedRow) -> str:
        """The movement's identity for whoever reads the statement: account, statement, day and place."""
        return f"{self.account}/{self.statement_id}@{self.day}/{self.rows.index(row) + 1}"


class TooLate(Exception):
    """Raised for an action that would have to happen before something already booked."""


class SimulatedBank:
    """A bank whose whole state is its book. A closed day never changes."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._lock = threading.Lock()
        self._opening: dict[str, int] = {}
        self._movements: dict[str, BankMovement] = {}
        self._closed: date | None = None
        self._gone: set[str] = set()
        self.labels: list[Label] = []
        for record in book.records:
            self._apply(record)

    def open_with(self, currency: str, minor: int) -> None:
        """Give our account its opening balance; `TooLate` after any movement or a second opening."""
        with self._lock:
            if self._opening.get(currency) == minor:
                return
            if currency in self._opening or any(m.currency == currency for m in self._movements.values()):
                raise TooLate(f"the account in {currency} has been opened")
            self._write({"kind": "opening", "currency": currency, "minor": minor})

    @property
    def last_closed(self) -> date | None:
        """The last closed day."""
        with self._lock:
            return self._closed

    def close_day(self, day: date) -> None:
        """Close `day` to further bookings. The last closed day may be closed again."""
        with self._lock:
            if self._closed is not None and day < self._closed:
                raise TooLate(f"{day} cannot end after {self._closed} has")
            if day != self._closed:
                self._write({"kind": "closed", "on": day.isoformat()})

    def move(self, movement: BankMovement) -> bool:
        """Book a movement; False when it was booked before or its day is closed."""
        with self._lock:
            closed = self._closed is not None and movement.booked_on <= self._closed
            if movement.movement_id in self._movements or closed:
                return False
            self._write(
                {
                    "kind": "movement",
                    "movement_id": movement.movement_id,
                    "account": movement.account,
                    "amount_minor": movement.amount_minor,
                    "currency": movement.currency,
                    "booked_on": movement.booked_on.isoformat(),
                    "reference": movement.reference,
                    "counterparty": movement.counterparty,
                    "returns": movement.returns,
                }
            )
            return True

    def close_account(self, payee_id: str) -> None:
        """Close an account at another bank: payments to it are returned on the same day."""
        with self._lock:
            if payee_id not in self._gone:
                self._write({"kind": "account_closed", "payee_id": payee_id})

    def is_gone(self, payee_id: str) -> bool:
        """Whether an account at another bank is closed."""
        with self._lock:
            return payee_id in self._gone

    def statements(self, day: date) -> list[Statement]:
        """The statements of a day, one for each account and currency with movements."""
        with self._lock:
            moved = sorted({(m.account, m.currency) for m in self._movements.values() if m.booked_on == day})
            return [self._statement(account, currency, day) for account, currency in moved]

    def _statement(self, account: str, currency: str, day: date) -> Statement:
        own = [m for m in self._movements.values() if (m.account, m.currency) == (account, currency)]
        before = [m for m in own if m.booked_on < day]
        today = sorted((m for m in own if m.booked_on == day), key=lambda m: m.movement_id)
        number = len({m.booked_on for m in before}) + 1
        balance = (self._opening.get(currency, 0) if account == OURS else 0) + sum(m.amount_minor for m in before)
        rows: list[BookedRow] = []
        for movement in today:
            balance += movement.amount_minor
            line_id = f"{account}-{currency}-{number:04d}/{len(rows) + 1:04d}"
            row = BookedRow(
                line_id=line_id,
                account=account,
                statement=number,
                amount_minor=movement.amount_minor,
                balance_minor=balance,
                currency=currency,
                booked_on=day.isoformat(),
                value_on=day.isoformat(),
                reference=movement.reference,
                counterparty=movement.counterparty,
                returns=movement.returns,
            )
            rows.append(row)
        return Statement(account, currency, day, number, tuple(rows))

    def next_number(self, account: str, currency: str, day: date) -> int:
        """The number that the statement of a day has or would have."""
        with self._lock:
            own = (m for m in self._movements.values() if (m.account, m.currency) == (account, currency))
            return len({m.booked_on for m in own if m.booked_on < day}) + 1

    def plant(self, label: Label) -> None:
        """Keep the label of a fault that is visible from now on; the same one is kept once."""
        with self._lock:
            if label not in self.labels:
                self._write({"kind": "planted", "fault": label.kind, "about": label.about, "on": str(label.planted_on)})

    def _write(self, record: Mapping[str, Any]) -> None:
        self._book.append(record)
        self._apply(record)

    def _apply(self, record: Mapping[str, Any]) -> None:
        fields = {name: value for name, value in record.items() if name != "kind"}
        match record["kind"]:
            case "opening":
                self._opening[fields["currency"]] = fields["minor"]
            case "account_closed":
                self._gone.add(fields["payee_id"])
            case "planted":
                self.labels.append(Label(FaultKind(fields["fault"]), fields["about"], date.fromisoformat(fields["on"])))
            case "closed":
                self._closed = date.fromisoformat(fields["on"])
            case _:
                movement = BankMovement(**{**fields, "booked_on": date.fromisoformat(fields["booked_on"])})
                self._movements[movement.movement_id] = movement


def open_bank(folder: Path) -> SimulatedBank:
    """The bank with its book in `folder`."""
    return SimulatedBank(Book(folder / "bank.jsonl"))
