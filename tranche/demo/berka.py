"""The demo on the real Berka data: decide each loan of the test period, and match or list every repayment.

The loans were granted long ago, so a decision does not affect whether its loan's plan is opened.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from lending.servicing.import_plans import ImportedPlans
from payments.reconciliation.standing import Standing
from terminal.database import DatabaseProcess
from tranche.demo import standing as demo_standing
from tranche.demo.cash import Cash, cash_against_plan
from tranche.demo.course import DemoPlace, MoneyRun
from tranche.demo.decisions import Answer, Ask, CheckoutClient
from tranche.demo.lake import DemoSplit, LakeRun
from tranche.demo.stages import DemoStages
from tranche.report.summary import PlanFigures
from tranche.report.wording import count, money

APPLICATIONS, LOANS = "curated.credit_applications", "curated.granted_loans"
COLUMNS = (
    "application_id", "shopper_id", "account_id", "merchant_id", "applied_at",
    "amount_minor", "currency", "product", "duration_months", "channel",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BerkaCourse:
    """The course on the tables in `folder`, split at the given days or at the ends of 1995 and 1996."""

    folder: Path
    train_until: date | None
    test_until: date | None
    name: str = "berka"
    title: str = "Tranche: the Berka data, once through"
    currency: str = "CZK"

    def prepare(self, stages: DemoStages) -> None:
        """Does nothing, because the data already exist."""

    @property
    def source(self) -> Any:
        from pipelines.sources.berka import Berka

        return Berka(self.folder)

    @property
    def split(self) -> DemoSplit:
        return DemoSplit(self.train_until, self.test_until)

    @property
    def as_of(self) -> Sequence[datetime]:
        """Empty: every decision is made at the moment of an application, which always has a vector."""
        return ()

    def decide(self, stages: DemoStages, place: DemoPlace, lake: LakeRun, checkout: CheckoutClient) -> list[Answer]:
        """One decision for each loan granted after the training period and up to the end of the test period."""
        doing = f"one for each loan from {lake.train_until} to {lake.test_until}, the clock at its day"
        with stages.stage("decisions", doing) as say:
            asks = _asks(_tables(place), lake.train_until, lake.test_until)
            with stages.bar("decisions") as tick:
                answers = checkout.decide(asks, tick)
            say(outcomes(answers))
        return answers

    def move_money(self, stages: DemoStages, place: DemoPlace, answers: Sequence[Answer]) -> MoneyRun:
        """Import every granted loan as a plan; match every repayment that the bank's data show."""
        del answers  # past loans do not depend on our decisions
        tables = _tables(place)
        imported = _import(stages, place, tables)
        standing = _reconcile(stages, place, tables)
        cash = _cash(place, tables, standing.as_of)
        return MoneyRun(
            plans=PlanFigures(opened=imported.opened, instalments=imported.instalments),
            reconciliation=demo_standing.reconciliation_figures(standing),
            cash=cash.months,
            breaks=demo_standing.break_rows(standing, self.currency),
            financed_minor=cash.financed_minor,
            collected_minor=cash.received_minor,
            notes=_notes(imported, standing),
            cash_note="What is missing was not recovered in this copy of the data; it says nothing about who paid.",
        )


def outcomes(answers: Sequence[Answer]) -> str:
    """The number of answers of each kind, in one line."""
    kinds = ("approved", "approved_reduced", "referred", "declined")
    parts = [f"{count(sum(answer.outcome == kind for answer in answers))} {kind}" for kind in kinds]
    return f"{count(len(answers))} asked: {', '.join(parts).replace('_', ' ')}"


def _tables(place: DemoPlace) -> Any:
    from pipelines.lake.iceberg import IcebergTables
    from pipelines.settings import Settings

    return IcebergTables(Settings.from_environment(place.environ))


def _asks(tables: Any, after: date, until: date) -> list[Ask]:
    from pipelines.lake.table import the_newest

    loans = tables.read(LOANS, ["application_id"], snapshot_id=the_newest(tables, LOANS).snapshot_id, equal={})
    granted = set(loans["application_id"].to_pylist())
    snapshot = the_newest(tables, APPLICATIONS).snapshot_id
    rows = [
        row
        for row in tables.read(APPLICATIONS, COLUMNS, snapshot_id=snapshot, equal={}).to_pylist()
        if row["application_id"] in granted and after < row["applied_at"].date() <= until
    ]
    rows.sort(key=lambda row: (row["applied_at"], row["application_id"]))
    return [Ask(row.pop("applied_at"), row | {"order_id": row["application_id"]}) for row in rows]


