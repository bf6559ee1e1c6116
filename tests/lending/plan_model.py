"""A plan in its simplest form, in units of money and days by number: three dues without interest, folded from scratch.

Written without the engine's code. Late fees: 7.00 for each due still open four days after it.
"""

from dataclasses import dataclass, field, replace

DUES = ((0, 30_00), (30, 30_00), (60, 30_00))
PURCHASE = 90_00
LATE_FEE, LATE_DAYS = 7_00, 4
NEW_DUE_DAYS = 14


@dataclass(frozen=True, slots=True)
class Happening:
    """One event: `of` is the payment, fee or event that it is about, `due` the place of the instalment it names."""

    event_id: str
    day: int
    kind: str
    amount: int = 0
    of: str = ""
    due: int | None = None


@dataclass(slots=True)
class Fee:
    amount: int
    paid: int = 0
    gone: int = 0

    @property
    def open(self) -> int:
        return self.amount - self.paid - self.gone


@dataclass(slots=True)
class Line:
    """One due. `grace_from` is the day from which lateness is counted for its fee."""

    principal: int
    due: int
    grace_from: int
    fees: dict[str, Fee] = field(default_factory=dict)

    @property
    def open(self) -> int:
        return self.principal + sum(fee.open for fee in self.fees.values())


@dataclass(slots=True)
class Piece:
    """A part of a payment: on the principal of a due, or on a fee of it."""

    due: int
    fee: str | None
    amount: int


@dataclass(slots=True)
class Payment:
    amount: int
    credit: int = 0
    recovery: bool = False
    pieces: list[Piece] = field(default_factory=list)
    back: bool = False


