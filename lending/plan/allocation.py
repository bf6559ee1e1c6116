"""Allocate a payment to instalments and their components, and undo the allocation when a payment is returned."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from lending.plan.event import PlanEvent
from lending.plan.interest import Levels, owe_interest_after_all
from lending.plan.proportion import shared
from lending.plan.running import Fee, Payment, Piece, RunningInstalment, RunningPlan
from lending.terms.servicing_terms import ClaimDue, Component, EarlyPayment


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
    run: RunningPlan,
    amount: int,
    *,
    first: str | None = None,
    newest_first: bool = False,
    early: EarlyPayment | None = None,
    order: Sequence[Component] | None = None,
) -> list[Piece]:
    """Allocate an amount to open instalments; if the pieces sum to less than the amount, the rest was not owed.

    The instalment `first` is paid first, then what is due, the oldest first, then what is not due yet, where the terms
    or `early` say how principal is repaid early and interest is paid as far as it has accrued. Disputed principal is
    paid only after everything undisputed. `newest_first`: pay the latest due first, because the oldest is being
    collected.
    """
    placing = _Placing(run, amount, early or run.terms.early_payment, order)
    for placing.spare_disputed in (True, False):
        if newest_first:
            placing.pay(reversed(run.lines))
        else:
            placing.pay(line for line in run.lines if line.instalment_id == first)
            placing.pay_due([line for line in run.lines if placing.is_due(line)])
            placing.pay_early([line for line in run.lines if not placing.is_due(line)])
        if not placing.left or not any(line.disputed for line in run.lines):
            break
    return placing.pieces


class _Placing:
    """A payment while it is allocated on the day up to which the plan has accrued."""

    def __init__(
        self, run: RunningPlan, amount: int, early: EarlyPayment, order: Sequence[Component] | None = None
    ) -> None:
        self.run, self.left, self.early, self.order = run, amount, early, order
        self.pieces: list[Piece] = []
        self.spare_disputed = True

    def is_due(self, line: RunningInstalment) -> bool:
        return line.due_on <= self.run.accrued_to

    def pay(self, lines: Iterable[RunningInstalment], components: Sequence[Component] | None = None) -> None:
        """Pay instalments in this order, and the components of each in the order of the terms."""
        for line in lines:
            for component in components or self._order(line):
                self._pay_component(line, component)

    def pay_due(self, lines: Sequence[RunningInstalment]) -> None:
        """Pay what is due, the oldest first, or component by component across all, as the terms say."""
        if not self.run.terms.allocate_across:
            self.pay(lines)
            return
        past_due = [line for line in lines if line.due_on < self.run.accrued_to]
        for component in self.order or self.run.terms.past_due:
            self.pay(past_due, [component])
        for component in self.order or self.run.terms.allocation:
            self.pay(lines[len(past_due) :], [component])

    def _order(self, line: RunningInstalment) -> Sequence[Component]:
        if self.order is not None:
            return self.order
        if not self.is_due(line):
            return self.run.terms.in_advance
        return self.run.terms.past_due if line.due_on < self.run.accrued_to else self.run.terms.allocation

    def _pay_component(self, line: RunningInstalment, component: Component) -> None:
        match component:
            case Component.FEES:
                for fee in line.fees:
                    fee.paid += self._piece(line, component, fee.open, fee)
            case Component.INTEREST:
                line.interest_paid += self._piece(line, component, self._interest(line))
            case Component.PRINCIPAL:
                self._repay(line, self._principal(line))

    def pay_early(self, lines: Sequence[RunningInstalment]) -> None:
        """Pay what is not due: its fees and accrued interest, and principal as the terms say."""
        match self.early:
            case EarlyPayment.NEXT_DUES:
                self.pay(lines)
            case EarlyPayment.NEXT_THEN_LAST:
                self.pay([*lines[:1], *reversed(lines[1:])])
            case EarlyPayment.LAST_DUES:
                self.pay(reversed(lines))
            case EarlyPayment.EQUAL_PARTS:
                self._pay_equal_parts(lines)
            case EarlyPayment.SHORTER_TERM:
                self._pay_costs(lines)
                self.pay(reversed(lines), [Component.PRINCIPAL])
            case EarlyPayment.SMALLER_INSTALMENTS:
                self._pay_costs(lines)
                self._pay_in_proportion(lines)

    def _pay_costs(self, lines: Sequence[RunningInstalment]) -> None:
        order = self.order or self.run.terms.in_advance
        self.pay(lines, [each for each in order if each is not Component.PRINCIPAL])

    def _pay_equal_parts(self, lines: Sequence[RunningInstalment]) -> None:
        """Pay each open instalment an equal part, and what some of them do not need to the others again."""
        before = None
        while self.left and self.left != before:
            before = self.left
            unpaid = [line for line in lines if self._wanted(line)]
            for place, line in enumerate(unpaid):
                rest = len(unpaid) - place
                part = round(Fraction(before, len(unpaid))) if rest > 1 else self.left
                held_back, self.left = max(0, self.left - part), min(self.left, part)
                self.pay([line])
                self.left += held_back

    def _wanted(self, line: RunningInstalment) -> int:
        return line.open_fees + max(0, self._interest(line)) + max(0, self._principal(line))

    def _pay_in_proportion(self, lines: Sequence[RunningInstalment]) -> None:
        unpaid = Levels(line for line in lines if not line.kept)
        free = [line.open_principal - (line.disputed if self.spare_disputed else 0) for line in lines]
        for line, part in zip(lines, shared(min(self.left, sum(free)), free), strict=True):
            self._repay(line, part)
        unpaid.fall()

    def _piece(self, line: RunningInstalment, component: Component, most: int, fee: Fee | None = None) -> int:
        paid = min(self.left, most)
        if paid > 0:
            self.left -= paid
            self.pieces.append(Piece(line, component, paid, fee))
        return max(paid, 0)

    def _interest(self, line: RunningInstalment) -> int:
        if self.is_due(line) or self.run.terms.interest_as_agreed:
            return line.open_interest
        return min(line.open_interest, line.open_accrued)

    def _principal(self, line: RunningInstalment) -> int:
        """The most principal that can be repaid here: before its due, all that the level leaves beside interest."""
        own = self._free(line)
        if self.is_due(line) or line.kept or not self.run.bears_interest or self.run.terms.interest_as_agreed:
            return own
        interest = max(line.interest_paid, line.accrued - line.interest_gone)
        to_come = self._to_come()
        level = max(each.level for each in to_come[-2:]) if line is to_come[-1] else line.level  # the last had the rest
        return max(own, min(level - line.repaid - interest, sum(self._free(each) for each in to_come)))

    def _repay(self, line: RunningInstalment, most: int) -> None:
        """Repay principal; what is beyond the instalment's own is taken over from the last ones."""
        paid = self._piece(line, Component.PRINCIPAL, most)
        beyond = paid - line.open_principal
        for other in reversed(self._to_come()):
            if beyond > 0 and other is not line:
                taken = min(beyond, self._free(other))
                other.principal -= taken
                other.disputed = min(other.disputed, other.open_principal)
                line.principal += taken
                beyond -= taken
        line.repaid += paid
        line.disputed = min(line.disputed, line.open_principal)

    def _free(self, line: RunningInstalment) -> int:
        return line.open_principal - (line.disputed if self.spare_disputed else 0)

    def _to_come(self) -> list[RunningInstalment]:
        """The instalments of the schedule that are not due."""
        return [each for each in self.run.lines if not each.kept and not self.is_due(each)]


