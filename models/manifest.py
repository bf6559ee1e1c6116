"""The manifest of a training set: enough to gather the same rows again, and to know that they are the same.

It lies beside the model's artefact and in the registry. It names no person and holds no row: tables with the snapshots
that a tag keeps, what the rows are by the rules of then, and digests of what they hold.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from terminal.fault import Fault

FORMAT = 1
MANIFEST_FILE = "training_set.json"


class ManifestFault(Fault):
    """A manifest is missing or cannot be read; says which and what to do."""


@dataclass(frozen=True, slots=True)
class Amendment:
    """Rows that an erasure or a retention period took out of the pinned snapshots, and the digest before and after."""

    case_id: str
    rows_erased: Mapping[str, int]
    training_rows_erased: int
    previous_content_hash: str
    content_hash: str
    at: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a model was trained on.

    `tables` says at which snapshot each was read, `tag` what keeps those snapshots. `columns` has a digest of each
    column of the set, so that a difference can be named. `split` says which rows were learnt from.
    """

    tag: str
    source: str
    known_by: str | None
    tables: Mapping[str, int]
    contracts: Mapping[str, str]
    feature_set_digest: str
    label_rule: Mapping[str, bool]
    split: Mapping[str, Any]
    rows: int
    content_hash: str
    columns: Mapping[str, str]
    code: str
    created_at: str
    amendments: tuple[Amendment, ...] = ()
    format: int = FORMAT

    @property
    def known_by_day(self) -> date | None:
        """The last day whose outcomes count, where one was asked for."""
        return None if self.known_by is None else date.fromisoformat(self.known_by)

    def amended(
        self, amendment: Amendment, tables: Mapping[str, int], rows: int, columns: Mapping[str, str]
    ) -> "Manifest":
        """The manifest after an erasure: what it said before stays in the amendment."""
        return replace(
            self,
            tables=dict(tables),
            rows=rows,
            content_hash=amendment.content_hash,
            columns=dict(columns),
            amendments=(*self.amendments, amendment),
        )

    def to_json(self) -> str:
        """The manifest as text, the same for the same manifest."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str, where: str) -> "Manifest":
        """Read what `to_json` wrote; anything else raises ManifestFault naming `where` it came from."""
        try:
            found = json.loads(text)
            amendments = tuple(Amendment(**each) for each in found.pop("amendments"))
            manifest = cls(**found, amendments=amendments)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ManifestFault(f"{where} is no manifest of a training set: {error}") from error
        if manifest.format != FORMAT:
            raise ManifestFault(f"{where} has format {manifest.format}, this code reads {FORMAT}")
        return manifest

    @classmethod
    def read(cls, path: Path) -> "Manifest":
        """Read a manifest's file."""
        try:
            return cls.from_json(path.read_text(encoding="utf-8"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise ManifestFault(f"{path} cannot be read: {error}") from error
