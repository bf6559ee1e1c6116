"""Manifests that remember files which are not the table's any more, and a commit that lets them forget.

A commit that takes a file out lists it once more, as deleted, with the lowest and highest value of each column in it:
what was removed can still be read there. Expiry does not end that; writing the manifest anew does.
"""

from __future__ import annotations

from collections.abc import Mapping

from pyiceberg.manifest import ManifestContent, ManifestEntry, ManifestEntryStatus, ManifestFile
from pyiceberg.table import Table, Transaction
from pyiceberg.table.snapshots import Operation
from pyiceberg.table.update.snapshot import _FastAppendFiles


def remembers(table: Table, snapshot_id: int) -> bool:
    """Whether a snapshot's manifests list files that were taken out."""
    snapshot = table.snapshot_by_id(snapshot_id)
    return snapshot is not None and any(_lists_deleted(manifest) for manifest in snapshot.manifests(table.io))


def forget(table: Table, branch: str, notes: Mapping[str, str]) -> None:
    """Commit the same rows to the branch with manifests that list nothing else."""
    transaction = Transaction(table, autocommit=True)
    _Forgetting(
        operation=Operation.APPEND,
        transaction=transaction,
        io=table.io,
        branch=branch,
        snapshot_properties=dict(notes),
    ).commit()
    table.refresh()


class _Forgetting(_FastAppendFiles):
    """An append of nothing: manifests without a file that stays are left out by itself, the mixed ones written anew."""

    def _existing_manifests(self) -> list[ManifestFile]:
        return [
            self._anew(manifest) if _lists_deleted(manifest) else manifest for manifest in super()._existing_manifests()
        ]

    def _anew(self, manifest: ManifestFile) -> ManifestFile:
        with self.new_manifest_writer(self.spec(manifest.partition_spec_id)) as writer:
            for entry in self.fetch_manifest_entry(manifest, discard_deleted=True):
                writer.add_entry(
                    ManifestEntry.from_args(
                        status=ManifestEntryStatus.EXISTING,
                        snapshot_id=entry.snapshot_id,
                        sequence_number=entry.sequence_number,
                        file_sequence_number=entry.file_sequence_number,
                        data_file=entry.data_file,
                    )
                )
        return writer.to_manifest_file()


def _lists_deleted(manifest: ManifestFile) -> bool:
    # Deletion files name paths and places, never values.
    return manifest.content is ManifestContent.DATA and manifest.deleted_files_count != 0