def split_of(pieces: list[Piece], credit: int = 0) -> AllocationSplit:
    """The sum of a payment's pieces by component."""
    split = AllocationSplit(credit=credit)
    for piece in pieces:
        split.add(piece.component, piece.amount)
    return split


def take_back_amounts(
    run: RunningPlan, event: PlanEvent, payment: Payment, amount: int, credit: int, *, due_again: bool = False
) -> AllocationSplit:
    """Undo an amount of a payment: `credit` of it from the credit balance, the rest from its pieces, last piece first.

    What is owed again is due as before, or with `due_again` on a day of its own.
    The principal that is owed again bears interest as if it had never been repaid. If the pieces do not suffice,
    because the payment left credit that was used since, the rest is added to the principal of the last instalment.
    """
    split = AllocationSplit(credit=credit)
    run.credit -= credit
    payment.credit -= min(credit, payment.credit)
    payment.given_back += amount
    left = amount - credit
    new_due = run.add_due(event) if due_again and left else None
    while left and payment.pieces:
        piece = payment.pieces[-1]
        undone = min(left, piece.amount)
        _undo(piece, undone, event.value_date)
        if new_due is not None:
            _owe_there(new_due, piece, undone)
        split.add(piece.component, undone)
        piece.amount -= undone
        left -= undone
        if not piece.amount:
            payment.pieces.pop()
    if run.settled_by == payment.event_id:
        run.settled_by = None
    bears_again = min(amount, payment.lowered)
    payment.lowered -= bears_again
    owe_interest_after_all(run, event, bears_again, since=payment.day)
    if left:
        owe_beyond_purchase(run, event, left, due=new_due)
        split.principal += left
    payment.credit -= min(left, payment.credit)
    return split


