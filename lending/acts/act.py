"""The acts on a plan that a person decides, one row each, and the kinds of event that no person records by hand.

Both doors, the command line and HTTP, are made from this table: names, arguments, help and checks are written once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from ledger.money import Money
from lending.plan.event import (
    KINDS,
    Body,
    Cancelled,
    ChargedOff,
    CreditApplied,
    CreditRefunded,
    Disputed,
    DisputeSettled,
    DuesMoved,
    Extended,
    FeeCharged,
    FeeKind,
    FeeWaived,
    Forbearance,
    Frozen,
    Goodwill,
    Holiday,
    InterestPaused,
    InterestWaived,
    MovedInterest,
    RateChanged,
    ReAged,
    ReAmortised,
    Refunded,
    Rescheduled,
    Reversed,
    Terminated,
    Unfrozen,
    WrittenOff,
)  # fmt: skip
from lending.plan.state import PlanState
from lending.schedule.due import Due
from lending.schedule.due_dates import Unit
from lending.servicing.log import PlanHistory


class ArgumentForm(StrEnum):
    """How an argument is written."""

    MONEY = "money"
    DAY = "day"
    ID = "id"
    FLAG = "flag"
    CHOICE = "choice"
    NUMBER = "number"
    RATE = "rate"
    DUES = "dues"


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of an act. `own_id`: when it is left out, the act's own id takes its place."""

    name: str
    form: ArgumentForm
    meaning: str
    required: bool = True
    choices: tuple[str, ...] = ()
    own_id: bool = False


@dataclass(frozen=True, slots=True)
class NewDue:
    """A due as a person asks for it; its number follows from the plan."""

    due_on: Any
    principal: Money
    interest: Money


class Effect(StrEnum):
    """What an act does to the debt without money moving."""

    NEITHER = "neither"
    FORGIVES = "forgives money"
    RAISES = "raises or may raise what is owed"


Given = Mapping[str, Any]
"""The arguments of one act by name, as values; those left out are absent."""


@dataclass(frozen=True, slots=True)
class ActContext:
    """What the body of an event takes besides the arguments: the plan before it, the act's id and its reason."""

    history: PlanHistory
    state: PlanState
    act_id: str
    reason: str


def _fields(event: type[Body]) -> Callable[[Given, ActContext], Body]:
    """The arguments are the fields of the event."""
    return lambda given, _: event(**given)


def _given_amount(given: Given, _: ActContext) -> Money | None:
    amount: Money | None = given.get("amount")
    return amount


@dataclass(frozen=True, slots=True)
class PlanAct:
    """One act. An act with an effect needs a second person at any amount; any other one beyond the role's limit.

    `body` makes the event's body; `amount` is what the limit of the authority file is compared with.
    """

    name: str
    event: type[Body]
    meaning: str
    arguments: tuple[Argument, ...]
    body: Callable[[Given, ActContext], Body]
    effect: Effect = Effect.NEITHER
    amount: Callable[[Given, ActContext], Money | None] = _given_amount


def _amount(meaning: str, *, required: bool = True) -> Argument:
    return Argument("amount", ArgumentForm.MONEY, meaning, required)


_PERIOD = (
    Argument("starts", ArgumentForm.DAY, "the first day of the pause"),
    Argument("ends", ArgumentForm.DAY, "the first day after the pause"),
)
_ALLOWANCE = Argument("allowance", ArgumentForm.MONEY, "the part that a loss allowance covers", required=False)
_EFFECTIVE = Argument("effective_from", ArgumentForm.DAY, "the day from which it is in force; it may lie ahead")
_CASE = Argument("case_id", ArgumentForm.ID, "the id of the dispute")


def _rescheduled(given: Given, context: ActContext) -> Body:
    """New dues are numbered on from the plan's."""
    first = max((each.number for each in context.state.instalments), default=0) + 1
    asked: tuple[NewDue, ...] = given["dues"]
    dues = tuple(
        Due(number, each.due_on, each.principal, each.interest) for number, each in enumerate(asked, start=first)
    )
    return Rescheduled(dues, given.get("capitalise_interest", False), given.get("capitalise_fees", False))


