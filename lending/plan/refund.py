"""Refunds of purchases (F21, F22, F40r), of the interest on them (F23), and disputes with the merchant (F27)."""

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.map.flow import Flow
from lending.plan.allocation import owe_beyond_purchase, split_of
from lending.plan.credit import book_paid_in, pay_in
from lending.plan.debt import Debt
from lending.plan.event import Disputed, DisputeSettled, PlanEvent, Refunded, RefundPaid
from lending.plan.interest import Levels, interest_on
from lending.plan.merchant_share import Share, part_of
from lending.plan.proportion import proportion_of, shared
from lending.plan.running import Piece, RunningCase, RunningInstalment, RunningPlan
from lending.plan.state import CaseKind
from lending.terms.servicing_terms import RefundPlacing


@dataclass(frozen=True, slots=True)
class Merchants:
    """The merchant's side of a refund: its share, and how much of it was already paid out to the merchant."""

    share: Share
    receivable: int

    @property
    def amounts(self) -> dict[str, int]:
        return {"payable": self.share.merchant - self.receivable, "receivable": self.receivable}


def take_refund(run: RunningPlan, event: PlanEvent, body: Refunded) -> None:
    """Book a refund: the merchant gives its share back, principal falls; the rest is credit or payable."""
    amount = min(body.amount.minor, refundable(run))
    whole = amount == run.captured.amount
    share = share_of(run, amount)
    run.given_back += share
    receivable = min(share.merchant, 0 if body.receivable is None else body.receivable.minor)
    in_flight = 0 if body.in_flight is None else body.in_flight.minor
    _refund(run, event, body.refund_id, Merchants(share, receivable), in_flight=in_flight, whole=whole)


def pay_refund(run: RunningPlan, event: PlanEvent, body: RefundPaid) -> None:
    """Note that a refund reached the shopper; payments posts the journal.

    What it paid beyond what is payable, because the payment behind it was not made after all, is owed again (F19d).
    """
    payable = run.payable.get(body.refund_id, 0)
    beyond = max(0, body.amount.minor - payable)
    run.payable[body.refund_id] = payable - (body.amount.minor - beyond)
    if beyond:
        owe_beyond_purchase(run, event, beyond, repaid=body.amount.minor - beyond)
        correlation = {"refund_id": body.refund_id}
        run.book(Flow.PAID_OUT_BEYOND_CREDIT, event.event_id, event, {"owed_again": beyond}, correlation=correlation)


def disputed(run: RunningPlan, event: PlanEvent, body: Disputed) -> None:
    """F27a: open a dispute. The merchant's share is set aside, and the disputed principal is not collected."""
    if body.case_id in run.cases:
        return
    share = share_of(run, min(body.amount.minor, refundable(run)))
    run.given_back += share
    receivable = min(share.merchant, 0 if body.receivable is None else body.receivable.minor)
    case = RunningCase(body.case_id, CaseKind.DISPUTE, share.amount, share=share, receivable=receivable)
    run.cases[body.case_id] = case
    for line, part in _placed(run, share.amount, event):
        line.disputed += part
    _book_case(run, Flow.DISPUTE_OPENED, event, case, Merchants(share, receivable).amounts)


def dispute_settled(run: RunningPlan, event: PlanEvent, body: DisputeSettled) -> None:
    """F27b: decide a dispute. If the shopper wins it is a refund; if the merchant wins, it gets its share back."""
    case = run.cases.get(body.case_id)
    if case is None or not case.open or case.share is None:
        return
    case.open = False
    settled = _last_first([(line, line.disputed) for line in run.lines], case.amount)
    merchants = Merchants(case.share, case.receivable)
    direct = body.for_shopper and run.charged_off is None and run.plan.foreign is None
    if not direct:
        _book_case(run, Flow.DISPUTE_DECIDED, event, case, merchants.amounts)
    if body.for_shopper:
        _refund(run, event, case.case_id, merchants, in_flight=0, whole=False, provisional=direct, first=settled)
    else:
        run.given_back -= case.share
    _release_lines(run, event)


def refundable(run: RunningPlan) -> int:
    """The part of the purchase that is neither refunded nor in dispute with the merchant."""
    return run.captured.amount - run.given_back.amount


def share_of(run: RunningPlan, amount: int) -> Share:
    """The split of a further refunded part of the purchase."""
    return part_of(run.captured, run.given_back, amount, foreign=run.plan.foreign is not None)


