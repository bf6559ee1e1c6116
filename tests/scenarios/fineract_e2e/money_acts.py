"""Acts that lend, pay, give or charge money, recorded as plan events."""

from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal

from ledger.money import Money
from lending.plan.event import (
    ChargedOff,
    ClaimLost,
    ClaimOpened,
    CreditRefunded,
    FeeCharged,
    FeeKind,
    FeeWaived,
    Goodwill,
    Opened,
    Paid,
    PaidOff,
    PartShipped,
    PaymentChannel,
    Refunded,
    RefundPaid,
    Route,
    WrittenOff,
)
from lending.plan.plan import PlanStatus
from lending.schedule.amortise import down_payment
from tests.scenarios.fineract_e2e.loan import EngineLoan, KnownFee
from tests.scenarios.fineract_e2e.product import DOWN_PAYMENT_PERCENT
from tests.scenarios.fineract_e2e.schedule import EUR
from tests.scenarios.fineract_e2e.story import Act, ActKind, NotExpressible


def disburse(loan: EngineLoan, act: Act) -> None:
    amount, settings = Money(act.amount, EUR), loan.terms.product
    first = not loan.disbursed
    body = Opened(amount) if first else PartShipped(amount, len(loan.disbursed) + 1)
    if not loan.post(act.on, body, "Disbursement", act.amount):
        return
    loan.disbursed.append((act.on, act.amount))
    if first and loan.terms.disbursement_fee is not None:
        charge_at_once(loan, act, *loan.terms.disbursement_fee)
    if settings.down_payment_at_once:
        rule = loan.servicing.shipments
        down = down_payment(amount, Decimal(DOWN_PAYMENT_PERCENT), rule.multiple_of)
        down -= min(down, loan.fold().state.free_credit)  # credit pays first
        payment = Paid(down, PaymentChannel.CHECKOUT, loan.next_id("down"), "sim", "card")
        if down.minor:
            loan.post(act.on, payment, "Down Payment", down.minor)


def charge_at_once(loan: EngineLoan, act: Act, kind: str, number: Decimal) -> None:
    """The fee of the disbursement, which is paid from it."""
    interest = sum(each.interest.minor for each in loan.fold().state.instalments)
    base = act.amount * ("AMOUNT" in kind) + interest * ("INTEREST" in kind)
    exact = number * 100 if kind == "FLAT" else base * number / 100
    minor, fee_id = int(exact.to_integral_value(ROUND_HALF_EVEN)), loan.next_id("f")
    body = FeeCharged(fee_id, Money(minor, EUR), FeeKind.RETURN, at_once=True)
    if minor and loan.post(act.on, body, "Fee", minor):
        loan.paid_with_disbursement[fee_id] = minor
        owed_with = loan.fold().state.fees[fee_id].instalment_id
        payment_id = loan.next_id("x")
        paid = Paid(Money(minor, EUR), PaymentChannel.CHECKOUT, payment_id, "sim", "card", owed_with)
        loan.post(act.on, paid, "Repayment (at time of disbursement)", minor)


def pay_some(loan: EngineLoan, act: Act) -> None:
    pay(loan, act.on, act.amount, act.name)


def refund(loan: EngineLoan, act: Act) -> None:
    loan.post(act.on, Refunded(loan.next_id("r"), Money(act.amount, EUR)), act.name, act.amount)


def give(loan: EngineLoan, act: Act) -> None:
    """Goodwill, and what the peer tells apart from it by name: in each the lender pays for the shopper."""
    loan.post(act.on, Goodwill(Money(act.amount, EUR)), act.name or "Interest Refund", act.amount)


def charge_off(loan: EngineLoan, act: Act) -> None:
    loan.post(act.on, ChargedOff(), "Charge-off")


def write_off(loan: EngineLoan, act: Act) -> None:
    loan.post(act.on, WrittenOff(), "Close (as written-off)")


def pay_with_credit(loan: EngineLoan, act: Act) -> None:
    """Pay what is owed now with the credit of earlier payments.

    The peer replays these payments for a fee; at a disbursement it only uses what they left.
    """
    state = loan.fold().state
    amount = min(state.free_credit.minor, state.owed.minor)
    if amount and state.status is PlanStatus.OPEN:
        on = max(act.on, *(event.value_date for event in loan.events))
        body = Paid(Money(amount, EUR), PaymentChannel.CREDIT, loan.next_id("a"), "sim", "card")
        loan.post(on, body, "Credit used" if act.kind is ActKind.DISBURSED else "Credit applied", amount)


