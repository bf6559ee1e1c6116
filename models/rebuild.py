"""Act: gather a model's training set again from the snapshots of its manifest, and compare it with the manifest."""

from dataclasses import asdict, dataclass
from typing import Any

from features import catalog
from models import labels, training_set
from models.manifest import Manifest, ManifestFault
from models.registry import ModelVersion, Registry
from models.tables import PinnedTables, TrainingTables
from models.training_set import TrainingSet


@dataclass(frozen=True, slots=True)
class RebuiltTrainingSet:
    """The set as gathered now, beside its manifest; `differences` is empty when they are equal."""

    rows: int
    content_hash: str
    expected_rows: int
    expected_content_hash: str
    differences: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        """Whether the same rows were gathered."""
        return not self.differences

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"is_same": self.is_same}


def rebuild_training_set(tables: TrainingTables, manifest: Manifest) -> RebuiltTrainingSet:
    """Gather the rows again.

    Raises ManifestFault where the manifest cannot be followed: the code has other features or another label rule, or an
    erasure moved the tag and the manifest does not say so yet. Raises LakeFault where a snapshot is gone.
    """
    if manifest.feature_set_digest != catalog.feature_set_digest():
        raise ManifestFault(
            f"the set has the features of {manifest.feature_set_digest[:12]}, this code those of "
            f"{catalog.feature_set_digest()[:12]}; rebuild it with code {manifest.code}"
        )
    if dict(manifest.label_rule) != labels.DEFAULTED:
        raise ManifestFault(f"the labels follow another rule than this code's; rebuild it with code {manifest.code}")
    moved = [
        table
        for table, snapshot_id in tables.pinned(manifest.tag, list(manifest.tables)).items()
        if snapshot_id != manifest.tables[table]
    ]
    if moved:
        raise ManifestFault(
            f"rows were taken out of {', '.join(sorted(moved))} since; run `tranche models amend-training-sets` first"
        )
    found = gather_pinned(tables, manifest)
    return RebuiltTrainingSet(
        rows=len(found.application_ids),
        content_hash=found.content_digest(),
        expected_rows=manifest.rows,
        expected_content_hash=manifest.content_hash,
        differences=_differences(found, manifest),
    )


def gather_pinned(tables: TrainingTables, manifest: Manifest) -> TrainingSet:
    """The rows at the manifest's snapshots, by the rules of this code."""
    pinned = PinnedTables(tables, manifest.tables)
    return training_set.gather_training_set(pinned, source=manifest.source, known_by=manifest.known_by_day)


def registered_manifest(registry: Registry, version: ModelVersion) -> Manifest:
    """The manifest of a registered version; raises ManifestFault when it has none."""
    text = registry.manifest(version)
    where = f"training set of {version.name} version {version.version}"
    if text is None:
        raise ManifestFault(f"the {where} was not pinned; train the model again")
    return Manifest.from_json(text, where)


def _differences(found: TrainingSet, manifest: Manifest) -> tuple[str, ...]:
    if found.content_digest() == manifest.content_hash:
        return ()
    digests = found.column_digests()
    rows = len(found.application_ids)
    told = [] if rows == manifest.rows else [f"{rows} rows, the manifest has {manifest.rows}"]
    told += [f"column {name} holds other values" for name in digests if digests[name] != manifest.columns.get(name)]
    return tuple(told) or ("the manifest's content hash does not match its columns",)
