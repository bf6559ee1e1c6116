"""What is exported scores as what was trained, on any input."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from models import artefact, estimator, export
from models.artefact import Model
from models.estimator import Parameters
from models.export import ParityBroken
from models.reasons import Wording

NAMES = ("low", "income", "debt", "flat", "tenure")
DIRECTIONS = (-1, -1, 1, 0, 0)


def some_history(rows: int = 2000, seed: int = 5, *, infinite: float = 0.0) -> tuple[Any, Any]:
    """Rows with gaps, a share of infinities and a column that never varies; risk falls with the first two columns."""
    random = np.random.default_rng(seed)
    values = random.normal(0, 100, (rows, len(NAMES)))
    values[random.random(values.shape) < 0.1] = np.nan
    values[random.random(values.shape) < infinite] = np.inf
    values[random.random(values.shape) < infinite] = -np.inf
    values[:, 3] = 1.0
    risk = -1 - np.nan_to_num(np.clip(values[:, 0] / 60, -9, 9)) - np.nan_to_num(np.clip(values[:, 1] / 90, -9, 9))
    return values, random.random(rows) < 1 / (1 + np.exp(-risk))


@pytest.fixture(scope="module")
def trained() -> HistGradientBoostingClassifier:
    return estimator.fit_champion(*some_history(), DIRECTIONS)


def a_model_of(trained: HistGradientBoostingClassifier, rows: Any) -> Model:
    trees, baseline = export.flatten(trained)
    return export.assemble(
        trees,
        baseline,
        name="m",
        feature_names=NAMES,
        feature_set_digest="f",
        slope=0.8,
        intercept=-0.1,
        reference_rows=rows,
        reference_population="all",
        wording=[Wording(name, name, (name,)) for name in NAMES],
        training={},
    )


def test_flat_arrays_score_ten_thousand_rows_as_the_estimator_does(trained: HistGradientBoostingClassifier) -> None:
    rows, _ = some_history(10_000, seed=77, infinite=0.02)
    model = a_model_of(trained, some_history()[0])

    assert np.isnan(rows).any()
    assert np.isinf(rows).any()
    assert export.prove_parity(model, trained, rows) <= 1e-12
    ours = np.array([model.score_row(row).log_odds for row in rows])
    theirs = 0.8 * trained.decision_function(rows) - 0.1
    assert np.abs(ours - theirs).max() <= 1e-12
    assert np.array_equal(
        np.argsort(np.round(ours, 10), kind="stable"), np.argsort(np.round(theirs, 10), kind="stable")
    )


def test_rows_on_every_threshold_score_as_the_estimator_does(trained: HistGradientBoostingClassifier) -> None:
    model = a_model_of(trained, some_history()[0])
    rows = export.golden_rows(model.trees, len(NAMES))
    assert len(rows) > 30
    assert export.prove_parity(model, trained, rows) <= 1e-12


def test_interacting_trees_are_flattened_alike_but_make_no_served_model() -> None:
    rows, bad = some_history()
    crossing = estimator.fit_champion(rows, bad, DIRECTIONS, Parameters(interaction_cst=None, max_leaf_nodes=8))
    trees, baseline = export.flatten(crossing)
    ours = np.array([math.fsum((baseline, *trees.leaf_values(row).tolist())) for row in rows])
    assert np.abs(ours - crossing.decision_function(rows)).max() <= 1e-12
    with pytest.raises(ValueError, match="exactly one feature"):
        a_model_of(crossing, rows)


def test_an_export_of_other_trees_is_not_let_through(trained: HistGradientBoostingClassifier) -> None:
    rows, bad = some_history()
    other = estimator.fit_champion(rows, bad, DIRECTIONS, Parameters(random_state=8))
    with pytest.raises(ParityBroken, match="differ"):
        export.prove_parity(a_model_of(trained, rows), other, rows)


def test_trees_that_never_split_become_part_of_the_baseline() -> None:
    rows, bad = some_history(30)
    stumps = estimator.fit_champion(rows, bad, DIRECTIONS, Parameters(min_samples_leaf=20, max_iter=5))
    trees, baseline = export.flatten(stumps)
    assert len(trees.root) == 0
    assert baseline == pytest.approx(stumps.decision_function(rows)[0], abs=1e-12)
    model = a_model_of(stumps, rows)
    assert model.score_row(rows[0]).log_odds == pytest.approx(model.reference_log_odds)


def test_the_written_model_has_golden_rows_with_and_without_values(
    trained: HistGradientBoostingClassifier, tmp_path: Path
) -> None:
    written = export.write(tmp_path, a_model_of(trained, some_history()[0]))
    with np.load(tmp_path / written.digest / artefact.ARRAYS_FILE) as stored:
        rows = stored["golden_rows"]
    assert np.isnan(rows).any()
    assert np.isinf(rows).any()
    thresholds = written.trees.threshold[written.trees.left != np.arange(len(written.trees.left))]
    assert set(thresholds[np.isfinite(thresholds)].tolist()) <= set(rows.ravel().tolist())


def test_reference_values_carry_no_more_than_the_average_risk(trained: HistGradientBoostingClassifier) -> None:
    rows, _ = some_history()
    model = a_model_of(trained, rows)
    at_reference = model.score(model.reference)
    assert all(added <= 1e-12 for added in at_reference.contributions.values())
    average = np.mean([list(model.score_row(row).contributions.values()) for row in rows], axis=0)
    assert np.abs(average).max() < 1e-9


def test_curing_a_reason_of_a_trained_model_takes_away_at_least_its_weight(
    trained: HistGradientBoostingClassifier,
) -> None:
    rows, _ = some_history()
    model = a_model_of(trained, rows)
    for row in rows[:200]:
        values = dict(zip(NAMES, row.tolist(), strict=True))
        scored = model.score(values)
        for reason in model.reasons(scored):
            better = model.score(values | {name: model.reference[name] for name in reason.features})
            assert scored.log_odds - better.log_odds >= reason.contribution - 1e-12


def test_a_file_is_replaced_at_once(tmp_path: Path) -> None:
    export.replace_file(tmp_path / "champion", "old")
    export.replace_file(tmp_path / "champion", "new")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("champion", "new")]