def owe_more(line: RunningInstalment, principal: int, day: date) -> None:
    """Add principal to an instalment beyond what was agreed; its grace for late fees starts again on `day`."""
    line.least = max(line.least, line.repaid) + principal
    line.principal += principal
    line.level += principal
    line.grace_from = max(line.grace_from, day)


def next_due(run: RunningPlan, event: PlanEvent) -> RunningInstalment:
    """The first instalment due after the event, or the last, which may be due that day.

    After the last there is a due for claims alone, which each further claim puts off.
    """
    day = event.value_date
    standing = [line for line in run.lines if line.open > 0 or not line.kept]  # the rest were replaced
    later = next(
        (line for line in standing if line.due_on > day or (line is standing[-1] and line.due_on == day)), None
    )
    if later is not None:
        return later
    due_on = run.due_beyond_schedule(day)
    for line in run.lines:
        if line.for_claims:
            line.due_on = line.counts_from = line.grace_from = due_on
            run.sort_lines()
            return line
    own = run.add_due(event)
    own.for_claims = True
    return own


def owe_beyond_purchase(
    run: RunningPlan, event: PlanEvent, principal: int, *, due: RunningInstalment | None = None, repaid: int = 0
) -> None:
    """Add principal for which there are no goods: to `due`, or where claims fall due, or to the last instalment.

    `repaid`: further principal that was paid out and is repaid at once by credit, which shows where claims fall due.
    """
    last = run.lines[-1]
    if due is None and run.terms.claims.due is ClaimDue.NEXT_DUE and run.charged_off is None:
        due = next_due(run, event)
        owe_more(due, repaid, event.value_date)
        due.repaid += repaid
    if due is None:
        due = last if last.due_on >= event.value_date and run.charged_off is None else run.add_due(event)
    owe_more(due, principal, event.value_date)
    run.beyond_purchase += principal


def _undo(piece: Piece, amount: int, day: date) -> None:
    line = piece.line
    if piece.component is Component.FEES and piece.fee is not None:
        piece.fee.paid -= amount
    elif piece.component is Component.INTEREST:
        line.interest_paid -= amount
    else:
        line.repaid -= amount
        line.least = max(line.least - amount, 0)
    line.grace_from = max(line.grace_from, day)


def _owe_there(due: RunningInstalment, piece: Piece, amount: int) -> None:
    """Move what a piece had paid from its instalment to another."""
    line = piece.line
    if piece.component is Component.FEES and piece.fee is not None:
        if piece.fee in line.fees:
            line.fees.remove(piece.fee)
            due.fees.append(piece.fee)
    elif piece.component is Component.INTEREST:
        for each, sign in ((line, -1), (due, 1)):
            each.interest += sign * amount
            each.accrued += sign * amount
            each.level += sign * amount
            each.period.grown += sign * amount
    else:
        for each, sign in ((line, -1), (due, 1)):
            each.principal += sign * amount
            each.level += sign * amount


def move_to_credit(run: RunningPlan, fee: Fee, amount: int) -> None:
    """Turn an amount that was paid towards a fee into credit of the shopper, taken from the latest payments first."""
    fee.paid -= amount
    run.credit += amount
    for payment in reversed(list(run.payments.values())):
        for piece in reversed(payment.pieces):
            if piece.fee is fee and amount:
                moved = min(amount, piece.amount)
                piece.amount -= moved
                payment.credit += moved
                amount -= moved
        payment.pieces = [piece for piece in payment.pieces if piece.amount]
