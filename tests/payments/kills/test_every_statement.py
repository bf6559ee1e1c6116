"""An act of payments is killed at every SQL statement, call and file; it runs again, and the day is what it was."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from itertools import count

import pytest

from tests.payments.kills.killing import Ended, run_killed
from tests.payments.kills.world import (
    DUE,
    Act,
    World,
    agrees,
    collects,
    day_ends,
    fingerprint,
    pays_merchants,
    pays_refunds,
    reconciles,
    standing,
    the_day_before,
)
from tests.payments.outside import at

pytestmark = pytest.mark.slow
LATER = timedelta(hours=1)  # well after the delay in which a lost request may still arrive
NEXT = DUE + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Stage:
    """An act of the day, the world as it is before it, and what is left once it has come to rest."""

    act: Act
    day: date
    when: datetime
    before: World
    after: dict[str, object] = field(default_factory=dict)

    def comes_to_rest(self, world: World) -> None:
        """Run twice more: an answer that was lost the first time is told to an enquiry the second time."""
        self.act(world, self.day, self.when + LATER)
        self.act(world, self.day, self.when + 2 * LATER)


@pytest.fixture(scope="module")
def stages(template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Stage]]:
    """The acts of one day in their order, nothing killed: the proof of what the day is."""
    world = the_day_before(template_database, tmp_path_factory.mktemp("world"))
    found: dict[str, Stage] = {}
    begun = [world]
    for act, day, hour in (
        (collects, DUE, 10),
        (pays_merchants, DUE, 12),
        (pays_refunds, DUE, 14),
        (reconciles, NEXT, 20),
    ):
        if act is reconciles:
            for each in (DUE, NEXT):
                day_ends(world, each, at(each))
        after = world.copied()
        stage = Stage(act, day, at(day, hour), world)
        act(after, day, stage.when)
        stage.comes_to_rest(after)
        found[act.__name__] = replace(stage, after=standing(after))
        world = after
        begun.append(world)
    agrees(world)
    yield found
    for lived in begun:
        lived.dropped()


@pytest.mark.parametrize("name", ["collects", "pays_merchants", "pays_refunds", "reconciles"])
def test_an_act_may_be_killed_at_every_step(stages: dict[str, Stage], name: str) -> None:
    stage, last = stages[name], None
    untouched = fingerprint(stage.before)
    world, steps, futures = stage.before.copied(), 0, 0
    for step in count(1):
        end = run_killed(partial(stage.act, world, stage.day, stage.when), step)
        if isinstance(end, Ended):
            break
        steps = step
        world.left_alone()
        left = fingerprint(world)
        seen = left == last  # a death within one database transaction leaves the same world
        if not seen:
            futures, last = futures + 1, left
            stage.comes_to_rest(world)
            assert standing(world) == stage.after, f"{name}, killed before step {step}"
            agrees(world)
        if not seen or left != untouched:
            world.dropped()
            world = stage.before.copied()
    world.dropped()
    print(f"{name}: killed at {steps} steps, with {futures} different futures")
    assert steps > 30
    assert 2 < futures < steps