def pay(loan: EngineLoan, on: date, amount: int, name: str) -> None:
    payment_id = loan.next_id("x")
    loan.post(on, Paid(Money(amount, EUR), PaymentChannel.SHOPPER, payment_id, "sim", "card"), name, amount)


def pay_off(loan: EngineLoan, act: Act) -> None:
    """The peer's payoff is the whole debt, less interest to come where the product recalculates interest."""
    state = loan.fold(act.on).state
    if state.status is PlanStatus.CHARGED_OFF or not loan.terms.product.recalculates_interest:
        if state.owed.minor:
            pay(loan, act.on, state.owed.minor, "Repayment")
        return
    quote = state.payoff(state.through).amount
    if quote.minor:
        body = PaidOff(quote, PaymentChannel.SHOPPER, loan.next_id("x"), "sim", "card")
        loan.post(act.on, body, "Repayment", quote.minor)


def charge_percentage(loan: EngineLoan, act: Act) -> None:
    """The peer's processing charge is a percentage of the amount and its interest."""
    interest = sum(each.interest.minor for each in loan.fold().state.instalments)
    part = Decimal(loan.disbursed[0][1] + interest) * Decimal(act.row["percent"]) / 100
    charge(loan, act, int(part.to_integral_value(ROUND_HALF_EVEN)))


def charge_each(loan: EngineLoan, act: Act) -> None:
    for line in loan.fold().run.lines:
        part = _part_of(act, line.principal, line.interest)
        if line.number and part:
            charge_on(loan, act, line.due_on, part, line.instalment_id)


def charge(loan: EngineLoan, act: Act, amount: int | None = None) -> None:
    charge_on(loan, act, act.on, act.amount if amount is None else amount)


def charge_on(loan: EngineLoan, act: Act, due_on: date, amount: int, instalment_id: str | None = None) -> None:
    fee_id = loan.next_id("f")
    body = FeeCharged(fee_id, Money(amount, EUR), FeeKind.RETURN, instalment_id, due_on)
    if loan.post(max(min(act.known_on, due_on), loan.plan.opened_on), body, "Fee", amount):
        loan.fees.append(KnownFee(fee_id, act.name, due_on, act.penalty))


def waive(loan: EngineLoan, act: Act) -> None:
    """The latest fee whole, or an amount of the fee that is named."""
    amount = Money(act.amount, EUR) if act.kind is ActKind.FEE_ADJUSTED else None
    known = [fee for fee in loan.fees if amount is None or (fee.name, fee.due_on) == (act.name, act.until)]
    if not known:
        raise NotExpressible("fee_not_known", act.step)
    name = "Waive" if amount is None else "Charge Adjustment"
    loan.post(act.known_on, FeeWaived(known[-1].fee_id, amount), name, act.amount)


def charge_back(loan: EngineLoan, act: Act) -> None:
    wanted = {act.name} if act.name else {"Repayment"}
    payments = [each for each in loan.posted if each.name in wanted]
    if len(payments) < max(act.number, 1):
        raise NotExpressible("charge_back_of_another_transaction", act.step)
    payment = payments[act.number - 1] if act.number else payments[-1]
    case_id = loan.next_id("c")
    opened = ClaimOpened(case_id, payment.event_id, Route.CARD, "sim", Money(act.amount, EUR))
    if loan.post(act.on, opened, "Claim", act.amount):
        loan.post(act.on, ClaimLost(case_id), "Chargeback", act.amount)


def pay_credit_back(loan: EngineLoan, act: Act) -> None:
    """Pay refunds that are payable first, then the credit balance."""
    left = act.amount
    for refund_id, payable in loan.fold().state.payable_refunds.items():
        part = min(left, payable.minor)
        if part and not refund_id.startswith("cr"):
            loan.post(act.on, RefundPaid(refund_id, Money(part, EUR)), "Credit Balance Refund", part)
            left -= part
    if left:
        refund_id = loan.next_id("cr")
        if loan.post(act.on, CreditRefunded(refund_id, Money(left, EUR)), "Credit Balance Refund", left):
            loan.post(act.on, RefundPaid(refund_id, Money(left, EUR)), "Credit Balance Refund paid", left)


def _part_of(act: Act, principal: int, interest: int) -> int:
    """A fee of an amount, or of a percentage of what its name says: the principal, the interest or both."""
    if "percent" not in act.row:
        return act.amount
    words = act.name.partition("PERCENTAGE_")[2]
    base = principal * ("AMOUNT" in words) + interest * ("INTEREST" in words)
    return int((base * Decimal(act.row["percent"]) / 100).to_integral_value(ROUND_HALF_EVEN))
