"""A servicing case: what shoppers, shops, agents and banks want of one plan, day by day, written as data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

Row = dict[str, Any]


class Staff(StrEnum):
    """The principals of the world, by their ids; each has one role of the authority file."""

    AGENT = "desk-agent"
    SERVICER = "desk-servicer"
    RISK = "desk-risk"
    HEAD_OF_RISK = "desk-head-of-risk"
    REVIEWER = "desk-reviewer"
    SHOP = "desk-shop"  # one for each merchant, who may act on this merchant's plans alone


ROLES: Mapping[Staff, str] = {
    Staff.AGENT: "agent",
    Staff.SERVICER: "servicing",
    Staff.RISK: "credit-risk",
    Staff.HEAD_OF_RISK: "credit-risk",
    Staff.REVIEWER: "reviewer",
    Staff.SHOP: "shop",
}


class Door(StrEnum):
    """The way by which a step reaches the platform."""

    ACT = "act"  # POST /v1/plans/{id}/ACT; a proposal is approved by a second principal at once
    PAYMENT = "payment"  # POST /v1/plans/{id}/payments
    SHIPMENT = "shipment"  # POST /v1/plans/{id}/shipments
    CLAIM = "claim"  # the provider takes a payment back or gives it back, and its file of disputes says so
    HABIT = "habit"  # from the next instalment on the shopper's payment method answers in another way
    TRANSFER = "transfer"  # a collection agency transfers what it collected to our bank
    REMITTANCE = "remittance"  # the agency's file says of which plan that money is


@dataclass(frozen=True, slots=True)
class PlanSeen:
    """A plan as the desk sees it on a day: the answer of `GET /v1/plans/{id}/history`, and that of `quote`.

    `unshipped_minor`: the part of the order that is still to be shipped. `other_plan_id`: another plan of the shopper,
    if there is one.
    """

    on: date
    history: Row
    quote: Row
    unshipped_minor: int
    other_plan_id: str | None

    @property
    def plan_id(self) -> str:
        return str(self.history["plan_id"])

    @property
    def merchant_id(self) -> str:
        return str(self.history["merchant_id"])

    def day(self, later: int) -> str:
        """The day so many days later, as the API writes it."""
        return (self.on + timedelta(days=later)).isoformat()

    @property
    def next_due(self) -> date:
        """The next open due after today."""
        return date.fromisoformat(self._next["due_on"])

    @property
    def next_number(self) -> int:
        """The number of the instalment that falls due next."""
        return int(self._next["number"])

    @property
    def _next(self) -> Row:
        to_come = (each for each in self.history["instalments"] if each["open_minor"])
        return min((each for each in to_come if each["due_on"] > self.on.isoformat()), key=lambda each: each["due_on"])

    def event(self, kind: str) -> str:
        """The id of the newest event of a kind."""
        return str([each["event_id"] for each in self.history["events"] if each["kind"] == kind][-1])

    @property
    def newest_attempt(self) -> str:
        """The newest attempt that paid something; credit that paid a due is no attempt."""
        causes = [each["cause"] for each in self.history["events"] if each["kind"] == "paid"]
        return str([cause for cause in causes if "#" in cause][-1])

    def money(self, minor: int) -> Row:
        """An amount of the plan, as a body of the API has it."""
        return {"amount_minor": minor, "currency": self.history["currency"]}


Wanted = Callable[[PlanSeen], Row]


@dataclass(frozen=True, slots=True)
class CaseStep:
    """What is wanted so many days after the plan was opened, and why. `name`: of the act, claim's stage or habit."""

    after_days: int
    door: Door
    name: str
    by: Staff | None
    why: str
    wanted: Wanted


@dataclass(frozen=True, slots=True)
class ServicingCase:
    """A case and the plan it fits: the product (any if None) and the shopper's habit of paying.

    `ships`: the share of the order, in percent, that the merchant has shipped when the offer is accepted.
    `two_plans`: the shopper has another plan.
    """

    name: str
    steps: tuple[CaseStep, ...]
    product: str | None = None
    habit: str = "pays"
    ships: int = 100
    two_plans: bool = False

    def fits(self, product: str, habit: str, *, two_plans: bool) -> bool:
        return self.product in (None, product) and self.habit == habit and (two_plans or not self.two_plans)
