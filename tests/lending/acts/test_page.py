"""The page on acts lists every act with its event and whether it always needs a second person."""

import re
from pathlib import Path

from lending.acts.act import ACTS, NOT_BY_HAND, Effect
from lending.plan.event import KINDS

PAGE = Path(__file__).resolve().parents[3] / "docs" / "acts.md"
ROW = re.compile(r"^\| (`[a-z`, -]+) \| (`[a-z_`, ]+) \| (always|beyond the limit) \|", re.MULTILINE)


def test_the_page_lists_every_act_with_its_event_and_its_second_person() -> None:
    listed: dict[str, tuple[str, str]] = {}
    for acts, kinds, second in ROW.findall(PAGE.read_text(encoding="utf-8")):
        pairs = zip(re.findall(r"[a-z-]+", acts), re.findall(r"[a-z_]+", kinds), strict=True)
        listed |= {act: (kind, second) for act, kind in pairs}

    kind_of = {body: kind for kind, body in KINDS.items()}
    assert listed == {
        name: (kind_of[act.event], "beyond the limit" if act.effect is Effect.NEITHER else "always")
        for name, act in ACTS.items()
    }


def test_the_page_names_every_kind_that_is_not_recorded_by_hand() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert [kind for kind in NOT_BY_HAND if f"`{kind}`" not in page] == []
