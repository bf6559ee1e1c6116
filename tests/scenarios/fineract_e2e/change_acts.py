"""Acts that undo what was recorded or change the terms, recorded as plan events."""

from datetime import timedelta
from decimal import Decimal

from lending.plan.event import (
    CreditRefunded,
    DuesMoved,
    Extended,
    Forbearance,
    InterestPaused,
    MovedInterest,
    RateChanged,
    ReAged,
    ReAmortised,
    RefundPaid,
    Reversed,
    Terminated,
)
from tests.scenarios.fineract_e2e.loan import EngineLoan, Posted
from tests.scenarios.fineract_e2e.observed import MONEY
from tests.scenarios.fineract_e2e.reader import day_of
from tests.scenarios.fineract_e2e.schedule import spacing_of
from tests.scenarios.fineract_e2e.story import Act, NotExpressible

_A_DAY = timedelta(days=1)  # the peer's pause begins after its first day and ends after its last
_LISTED = MONEY | {"Disbursement", "Credit Balance Refund", "Chargeback", "Charge-off", "Re-age", "Re-amortize"}
_MOVED_INTEREST = {
    "DEFAULT": MovedInterest.OWED_FIRST,
    "WAIVE_INTEREST": MovedInterest.WAIVED,
    "EQUAL_AMORTIZATION_PAYABLE_INTEREST": MovedInterest.EQUAL_PARTS,
    "EQUAL_AMORTIZATION_FULL_INTEREST": MovedInterest.EQUAL_PARTS_OF_ALL,
    "EQUAL_AMORTIZATION_INTEREST_SPLIT": MovedInterest.EQUAL_PARTS,
}


def undo(loan: EngineLoan, act: Act) -> None:
    """Reverse the n-th transaction of a name on a day, counted with those that are reversed already."""
    own = [each for each in loan.posted if each.on == act.on and each.name in ({act.name} if act.name else _LISTED)]
    if len(own) < act.number:
        raise NotExpressible("undone_transaction_not_found", act.step)
    reverse(loan, own[act.number - 1])


def undo_repayment(loan: EngineLoan, act: Act) -> None:
    """Reverse the n-th repayment of all."""
    own = [each for each in loan.posted if each.name == "Repayment"]
    if len(own) < act.number:
        raise NotExpressible("undone_transaction_not_found", act.step)
    reverse(loan, own[act.number - 1])


def reverse_latest(loan: EngineLoan, name: str) -> None:
    reversed_ids = loan.reversed_ids()
    own = [each for each in loan.posted if each.name == name and each.event_id not in reversed_ids]
    if not own:
        raise NotExpressible("undone_transaction_not_found", name)
    reverse(loan, own[-1])


def reverse(loan: EngineLoan, each: Posted) -> None:
    for paid in paid_out(loan, each):
        loan.post(max(loan.known_on, each.on), Reversed(paid), "Undo")
    if each.event_id not in loan.reversed_ids():
        loan.post(max(loan.known_on, each.on), Reversed(each.event_id), "Undo")


def paid_out(loan: EngineLoan, each: Posted) -> list[str]:
    """The events by which a credit balance refund reached the shopper, which the peer undoes with it."""
    granted = [event.body for event in loan.events if event.event_id == each.event_id]
    ids = {body.refund_id for body in granted if isinstance(body, CreditRefunded)}
    paid = [event for event in loan.events if isinstance(event.body, RefundPaid) and event.body.refund_id in ids]
    return [event.event_id for event in paid]


def reage(loan: EngineLoan, act: Act) -> None:
    told = act.row
    if set(told) - {
        "frequencyNumber",
        "frequencyType",
        "startDate",
        "numberOfInstallments",
        "reAgeInterestHandling",
    }:
        raise NotExpressible("reage_otherwise", act.step)
    spacing = spacing_of(int(told["frequencyNumber"]), told["frequencyType"].lower())
    starts = day_of(told["startDate"])
    handling = _MOVED_INTEREST[told.get("reAgeInterestHandling", "DEFAULT")]
    body = ReAged(int(told["numberOfInstallments"]), starts, spacing.every, spacing.unit, handling)
    loan.post(min(act.on, starts), body, "Re-age")  # one that starts earlier counts from then


def reamortise(loan: EngineLoan, act: Act) -> None:
    loan.post(act.on, ReAmortised(_MOVED_INTEREST[act.row.get("handling", "DEFAULT")]), "Re-amortize")


def pause(loan: EngineLoan, act: Act) -> None:
    if act.until is None:
        raise NotExpressible("pause_without_end", act.step)
    loan.post(act.known_on, Forbearance(act.on + _A_DAY, act.until + _A_DAY), "Pause")


def pause_interest(loan: EngineLoan, act: Act) -> None:
    if act.until is None:
        raise NotExpressible("pause_without_end", act.step)
    loan.post(min(act.known_on, act.on - _A_DAY), InterestPaused(act.on, act.until + _A_DAY), "Interest pause")


def terminate(loan: EngineLoan, act: Act) -> None:
    loan.post(act.on, Terminated(), "Contract termination")


def change_terms(loan: EngineLoan, act: Act) -> None:
    """A change of the rate, of a due day or of the number of instalments; one that is none of these is missing."""
    change, starts = _what_changes(act), day_of(act.row["rescheduleFromDate"])
    on = min(act.known_on, starts)
    if change == "change_of_rate":
        rate = Decimal(act.row["newInterestRate"]) * 100
        if rate % 1:
            raise NotExpressible("rate_of_more_digits", act.step)
        since = max(starts - _A_DAY, loan.plan.opened_on)  # the day itself bears the new rate already
        loan.post(min(on, since), RateChanged(int(rate), since), "Change of rate")
    elif change == "change_of_due_date":
        moved_to = day_of(act.row["adjustedDueDate"])
        loan.post(min(on, moved_to), DuesMoved(starts, moved_to), "Change of due date")
    elif change == "change_of_term":
        loan.post(on, Extended(int(act.row["extraTerms"]), starts), "Change of term")
    else:
        raise NotExpressible(change, act.step)


def resume(loan: EngineLoan, act: Act) -> None:
    """End the running pause early: the pause is replaced by a shorter one."""
    reversed_ids = loan.reversed_ids()
    running = [
        event
        for event in loan.events
        if isinstance(event.body, Forbearance) and event.event_id not in reversed_ids
        and event.body.starts - _A_DAY <= act.on < event.body.ends
    ]  # fmt: skip
    if not running:
        raise NotExpressible("resume_without_pause", act.step)
    pause = running[-1]
    assert isinstance(pause.body, Forbearance)
    loan.post(act.known_on, Reversed(pause.event_id), "Undo")
    if pause.body.starts <= act.on:
        loan.post(act.known_on, Forbearance(pause.body.starts, act.on + _A_DAY), "Pause")


def _what_changes(act: Act) -> str:
    for column, capability in (
        ("newInterestRate", "change_of_rate"),
        ("adjustedDueDate", "change_of_due_date"),
        ("extraTerms", "change_of_term"),
        ("graceOnPrincipal", "grace_later"),
        ("graceOnInterest", "grace_later"),
    ):
        if act.row.get(column, "").strip():
            return capability
    return "reschedule_otherwise"
