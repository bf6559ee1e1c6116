"""Days of a lender on which its acts are killed at random, some of them twice and two at once, and days are skipped."""

import random
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import pytest

from tests.payments.kills.killing import Killed, run_beside
from tests.payments.kills.world import (
    DUE,
    Act,
    World,
    agrees,
    collects,
    day_ends,
    pays_merchants,
    pays_refunds,
    reconciles,
    the_day_before,
)
from tests.payments.outside import at
from tests.payments.plans import NOON, an_open_plan
from tests.soak import examples

pytestmark = pytest.mark.slow
KILLS = examples(usual=60, soaked=50)  # in all; `make soak` has twenty times fifty
A_COURSE = 60  # kills after which a new world begins
LATEST = 100  # the step before which a process dies at the latest; some come to their end before
ACTS: tuple[tuple[Act, int], ...] = ((collects, 10), (pays_merchants, 13), (pays_refunds, 16), (reconciles, 19))


@pytest.mark.parametrize("seed", range(-(-KILLS // A_COURSE)))
def test_a_course_of_days_with_kills_ends_where_provider_bank_and_books_agree(
    template_database: str, tmp_path: Path, seed: int
) -> None:
    draw = random.Random(seed)
    world = the_day_before(template_database, tmp_path)
    with world.ports() as ports:
        for number in range(10, 22):
            an_open_plan(ports, number, at=NOON + timedelta(days=draw.randrange(30)), merchant=f"m-{number % 3 + 1}")
    day, kills, days = DUE, 0, 0
    while kills < A_COURSE:
        kills += _a_day(world, day, draw)
        agrees(world)
        days += 1
        day += timedelta(days=draw.choice((1, 1, 2, 5, 9)))
    for each in (day, day + timedelta(days=1)):  # what was captured last is paid out
        _a_day(world, each, None)
        agrees(world)
    print(f"seed {seed}: {kills} kills on {days} days from {DUE} to {day}")
    world.dropped()


def _a_day(world: World, day: date, draw: random.Random | None) -> int:
    """Every act of a day, killed and begun again, some left out; returns how many processes were killed."""
    kills = 0
    for act, hour in ACTS:
        if act is reconciles:
            day_ends(world, day, at(day))
        if draw is not None and draw.random() < 0.1 and act is not reconciles:
            continue  # the act is skipped on this day; a later day makes up for it
        for minutes in range(draw.randint(1, 3) if draw else 0):
            kills += _killed(partial(act, world, day, at(day, hour) + timedelta(minutes=minutes)), draw)
            world.left_alone()
        for hours in (1, 2):
            act(world, day, at(day, hour) + timedelta(hours=hours))
    return kills


def _killed(act: Callable[[], object], draw: random.Random | None) -> int:
    """Run the act once, or twice at once, in processes that die at random; returns how many died."""
    assert draw is not None
    at_once = [(act, draw.randint(1, LATEST)) for _ in range(draw.choice((1, 2)))]
    return sum(isinstance(end, Killed) for end in run_beside(at_once))