def _rescheduled_amount(given: Given, context: ActContext) -> Money:
    return Money.total((each.principal + each.interest for each in given["dues"]), context.state.currency)


def _re_aged(given: Given, _: ActContext) -> Body:
    interest = MovedInterest(given.get("interest", MovedInterest.OWED_FIRST))
    return ReAged(given["instalments"], given["first_due_on"], given["every"], Unit(given["unit"]), interest)


def _re_amortised(given: Given, _: ActContext) -> Body:
    return ReAmortised(MovedInterest(given.get("interest", MovedInterest.OWED_FIRST)))


def _fee_charged(given: Given, _: ActContext) -> Body:
    return FeeCharged(
        given["fee_id"],
        given["amount"],
        FeeKind(given["kind"]),
        given.get("instalment_id"),
        given.get("due_on"),
        bool(given.get("at_once")),
    )


def _fee_waived_amount(given: Given, context: ActContext) -> Money | None:
    fee = context.state.fees.get(given["fee_id"])
    return given.get("amount") or (None if fee is None else fee.waivable)


def _owed(_: Given, context: ActContext) -> Money:
    return context.state.owed


def _dispute_amount(given: Given, context: ActContext) -> Money | None:
    case = context.state.cases.get(given["case_id"])
    return None if case is None else case.amount


def _reversed_amount(given: Given, context: ActContext) -> Money | None:
    """The largest amount of the event that is reversed."""
    event = next((each for each in context.history.events if each.event_id == given["event_id"]), None)
    if event is None:
        return None
    amounts = [getattr(event.body, each.name) for each in fields(event.body)]
    plain = [each for each in amounts if isinstance(each, Money) and each.currency is context.state.currency]
    return max(plain, default=context.state.owed)


