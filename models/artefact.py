"""A promoted model as files that need only numpy: it scores, explains exactly, and proves that it is undamaged.

The folder holds `model.json` and `arrays.npz`. It contains golden rows, scored at export. Loading scores them again and
refuses the model when one contribution differs, so a damaged or misread model never decides.
"""

import hashlib
import json
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from models import reasons
from models.reasons import RiskReason, Wording
from models.trees import NODE_ARRAYS, FloatArray, IndexArray, MalformedTrees, Trees
from terminal.fault import Fault

FORMAT = 1
MODEL_FILE = "model.json"
ARRAYS_FILE = "arrays.npz"
REGISTRATION_FILE = "registration.json"
CHAMPION_FILE = "champion"

# Contributions are sums of stored numbers in a fixed order, so they must be equal to the last bit. The probability
# uses the platform's exponential function, which may differ in the last place.
PROBABILITY_TOLERANCE = 1e-12


class ArtefactFault(Fault):
    """Raised when the model at a path cannot be served; states the reason."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class GoldenMismatch(ArtefactFault):
    """Raised when a loaded model does not reproduce the scores of its golden rows."""


class ArtefactDamaged(ArtefactFault):
    """Raised when the files are not those of the export: unreadable, incomplete, or with another digest."""


class NoChampion(ArtefactFault):
    """Raised when no model has been promoted yet."""


class FeaturesMissing(ValueError):
    """Raised when features of the model are missing from the values; an unknown value must be given as None."""


@dataclass(frozen=True, slots=True)
class Scored:
    """The model's result for one applicant.

    `contributions` are in log-odds and sum to `log_odds` less the log-odds of the reference population.
    """

    default_probability: float
    log_odds: float
    contributions: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Registration:
    """Where the registry keeps the model. Written after the export, so not part of the digest."""

    version: str = ""
    model_id: str = ""
    run_id: str = ""


@dataclass(frozen=True)
class Model:
    """An additive model: each tree splits on one feature, so each feature's share of the score is exact.

    Safe to share between threads, because it never changes after construction.
    """

    name: str
    feature_names: tuple[str, ...]
    feature_set_digest: str
    trees: Trees
    baseline: float
    slope: float
    intercept: float
    reference_population: str
    reference_terms: FloatArray
    reference_values: FloatArray
    wording: tuple[Wording, ...]
    training: Mapping[str, Any]
    digest: str = ""
    registration: Registration = Registration()

    def __post_init__(self) -> None:
        """Refuse trees that split on several features, and a calibration with a slope that is not positive."""
        self.trees.check(len(self.feature_names))
        if any(len(features) != 1 for features in self.trees.features_of_each_tree()):
            raise MalformedTrees("each tree must split on exactly one feature, or contributions would not be exact")
        if not self.slope > 0:
            raise ValueError(f"the calibration's slope must be positive, not {self.slope}")
        reasons.check_wording(self.wording, self.feature_names)

    @property
    def version(self) -> str:
        return self.registration.version

    @property
    def model_id(self) -> str:
        return self.registration.model_id

    @cached_property
    def reference_log_odds(self) -> float:
        """The log-odds of the reference population, relative to which contributions are counted."""
        return self.slope * math.fsum((self.baseline, *self.reference_terms.tolist())) + self.intercept

    @cached_property
    def reference(self) -> Mapping[str, float | None]:
        """For each feature, a value of the reference population with at most its average risk."""
        known = self.reference_values.tolist()
        pairs = zip(self.feature_names, known, strict=True)
        return {name: None if math.isnan(value) else value for name, value in pairs}

    @cached_property
    def _feature_of_tree(self) -> IndexArray:
        return self.trees.feature[self.trees.root]

    def terms(self, row: FloatArray) -> FloatArray:
        """The contribution of each feature to the uncalibrated score, in the order of `feature_names`."""
        added: FloatArray = np.bincount(
            self._feature_of_tree, weights=self.trees.leaf_values(row), minlength=len(self.feature_names)
        ).astype(np.float64, copy=False)
        return added

    def score(self, values: Mapping[str, float | None]) -> Scored:
        """Score one applicant; None and NaN both mean unknown, and other names in `values` are ignored.

        Raises `FeaturesMissing` when `values` lacks a feature of the model.
        """
        try:
            known = [values[name] for name in self.feature_names]
        except KeyError:
            absent = [name for name in self.feature_names if name not in values]
            raise FeaturesMissing(f"the model needs {', '.join(absent)}") from None
        return self.score_row(np.array([math.nan if value is None else value for value in known], dtype=np.float64))

    def score_row(self, row: FloatArray) -> Scored:
        """Score one applicant; `row` has shape (features,) in the order of `feature_names`, NaN where unknown."""
        added = (self.slope * (self.terms(row) - self.reference_terms)).tolist()
        # Rounded exactly, so the score does not depend on the order of the features or on the processor.
        log_odds = math.fsum((self.reference_log_odds, *added))
        return Scored(probability(log_odds), log_odds, dict(zip(self.feature_names, added, strict=True)))

    def reasons(self, scored: Scored, limit: int = reasons.MOST_REASONS) -> tuple[RiskReason, ...]:
        """The reasons why this applicant's risk is above the reference population's, largest contribution first."""
        return reasons.rank(scored.contributions, self.wording, limit)


def probability(log_odds: float) -> float:
    """The probability for these log-odds, without overflow at either end."""
    if log_odds >= 0:
        return 1.0 / (1.0 + math.exp(-log_odds))
    odds = math.exp(log_odds)
    return odds / (1.0 + odds)


def load_champion(models_dir: Path) -> Model:
    """The promoted model of `models_dir`; raises `NoChampion` when none has been promoted."""
    champion = models_dir / CHAMPION_FILE
    if not champion.is_file():
        raise NoChampion(champion, "no model has been promoted; run `tranche models promote`")
    digest = champion.read_text(encoding="ascii").strip()
    model = load_model(models_dir / digest)
    if model.digest != digest:
        raise ArtefactDamaged(models_dir / digest, f"the champion should be {digest}, this is {model.digest}")
    return model


def load_model(directory: Path) -> Model:
    """Read a model and verify it against its golden rows.

    Raises `GoldenMismatch` when a golden row scores differently, `ArtefactDamaged` when the files are not those
    written.
    """
    try:
        described = (directory / MODEL_FILE).read_bytes()
        facts = json.loads(described)
        with np.load(directory / ARRAYS_FILE, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        model = _model(facts, arrays, digest_of(described), _registration(directory))
    except FileNotFoundError as missing:
        raise ArtefactDamaged(directory, f"{Path(str(missing.filename)).name} is missing") from missing
    except (KeyError, ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile) as fault:
        raise ArtefactDamaged(directory, f"cannot be read as a model: {fault!r}") from fault
    _verify_golden(directory, model, arrays)
    if arrays_digest(arrays) != facts["arrays_sha256"]:
        raise ArtefactDamaged(directory, f"{ARRAYS_FILE} is not the one that {MODEL_FILE} describes")
    return model


def _model(facts: Mapping[str, Any], arrays: Mapping[str, Any], digest: str, registration: Registration) -> Model:
    if facts["format"] != FORMAT:
        raise ValueError(f"format {facts['format']}, this code reads {FORMAT}")
    return Model(
        name=facts["name"],
        feature_names=tuple(facts["feature_names"]),
        feature_set_digest=facts["feature_set_digest"],
        trees=Trees(**{name: arrays[name] for name in NODE_ARRAYS}, depth=facts["depth"]),
        baseline=facts["baseline"],
        slope=facts["calibration"]["slope"],
        intercept=facts["calibration"]["intercept"],
        reference_population=facts["reference_population"],
        reference_terms=arrays["reference_terms"],
        reference_values=arrays["reference_values"],
        wording=tuple(Wording(item["code"], item["text"], tuple(item["features"])) for item in facts["wording"]),
        training=facts["training"],
        digest=digest,
        registration=registration,
    )


def _registration(directory: Path) -> Registration:
    path = directory / REGISTRATION_FILE
    return Registration(**json.loads(path.read_bytes())) if path.is_file() else Registration()


def _verify_golden(directory: Path, model: Model, arrays: Mapping[str, Any]) -> None:
    if not len(arrays["golden_rows"]):
        raise GoldenMismatch(directory, "there are no golden rows to prove the model by")
    for number, row in enumerate(arrays["golden_rows"]):
        scored = model.score_row(row)
        for name, added, golden in zip(
            model.feature_names, scored.contributions.values(), arrays["golden_contributions"][number], strict=True
        ):
            if added != golden:
                raise GoldenMismatch(directory, f"golden row {number}: {name} adds {added!r}, it was {float(golden)!r}")
        expected = float(arrays["golden_probabilities"][number])
        if abs(scored.default_probability - expected) > PROBABILITY_TOLERANCE:
            raise GoldenMismatch(directory, f"golden row {number}: {scored.default_probability!r}, it was {expected!r}")


def digest_of(described: bytes) -> str:
    """The identity of the artefact: a digest of `model.json`, which contains the digest of the arrays."""
    return hashlib.sha256(described).hexdigest()


def arrays_digest(arrays: Mapping[str, Any]) -> str:
    """A digest of the arrays' values, independent of the file format that a library version writes."""
    summed = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        summed.update(f"{name}:{array.dtype.str}:{array.shape};".encode())
        summed.update(array.tobytes())
    return summed.hexdigest()
