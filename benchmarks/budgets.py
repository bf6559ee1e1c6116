"""Figures beside their budgets, and the file that keeps them."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Budgets = Mapping[str, float]


def keep(figures: Mapping[str, Any], name: str) -> Path:
    """Write the figures to `var/bench/<name>.json`; where the file is."""
    file = Path(os.environ.get("TRANCHE_VAR", "var")) / "bench" / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return file


def print_beside(figures: Mapping[str, Any], *, floors: Budgets, ceilings: Budgets) -> None:
    """Each figure that has a budget, and whether it is met. A path is the keys to a figure, with dots between."""
    for budgets, word in ((floors, "at least"), (ceilings, "at most")):
        for path, budget in budgets.items():
            value = _at(figures, path)
            met = value >= budget if budgets is floors else value <= budget
            print(f"{path:<38}{value:>14,}   {word} {budget:,}   {'met' if met else 'MISSED'}")


def _at(figures: Mapping[str, Any], path: str) -> float:
    value: Any = figures
    for part in path.split("."):
        value = value[part]
    assert isinstance(value, int | float), path
    return value