_TABLE = (
    PlanAct(
        "reschedule",
        Rescheduled,
        "Give the open part new dues; they repay what is owed and are numbered on from the plan's.",
        (
            Argument("dues", ArgumentForm.DUES, "one due each: its day, principal and, if it bears some, interest"),
            Argument("capitalise_interest", ArgumentForm.FLAG, "accrued interest becomes principal", required=False),
            Argument("capitalise_fees", ArgumentForm.FLAG, "open fees become principal", required=False),
        ),
        _rescheduled,
        Effect.RAISES,
        _rescheduled_amount,
    ),
    PlanAct(
        "re-age",
        ReAged,
        "Repay the open part in new level instalments at the plan's rate, worked out from what is owed on the day.",
        (
            Argument("instalments", ArgumentForm.NUMBER, "how many there are"),
            Argument("first_due_on", ArgumentForm.DAY, "when the first one is due"),
            Argument("every", ArgumentForm.NUMBER, "how many of the unit they are apart"),
            Argument("unit", ArgumentForm.CHOICE, "what they are apart", choices=tuple(Unit)),
            Argument(
                "interest",
                ArgumentForm.CHOICE,
                "what happens to the interest so far; owed with the first one when left out",
                required=False,
                choices=tuple(MovedInterest),
            ),
        ),
        _re_aged,
        Effect.RAISES,
        _owed,
    ),
    PlanAct(
        "re-amortise",
        ReAmortised,
        "Move what is past due to the instalments to come; they keep their days and are made level again.",
        (
            Argument(
                "interest",
                ArgumentForm.CHOICE,
                "what happens to the interest past due; owed with the next one when left out",
                required=False,
                choices=(MovedInterest.OWED_FIRST, MovedInterest.WAIVED, MovedInterest.EQUAL_PARTS),
            ),
        ),
        _re_amortised,
        Effect.RAISES,
        _owed,
    ),
    PlanAct(
        "change-rate",
        RateChanged,
        "Let interest grow at another yearly rate from a day on, and make the instalments due from then on level.",
        (Argument("annual_rate_basis_points", ArgumentForm.RATE, "the new rate; 1990 is 19.9 % a year"), _EFFECTIVE),
        _fields(RateChanged),
        Effect.RAISES,
        _owed,
    ),
    PlanAct(
        "pause-interest",
        InterestPaused,
        "Let days bear no interest; the dues stay, and days past due count on.",
        _PERIOD,
        _fields(InterestPaused),
        Effect.FORGIVES,
        _owed,
    ),
    PlanAct(
        "move-dues",
        DuesMoved,
        "Move an open due to another day; the later dues are counted from there.",
        (
            Argument("due_on", ArgumentForm.DAY, "the day on which it is due"),
            Argument("moved_to", ArgumentForm.DAY, "the day on which it is to be due"),
        ),
        _fields(DuesMoved),
        Effect.RAISES,
        _owed,
    ),
    PlanAct(
        "extend",
        Extended,
        "Add instalments after the last one, and make those due from a day on level with them.",
        (Argument("instalments", ArgumentForm.NUMBER, "how many more"), _EFFECTIVE),
        _fields(Extended),
        Effect.RAISES,
        _owed,
    ),
    PlanAct(
        "terminate",
        Terminated,
        "End the agreement: all principal and the interest so far are due at once, and no more interest accrues.",
        (),
        _fields(Terminated),
        amount=_owed,
    ),
    PlanAct(
        "holiday",
        Holiday,
        "Move every open due from a day on by the length of a pause.",
        _PERIOD,
        _fields(Holiday),
    ),
    PlanAct(
        "forbearance",
        Forbearance,
        "Collect nothing and count no day as past due for a while; the dues stay.",
        _PERIOD,
        _fields(Forbearance),
    ),
    PlanAct(
        "freeze",
        Frozen,
        "Collect nothing until further notice: death, insolvency, breathing space, suspected fraud.",
        (),
        lambda _, context: Frozen(context.reason),
    ),
    PlanAct("unfreeze", Unfrozen, "End the freeze of a plan.", (), _fields(Unfrozen)),
    PlanAct(
        "charge-fee",
        FeeCharged,
        "Charge a fee by hand, owed with an instalment or with the oldest open one.",
        (
            _amount("the fee"),
            Argument("kind", ArgumentForm.CHOICE, "why it is charged", choices=tuple(FeeKind)),
            Argument("instalment_id", ArgumentForm.ID, "the instalment it is owed with", required=False),
            Argument("due_on", ArgumentForm.DAY, "or the day on which it falls due", required=False),
            Argument("at_once", ArgumentForm.FLAG, "due on the day it is charged, on its own", required=False),
            Argument("fee_id", ArgumentForm.ID, "the fee's id", required=False, own_id=True),
        ),
        _fee_charged,
        Effect.RAISES,
    ),
    PlanAct(
        "waive-fee",
        FeeWaived,
        "Waive a fee or a part of it; what was paid of that becomes credit.",
        (
            Argument("fee_id", ArgumentForm.ID, "the fee's id"),
            _amount("the part to waive; all of it when left out", required=False),
        ),
        _fields(FeeWaived),
        Effect.FORGIVES,
        _fee_waived_amount,
    ),
    PlanAct(
        "waive-interest",
        InterestWaived,
        "Waive accrued interest.",
        (_amount("the interest to waive"),),
        _fields(InterestWaived),
        Effect.FORGIVES,
    ),
    PlanAct(
        "goodwill",
        Goodwill,
        "Pay a part for the shopper; it never counts as a repayment of theirs.",
        (_amount("what we pay"),),
        _fields(Goodwill),
        Effect.FORGIVES,
    ),
    PlanAct(
        "cancel",
        Cancelled,
        "Cancel the order, or the part of it that is not captured yet.",
        (),
        _fields(Cancelled),
    ),
    PlanAct(
        "refund",
        Refunded,
        "Book that the merchant takes goods back: the debt falls, and what was paid for them goes to the shopper.",
        (_amount("the part of the purchase that is taken back"),),
        lambda given, context: Refunded(context.act_id, given["amount"]),
    ),
    PlanAct(
        "dispute",
        Disputed,
        "Record that the shopper disputes a part of the purchase with the merchant; it is not collected meanwhile.",
        (_amount("the part of the purchase in dispute"), _CASE),
        _fields(Disputed),
    ),
    PlanAct(
        "settle-dispute",
        DisputeSettled,
        "Decide a dispute with the merchant for one of them.",
        (_CASE, Argument("winner", ArgumentForm.CHOICE, "who is right", choices=("shopper", "merchant"))),
        lambda given, _: DisputeSettled(given["case_id"], given["winner"] == "shopper"),
        amount=_dispute_amount,
    ),
    PlanAct(
        "charge-off",
        ChargedOff,
        "Charge off the rest: no longer expected, still owed.",
        (Argument("fraud", ArgumentForm.FLAG, "the plan was opened by a fraudster", required=False), _ALLOWANCE),
        _fields(ChargedOff),
        amount=_owed,
    ),
    PlanAct(
        "write-off",
        WrittenOff,
        "Forgive the rest for good.",
        (_ALLOWANCE,),
        _fields(WrittenOff),
        Effect.FORGIVES,
        _owed,
    ),
    PlanAct(
        "refund-credit",
        CreditRefunded,
        "Pay a part of the credit balance back to the shopper.",
        (_amount("the part of the credit"),),
        lambda given, context: CreditRefunded(context.act_id, given["amount"]),
    ),
    PlanAct(
        "apply-credit",
        CreditApplied,
        "Let a part of the credit balance pay another plan of the shopper.",
        (_amount("the part of the credit"), Argument("to_plan_id", ArgumentForm.ID, "the plan that it pays")),
        _fields(CreditApplied),
    ),
    PlanAct(
        "reverse",
        Reversed,
        "Cancel an event that was recorded by mistake: the plan is computed as if it had never happened.",
        (Argument("event_id", ArgumentForm.ID, "the mistaken event's id, as `show` lists it"),),
        lambda given, _: Reversed(given["event_id"]),
        Effect.RAISES,
        _reversed_amount,
    ),
)

