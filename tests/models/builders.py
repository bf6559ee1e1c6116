"""Small models for tests: each feature adds a step to the risk, and nothing has to be trained."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from models import export
from models.artefact import Model
from models.reasons import Wording
from models.trees import Trees

# feature -> (threshold, log-odds at most it or unknown, log-odds above it)
STEPS = {"balance_min_90d": (0.0, 1.0, -1.0), "overdraft_days_90d": (2.0, -0.5, 1.5), "amount_minor": (5e6, -0.2, 0.4)}


def a_step(feature: int, threshold: float, low: float, high: float) -> dict[str, list[float]]:
    """The node columns of a tree that asks one question."""
    return {
        "feature": [feature, 0, 0],
        "threshold": [threshold, 0.0, 0.0],
        "missing_left": [True, False, False],
        "left": [1, 1, 2],
        "right": [2, 1, 2],
        "value": [0.0, low, high],
    }


def some_trees(steps: Mapping[str, tuple[float, float, float]] = STEPS) -> Trees:
    return export.join([a_step(number, *step) for number, step in enumerate(steps.values())])


def a_model(
    steps: Mapping[str, tuple[float, float, float]] = STEPS, *, digest: str = "f00d", slope: float = 1.0
) -> Model:
    """A model over the features of `steps`; half of its reference population is above each threshold."""
    thresholds = [step[0] for step in steps.values()]
    return export.assemble(
        some_trees(steps),
        -2.0,
        name="default_probability",
        feature_names=tuple(steps),
        feature_set_digest=digest,
        slope=slope,
        intercept=0.0,
        reference_rows=np.array([[value + shift for value in thresholds] for shift in (-1.0, 1.0)]),
        reference_population="two invented applicants",
        wording=[Wording(f"R{number:02}", f"{name} raised the risk", (name,)) for number, name in enumerate(steps, 1)],
        training={"source": "test"},
    )


def a_promoted_model(models_dir: Path, model: Model | None = None) -> Model:
    """Write a model and make it the champion of `models_dir`, as promotion would."""
    written = export.write(models_dir, model or a_model())
    (models_dir / "champion").write_text(written.digest + "\n", encoding="ascii")
    return written


def log_odds(probability: float) -> float:
    return math.log(probability / (1 - probability))
