"""Plans in memory, for tests and examples, with the same answers as in PostgreSQL."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from ledger.books.store import Conflict
from lending.plan.plan import Instalment, InstalmentId, Plan, first_difference
from lending.servicing.log import InstalmentStanding
from lending.servicing.memory_log import MemoryPlanLog
from lending.servicing.store import OpenInstalment


class MemoryPlans(MemoryPlanLog):
    """Plans for one process and one thread."""

    def __init__(self, books: object | None = None) -> None:
        super().__init__(books)

    def open(self, plan: Plan) -> bool:
        return self.open_all([plan]) == 1

    def open_all(self, plans: Sequence[Plan]) -> int:
        fresh: dict[str, Plan] = {}
        for plan in plans:
            known = self._plans.get(plan.plan_id) or fresh.setdefault(plan.plan_id, plan)
            field = first_difference(known, plan)
            if field is not None:
                raise Conflict(plan.plan_id, field)
        self._plans.update(fresh)
        return len(fresh)

    def get(self, plan_id: str) -> Plan | None:
        return self._plans.get(plan_id)

    def find_by_account(self, account_id: str) -> tuple[Plan, ...]:
        found = [plan for plan in self._plans.values() if plan.account_id == account_id]
        return tuple(sorted(found, key=lambda plan: (plan.opened_on, plan.plan_id)))

    def find_by_shopper(self, shopper_id: str) -> tuple[Plan, ...]:
        found = [plan for plan in self._plans.values() if plan.shopper_id == shopper_id]
        return tuple(sorted(found, key=lambda plan: (plan.opened_on, plan.plan_id)))

    def get_all(self, plan_ids: Iterable[str]) -> Mapping[str, Plan]:
        return {plan_id: self._plans[plan_id] for plan_id in plan_ids if plan_id in self._plans}

    def due(self, as_of: date) -> tuple[OpenInstalment, ...]:
        found = [
            _open(self._plans[plan_id], each)
            for plan_id, standing in self._standings.items()
            for each in standing.instalments
            if each.due_on <= as_of and (each.open_principal + each.open_interest + each.open_fees).minor
        ]
        return tuple(sorted(found, key=lambda due: (due.instalment.due_on, due.plan.plan_id, due.instalment.number)))

    def collectable(
        self, as_of: date, *, on: date | None = None, plan_ids: Sequence[str] | None = None
    ) -> tuple[OpenInstalment, ...]:
        return tuple(
            due
            for due in self.due(as_of)
            if (plan_ids is None or due.plan.plan_id in plan_ids)
            and due.open_amount > due.disputed
            and (standing := self._standings.get(due.plan.plan_id)) is not None
            and standing.status == "open"
            and not standing.paused_on(on or as_of)
        )


def _open(plan: Plan, each: InstalmentStanding) -> OpenInstalment:
    instalment = Instalment(InstalmentId(each.instalment_id), each.number, each.due_on, each.principal, each.interest)
    return OpenInstalment(plan, instalment, each.open_principal, each.open_interest, each.open_fees, each.disputed)
