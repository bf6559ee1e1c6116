"""Remove deleted files from manifests, where column statistics of removed rows would remain readable.

A commit that removes a file lists it once more in a manifest, as deleted, with the lowest and highest value of each
column. Snapshot expiry does not remove these values; rewriting the manifest does.
"""

from __future__ import annotations

from collections.abc import Mapping

from pyiceberg.manifest import ManifestContent, ManifestEntry, ManifestEntryStatus, ManifestFile
from pyiceberg.table import Table, Transaction
from pyiceberg.table.snapshots import Operation
from pyiceberg.table.update.snapshot import _FastAppendFiles


def remembers(table: Table, snapshot_id: int) -> bool:
    """Whether a snapshot's manifests list deleted files."""
    snapshot = table.snapshot_by_id(snapshot_id)
    return snapshot is not None and any(_lists_deleted(manifest) for manifest in snapshot.manifests(table.io))


def forget(table: Table, branch: str, notes: Mapping[str, str]) -> None:
    """Commit the same rows to the branch, with manifests that list only the current files."""
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
    """An append of no files. pyiceberg drops manifests without current files; this class rewrites mixed manifests."""

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
    # Delete files contain paths and positions, never values.
    return manifest.content is ManifestContent.DATA and manifest.deleted_files_count != 0