ACTS: Mapping[str, PlanAct] = {act.name: act for act in _TABLE}

_ACCEPTANCE = "the acceptance of an offer records it, with the capture of the order: POST /v1/decisions/{id}/accept"
_SHIPMENT = (
    "the merchant's report of a further shipment records it: POST /v1/plans/{id}/shipments, tranche payments ship"
)
_PAYMENT = (
    "collection or tranche payments pay records it from the provider's answer, and reconciliation from a file: "
    "tranche payments"
)
_DISPUTE_FILE = "a provider's file of disputes records it: tranche payments disputes"

NOT_BY_HAND: Mapping[str, str] = {
    "opened": _ACCEPTANCE,
    "part_shipped": _SHIPMENT,
    "paid": _PAYMENT,
    "paid_off": _PAYMENT,
    "returned": _PAYMENT,
    "refund_paid": "the payment of refunds records it once the provider or the bank has the money: tranche payments",
    "claim_opened": _DISPUTE_FILE,
    "claim_won": _DISPUTE_FILE,
    "claim_lost": _DISPUTE_FILE,
    "recovered": "a collection agency's file records it: tranche payments recoveries",
}
"""Kinds of event that say that money or goods moved, and who records them."""


def why_not_by_hand(kind: str) -> str | None:
    """The sentence that refuses a kind of event which says that money moved; None for any other word.

    >>> why_not_by_hand("goodwill")
    """
    name = kind.replace("-", "_")
    who = NOT_BY_HAND.get(name)
    if who is None or name not in KINDS:
        return None
    return f"{name} is not recorded by hand, because it says that money or goods moved: {who}"
