"""Act: export a fitted estimator as an artefact of flat arrays, verified to be equal to it, with golden rows.

Only attributes of the estimator are read, so this module imports no machine-learning library.
"""

import json
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np

from models import artefact
from models.artefact import ArtefactDamaged, Model, Registration
from models.reasons import Wording
from models.trees import NODE_ARRAYS, FloatArray, Trees
from terminal.fault import Fault

PARITY = 1e-12


class ParityBroken(Fault):
    """Raised when the flat arrays and the estimator they were made from score a row differently."""


def flatten(estimator: Any) -> tuple[Trees, float]:
    """The trees of a fitted binary HistGradientBoostingClassifier, and its baseline in log-odds.

    A tree without a split adds the same to every score, so it becomes part of the baseline.
    """
    (baseline,) = np.ravel(estimator._baseline_prediction).tolist()  # noqa: SLF001 - no public accessor exists
    grown = []
    for (predictor,) in estimator._predictors:  # noqa: SLF001 - as above; a binary model has one tree per round
        if len(predictor.nodes) > 1:
            grown.append(predictor.nodes)
        else:
            baseline += float(predictor.nodes["value"][0])
    return join([_columns(nodes) for nodes in grown]), baseline


def _columns(nodes: Any) -> dict[str, Any]:
    if nodes["is_categorical"].any():
        raise ParityBroken("a tree splits on categories, which the flat arrays do not know")
    own, leaf = np.arange(len(nodes)), nodes["is_leaf"].astype(bool)
    return {
        "feature": np.where(leaf, 0, nodes["feature_idx"]),
        "threshold": np.where(leaf, 0.0, nodes["num_threshold"]),
        "missing_left": nodes["missing_go_to_left"].astype(bool) & ~leaf,
        "left": np.where(leaf, own, nodes["left"]),
        "right": np.where(leaf, own, nodes["right"]),
        "value": np.where(leaf, nodes["value"], 0.0),
    }


def join(trees: Sequence[Mapping[str, Any]]) -> Trees:
    """One set of arrays from the node columns of each tree; the first node of a tree is its root."""
    sizes = [len(tree["feature"]) for tree in trees]
    root = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp) if trees else np.zeros(0, np.intp)
    types = {"feature": np.intp, "left": np.intp, "right": np.intp, "missing_left": np.bool_}
    columns: dict[str, Any] = {}
    for name in (name for name in NODE_ARRAYS if name != "root"):
        shift = root if name in ("left", "right") else np.zeros(len(trees), np.intp)
        parts = [
            np.asarray(tree[name]) + by if by else np.asarray(tree[name]) for tree, by in zip(trees, shift, strict=True)
        ]
        columns[name] = np.concatenate([*parts, []]).astype(types.get(name, np.float64))
    depth = max((_depth(tree) for tree in trees), default=0)
    return Trees(**columns, root=root, depth=depth)


def _depth(tree: Mapping[str, Any]) -> int:
    depth = [0] * len(tree["feature"])
    for node, (left, right) in enumerate(zip(tree["left"], tree["right"], strict=True)):
        if left != node:
            depth[left] = depth[right] = depth[node] + 1
    return max(depth)


def assemble(
    trees: Trees,
    baseline: float,
    *,
    name: str,
    feature_names: Sequence[str],
    feature_set_digest: str,
    slope: float,
    intercept: float,
    reference_rows: FloatArray,
    reference_population: str,
    wording: Sequence[Wording],
    training: Mapping[str, Any],
) -> Model:
    """A model whose contributions are relative to the average of `reference_rows` (rows, features).

    `training` describes the artefact's origin; it must be equal for equal trainings, because it is part of the digest.
    """
    unreferenced = Model(
        name=name,
        feature_names=tuple(feature_names),
        feature_set_digest=feature_set_digest,
        trees=trees,
        baseline=baseline,
        slope=slope,
        intercept=intercept,
        reference_population=reference_population,
        reference_terms=np.zeros(len(feature_names)),
        reference_values=np.full(len(feature_names), math.nan),
        wording=tuple(wording),
        training=training,
    )
    terms = np.array([unreferenced.terms(row) for row in reference_rows])
    averages = np.array([math.fsum(column) / len(column) for column in terms.T])
    typical = [
        _typical_value(values, column, average)
        for values, column, average in zip(reference_rows.T, terms.T, averages, strict=True)
    ]
    return replace(unreferenced, reference_terms=averages, reference_values=np.array(typical))