def _refund(
    run: RunningPlan,
    event: PlanEvent,
    refund_id: str,
    merchants: Merchants,
    *,
    in_flight: int,
    whole: bool,
    provisional: bool = False,
    first: Sequence[tuple[RunningInstalment, int]] = (),
) -> None:
    share = merchants.share
    interest_back = _interest_on(run, share.amount)
    amounts = {"discount": min(share.discount, run.discount_deferred), "tax": share.tax}
    amounts["earned_discount"] = share.discount - amounts["discount"]
    run.refunded += share
    run.earned -= amounts["earned_discount"]
    amounts |= {"provisional": share.merchant} if provisional else {}
    sides = {} if provisional or run.plan.foreign is not None else merchants.amounts
    correlation = {"refund_id": refund_id}
    if provisional:
        correlation["case_id"] = refund_id
    if run.charged_off is not None:
        amounts |= _off_the_books(run, refund_id, share.amount, run.charged_off)
        run.book(Flow.REFUND_AFTER_CHARGE_OFF, refund_id, event, amounts | sides, correlation=correlation)
        return
    as_payment: list[Piece] = []
    if run.terms.refunds_pay is not None and not provisional:
        as_payment = pay_in(run, share.amount, run.terms.refunds_pay, run.terms.refunds_allocation, in_flight=in_flight)
        placed = split_of(as_payment).placed
        amounts |= _beyond(run, refund_id, share.amount - placed, in_flight)
        amounts["credit_balance"] += placed
    else:
        amounts |= _on_the_books(run, event, refund_id, share.amount, in_flight, first)
    if run.plan.foreign is not None:
        amounts["converted"] = share.amount - share.discount - share.tax
        names = {"currency": run.plan.foreign.payable.currency.value}
        run.book(
            Flow.FOREIGN_PURCHASE_REFUNDED,
            refund_id,
            event,
            amounts,
            names=names,
            correlation=correlation,
            foreign=merchants.amounts,
        )
    else:
        flow = Flow.DISPUTE_DECIDED if provisional else _flow(merchants, whole=whole)
        run.book(flow, refund_id, event, amounts | sides, correlation=correlation)
    book_paid_in(run, event, refund_id, as_payment)
    if run.terms.refunds_interest:
        _refund_interest(run, event, refund_id, interest_back)


def _flow(merchants: Merchants, *, whole: bool) -> str:
    if whole and merchants.receivable == 0:
        return Flow.REFUND_BEFORE_SETTLEMENT
    return (
        Flow.REFUND_AFTER_SETTLEMENT
        if whole and merchants.receivable == merchants.share.merchant
        else Flow.PARTIAL_REFUND
    )


def _on_the_books(  # noqa: PLR0917 - one caller, which has all the arguments
    run: RunningPlan,
    event: PlanEvent,
    refund_id: str,
    amount: int,
    in_flight: int,
    first: Sequence[tuple[RunningInstalment, int]],
) -> dict[str, int]:
    """Apply a refund to a plan on the books; returns the amounts to post.

    Principal that is not in flight falls first. Principal in flight cannot fall, so its part becomes credit until the
    attempt has its outcome. The rest is payable. `first`: the principal of each instalment that was in a dispute won
    by the shopper; exactly this principal falls before any other.
    """
    levels = Levels(line for line in run.lines if line.due_on > event.value_date and not line.kept)
    free = max(0, run.outstanding - in_flight)
    principal = min(amount, free)
    left = principal
    for line, most in first:
        part = min(left, most, line.open_principal)
        line.credit(part)
        left -= part
    for line, part in _placed(run, left, event):
        line.credit(part)
        left -= part
    for line in reversed(run.lines):  # disputed principal falls last
        part = min(left, line.open_principal)
        line.credit(part)
        left -= part
    if run.terms.refund_placing is not RefundPlacing.LAST_FIRST:
        levels.fall()
    return {"principal": principal, **_beyond(run, refund_id, amount - principal, in_flight)}


def _beyond(run: RunningPlan, refund_id: str, amount: int, in_flight: int) -> dict[str, int]:
    """Refund beyond what is open: it waits for what is in flight, restores what we forgave, or is payable."""
    waits = min(amount, in_flight)
    run.credit += waits
    restored = run.forgiven.restore(amount - waits)
    withheld, payable = _grant(run, refund_id, amount - waits - sum(restored.values()))
    return {"credit_balance": waits + withheld, "refund": payable, **restored}


def _off_the_books(run: RunningPlan, refund_id: str, amount: int, owed: Debt) -> dict[str, int]:
    order = run.terms.refunds_allocation or run.terms.allocation
    taken = owed.take(amount) if run.terms.refunds_pay is None else owed.pay(amount, order)
    losses = run.forgiven.restore(amount - taken.total)
    withheld, payable = _grant(run, refund_id, amount - taken.total - sum(losses.values()))
    losses["fraud" if run.fraud else "charge_off"] += taken.principal
    return losses | {
        "interest": taken.interest,
        "fees": taken.fees,
        "credit_balance": withheld,
        "refund": payable,
        "no_longer_owed": taken.total,
    }


