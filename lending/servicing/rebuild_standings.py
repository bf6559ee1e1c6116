"""Act: compute every plan's standing from its events again, and report those that differed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from lending.plan.fold import fold
from lending.servicing.log import PlanLog, PlanStanding, standing_of
from lending.servicing.record_events import TermsOf
from lending.servicing.standing_differences import Differed, standing_differences

CHUNK = 1_000


@dataclass(frozen=True, slots=True)
class RebuiltStandings:
    """The number of plans rebuilt, and those that had differed."""

    plans: int
    differed: tuple[Differed, ...]


class Standings(PlanLog, Protocol):
    """A PlanLog whose plans can be listed and whose standings can be replaced."""

    def with_events(self, *, after: str, limit: int) -> Sequence[str]:
        """The ids of plans with a recorded event, in order."""

    def put_all(self, standings: Sequence[PlanStanding]) -> None:
        """Replace the stored standings of plans and of their instalments."""


def rebuild_standings(
    plans: Standings, *, terms: TermsOf, commit: Callable[[], None], chunk: int = CHUNK
) -> RebuiltStandings:
    """Fold every plan again through the day to which it was folded before. Commits after each chunk."""
    count = 0
    differed: list[Differed] = []
    after = ""
    while plan_ids := plans.with_events(after=after, limit=chunk):
        histories = plans.lock(plan_ids)
        kept = plans.standings(plan_ids)
        made = []
        for history in histories.values():
            state = fold(history.plan, history.events, terms(history.plan), through=history.folded_through)
            made.append(standing_of(state, version=len(history.events)))
        found = [each for new in made for each in standing_differences(kept[new.plan_id], new)]
        wrong = {each.plan_id for each in found}
        plans.put_all([new for new in made if new.plan_id in wrong])
        commit()
        count, after = count + len(plan_ids), plan_ids[-1]
        differed += found
    return RebuiltStandings(count, tuple(differed))
