"""The parts of the demo that depend on the source: its events, its orders, its money. `demo.py` runs them in order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from terminal.database import DatabaseProcess, process_url
from tranche.demo.decisions import Answer, CheckoutClient
from tranche.demo.lake import DemoSplit, LakeRun
from tranche.demo.stages import DemoStages
from tranche.local.clock_file import ClockFile
from tranche.report.details import BreakRow, CashMonth
from tranche.report.summary import KindSeen, PlanFigures, Planted, Reconciliation


@dataclass(frozen=True, slots=True)
class DemoPlace:
    """The place of a run: its folder, the environment variables of its own runtime, and its clock."""

    folder: Path
    environ: Mapping[str, str]
    clock: ClockFile

    def database(self, process: DatabaseProcess) -> str:
        """The address of the database for one kind of process; the owner's is not among the variables of a run."""
        return process_url(self.environ, process)


@dataclass(frozen=True, slots=True)
class MoneyRun:
    """The results of moving money: plans, cash against plan, matches and breaks."""

    plans: PlanFigures
    reconciliation: Reconciliation
    cash: tuple[CashMonth, ...]
    breaks: tuple[BreakRow, ...]
    financed_minor: int
    collected_minor: int
    planted: Mapping[str, Planted] = field(default_factory=dict)
    plan_events: Mapping[str, KindSeen] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    cash_note: str = ""


class Course(Protocol):
    """The steps that the demo takes for one source."""

    @property
    def name(self) -> str:
        """The value of `source` in the summary."""

    @property
    def title(self) -> str:
        """The headline of the report."""

    @property
    def currency(self) -> str:
        """The currency of the source."""

    def prepare(self, stages: DemoStages) -> None:
        """Prepare what the source needs; raises StageFailed."""

    @property
    def source(self) -> Any:
        """The source of events, as `pipelines.publish` takes it."""

    @property
    def split(self) -> DemoSplit:
        """The split into training and test period."""

    @property
    def as_of(self) -> Sequence[datetime]:
        """The moments at which every account needs a vector."""

    def decide(self, stages: DemoStages, place: DemoPlace, lake: LakeRun, checkout: CheckoutClient) -> list[Answer]:
        """Ask for every decision of the run over HTTP."""

    def move_money(self, stages: DemoStages, place: DemoPlace, answers: Sequence[Answer]) -> MoneyRun:
        """Open plans, collect, reconcile."""
