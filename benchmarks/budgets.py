"""Figures beside their budgets, and the file that keeps them."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Budgets = Mapping[str, float]


def keep(figures: Mapping[str, Any], name: str) -> Path:
    """Write the figures to `var/bench/<name>.json`; where the file is."""
    file = _file(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return file


def kept(name: str) -> dict[str, Any]:
    """The figures that an earlier run kept; none if there was none."""
    file = _file(name)
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return found


def print_beside(figures: Mapping[str, Any], *, floors: Budgets, ceilings: Budgets) -> None:
    """Each figure that was measured and has a budget, and whether it is met.

    A path is the keys to a figure, with dots between.
    """
    for budgets, word in ((floors, "at least"), (ceilings, "at most")):
        for path, budget in budgets.items():
            value = _at(figures, path)
            if value is None:
                continue
            met = value >= budget if budgets is floors else value <= budget
            print(f"{path:<38}{value:>14,}   {word} {budget:,}   {'met' if met else 'MISSED'}")


def _at(figures: Mapping[str, Any], path: str) -> float | None:
    value: Any = figures
    for part in path.split("."):
        if part not in value:
            return None
        value = value[part]
    assert isinstance(value, int | float), path
    return value


def _file(name: str) -> Path:
    return Path(os.environ.get("TRANCHE_VAR", "var")) / "bench" / f"{name}.json"
