"""What collection, reconciliation and the API need of plans."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from ledger.money import Money
from lending.plan.plan import Instalment, Plan
from lending.servicing.log import PlanLog


@dataclass(frozen=True, slots=True)
class OpenInstalment:
    """An instalment of a plan's schedule as it is now, with something left to pay.

    `disputed` is the part of the open principal that nobody may ask for while the dispute lasts.
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
    """Keeps plans and what happened to them, each once. An adapter never commits.

    The same id with the same content changes nothing; with another content it raises ledger.store.Conflict.
    """

    def open(self, plan: Plan) -> bool:
        """Keep a new plan; False when it was there."""

    def open_all(self, plans: Sequence[Plan]) -> int:
        """Keep many in a few round trips; how many were new."""

    def get(self, plan_id: str) -> Plan | None:
        """A plan as agreed."""

    def get_all(self, plan_ids: Iterable[str]) -> Mapping[str, Plan]:
        """Those of these plans that we know, by id."""

    def find_by_account(self, account_id: str) -> tuple[Plan, ...]:
        """The plans repaid from a bank account, oldest first."""

    def find_by_shopper(self, shopper_id: str) -> tuple[Plan, ...]:
        """The plans of a shopper, oldest first."""

    def due(self, as_of: date) -> tuple[OpenInstalment, ...]:
        """Instalments due up to a day, that day included, with something left to pay; by due day, plan and number."""

    def collectable(self, as_of: date) -> tuple[OpenInstalment, ...]:
        """Those of them that may be asked for: of open plans that no pause covers, and not only what is disputed."""
