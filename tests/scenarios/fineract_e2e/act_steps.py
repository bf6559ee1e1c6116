"""Steps in which something happens to the loan, or is refused."""

import re
from collections.abc import Callable

from tests.scenarios.fineract_e2e.product import InAdvance
from tests.scenarios.fineract_e2e.reader import Step, is_day, units_of
from tests.scenarios.fineract_e2e.step_words import day_told, days_told, euros, number_told, quoted
from tests.scenarios.fineract_e2e.story import Act, ActKind, Check, CheckKind, NotExpressible, Story


def approved(story: Story, step: Step) -> None:
    amount = next(units_of(each) for each in quoted(step) if not is_day(each))
    expected = days_told(step)[-1]
    story.course.append(Act(ActKind.APPROVED, story.day, expected, amount, step=step.text))
    if "successfully approves" in step.text:
        story.course.append(Check(CheckKind.SCHEDULED, story.day, story.day, str(amount)))


def disbursed(story: Story, step: Step) -> None:
    """The step asserts that the loan has it."""
    act = Act(ActKind.DISBURSED, story.day, day_told(story, step), euros(step), step=step.text)
    story.course.append(act)
    if "successfully disburse" in step.text:
        story.course.append(Check(CheckKind.LENT, story.day, story.day, f"{act.on} {act.amount}"))


def disbursement_refused(story: Story, step: Step) -> None:
    act = Act(ActKind.DISBURSED, story.day, day_told(story, step), euros(step), step=step.text)
    story.course.append(Check(CheckKind.REFUSED, story.day, story.day, act=act))


def approval_refused(story: Story, step: Step) -> None:
    """An amount that the peer's product does not allow: a plan of ours may be of any amount."""
    amount = next(units_of(each) for each in quoted(step) if not is_day(each))
    act = Act(ActKind.APPROVED, story.day, day_told(story, step), amount, step=step.text)
    story.course.append(Check(CheckKind.REFUSED, story.day, story.day, act=act))


def interest_refund_refused(story: Story, step: Step) -> None:
    """Interest given back by hand on another day than the refund's; with us that is goodwill of any day."""
    act = Act(ActKind.INTEREST_REFUNDED, story.day, day_told(story, step), euros(step), step=step.text)
    story.course.append(Check(CheckKind.REFUSED, story.day, story.day, act=act))


def reschedule_refused(story: Story, step: Step) -> None:
    for row in step.rows:
        act = Act(ActKind.RESCHEDULED, story.day, story.day, row=row, step=step.text)
        story.course.append(Check(CheckKind.REFUSED, story.day, story.day, act=act))


def money_act(kind: ActKind) -> Callable[[Story, Step], None]:
    def add(story: Story, step: Step) -> None:
        story.course.append(Act(kind, story.day, day_told(story, step), euros(step), step=step.text))

    return add


def paid(story: Story, step: Step) -> None:
    story.course.append(Act(ActKind.PAID, story.day, day_told(story, step), euros(step), "Repayment", step=step.text))


_TRANSACTIONS = {
    "REPAYMENT": (ActKind.PAID, "Repayment"),
    "DOWN_PAYMENT": (ActKind.DOWN_PAYMENT, "Down Payment"),
    "MERCHANT_ISSUED_REFUND": (ActKind.REFUNDED, "Merchant Issued Refund"),
    "PAYOUT_REFUND": (ActKind.REFUNDED, "Payout Refund"),
    "GOODWILL_CREDIT": (ActKind.GOODWILL, "Goodwill Credit"),
    "INTEREST_PAYMENT_WAIVER": (ActKind.INTEREST_PAYMENT_WAIVED, "Interest Payment Waiver"),
}


def transaction(story: Story, step: Step) -> None:
    told = quoted(step)[0]
    if told not in _TRANSACTIONS:
        raise NotExpressible(f"transaction_{told.lower()}")
    kind, name = _TRANSACTIONS[told]
    asked = re.search(r"interestRefundCalculation (true|false)", step.text)
    story.course.append(
        Act(kind, story.day, day_told(story, step), euros(step), name, step=step.text,
            refunds_interest=None if asked is None else asked.group(1) == "true")
    )  # fmt: skip


