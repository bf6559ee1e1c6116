"""What a source of the demo has to know: its events, its orders, its money. `demo.py` runs one from end to end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from tranche.demo.decisions import Answer, CheckoutClient
from tranche.demo.lake import DemoSplit, LakeRun
from tranche.demo.stages import DemoStages
from tranche.local.clock_file import ClockFile
from tranche.report.details import BreakRow, CashMonth
from tranche.report.summary import PlanFigures, Planted, Reconciliation


@dataclass(frozen=True, slots=True)
class DemoPlace:
    """Where a run happens: its folder, the environment that points at its own runtime, its clock."""

    folder: Path
    environ: Mapping[str, str]
    clock: ClockFile

    @property
    def database_url(self) -> str:
        return self.environ["TRANCHE_DATABASE_URL"]


@dataclass(frozen=True, slots=True)
class MoneyRun:
    """What became of the money: plans, cash against plan, matches and breaks."""

    plans: PlanFigures
    reconciliation: Reconciliation
    cash: tuple[CashMonth, ...]
    breaks: tuple[BreakRow, ...]
    financed_minor: int
    collected_minor: int
    planted: Mapping[str, Planted] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    cash_note: str = ""


class Course(Protocol):
    """One source's way through the demo."""

    @property
    def name(self) -> str:
        """`source` of the summary."""

    @property
    def title(self) -> str:
        """Headline of the report."""

    @property
    def currency(self) -> str:
        """What its money is counted in."""

    def prepare(self, stages: DemoStages) -> None:
        """Make ready what the source needs; raises StageFailed."""

    @property
    def source(self) -> Any:
        """The source of events, as `pipelines.publish` takes it."""

    @property
    def split(self) -> DemoSplit:
        """How training and test are split."""

    @property
    def as_of(self) -> Sequence[datetime]:
        """Moments at which every account needs a vector."""

    def decide(self, stages: DemoStages, place: DemoPlace, lake: LakeRun, checkout: CheckoutClient) -> list[Answer]:
        """Ask for every decision of the run over HTTP."""

    def move_money(self, stages: DemoStages, place: DemoPlace, answers: Sequence[Answer]) -> MoneyRun:
        """Open plans, collect, reconcile."""