@dataclass(slots=True)
class Standing:
    """A plan after some events."""

    lines: list[Line] = field(default_factory=lambda: [Line(principal, day, day) for day, principal in DUES])
    payments: dict[str, Payment] = field(default_factory=dict)
    credit: int = 0
    payable: int = 0
    forgiven: int = 0
    refunded: int = 0
    owed_off_books: int | None = None
    seen: set[str] = field(default_factory=set)

    @property
    def principal(self) -> int:
        return sum(line.principal for line in self.lines)

    @property
    def fees(self) -> int:
        return sum(line.open for line in self.lines) - self.principal

    @property
    def open(self) -> bool:
        return self.owed_off_books is None and any(line.open for line in self.lines)

    def fee(self, fee_id: str) -> Fee | None:
        return next((line.fees[fee_id] for line in self.lines if fee_id in line.fees), None)

    def refuses(self, event: Happening) -> bool:
        """Whether the plan cannot take an event where it stands."""
        fee = self.fee(event.of)
        match event.kind:
            case "returned":
                refused = event.of not in self.payments or self.payments[event.of].back
            case "refunded":
                refused = event.amount > PURCHASE - self.refunded
            case "fee_charged":
                refused = self.owed_off_books is not None or fee is not None
            case "fee_waived":
                refused = self.owed_off_books is not None or fee is None or fee.open + fee.paid == 0
            case "goodwill":
                refused = self.owed_off_books == 0
            case "charged_off":
                refused = not self.open
            case "reversed":
                refused = event.of not in self.seen
            case _:
                refused = False
        return refused

    def late(self, day: int) -> None:
        """A fee for each due that is four days late."""
        if self.owed_off_books is not None:
            return
        credit = self.credit
        for place, line in sorted(enumerate(self.lines), key=lambda each: each[1].due):
            if line.due <= day and credit >= line.open:
                credit -= line.open  # the shopper's credit could pay it
                continue
            credit = 0
            if line.open and f"late/{place}" not in line.fees and line.grace_from + LATE_DAYS <= day:
                line.fees[f"late/{place}"] = Fee(LATE_FEE)

    def take(self, event: Happening) -> None:
        self.seen.add(event.event_id)
        getattr(self, f"_{event.kind}")(event)

    def _paid(self, event: Happening) -> None:
        payment = self.payments[event.event_id] = Payment(event.amount)
        left = event.amount
        if self.owed_off_books is not None:
            payment.recovery = True
            taken = min(left, self.owed_off_books)
            self.owed_off_books -= taken
            left -= taken
        else:
            by_due = sorted(range(len(self.lines)), key=lambda place: self.lines[place].due)
            places = [place for place in by_due if place != event.due]
            for place in places if event.due is None else [event.due, *places]:
                left = self._pay(payment, place, left)
        payment.credit = left
        self.credit += left

    def _pay(self, payment: Payment, place: int, left: int) -> int:
        line = self.lines[place]
        for fee_id, fee in line.fees.items():
            part = min(left, fee.open)
            fee.paid += part
            left -= part
            payment.pieces.append(Piece(place, fee_id, part))
        part = min(left, line.principal)
        line.principal -= part
        payment.pieces.append(Piece(place, None, part))
        return left - part

    def _returned(self, event: Happening) -> None:
        payment = self.payments.get(event.of)
        if payment is None or payment.back:
            return
        payment.back = True
        credit = min(self.credit, payment.credit)
        self.credit -= credit
        withheld = min(self.payable, payment.amount - payment.credit)  # the shopper has that money back already
        self.payable -= withheld
        if payment.recovery or self.owed_off_books is not None:
            self.owed_off_books = (self.owed_off_books or 0) + payment.amount - credit - withheld
            return
        left = payment.amount - credit - withheld
        for piece in reversed(payment.pieces):
            if not piece.amount:
                continue
            line = self.lines[piece.due]
            part = min(left, piece.amount)
            left -= part
            if piece.fee is None:
                line.principal += part
            else:
                line.fees[piece.fee].paid -= part
            line.grace_from = max(line.grace_from, event.day)
        if left:  # credit that was used since
            self.lines[-1].principal += left
            self.lines[-1].grace_from = max(self.lines[-1].grace_from, event.day)

    def _refunded(self, event: Happening) -> None:
        amount = left = min(event.amount, PURCHASE - self.refunded)
        self.refunded += amount
        if self.owed_off_books is not None:
            taken = min(left, self.owed_off_books)
            self.owed_off_books -= taken
            left -= taken
        else:
            for line in reversed(self.lines):
                part = min(left, line.principal)
                line.principal -= part
                left -= part
        restored = min(left, self.forgiven)
        self.forgiven -= restored
        self.payable += left - restored

    def _fee_charged(self, event: Happening) -> None:
        if self.owed_off_books is not None or self.fee(event.of) is not None:
            return
        named = self.lines if event.due is None else [self.lines[event.due]]
        line = next((each for each in named if each.open), None)
        if line is None:
            line = Line(0, event.day + NEW_DUE_DAYS, event.day + NEW_DUE_DAYS)
            self.lines.append(line)
        line.fees[event.of] = Fee(event.amount)
        line.grace_from = max(line.grace_from, event.day)

    def _fee_waived(self, event: Happening) -> None:
        fee = self.fee(event.of)
        if fee is None:
            return
        back = fee.paid
        fee.gone += fee.open + back
        fee.paid = 0
        self.credit += back
        for payment in self.payments.values():
            for piece in payment.pieces:
                if piece.fee == event.of and not payment.back:
                    payment.credit += piece.amount
                    piece.amount = 0

    def _goodwill(self, event: Happening) -> None:
        left = event.amount
        if self.owed_off_books is not None:
            taken = min(left, self.owed_off_books)
            self.owed_off_books -= taken
            self.forgiven += taken
            return
        for line in self.lines:
            part = min(left, line.principal)
            line.principal -= part
            left -= part
        self.forgiven += event.amount - left
        self.credit += left

    def _charged_off(self, event: Happening) -> None:  # noqa: ARG002 - every kind is called alike
        if self.owed_off_books is not None:
            return
        self.owed_off_books = sum(line.open for line in self.lines)
        for line in self.lines:
            line.principal = 0
            for fee in line.fees.values():
                fee.gone += fee.open


def fold(events: list[Happening], through: int) -> Standing:
    """Every event up to a day, by day and then by id; a return comes after its payment, what was reversed never."""
    gone = {event.of for event in events if event.kind == "reversed"}
    standing = [event for event in events if event.event_id not in gone and event.kind != "reversed"]
    days = {event.event_id: (event.day, event.event_id) for event in standing}

    def place(event: Happening) -> tuple[object, ...]:
        mine = days[event.event_id]
        payment = days.get(event.of, mine) if event.kind == "returned" else mine
        return (*payment, *mine) if payment > mine else (*mine, -1, "")

    plan = Standing()
    today = 0
    for event in sorted(standing, key=place):
        today = max(today, event.day)  # a return counts from its payment's day at the earliest
        if today > through:
            break
        plan.late(today)
        plan.take(replace(event, day=today))
    plan.late(through)
    return plan
