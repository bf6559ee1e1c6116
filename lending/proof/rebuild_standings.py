"""Act: compute every plan's standing from its events again, and replace those that differ if somebody accepts that."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from typing import Protocol

from ledger.proof.accepted import AcceptedDifference, AcceptedDifferences
from lending.plan.fold import fold
from lending.proof.checkpoint_difference import checkpoint_difference
from lending.proof.standing_differences import Differed, standing_differences
from lending.servicing.log import PlanLog, PlanStanding, StoredCheckpoint, standing_of
from lending.servicing.record_events import TermsOf

CHUNK = 1_000
CHECKPOINT = "checkpoint"


@dataclass(frozen=True, slots=True)
class RebuiltStandings:
    """The number of plans folded, and what differed; it was replaced if that was accepted.

    `without_standing`: plans whose standing is gone, with the day through which they were folded; they are left so.
    """

    plans: int
    differed: tuple[Differed, ...]
    without_standing: tuple[str, ...] = ()


class Standings(PlanLog, Protocol):
    """A PlanLog whose plans can be listed and whose standings can be replaced."""

    def with_events(self, *, after: str, limit: int) -> Sequence[str]:
        """The ids of plans with a recorded event, in order."""

    def stored_checkpoints(self, plan_ids: Sequence[str]) -> Mapping[str, StoredCheckpoint]:
        """The checkpoints of plans as they are stored."""

    def put_all(self, standings: Sequence[PlanStanding]) -> None:
        """Replace the stored standings of plans and of their instalments, and delete their checkpoints."""


def rebuild_standings(
    plans: Standings,
    *,
    terms: TermsOf,
    commit: Callable[[], None],
    accepted: AcceptedDifferences | None = None,
    chunk: int = CHUNK,
) -> RebuiltStandings:
    """Fold every plan again through the day to which it was folded before, and find what is stored otherwise.

    With `accepted`, what differs is kept there as it was and replaced; a checkpoint that differs is deleted. Commits
    after each chunk.
    """
    count = 0
    differed: list[Differed] = []
    lost: list[str] = []
    after = ""
    while plan_ids := plans.with_events(after=after, limit=chunk):
        histories = plans.lock(plan_ids) if accepted is not None else plans.histories(plan_ids)
        kept, checkpoints = plans.standings(plan_ids), plans.stored_checkpoints(plan_ids)
        made: list[PlanStanding] = []
        found: list[Differed] = []
        for plan_id, history in histories.items():
            servicing = terms(history.plan)
            state = fold(history.plan, history.events, servicing, through=history.folded_through)
            made.append(standing_of(state, version=len(history.events), pooled=history.pooled))
            found += standing_differences(kept[plan_id], made[-1])
            if plan_id in checkpoints:
                wrong = checkpoint_difference(history, servicing, checkpoints[plan_id])
                found += [Differed(plan_id, CHECKPOINT, checkpoints[plan_id], None)] if wrong else []
        wrong_ones = {each.plan_id for each in found}
        if wrong_ones and accepted is not None:
            accepted.keep([_kept(each) for each in found])
            plans.put_all([new for new in made if new.plan_id in wrong_ones])
        lost += [plan_id for plan_id in plan_ids if plan_id not in histories]
        commit()
        count, after = count + len(plan_ids), plan_ids[-1]
        differed += found
    return RebuiltStandings(count, tuple(differed), tuple(lost))


def _kept(each: Differed) -> AcceptedDifference:
    return AcceptedDifference(
        "lending.plan_standing", f"{each.plan_id}: {each.field}", _tree(each.kept), _tree(each.made)
    )


def _tree(value: object) -> object:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
