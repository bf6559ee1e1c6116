"""Read days, amounts and names out of a step's words."""

import re
from collections.abc import Callable
from datetime import date

from tests.scenarios.fineract_e2e.reader import Step, day_of, is_day, units_of
from tests.scenarios.fineract_e2e.story import Act, ActKind, NotExpressible, Story


def quoted(step: Step) -> list[str]:
    return re.findall(r'"([^"]*)"', step.text)


def days_told(step: Step) -> list[date]:
    return [day_of(each) for each in quoted(step) if is_day(each)]


def day_told(story: Story, step: Step) -> date:
    return next(iter(days_told(step)), story.day)


def euros(step: Step) -> int:
    found = re.search(r'"?([\d.,]*\d)"? EUR', step.text)
    if found is None:
        raise NotExpressible("amount_not_told")
    return units_of(found.group(1))


def number_told(step: Step) -> int:
    found = re.search(r'"(\d+)"th|nr\. (\d+)', step.text)
    return int(next(each for each in found.groups() if each)) if found else 0


def an_act(kind: ActKind) -> Callable[[Story, Step], None]:
    """An act that needs nothing but its day."""

    def add(story: Story, step: Step) -> None:
        story.course.append(Act(kind, story.day, day_told(story, step), step=step.text))

    return add


def missing(capability: str) -> Callable[[Story, Step], None]:
    def missing(story: Story, step: Step) -> None:
        raise NotExpressible(capability)

    return missing


def ignored(story: Story, step: Step) -> None:
    """A step about something that is not compared: events, jobs, journal entries, refusals, questions."""
