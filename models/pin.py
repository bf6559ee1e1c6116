"""Keeps a training set before its model is registered: its snapshots by a tag, the rest by a manifest."""

from datetime import date, datetime
from pathlib import Path
from typing import Protocol

from data_contracts.catalog import contracts
from features import catalog
from models import export, labels
from models.manifest import MANIFEST_FILE, Manifest
from models.registry import Registry
from models.split import TrainingSplit
from models.tables import TrainingTables
from models.training_set import TrainingSet

TAG = "train_"  # followed by the model's digest


class Asked(Protocol):
    """The fields of a training request that the manifest records."""

    @property
    def train_until(self) -> date | None: ...
    @property
    def test_until(self) -> date | None: ...
    @property
    def known_by(self) -> date | None: ...
    @property
    def code(self) -> str: ...
    @property
    def at(self) -> datetime | None: ...


def manifest_of(gathered: TrainingSet, sides: TrainingSplit, digest: str, asked: Asked) -> Manifest:
    """The manifest of the training set of the model with this digest."""
    snapshots = {reading.table: reading.snapshot_id for reading in gathered.readings}
    versions = {each.curated_table: f"{each.name}@{each.version}" for each in contracts().values()}
    return Manifest(
        tag=f"{TAG}{digest}",
        source=gathered.source,
        known_by=None if asked.known_by is None else asked.known_by.isoformat(),
        tables=snapshots,
        contracts={table: versions[table] for table in snapshots if table in versions},
        feature_set_digest=catalog.feature_set_digest(),
        label_rule=labels.DEFAULTED,
        split={
            "train_until": str(asked.train_until),
            "test_until": str(asked.test_until),
            "train_rows": len(sides.train),
            "test_rows": len(sides.test),
        },
        rows=len(gathered.application_ids),
        content_hash=gathered.content_digest(),
        columns=gathered.column_digests(),
        code=asked.code,
        created_at="" if asked.at is None else asked.at.isoformat(),
    )


def pin(tables: TrainingTables, registry: Registry, folder: Path, manifest: Manifest, name: str) -> None:
    """Tag the set's snapshots and write the manifest beside the artefact in `folder`.

    Done before the registration, so that no version is registered whose rows could expire. A version that is registered
    already keeps its own manifest and snapshots, because it was trained on them.
    """
    known = registry.registered(name, folder.name)
    kept = None if known is None else registry.manifest(known)
    if kept is None:
        tables.pin(manifest.tag, manifest.tables)
    if known is not None and kept is None:  # registered before manifests existed
        registry.amend(known, manifest.to_json())
    export.replace_file(folder / MANIFEST_FILE, kept or manifest.to_json())
