"""Flat arrays are walked as trees, and arrays that are no trees are refused."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from models import export
from models.trees import MalformedTrees, Trees
from tests.models.builders import some_trees


def a_deep_tree() -> Trees:
    """Up to 0: -1. Between 0 and 10: 1. Above: 2."""
    return export.join(
        [
            {
                "feature": [0, 0, 0, 0, 0],
                "threshold": [0.0, 0.0, 10.0, 0.0, 0.0],
                "missing_left": [False, False, True, False, False],
                "left": [1, 1, 3, 3, 4],
                "right": [2, 1, 4, 3, 4],
                "value": [0.0, -1.0, 0.0, 1.0, 2.0],
            }
        ]
    )


@pytest.mark.parametrize(
    ("value", "leaf"),
    [(-np.inf, -1), (0.0, -1), (5e-324, 1), (10.0, 1), (np.nextafter(10, 11), 2), (np.inf, 2), (np.nan, 1)],
)
def test_a_value_on_the_threshold_goes_left_and_just_past_it_right(value: float, leaf: float) -> None:
    assert a_deep_tree().leaf_values(np.array([value])).tolist() == [leaf]


def test_trees_of_different_depth_are_walked_together() -> None:
    joined = export.join([export_columns(a_deep_tree()), export_columns(some_trees({"a": (0.0, 5.0, 6.0)}))])
    assert joined.depth == 2
    assert joined.leaf_values(np.array([11.0])).tolist() == [2.0, 6.0]


def export_columns(trees: Trees) -> dict[str, Any]:
    return {name: getattr(trees, name) for name in ("feature", "threshold", "missing_left", "left", "right", "value")}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"feature": np.array([0, 0, 9, 0, 0])}, "outside"),
        ({"feature": np.array([-1, 0, 0, 0, 0])}, "outside"),
        ({"left": np.array([1, 1, 0, 3, 4])}, "after its parent"),
        ({"right": np.array([2, 1, 7, 3, 4])}, "after its parent"),
        ({"left": np.array([1, 2, 3, 3, 4])}, "one side only"),
        ({"root": np.array([5])}, "root"),
        ({"value": np.array([0.0, np.nan, 0.0, 1.0, 2.0])}, "not finite"),
        ({"threshold": np.array([np.nan, 0.0, 10.0, 0.0, 0.0])}, "not a number"),
        ({"threshold": np.array([0.0])}, "nodes"),
        ({"depth": 1}, "depth"),
    ],
)
def test_arrays_that_are_no_trees_are_refused(changes: dict[str, Any], said: str) -> None:
    broken = replace(a_deep_tree(), **changes)
    with pytest.raises(MalformedTrees, match=said):
        broken.check(1)


def test_a_sound_tree_passes() -> None:
    a_deep_tree().check(1)
    some_trees().check(3)
