"""Count outcomes by kind, and write them as text and as JSON."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.scenarios.fineract_e2e.replay import Ending, Outcome

_CELLS_SHOWN = 12
_COLUMNS = ("total", "out_of_scope", "expressible", "equal", "equal_in_balances", "different")


def counts(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """How many outcomes ended how."""
    ends = Counter(outcome.ending for outcome in outcomes)
    ran = {name: ends[name] for name in (Ending.EQUAL, Ending.EQUAL_IN_BALANCES, Ending.DIFFERENT)}
    return {
        "total": sum(ends.values()),
        "out_of_scope": ends[Ending.OUT_OF_SCOPE],
        "expressible": sum(ran.values()),
        **{name.value: number for name, number in ran.items()},
    }


def by_kind(outcomes: Sequence[Outcome]) -> dict[str, dict[str, int]]:
    kinds = sorted({outcome.kind for outcome in outcomes})
    return {kind: counts(outcome for outcome in outcomes if outcome.kind == kind) for kind in kinds}


def tree_of(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Everything as plain values for JSON: counts, then each scenario that is not expressible or differs."""
    return {
        "kinds": by_kind(outcomes),
        "all": counts(outcomes),
        "out_of_scope": dict(_whys(outcomes, Ending.OUT_OF_SCOPE)),
        "missing": dict(_whys(outcomes, Ending.NOT_EXPRESSIBLE)),
        "not_expressible": [
            {"id": each.key, "kind": each.kind, "product": each.product, "capability": each.why, "step": each.step}
            for each in outcomes
            if each.ending is Ending.NOT_EXPRESSIBLE
        ],
        "differing": [
            _differing(each) for each in outcomes if each.ending in {Ending.EQUAL_IN_BALANCES, Ending.DIFFERENT}
        ],
    }


def _differing(outcome: Outcome) -> dict[str, Any]:
    return {
        "id": outcome.key,
        "kind": outcome.kind,
        "ending": outcome.ending.value,
        "product": outcome.product,
        "day_count": outcome.day_count,
        "why": outcome.why,
        "compared": outcome.compared,
        "differing": len(outcome.differing),
        "refused": list(outcome.refused),
        "lacks": list(outcome.lacks),
        "acts": list(outcome.acts),
        "cells": [
            {"where": cell.where, "column": cell.column, "theirs": cell.theirs, "ours": cell.ours}
            for cell in outcome.differing[:_CELLS_SHOWN]
        ],
    }


def _whys(outcomes: Iterable[Outcome], ending: Ending) -> list[tuple[str, int]]:
    return Counter(outcome.why for outcome in outcomes if outcome.ending is ending).most_common()


def lines_of(outcomes: Sequence[Outcome]) -> list[str]:
    """The counts as a table by kind, then the reasons with their counts, most frequent first."""
    kinds: Mapping[str, Mapping[str, int]] = {**by_kind(outcomes), "all": counts(outcomes)}
    width = max(len(kind) for kind in kinds)
    lines = [" ".join([f"{'kind':{width}}", *(f"{column:>17}" for column in _COLUMNS)])]
    lines += [
        " ".join([f"{kind:{width}}", *(f"{of_kind[column]:>17}" for column in _COLUMNS)])
        for kind, of_kind in kinds.items()
    ]
    lines += ["", "out of scope:"]
    lines += [f"{number:6} {why}" for why, number in _whys(outcomes, Ending.OUT_OF_SCOPE)]
    lines += ["", "not expressible, by the capability that is missing:"]
    lines += [f"{number:6} {why}" for why, number in _whys(outcomes, Ending.NOT_EXPRESSIBLE)]
    return lines
