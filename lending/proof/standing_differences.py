"""Where the stored standing of a plan differs from the one that its events make."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

from lending.servicing.log import PlanStanding


@dataclass(frozen=True, slots=True)
class Differed:
    """A field of a plan's standing, or the id of an instalment, that differs: as stored, and as its events make it."""

    plan_id: str
    field: str
    kept: object
    made: object


def standing_differences(kept: PlanStanding, made: PlanStanding) -> Iterator[Differed]:
    """Field by field, and instalment by instalment; None stands for an instalment that is not there."""
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
