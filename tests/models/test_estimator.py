"""The champion is monotone where the catalogue says so, additive, and the same every time."""

from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from features import catalog
from models import estimator, export, train

WIDTH = len(catalog.MODEL_FEATURES)
PROTECTED = {"sex", "gender", "age", "birth", "ethnic", "religion", "nationality", "disabled", "district", "marital"}


def some_loans(rows: int = 600) -> tuple[Any, Any]:
    """Risk that depends on every feature, against its declared direction for half of them."""
    random = np.random.default_rng(11)
    values = random.normal(0, 1, (rows, WIDTH))
    values[random.random(values.shape) < 0.05] = np.nan
    weights = np.where(np.arange(WIDTH) % 2, -1.0, 1.0) * 0.6
    return values, random.random(rows) < 1 / (1 + np.exp(-np.nan_to_num(values) @ weights))


@pytest.fixture(scope="module")
def trained() -> Any:
    return estimator.fit_champion(*some_loans(), train.monotone_directions())


@pytest.mark.parametrize("name", [each for each in catalog.MODEL_FEATURES if catalog.feature(each).monotone])
def test_the_risk_never_moves_against_the_declared_direction(trained: Any, name: str) -> None:
    random = np.random.default_rng(13)
    rows = random.normal(0, 2, (1000, WIDTH))
    rows[random.random(rows.shape) < 0.05] = np.nan
    column = catalog.MODEL_FEATURES.index(name)
    rows[:, column] = random.normal(0, 2, 1000)
    higher = rows.copy()
    higher[:, column] += random.exponential(1, 1000)

    change = estimator.log_odds(trained, higher) - estimator.log_odds(trained, rows)

    assert (change * catalog.feature(name).monotone >= -1e-12).all()


def test_without_the_constraint_some_feature_would_move_against_it() -> None:
    free = estimator.fit_champion(*some_loans(), [0] * WIDTH)
    rows = np.random.default_rng(13).normal(0, 2, (1000, WIDTH))
    before = estimator.log_odds(free, rows)

    def moves_against(column: int, direction: int) -> bool:
        higher = rows.copy()
        higher[:, column] += 1
        return bool(((estimator.log_odds(free, higher) - before) * direction < 0).any())

    assert any(moves_against(column, direction) for column, direction in enumerate(train.monotone_directions()))


def test_each_tree_asks_about_one_feature(trained: Any) -> None:
    trees, _ = export.flatten(trained)
    assert {len(features) for features in trees.features_of_each_tree()} == {1}


@pytest.mark.parametrize("threads", [1, 2])
def test_equal_inputs_give_an_equal_model_on_any_number_of_threads(trained: Any, threads: int) -> None:
    with threadpool_limits(limits=threads):
        again = estimator.fit_champion(*some_loans(), train.monotone_directions())
    rows = some_loans()[0]
    assert np.array_equal(estimator.log_odds(trained, rows), estimator.log_odds(again, rows))


def test_no_feature_of_the_model_is_a_protected_attribute_or_tells_one() -> None:
    for feature in (catalog.feature(name) for name in catalog.MODEL_FEATURES):
        words = set(
            f"{feature.name} {feature.sql}".lower().replace("(", " ").replace(")", " ").replace("_", " ").split()
        )
        # The age of an account's data is no age of a person.
        assert not words & (PROTECTED - ({"age"} if feature.name == "data_age_days" else set()))