def refunded(story: Story, step: Step) -> None:
    story.course.append(
        Act(ActKind.REFUNDED, story.day, day_told(story, step), euros(step), "Payout Refund", step=step.text)
    )


_PENALTIES = ("NSF", "LATE")


def fee(story: Story, step: Step) -> None:
    name = quoted(step)[0]
    if "PERC" in name:
        raise NotExpressible("percentage_fee")
    penalty = any(word in name for word in _PENALTIES)
    story.course.append(
        Act(ActKind.FEE, story.day, day_told(story, step), euros(step), name, penalty=penalty, step=step.text)
    )


def bounced(story: Story, step: Step) -> None:
    """The peer's fee for a bounced payment is ten units of money."""
    story.course.append(
        Act(ActKind.FEE, story.day, day_told(story, step), 1_000, "LOAN_NSF_FEE", penalty=True, step=step.text)
    )


def percentage_fee(story: Story, step: Step) -> None:
    percent = re.search(r"adds a ([\d.]+) %", step.text)
    assert percent is not None
    row = {"percent": percent.group(1)}
    story.course.append(
        Act(ActKind.PERCENTAGE_FEE, story.day, days_told(step)[0], name="processing", row=row, step=step.text)
    )


def instalment_fee(story: Story, step: Step) -> None:
    """A fee on every instalment: an amount, or a percentage of what the name says of its principal and interest."""
    name = quoted(step)[0]
    number = re.search(r"with ([\d.]+) (amount|%)", step.text)
    assert number is not None
    row = {"percent": number.group(1)} if "PERCENTAGE" in name else {}
    story.course.append(
        Act(ActKind.INSTALMENT_FEE, story.day, story.day, units_of(number.group(1)), name, row=row, step=step.text)
    )


def fee_adjusted(story: Story, step: Step) -> None:
    story.course.append(
        Act(ActKind.FEE_ADJUSTED, story.day, story.day, euros(step), quoted(step)[0], until=days_told(step)[0],
            step=step.text)
    )  # fmt: skip


def undone(story: Story, step: Step) -> None:
    """The n-th transaction of a day, of one name or of any; or the n-th repayment of all, whatever its day."""
    names = [each for each in quoted(step) if not is_day(each) and not each.isdigit()]
    kind = ActKind.REPAYMENT_UNDONE if "repayment on" in step.text else ActKind.UNDONE
    name = names[0] if names else ""
    story.course.append(
        Act(kind, story.day, days_told(step)[0], name=name, number=number_told(step) or 1, step=step.text)
    )


def repayment_undone(story: Story, step: Step) -> None:
    story.course.append(Act(ActKind.UNDONE, story.day, days_told(step)[0], name="Repayment", number=1, step=step.text))


def charged_back(story: Story, step: Step) -> None:
    name = "Down Payment" if "Downpayment" in step.text else "Merchant Issued Refund" if "MIR" in step.text else ""
    story.course.append(
        Act(ActKind.CHARGED_BACK, story.day, story.day, euros(step), name, number_told(step), step=step.text)
    )


def span(kind: ActKind) -> Callable[[Story, Step], None]:
    def add(story: Story, step: Step) -> None:
        days = days_told(step)
        until = days[1] if len(days) > 1 else None
        story.course.append(Act(kind, story.day, days[0] if days else story.day, until=until, step=step.text))

    return add


def with_row(kind: ActKind) -> Callable[[Story, Step], None]:
    def add(story: Story, step: Step) -> None:
        for row in step.rows:
            story.course.append(Act(kind, story.day, story.day, row=row, step=step.text))

    return add


def reamortised(story: Story, step: Step) -> None:
    row = {"handling": quoted(step)[0]} if quoted(step) else {}
    story.course.append(Act(ActKind.REAMORTISED, story.day, story.day, row=row, step=step.text))


def rule(story: Story, step: Step) -> None:
    """Where loans made from now on put what one kind of payment pays in advance."""
    _, kind, rule = quoted(step)
    story.rules[kind] = InAdvance(rule)