def _grant(run: RunningPlan, refund_id: str, amount: int) -> tuple[int, int]:
    """Split an amount owed to the shopper into the part withheld because a claim asks for the same money, and the rest.

    Returns (withheld, payable).
    """
    withheld = min(amount, max(0, run.claimed_back - run.withheld))
    run.held_back[refund_id] = run.held_back.get(refund_id, 0) + withheld
    run.credit += withheld
    run.payable[refund_id] = run.payable.get(refund_id, 0) + amount - withheld
    return withheld, amount - withheld


def _interest_on(run: RunningPlan, amount: int) -> int:
    """The interest accrued so far on the refunded amount, to be given back as if it had never been financed."""
    charged = max(0, run.accrued - sum(line.interest_gone for line in run.lines) - run.interest_refunded)
    if run.terms.interest_as_agreed:
        return proportion_of(charged, amount, run.captured.amount - run.refunded.amount)
    return min(charged, interest_on(run, amount))


def _refund_interest(run: RunningPlan, event: PlanEvent, refund_id: str, amount: int) -> None:
    """F23: give interest back: as a payment where refunds pay, or cancel open interest first, then reduce principal."""
    correlation = {"refund_id": refund_id}
    if run.terms.refunds_pay is not None:
        run.interest_refunded += amount
        pieces = pay_in(run, amount, run.terms.early_payment, None)
        placed = split_of(pieces).placed
        withheld, payable = _grant(run, refund_id, amount - placed)
        amounts = {"credit_balance": withheld + placed, "refund": payable}
        run.book(Flow.INTEREST_REFUNDED, refund_id, event, amounts, correlation=correlation)
        book_paid_in(run, event, f"{refund_id}/interest", pieces)
        return
    amounts = {"interest": 0, "principal": 0}
    for line in reversed(run.lines):
        gone = min(amount, line.open_accrued)
        line.forgo(gone)
        amounts["interest"] += gone
        amount -= gone
    run.interest_refunded += amount  # the paid part only; the open part was cancelled above
    for line in reversed(run.lines):
        fallen = min(amount, line.open_principal)
        line.credit(fallen)
        amounts["principal"] += fallen
        amount -= fallen
    amounts["credit_balance"], amounts["refund"] = _grant(run, refund_id, amount)
    run.book(Flow.INTEREST_REFUNDED, refund_id, event, amounts, correlation=correlation)


def _placed(run: RunningPlan, amount: int, event: PlanEvent) -> list[tuple[RunningInstalment, int]]:
    """Distribute an amount over open principal that is not in dispute, by the terms' rule for refunds."""
    free = [(line, line.open_principal - line.disputed) for line in run.lines]
    if run.terms.refund_placing is RefundPlacing.LAST_FIRST:
        return _last_first(free, amount)
    if run.terms.refund_placing is RefundPlacing.PRO_RATA:
        return _in_proportion(free, amount)
    to_come = [(line, part) for line, part in free if line.due_on > event.value_date]
    late = [(line, part) for line, part in free if line.due_on <= event.value_date]
    placed = _in_proportion(to_come, amount)
    return [*placed, *_last_first(late, amount - sum(part for _, part in placed))]


def _in_proportion(free: list[tuple[RunningInstalment, int]], amount: int) -> list[tuple[RunningInstalment, int]]:
    weights = [part for _, part in free]
    parts = shared(min(amount, sum(weights)), weights)
    return [(line, part) for (line, _), part in zip(free, parts, strict=True)]


def _last_first(free: list[tuple[RunningInstalment, int]], amount: int) -> list[tuple[RunningInstalment, int]]:
    placed = []
    for line, most in reversed(free):
        part = min(amount, most)
        placed.append((line, part))
        amount -= part
    return placed


def _release_lines(run: RunningPlan, event: PlanEvent) -> None:
    """Distribute the still disputed principal anew; the grace of the instalments released starts at this event."""
    for line in run.lines:
        if line.disputed:
            line.grace_from = max(line.grace_from, event.value_date)
            line.disputed = 0
    rest = sum(case.amount for case in run.cases.values() if case.open and case.kind is CaseKind.DISPUTE)
    for line, part in _placed(run, rest, event):
        line.disputed += part


def _book_case(run: RunningPlan, flow: str, event: PlanEvent, case: RunningCase, amounts: dict[str, int]) -> None:
    correlation = {"case_id": case.case_id}
    if run.plan.foreign is None:
        run.book(flow, case.case_id, event, amounts, correlation=correlation)
    else:
        run.book(flow, case.case_id, event, {}, correlation=correlation, foreign=amounts)
