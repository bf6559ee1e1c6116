"""Act: open a plan for every loan of a `granted_loan.v1` file of another lender (flow F48).

The file is imported as a whole or not at all. Importing it again changes nothing; a loan whose row has changed is an
error that names the column.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from data_contracts.catalog import contract
from data_contracts.files import read_rows
from ledger.books.store import Conflict
from ledger.money import Currency, Money
from lending.plan.event import Opened, PlanEvent
from lending.plan.plan import Origin, Plan, PlanId, instalments_of
from lending.schedule.due_dates import first_on_or_after
from lending.servicing.record_events import EventRecorded, EventRefused, KeptLedger, record_events
from lending.servicing.store import Plans
from lending.terms.dues import repeated_dues
from lending.terms.product_terms import ImportedProduct
from lending.terms.products import servicing_terms
from terminal.fault import Fault

CONTRACT = "granted_loan"


class ImportFault(Fault):
    """Raised when a file's loan contradicts what was imported before; names the file, the loan and the column."""


@dataclass(frozen=True, slots=True)
class LoanDifference:
    """A loan whose instalments do not sum to the amount lent; `difference` is what they repay beyond it."""

    loan_id: str
    lent: Money
    repaid: Money

    @property
    def difference(self) -> Money:
        return self.repaid - self.lent


@dataclass(frozen=True, slots=True)
class ImportedPlans:
    """The plans that are new, the plans imported before, and how their sums compare with the amounts lent."""

    file: str
    loans: int
    opened: int
    already_open: int
    instalments: int
    principal: Mapping[Currency, Money]
    lent: Mapping[Currency, Money]
    differences: tuple[LoanDifference, ...]


def import_plans(file: Path, *, plans: Plans, ledger: KeptLedger, product: ImportedProduct) -> ImportedPlans:
    """Open a plan for each loan of the file, with its balance.

    Raises data_contracts.files.FileFault for a broken file and ImportFault for a loan that changed since.
    """
    rows: Sequence[Mapping[str, Any]] = read_rows(file, contract(CONTRACT))
    agreed = [imported_plan(row, product) for row in rows]
    try:
        opened = plans.open_all(agreed)
        begun = [_opened(plan, row) for plan, row in zip(agreed, rows, strict=True)]
        answers = record_events(
            begun, plans=plans, ledger=ledger, terms=lambda plan: servicing_terms(plan.terms_version, plan.currency)
        )
    except Conflict as conflict:
        raise ImportFault(f"{file}: {conflict.entry_id} was imported with another {conflict.field}") from conflict
    refused = [answer for answer in answers if isinstance(answer, EventRefused)]
    if refused:
        raise ImportFault(f"{file}: {refused[0].event_id}: {refused[0].reasons[0].detail}")
    begun_now = sum(isinstance(answer, EventRecorded) for answer in answers)
    assert opened == begun_now, "a plan and its balance come together"
    return _report(file, rows, agreed, opened)


def imported_plan(row: Mapping[str, Any], product: ImportedProduct) -> Plan:
    """The plan of one granted loan: `duration` monthly dues of the loan's instalment."""
    currency = Currency(row["currency"])
    plan_id = PlanId(f"{row['source']}-{row['loan_id']}")
    granted_on: date = row["granted_on"]
    instalment = Money(row["instalment_minor"], currency)
    first_due_on = first_on_or_after(granted_on, product.first_due_day)
    dues = repeated_dues(instalment, row["duration_months"], first_due_on=first_due_on)
    return Plan(
        plan_id=plan_id,
        shopper_id=None,
        account_id=row["account_id"],
        merchant_id=None,
        order_id=row["application_id"],
        decision_id=None,
        origin=Origin.IMPORTED,
        product=product.product,
        opened_on=granted_on,
        principal=instalment * row["duration_months"],
        merchant_discount=Money.zero(currency),
        annual_rate_basis_points=product.annual_rate_basis_points,
        terms_version=product.version,
        instalments=instalments_of(plan_id, dues),
        taken_from={column: _text(value) for column, value in row.items() if value is not None},
    )


def _opened(plan: Plan, row: Mapping[str, Any]) -> PlanEvent:
    """The event that opens the plan with the amount still owed (F48)."""
    body = Opened(plan.principal)
    return PlanEvent(
        f"opened:{plan.plan_id}",
        plan.plan_id,
        row["granted_on"],
        row["occurred_at"],
        row["recorded_at"],
        plan.order_id,
        body,
    )


def _report(file: Path, rows: Sequence[Mapping[str, Any]], agreed: Sequence[Plan], opened: int) -> ImportedPlans:
    principal: dict[Currency, Money] = {}
    lent: dict[Currency, Money] = {}
    differences = []
    for row, plan in zip(rows, agreed, strict=True):
        amount = Money(row["amount_minor"], plan.currency)
        principal[plan.currency] = principal.get(plan.currency, Money.zero(plan.currency)) + plan.principal
        lent[plan.currency] = lent.get(plan.currency, Money.zero(plan.currency)) + amount
        if amount != plan.principal:
            differences.append(LoanDifference(row["loan_id"], amount, plan.principal))
    return ImportedPlans(
        file=file.name,
        loans=len(rows),
        opened=opened,
        already_open=len(rows) - opened,
        instalments=sum(len(plan.instalments) for plan in agreed),
        principal=principal,
        lent=lent,
        differences=tuple(differences),
    )


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else str(value)
