"""The store of plans for collection, reconciliation and the API."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from ledger.money import Money
from lending.plan.plan import Instalment, Plan
from lending.servicing.log import PlanLog


@dataclass(frozen=True, slots=True)
class OpenInstalment:
    """An instalment of a plan's schedule as it is now, with an open amount.

    `disputed` is the part of the open principal that may not be collected while a dispute lasts.
    """

    plan: Plan
    instalment: Instalment
    open_principal: Money
    open_interest: Money
    open_fees: Money
    disputed: Money

    @property
    def open_amount(self) -> Money:
        return self.open_principal + self.open_interest + self.open_fees


class Plans(PlanLog, Protocol):
    """Stores plans and their events, each once. An adapter never commits.

    Storing the same content under a known id changes nothing; other content raises ledger.store.Conflict.
    """

    def open(self, plan: Plan) -> bool:
        """Store a new plan; False when it was stored before."""

    def open_all(self, plans: Sequence[Plan]) -> int:
        """Store many plans in a few round trips; returns how many were new."""

    def get(self, plan_id: str) -> Plan | None:
        """The plan as agreed, or None."""

    def get_all(self, plan_ids: Iterable[str]) -> Mapping[str, Plan]:
        """The stored plans among these ids, by id."""

    def find_by_account(self, account_id: str) -> tuple[Plan, ...]:
        """The plans repaid from a bank account, oldest first."""

    def find_by_shopper(self, shopper_id: str) -> tuple[Plan, ...]:
        """The plans of a shopper, oldest first."""

    def due(self, as_of: date) -> tuple[OpenInstalment, ...]:
        """Instalments due on or before a day with an open amount, ordered by due day, plan and number."""

    def collectable(
        self, as_of: date, *, on: date | None = None, plan_ids: Sequence[str] | None = None
    ) -> tuple[OpenInstalment, ...]:
        """The instalments of `due` that may be collected: of open plans, not paused, not wholly in dispute.

        `on`: the day on which no pause may hold, when it is another one than `as_of`. With `plan_ids`, of these plans
        only.
        """