def _typical_value(values: FloatArray, terms: FloatArray, average: float) -> float:
    """The population's value with the risk nearest to the average but not above it; the median of equals.

    Replacing an applicant's value by it removes at least the feature's contribution, which is what curing means.
    """
    not_above = terms <= average
    if not not_above.any():  # all equal, and the average was rounded down
        not_above = terms == terms.min()
    nearest = terms[not_above].max()
    candidates = np.sort(values[terms == nearest])
    known = candidates[~np.isnan(candidates)]
    return float(known[len(known) // 2]) if len(known) else math.nan


def golden_rows(trees: Trees, feature_count: int) -> FloatArray:
    """Rows with values at and just above every threshold of every feature, and one row of unknowns.

    In an additive model features do not interact, so one row tests one threshold of every feature at once. A threshold
    that is off by one bit changes the contribution in the row at it, or in the row just above it.
    """
    splits = trees.left != np.arange(len(trees.left))
    tried = []
    for feature in range(feature_count):
        at = np.unique(trees.threshold[splits & (trees.feature == feature)])
        at = at[np.isfinite(at)]
        tried.append(np.unique(np.concatenate([at, np.nextafter(at, np.inf), [0.0, np.inf, -np.inf]])))
    rows = np.full((max(map(len, tried), default=0) + 1, feature_count), math.nan)
    for feature, values in enumerate(tried):
        rows[:-1, feature] = np.resize(values, len(rows) - 1)
    return rows


def prove_parity(model: Model, estimator: Any, rows: FloatArray) -> float:
    """The largest difference in uncalibrated log-odds between the flat arrays and the estimator over `rows`.

    Raises `ParityBroken` above 1e-12.
    """
    ours = np.array([math.fsum((model.baseline, *model.terms(row).tolist())) for row in rows])
    largest = float(np.abs(ours - estimator.decision_function(rows)).max())
    if not largest <= PARITY:
        raise ParityBroken(f"the exported trees differ from the trained ones by {largest:g} in log-odds")
    return largest


def write(models_dir: Path, model: Model) -> Model:
    """Write `model` to a folder named by its digest; a model that is there already is left unchanged.

    Returns the model as loaded back from disk, with its golden rows verified.
    """
    described, arrays = _contents(model)
    digest = artefact.digest_of(described)
    target = models_dir / digest
    if not target.is_dir():
        models_dir.mkdir(parents=True, exist_ok=True)
        draft = Path(mkdtemp(prefix=".draft-", dir=models_dir))
        try:
            draft.chmod(0o755)
            np.savez(draft / artefact.ARRAYS_FILE, allow_pickle=False, **arrays)
            (draft / artefact.MODEL_FILE).write_bytes(described)
            artefact.load_model(draft)
            draft.rename(target)
        except OSError:
            if not target.is_dir():  # otherwise another process exported the same model first
                raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    written = artefact.load_model(target)
    if written.digest != digest:
        raise ArtefactDamaged(target, "holds another model than its name says")
    return written


def write_registration(models_dir: Path, digest: str, registration: Registration) -> None:
    """Write beside the artefact where the registry keeps it."""
    path = models_dir / digest / artefact.REGISTRATION_FILE
    facts = {name: getattr(registration, name) for name in ("version", "model_id", "run_id")}
    replace_file(path, json.dumps(facts, sort_keys=True, indent=2) + "\n")


def replace_file(path: Path, text: str) -> None:
    """Replace a file atomically: a reader sees the old or the new content, never a part of it."""
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def _contents(model: Model) -> tuple[bytes, dict[str, Any]]:
    rows = golden_rows(model.trees, len(model.feature_names))
    scores = [model.score_row(row) for row in rows]
    arrays: dict[str, Any] = {name: getattr(model.trees, name) for name in NODE_ARRAYS}
    arrays |= {
        "reference_terms": model.reference_terms,
        "reference_values": model.reference_values,
        "golden_rows": rows,
        "golden_contributions": np.array([list(scored.contributions.values()) for scored in scores]),
        "golden_probabilities": np.array([scored.default_probability for scored in scores]),
    }
    facts = {
        "format": artefact.FORMAT,
        "name": model.name,
        "feature_names": list(model.feature_names),
        "feature_set_digest": model.feature_set_digest,
        "depth": model.trees.depth,
        "baseline": model.baseline,
        "calibration": {"slope": model.slope, "intercept": model.intercept},
        "reference_population": model.reference_population,
        "wording": [{"code": own.code, "text": own.text, "features": list(own.features)} for own in model.wording],
        "training": dict(model.training),
        "arrays_sha256": artefact.arrays_digest(arrays),
    }
    return (json.dumps(facts, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode(), arrays
