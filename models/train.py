"""Act: train a model from the lake and register it: gather, split, fit, calibrate, evaluate, export, record."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from features import catalog
from models import calibration, estimator, evaluation, export, pin, scorecard, split, training_set, wording
from models.artefact import Model, Registration
from models.calibration import CalibrationLine
from models.estimator import Parameters
from models.evaluation import Evaluation
from models.registry import ModelVersion, Registry, Run
from models.split import TrainingSplit
from models.tables import TrainingTables
from models.training_set import TrainingSet
from terminal.fault import Fault

NAME = "default_probability"
MANY_BADS = 100

# Berka's history is fixed; the split of any other source has to be given.
SPLIT_OF_SOURCE = {"berka": (date(1995, 12, 31), date(1996, 12, 31))}

Progress = Callable[[str], None]


class SplitNotGiven(Fault):
    """The source has no usual split, and none was asked for."""


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """What to train: split (None for the source's usual one), source, and the last day of known outcomes.

    `code` and `at` are recorded in the manifest and do not affect the model.
    """

    train_until: date | None = None
    test_until: date | None = None
    source: str | None = None
    known_by: date | None = None
    name: str = NAME
    parameters: Parameters = field(default_factory=Parameters)
    code: str = "unknown"
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TrainReport:
    """The trained model, its data, and its figures on the loans after `train_until`."""

    version: ModelVersion
    source: str
    train_until: date
    test_until: date
    train_rows: int
    train_bads: int
    test_rows: int
    test_bads: int
    champion: Evaluation
    scorecard: Evaluation
    calibration: CalibrationLine
    trees: int
    feature_names: tuple[str, ...]
    feature_set_digest: str
    snapshots: Mapping[str, int]
    parity: float
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The report as plain JSON values; the main figures are repeated at the top level under short names."""
        head = {
            "auc": self.champion.auc.value,
            "auc_low": self.champion.auc.low,
            "auc_high": self.champion.auc.high,
            "ks": self.champion.ks.value,
            "brier": self.champion.brier.value,
            "calibration_slope": self.champion.calibration_slope.value,
            "scorecard_auc": self.scorecard.auc.value,
            "scorecard_auc_low": self.scorecard.auc.low,
            "scorecard_auc_high": self.scorecard.auc.high,
        }
        days = {"train_until": self.train_until.isoformat(), "test_until": self.test_until.isoformat()}
        whole: dict[str, Any] = _plain({**asdict(self), **days, **head, "digest": self.version.digest})
        return whole


def _plain(value: Any) -> Any:
    """A value that JSON can hold; figures that are not finite become null."""
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    champion: Any
    champion_line: CalibrationLine
    card: scorecard.Scorecard
    card_line: CalibrationLine


def train(
    tables: TrainingTables,
    registry: Registry,
    models_dir: Path,
    request: TrainingRequest,
    progress: Progress = lambda _: None,
) -> TrainReport:
    """Train and register one model. Equal inputs give an equal artefact, so a repeat registers no new version.

    On one thread, because the order of parallel sums varies by machine, and the data is too small to gain from more.
    """
    with threadpool_limits(limits=1):
        return _train(tables, registry, models_dir, request, progress)


def _train(
    tables: TrainingTables, registry: Registry, models_dir: Path, request: TrainingRequest, progress: Progress
) -> TrainReport:
    progress("reading applications, loans, outcomes and vectors")
    gathered = training_set.gather_training_set(tables, source=request.source, known_by=request.known_by)
    train_until, test_until = _days(request, gathered.source)
    request = replace(request, train_until=train_until, test_until=test_until)
    sides = split.out_of_time(gathered.applied_on, gathered.bad, train_until=train_until, test_until=test_until)
    train_bad, test_rows, test_bad = gathered.bad[sides.train], gathered.rows[sides.test], gathered.bad[sides.test]
    fitted = _fit(gathered.rows[sides.train], train_bad, request.parameters, progress)
    progress("exporting, and proving the export equal")
    model = _exported(gathered, sides, fitted, request)
    parity = export.prove_parity(model, fitted.champion, gathered.rows)
    model = export.write(models_dir, model)
    manifest = pin.manifest_of(gathered, sides, model.digest, request)
    pin.pin(tables, registry, models_dir / model.digest, manifest, request.name)
    progress("judging by the loans after the split")
    judged = evaluation.evaluate(np.array([model.score_row(row).log_odds for row in test_rows]), test_bad)
    card_judged = evaluation.evaluate(fitted.card_line.applied(fitted.card.log_odds(test_rows)), test_bad)
    progress("recording the run")
    version = registry.record(
        _run(
            request=request,
            gathered=gathered,
            model=model,
            folder=models_dir / model.digest,
            fitted=fitted,
            judged=judged,
            card_judged=card_judged,
        )
    )
    export.write_registration(models_dir, model.digest, Registration(version.version, version.model_id, version.run_id))
    return TrainReport(
        version=version,
        source=gathered.source,
        train_until=train_until,
        test_until=test_until,
        train_rows=len(sides.train),
        train_bads=int(train_bad.sum()),
        test_rows=len(sides.test),
        test_bads=int(test_bad.sum()),
        champion=judged,
        scorecard=card_judged,
        calibration=fitted.champion_line,
        trees=len(model.trees.root),
        feature_names=model.feature_names,
        feature_set_digest=model.feature_set_digest,
        snapshots={reading.table: reading.snapshot_id for reading in gathered.readings},
        parity=parity,
        notes=_notes(gathered, sides, judged),
    )


def _days(request: TrainingRequest, source: str) -> tuple[date, date]:
    usual = SPLIT_OF_SOURCE.get(source, (None, None))
    train_until, test_until = request.train_until or usual[0], request.test_until or usual[1]
    if train_until is None or test_until is None:
        raise SplitNotGiven(
            f"source {source} has no usual split; give both, e.g. --train-until 2025-12-31 --test-until 2026-06-30"
        )
    return train_until, test_until


def monotone_directions() -> list[int]:
    """The monotone direction of each feature from the catalogue, in the model's order."""
    return [catalog.feature(name).monotone for name in catalog.MODEL_FEATURES]


def _fit(rows: NDArray[np.float64], bad: NDArray[np.bool_], parameters: Parameters, progress: Progress) -> _Fitted:
    directions = monotone_directions()

    def champion_scores(
        seen: NDArray[np.float64], labels: NDArray[np.bool_], unseen: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        return estimator.log_odds(estimator.fit_champion(seen, labels, directions, parameters), unseen)

    def card_scores(
        seen: NDArray[np.float64], labels: NDArray[np.bool_], unseen: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        return scorecard.fit_scorecard(seen, labels).log_odds(unseen)

    progress(f"fitting on {len(rows)} loans, {int(bad.sum())} of them bad")
    champion, card = estimator.fit_champion(rows, bad, directions, parameters), scorecard.fit_scorecard(rows, bad)
    progress("calibrating on out-of-fold scores")
    champion_line = calibration.platt(*calibration.out_of_fold(rows, bad, champion_scores))
    card_line = calibration.platt(*calibration.out_of_fold(rows, bad, card_scores))
    return _Fitted(champion, champion_line, card, card_line)


def _exported(gathered: TrainingSet, sides: TrainingSplit, fitted: _Fitted, request: TrainingRequest) -> Model:
    trees, baseline = export.flatten(fitted.champion)
    book = wording.read_wording()
    reference = gathered.rows[sides.train]
    return export.assemble(
        trees,
        baseline,
        name=request.name,
        feature_names=catalog.MODEL_FEATURES,
        feature_set_digest=catalog.feature_set_digest(),
        slope=fitted.champion_line.slope,
        intercept=fitted.champion_line.intercept,
        reference_rows=reference,
        reference_population=f"the {len(reference)} loans of {gathered.source} granted up to {request.train_until}",
        wording=book.naming(catalog.MODEL_FEATURES),
        # Without snapshot ids, so that equal rows of a rebuilt lake give an equal model.
        training={
            "source": gathered.source,
            "train_until": str(request.train_until),
            "rows": len(reference),
            "bads": int(gathered.bad[sides.train].sum()),
            "wording_version": book.version,
            "parameters": request.parameters.as_dict(),
        },
    )


def _run(
    *,
    request: TrainingRequest,
    gathered: TrainingSet,
    model: Model,
    folder: Path,
    fitted: _Fitted,
    judged: Evaluation,
    card_judged: Evaluation,
) -> Run:
    days = {"train_until": request.train_until, "test_until": request.test_until}
    return Run(
        name=request.name,
        digest=model.digest,
        artefact=folder,
        estimator=fitted.champion,
        feature_names=model.feature_names,
        parameters={name: str(value) for name, value in (request.parameters.as_dict() | days).items()},
        metrics=_metrics(judged) | _metrics(card_judged, "scorecard_"),
        tags={
            "source": gathered.source,
            "feature_set_digest": model.feature_set_digest,
            "training_set_sha256": gathered.content_digest(),
            "undated_outcomes": str(gathered.labels.undated),
            "known_by": request.known_by.isoformat() if request.known_by else "all",
        },
        readings=gathered.readings,
    )


def _metrics(judged: Evaluation, prefix: str = "") -> dict[str, float]:
    figures = {name: getattr(judged, name) for name in ("auc", "gini", "ks", "brier", "calibration_slope")}
    metrics: dict[str, float] = {}
    for name, figure in figures.items():
        metrics |= {name: figure.value, f"{name}_low": figure.low, f"{name}_high": figure.high}
    metrics |= {"calibration_intercept": judged.calibration_intercept, "loans": judged.loans, "bads": judged.bads}
    return {prefix + name: float(value) for name, value in metrics.items() if np.isfinite(value)}


def _notes(gathered: TrainingSet, sides: TrainingSplit, judged: Evaluation) -> tuple[str, ...]:
    """Remarks that a reader of the figures needs."""
    outcomes = gathered.labels
    said = {
        f"{outcomes.undated} of {outcomes.dated + outcomes.undated} outcomes have no date: some may have become known "
        "only after the day until which the model trained": outcomes.undated,
        f"{outcomes.not_yet_known} outcomes were recorded after the day and were left out": outcomes.not_yet_known,
        f"{gathered.unlabelled} granted loans have no outcome yet and were left out": gathered.unlabelled,
        f"{sides.later} loans lie after the test period and were left out": sides.later,
        f"only {judged.bads} loans of the test period defaulted: differences inside the intervals mean nothing": (
            judged.bads < MANY_BADS
        ),
    }
    return tuple(note for note, applies in said.items() if applies)