def _import(stages: DemoStages, place: DemoPlace, tables: Any) -> ImportedPlans:
    with stages.stage("plans", "every granted loan becomes a plan that was taken over") as say:
        from ledger.books.postgres import PostgresLedger, connect
        from lending.servicing.import_plans import import_plans
        from lending.servicing.postgres import PostgresPlans
        from lending.terms.products import imported_product
        from pipelines.curation.export_loans import export_loans

        file = export_loans(tables, place.folder / "granted_loans.csv").path
        with connect(place.database(DatabaseProcess.LENDING)) as connection:
            plans, ledger = PostgresPlans(connection), PostgresLedger(connection)
            imported = import_plans(file, plans=plans, ledger=ledger, product=imported_product())
        say(f"{count(imported.opened)} plans with {count(imported.instalments)} instalments")
        for currency, principal in imported.principal.items():
            lent = imported.lent[currency]
            owed, given = money(principal.minor, currency), money(lent.minor, currency)
            say(f"{owed} in dues against {given} lent: {money((principal - lent).minor, currency)} rounded into dues")
    return imported


def _reconcile(stages: DemoStages, place: DemoPlace, tables: Any) -> Standing:
    with stages.stage("reconcile", "every repayment meets a due in its own month, or is listed") as say:
        from payments.postgres import connected
        from payments.provider.simulated import SimulatedProvider
        from payments.reconciliation.reconcile import reconcile
        from payments.wiring import adapters_over
        from pipelines.curation.export_statement import export_statement

        file = export_statement(tables, place.folder / "repayment_lines.csv").path
        with connected(place.database(DatabaseProcess.PAYMENTS)) as connection:
            ports = adapters_over(connection, SimulatedProvider())  # shoppers pay by transfer, so no one is charged
            report = reconcile(
                [file],
                asking=ports.asking,
                plans=ports.plans,
                ledger=ports.ledger,
                reconciliation=ports.reconciliation,
                payouts=ports.payouts,
                refunds=ports.refunds,
                publish=ports.publish,
                terms=ports.terms,
                profile=ports.profile,
                at=datetime.now(UTC),
            )
        standing = demo_standing.reconciliation_standing(place.database(DatabaseProcess.READER))
        say(
            f"{count(report.lines)} lines: {count(standing.matched_by_id + standing.matched_by_rule)} match a due "
            f"exactly, {count(standing.unmatched)} do not; {count(standing.open_expectations)} dues without a line"
        )
        for each in standing.listed:
            say(f"{each.break_class} {each.amount} {each.line_id}: {each.reason}")
    return standing


def _cash(place: DemoPlace, tables: Any, until: date) -> Cash:
    from ledger.books.postgres import connect
    from lending.servicing.postgres import PostgresPlans
    from pipelines.lake.table import the_newest

    snapshot = the_newest(tables, LOANS).snapshot_id
    loans = tables.read(LOANS, ["source", "loan_id"], snapshot_id=snapshot, equal={}).to_pylist()
    with connect(place.database(DatabaseProcess.READER)) as connection:
        plan_ids = (f"{loan['source']}-{loan['loan_id']}" for loan in loans)
        return cash_against_plan(PostgresPlans(connection), plan_ids, until)


def _notes(imported: ImportedPlans, standing: Standing) -> tuple[str, ...]:
    exact = standing.matched_by_id + standing.matched_by_rule
    ages = ", ".join(f"{count(number)} aged {span} days" for span, number in standing.open_by_age.items() if number)
    matched = (
        f"{count(exact)} of {count(standing.lines)} repayments match a due of their month exactly; the other "
        f"{count(standing.unmatched)} are listed as breaks with their reason."
    )
    missing = (
        "In this copy of the data a missing line means that it was not recovered, not that nobody paid: the "
        f"{count(standing.open_expectations)} dues without a line ({ages}) are open expectations, never defaults."
    )
    rounded = (
        f"The dues of {count(len(imported.differences))} loans do not sum to the amount lent, because their "
        "instalments were rounded; the plans follow the instalments."
    )
    beside = "A decision stands beside its loan's plan and never gates it: the loans were granted long ago."
    return matched, missing, rounded, beside
