"""The demo on the seeded world: checkouts, plans, ninety days of collection, and faults that must be found."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from simulation.world.period import Period
from tranche.demo_course import MoneyRun, Place
from tranche.demo_decisions import Answer, Checkout
from tranche.demo_lake import LakeRun, Split
from tranche.stages import Stages
from tranche.wording import count

CAPITAL_MINOR = 25_000_000
COLLECTED_DAYS = 95
THINKS_FOR = timedelta(seconds=90)
PERIOD = Period()


@dataclass(frozen=True, slots=True)
class SeededCourse:
    """The world of one seed, written into `folder`."""

    seed: int
    folder: Path
    train_until: date | None
    test_until: date | None
    name: str = "seeded"
    title: str = "Tranche: the seeded world, once through"
    currency: str = "GBP"

    def prepare(self, stages: Stages) -> None:
        with stages.stage("generate", f"the world of seed {self.seed}") as say:
            from simulation.world.generate import generate

            report = generate(self.seed, self.folder)
            say(
                f"{count(report.rows['bank_transactions.jsonl'])} bank transactions, {count(report.loans)} past loans, "
                f"{count(report.rows['checkouts.jsonl'])} checkouts; planted {dict(report.planted)}"
            )

    @property
    def source(self) -> Any:
        from pipelines.sources.canonical import Canonical

        return Canonical(self.folder, self.name)

    @property
    def split(self) -> Split:
        return Split(self.train_until or PERIOD.train_until, self.test_until or PERIOD.test_until)

    @property
    def as_of(self) -> Sequence[datetime]:
        """The midnight before each day of checkouts: a nightly build could know no more."""
        return [datetime.combine(day, time(), UTC) for day in PERIOD.days_of_checkout()]

    def decide(self, stages: Stages, place: Place, lake: LakeRun, checkout: Checkout) -> list[Answer]:
        """Every basket in the order of the clock; an offer that its shopper likes is accepted at once."""
        raise NotImplementedError

    def move_money(self, stages: Stages, place: Place, answers: Sequence[Answer]) -> MoneyRun:
        raise NotImplementedError
