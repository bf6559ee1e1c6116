"""Act: compute every plan's standing from its events again, and report those that differed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Protocol

from lending.plan.fold import fold
from lending.servicing.log import PlanLog, PlanStanding, standing_of
from lending.servicing.record_events import TermsOf

CHUNK = 1_000


@dataclass(frozen=True, slots=True)
class Differed:
    """A plan whose stored standing differed from its events: the standing as stored, and as computed now."""

    plan_id: str
    field: str
    kept: object
    made: object


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
            made.append(standing_of(state, version=len(history.events), pooled=history.pooled))
        found = [each for new in made for each in _differences(kept[new.plan_id], new)]
        wrong = {each.plan_id for each in found}
        plans.put_all([new for new in made if new.plan_id in wrong])
        commit()
        count, after = count + len(plan_ids), plan_ids[-1]
        differed += found
    return RebuiltStandings(count, tuple(differed))


def _differences(kept: PlanStanding, made: PlanStanding) -> Iterator[Differed]:
    for each in fields(PlanStanding):
        if each.name == "instalments":
            yield from _instalment_differences(kept, made)
        elif getattr(kept, each.name) != getattr(made, each.name):
            yield Differed(made.plan_id, each.name, getattr(kept, each.name), getattr(made, each.name))


def _instalment_differences(kept: PlanStanding, made: PlanStanding) -> Iterator[Differed]:
    before = {each.instalment_id: each for each in kept.instalments}
    after = {each.instalment_id: each for each in made.instalments}
    for instalment_id in sorted(before.keys() | after.keys()):
        one, other = before.get(instalment_id), after.get(instalment_id)
        if one != other:
            yield Differed(made.plan_id, instalment_id, one, other)
