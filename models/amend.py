"""Act: after an erasure removed rows from pinned snapshots, record their number and the new hash in each manifest."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from models import export
from models.manifest import MANIFEST_FILE, Amendment, Manifest, ManifestFault
from models.rebuild import gather_pinned
from models.registry import ModelVersion, Registry
from models.tables import TrainingTables
from pipelines.erasures.erasures import ErasureEntry, ErasureState


@dataclass(frozen=True, slots=True)
class Amended:
    """A version whose manifest was amended, the case that caused it, and the new content hash."""

    version: ModelVersion
    case_id: str
    training_rows_erased: int
    content_hash: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def amend(
    tables: TrainingTables, registry: Registry, models_dir: Path, lines: Iterable[ErasureEntry], now: datetime
) -> tuple[Amended, ...]:
    """Amend the manifest of every version in use whose tag was moved by an erasure. Idempotent.

    Raises ManifestFault when a tag was moved and the record of erasures does not name the case.
    """
    removals = {
        (line.table, line.ref, line.snapshot_before): line
        for line in lines
        if line.state is ErasureState.REMOVED and line.ref
    }
    done = []
    for name in registry.names():
        for version in registry.standing(name):
            text = registry.manifest(version)
            if text is None:
                continue
            manifest = Manifest.from_json(text, f"training set of {name} version {version.version}")
            amended = _amended(tables, manifest, removals, now)
            if amended is None:
                continue
            registry.amend(version, amended.to_json())
            if (models_dir / version.digest).is_dir():
                export.replace_file(models_dir / version.digest / MANIFEST_FILE, amended.to_json())
            newest = amended.amendments[-1]
            done.append(Amended(version, newest.case_id, newest.training_rows_erased, newest.content_hash))
    return tuple(done)


def _amended(
    tables: TrainingTables, manifest: Manifest, removals: Mapping[tuple[str, str, int], ErasureEntry], now: datetime
) -> Manifest | None:
    named = {**manifest.tables, **tables.pinned(manifest.tag, list(manifest.tables))}
    if named == manifest.tables:
        return None
    rows: dict[str, int] = {}
    cases: dict[str, None] = {}
    for table, after in named.items():
        at = manifest.tables[table]
        while at != after:
            line = removals.get((table, manifest.tag, at))
            if line is None:
                raise ManifestFault(f"tag {manifest.tag} of {table} was moved, and no erasure on record says why")
            rows[table] = rows.get(table, 0) + line.rows
            cases[line.case_id] = None
            at = line.snapshot_after
    found = gather_pinned(tables, replace(manifest, tables=named))
    amendment = Amendment(
        case_id=", ".join(cases),
        rows_erased=rows,
        training_rows_erased=manifest.rows - len(found.application_ids),
        previous_content_hash=manifest.content_hash,
        content_hash=found.content_digest(),
        at=now.isoformat(),
    )
    return manifest.amended(amendment, named, len(found.application_ids), found.column_digests())
