"""The demo's stages from a source to serving: publish, ingest, curate, features, model. Spark runs in this process."""

import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from pipelines.settings import Settings as LakeSettings
from terminal.database import DatabaseProcess, process_url
from tranche.demo.stages import DemoStages
from tranche.local.quiet_stderr import stderr_into
from tranche.report.details import CalibrationBin, ModelLine
from tranche.report.summary import Events, Features, ModelFigures
from tranche.report.wording import count

EVENT_TYPE = "bank_transaction.v1"
CHAMPION, SCORECARD = "monotone boosting", "points scorecard"


@dataclass(frozen=True, slots=True)
class DemoSplit:
    """Train on applications up to the first day, test on later ones up to the second. None: the source's default."""

    train_until: date | None
    test_until: date | None


@dataclass(frozen=True, slots=True)
class LakeRun:
    """The results of the lake's stages."""

    events: Events
    features: Features
    model: ModelFigures
    train_until: date
    test_until: date
    roc: Mapping[str, tuple[tuple[float, float], ...]]
    calibration: tuple[CalibrationBin, ...]
    models: tuple[ModelLine, ...]
    facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def run_lake(
    stages: DemoStages, environ: Mapping[str, str], source: Any, split: DemoSplit, as_of: Sequence[datetime]
) -> LakeRun:
    """Take all events of `source` into the lake, build features, publish vectors, and train and promote a model.

    All accounts get a vector at each of `as_of`, in addition to those at each application's time. Raises StageFailed.
    """
    settings = LakeSettings.from_environment(environ)
    published = _publish(stages, settings, source, EVENT_TYPE)
    with spark_session(stages, settings) as spark:
        events = _ingest(stages, spark, settings, published, EVENT_TYPE)
        _curate(stages, spark, settings)
        _build(stages, spark, settings, as_of)
    trained = _train(stages, environ, split)
    features = _publish_features(stages, environ, settings)
    return _lake_run(events, features, trained)


def take_in_source(stages: DemoStages, environ: Mapping[str, str], source: Any, event_type: str) -> Events:
    """Take all events of `source` into the curated tables only; the figures are those of `event_type`."""
    settings = LakeSettings.from_environment(environ)
    published = _publish(stages, settings, source, event_type)
    with spark_session(stages, settings) as spark:
        events = _ingest(stages, spark, settings, published, event_type)
        _curate(stages, spark, settings)
    return events


def _publish(stages: DemoStages, settings: LakeSettings, source: Any, event_type: str) -> Any:
    with stages.stage("publish", f"putting the events of {source.name} on Kinesis") as say:
        from pipelines.ingest.publish import publish
        from pipelines.sources.iceberg import IcebergRejects
        from pipelines.streams.kinesis import KinesisStream, client

        stream = KinesisStream(client(settings), settings.stream, time.sleep)
        with stages.bar("events") as tick:
            report = publish(source, stream, IcebergRejects(settings, _now), seconds=time.monotonic, progress=tick)
        say(
            f"{count(report.total)} events, {count(report.published.get(event_type, 0))} {_plural(event_type)}; "
            f"{count(report.refused_at_source)} rows refused; {count(round(report.total / report.seconds))} a second"
        )
    return report


@contextmanager
def spark_session(stages: DemoStages, settings: LakeSettings) -> Iterator[Any]:
    """A new Spark session, whose JVM always ends with the block."""
    with stages.stage("spark", "starting the JVM") as say:
        from pipelines.runtime.spark import session

        settings.var.mkdir(parents=True, exist_ok=True)
        on_interrupt = signal.getsignal(signal.SIGINT)
        with stderr_into(settings.var / "spark.log"):
            spark = session(settings)
        # Restore our handler: Spark's would first ask the JVM to cancel its jobs, and wait for the answer.
        signal.signal(signal.SIGINT, on_interrupt)
        say(f"Spark {spark.version} on {settings.spark_master}")
    # The JVM ends when its standard input is closed, which otherwise happens only at the end of this process.
    context = type(spark.sparkContext)
    gateway = context._gateway  # noqa: SLF001 - there is no public access to it
    assert gateway is not None, "a session has a JVM until it is stopped"
    machine = getattr(gateway, "proc", None)
    try:
        yield spark
    except KeyboardInterrupt:
        if machine is not None:
            machine.kill()  # an interrupted job has nothing to save
            machine = None
        raise
    finally:
        if machine is not None:
            _end(spark, gateway, machine)
        # Otherwise the next session of this process would try to use the JVM that has ended.
        context._gateway = context._jvm = None  # noqa: SLF001


def _end(spark: Any, gateway: Any, machine: Any) -> None:
    spark.stop()
    gateway.shutdown()  # objects that still refer to Java must not call a JVM that has ended
    machine.stdin.close()
    machine.wait(timeout=30)


def _ingest(stages: DemoStages, spark: Any, settings: LakeSettings, published: Any, event_type: str) -> Events:
    from pipelines.ingest.ingest import ingest
    from pipelines.ingest.verdict import Counts

    with stages.stage("ingest", "reading the stream into Iceberg, exactly once") as say:
        first = ingest(spark, settings, now=_now, sleep=time.sleep)
        seen = first.event_types.get(event_type, Counts())
        say(
            f"{count(first.total.read)} read = {count(first.total.accepted)} accepted "
            f"+ {count(first.total.quarantined)} in quarantine + {count(first.total.duplicates)} duplicates parked; "
            f"{count(round(first.total.read / first.seconds))} a second"
        )
    with stages.stage("ingest-again", "a second run must add nothing") as say:
        second = ingest(spark, settings, now=_now, sleep=time.sleep)
        say(f"{count(second.total.read)} rows added")
    return Events(
        refused_at_source=published.refused_at_source,
        published=published.published.get(event_type, 0),
        read=seen.read,
        accepted=seen.accepted,
        quarantined=seen.quarantined,
        duplicates=seen.duplicates,
        added_by_second_run=second.total.read,
    )


