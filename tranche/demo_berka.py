"""The demo on the real Berka data: a decision for each loan of the test period, every repayment matched or listed.

The loans were granted long ago: a decision stands beside its loan's plan and never gates it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from tranche.demo_course import MoneyRun, Place
from tranche.demo_decisions import Answer, Ask, Checkout
from tranche.demo_lake import LakeRun, Split
from tranche.stages import Stages
from tranche.wording import count

APPLICATIONS, LOANS = "curated.credit_applications", "curated.granted_loans"
COLUMNS = (
    "application_id", "shopper_id", "account_id", "merchant_id", "applied_at",
    "amount_minor", "currency", "product", "duration_months", "channel",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BerkaCourse:
    """The tables in `folder`, split where asked or at the ends of 1995 and 1996."""

    folder: Path
    train_until: date | None
    test_until: date | None
    name: str = "berka"
    title: str = "Tranche: the Berka data, once through"
    currency: str = "CZK"

    def prepare(self, stages: Stages) -> None:
        """Nothing: the data are there."""

    @property
    def source(self) -> Any:
        from pipelines.sources.berka import Berka

        return Berka(self.folder)

    @property
    def split(self) -> Split:
        return Split(self.train_until, self.test_until)

    @property
    def as_of(self) -> Sequence[datetime]:
        """None: every decision is made at the moment of an application, which has its vector anyway."""
        return ()

    def decide(self, stages: Stages, place: Place, lake: LakeRun, checkout: Checkout) -> list[Answer]:
        """One decision for each loan granted after the training period and up to the end of the test period."""
        doing = f"one for each loan from {lake.train_until} to {lake.test_until}, the clock at its day"
        with stages.stage("decisions", doing) as say:
            asks = _asks(_tables(place), lake.train_until, lake.test_until)
            with stages.bar("decisions") as tick:
                answers = checkout.decide(asks, tick)
            say(outcomes(answers))
        return answers

    def move_money(self, stages: Stages, place: Place, answers: Sequence[Answer]) -> MoneyRun:
        raise NotImplementedError


def outcomes(answers: Sequence[Answer]) -> str:
    """How the answers divide, in one line."""
    kinds = ("approved", "approved_reduced", "referred", "declined")
    parts = [f"{count(sum(answer.outcome == kind for answer in answers))} {kind}" for kind in kinds]
    return f"{count(len(answers))} asked: {', '.join(parts).replace('_', ' ')}"


def _tables(place: Place) -> Any:
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
