"""Allocate a payment to instalments and their components, and undo the allocation when a payment is returned."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from lending.plan.running import Fee, Payment, Piece, RunningInstalment, RunningPlan
from lending.terms.servicing_terms import Component


@dataclass(slots=True)
class AllocationSplit:
    """A paid or returned amount, by component."""

    fees: int = 0
    interest: int = 0
    principal: int = 0
    credit: int = 0

    def add(self, component: Component, amount: int) -> None:
        setattr(self, component.value, getattr(self, component.value) + amount)

    @property
    def placed(self) -> int:
        return self.fees + self.interest + self.principal

    def amounts(self) -> dict[str, int]:
        """The amounts under their names in the money map."""
        return {
            "fees": self.fees,
            "interest": self.interest,
            "principal": self.principal,
            "credit_balance": self.credit,
        }


def place(
    run: RunningPlan, amount: int, *, first: str | None = None, accrued_only: bool = False, newest_first: bool = False
) -> list[Piece]:
    """Allocate an amount to open instalments; if the pieces sum to less than the amount, the rest was not owed.

    The instalment `first` is paid first, then the others, oldest due first. Disputed principal is paid only after
    everything undisputed. `accrued_only`: pay no interest that has not accrued, as for a payoff. `newest_first`: pay
    the latest due first, because the oldest is already being collected.
    """
    pieces: list[Piece] = []
    left = amount
    for spare_disputed in (True, False):
        for line in reversed(run.lines) if newest_first else _in_order(run, first):
            if not left:
                return pieces
            for piece in _pieces(run, line, left, spare_disputed=spare_disputed, accrued_only=accrued_only):
                pieces.append(piece)
                left -= piece.amount
        if not any(line.disputed for line in run.lines):
            break
    return pieces


def _in_order(run: RunningPlan, first: str | None) -> Iterator[RunningInstalment]:
    """The instalment `first`, then all others by due day."""
    target = run.by_id.get(first) if first is not None else None
    if target is not None:
        yield target
    for line in run.lines:
        if line is not target:
            yield line


def _pieces(
    run: RunningPlan, line: RunningInstalment, left: int, *, spare_disputed: bool, accrued_only: bool
) -> Iterator[Piece]:
    if line.open <= 0:
        return
    for component in run.terms.allocation:
        if component is Component.FEES:
            for fee in line.fees:
                paid = min(left, fee.open)
                if paid:
                    fee.paid += paid
                    left -= paid
                    yield Piece(line, component, paid, fee)
            continue
        if component is Component.INTEREST:
            paid = min(left, line.open_accrued if accrued_only else line.open_interest)
            line.interest_paid += paid
        else:
            paid = min(left, line.open_principal - (line.disputed if spare_disputed else 0))
            line.repaid += paid
            line.disputed = min(line.disputed, line.open_principal)
        if paid:
            left -= paid
            yield Piece(line, component, paid)


def split_of(pieces: list[Piece], credit: int = 0) -> AllocationSplit:
    """The sum of a payment's pieces by component."""
    split = AllocationSplit(credit=credit)
    for piece in pieces:
        split.add(piece.component, piece.amount)
    return split


def take_back_amounts(run: RunningPlan, payment: Payment, amount: int, credit: int, day: date) -> AllocationSplit:
    """Undo an amount of a payment: `credit` of it from the credit balance, the rest from its pieces, last piece first.

    If the pieces do not suffice, because the payment left credit that was used since, the rest is added to the
    principal of the last instalment.
    """
    split = AllocationSplit(credit=credit)
    run.credit -= credit
    payment.credit -= min(credit, payment.credit)
    payment.given_back += amount
    left = amount - credit
    while left and payment.pieces:
        piece = payment.pieces[-1]
        undone = min(left, piece.amount)
        _undo(piece, undone, day)
        split.add(piece.component, undone)
        piece.amount -= undone
        left -= undone
        if not piece.amount:
            payment.pieces.pop()
    if left:
        owe_more(run.lines[-1], left, day)
        run.beyond_purchase += left
        split.principal += left
        payment.credit -= min(left, payment.credit)
    return split


def owe_more(line: RunningInstalment, principal: int, day: date) -> None:
    """Add principal to an instalment beyond what was agreed; its grace for late fees starts again on `day`."""
    line.principal += principal
    line.grace_from = max(line.grace_from, day)


def _undo(piece: Piece, amount: int, day: date) -> None:
    line = piece.line
    if piece.component is Component.FEES and piece.fee is not None:
        piece.fee.paid -= amount
    elif piece.component is Component.INTEREST:
        line.interest_paid -= amount
    else:
        line.repaid -= amount
    line.grace_from = max(line.grace_from, day)


def move_to_credit(run: RunningPlan, fee: Fee, amount: int) -> None:
    """Turn an amount that was paid towards a fee into credit of the shopper, taken from the latest payments first."""
    fee.paid -= amount
    run.credit += amount
    for payment in reversed(run.payments.values()):
        for piece in reversed(payment.pieces):
            if piece.fee is fee and amount:
                moved = min(amount, piece.amount)
                piece.amount -= moved
                payment.credit += moved
                amount -= moved
        payment.pieces = [piece for piece in payment.pieces if piece.amount]