def _curate(stages: DemoStages, spark: Any, settings: LakeSettings) -> None:
    with stages.stage("curate", "one row an event, gated before it is written") as say:
        from pipelines.curation.curate import curate
        from pipelines.lake.iceberg import IcebergTables

        report = curate(spark, IcebergTables(settings), settings)
        tables = [each for each in report.tables if each.outcome != "empty"]
        say(", ".join(f"{count(each.rows)} {each.table.partition('.')[2]}" for each in tables))


def _build(stages: DemoStages, spark: Any, settings: LakeSettings, as_of: Sequence[datetime]) -> None:
    with stages.stage("build-features", "each application as it looked at its moment") as say:
        from pipelines.lake.iceberg import IcebergTables
        from pipelines.vectors.build_features import build_features

        built = build_features(spark, IcebergTables(settings), settings, as_of)
        say(f"{count(built.vectors)} vectors of {built.features} features; {count(built.empty)} without a transaction")


def _train(stages: DemoStages, environ: Mapping[str, str], split: DemoSplit) -> Any:
    from models import train as act
    from models.settings import Settings

    settings = Settings.from_environment(environ)
    settings.hand_to_mlflow()
    with stages.stage("train", "out of time: learn from the earlier loans, judge by the later ones") as say:
        from models.iceberg import IcebergTrainingTables
        from models.mlflow import MlflowRegistry

        registry = MlflowRegistry(settings.tracking_uri, settings.artefacts_uri)
        request = act.TrainingRequest(train_until=split.train_until, test_until=split.test_until)
        report = act.train(IcebergTrainingTables(settings.lake), registry, settings.models_dir, request)
        auc, card = report.champion.auc, report.scorecard.auc
        say(
            f"{count(report.train_rows)} loans ({count(report.train_bads)} bad) up to {report.train_until}, "
            f"{count(report.test_rows)} ({count(report.test_bads)} bad) after; AUC {auc.value:.3f} "
            f"[{auc.low:.3f}, {auc.high:.3f}], scorecard {card.value:.3f}"
        )
    with stages.stage("promote", "the alias champion, and the artefact for serving") as say:
        from models.promote import promote

        promoted = promote(registry, settings.models_dir, report.version.name)
        say(f"{promoted.champion.name} version {promoted.champion.version} ({promoted.champion.digest[:12]})")
    return report


def _publish_features(stages: DemoStages, environ: Mapping[str, str], settings: LakeSettings) -> Features:
    with stages.stage("publish-features", "the vectors go where the API reads them") as say:
        from features.catalog import LAKE_FEATURES
        from features.postgres import PostgresVectors
        from pipelines.lake.iceberg import IcebergTables
        from pipelines.vectors.publish_features import publish_features
        from serving.postgres import serving_connection

        with serving_connection(process_url(environ, DatabaseProcess.FEATURES)) as connection:
            report = publish_features(IcebergTables(settings), PostgresVectors(connection))
        say(f"{count(report.vectors)} vectors of feature set {report.feature_set_digest[:12]}")
    return Features(count=len(LAKE_FEATURES), vectors=report.vectors)


def _lake_run(events: Events, features: Features, trained: Any) -> LakeRun:
    champion, card = trained.champion, trained.scorecard
    snapshots = ", ".join(f"{table} {snapshot}" for table, snapshot in trained.snapshots.items())
    return LakeRun(
        events=events,
        features=features,
        model=ModelFigures(
            train_rows=trained.train_rows,
            test_rows=trained.test_rows,
            auc=champion.auc.value,
            auc_low=champion.auc.low,
            auc_high=champion.auc.high,
            ks=champion.ks.value,
            brier=champion.brier.value,
            calibration_slope=champion.calibration_slope.value,
            scorecard_auc=card.auc.value,
        ),
        train_until=trained.train_until,
        test_until=trained.test_until,
        roc={CHAMPION: champion.roc, SCORECARD: card.roc},
        calibration=tuple(CalibrationBin(each.expected, each.observed, each.loans) for each in champion.reliability),
        models=(_line(CHAMPION, champion), _line(SCORECARD, card)),
        facts=(
            ("Model", f"{trained.version.name} version {trained.version.version}, {trained.version.digest[:12]}"),
            ("Trained", f"on loans up to {trained.train_until}, judged by those up to {trained.test_until}"),
        ),
        notes=(*trained.notes, f"The model was trained from lake snapshots {snapshots}."),
    )


def _line(name: str, judged: Any) -> ModelLine:
    return ModelLine(
        name=name,
        auc=judged.auc.value,
        auc_low=judged.auc.low,
        auc_high=judged.auc.high,
        ks=judged.ks.value,
        brier=judged.brier.value,
        calibration_slope=judged.calibration_slope.value,
    )


def _plural(event_type: str) -> str:
    """A contract's events in words.

    >>> _plural("bank_transaction.v1")
    'bank transactions'
    """
    return f"{event_type.partition('.')[0].replace('_', ' ')}s"


def _now() -> datetime:
    return datetime.now(UTC)
