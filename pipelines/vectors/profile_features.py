"""Act: feature tables → a page with statistics of each feature: how often it is known, its quantiles and distribution.

It covers the current feature set's vectors in the newest snapshot. The same snapshots give the same bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.lake.table import MissingTable, Tables, written_by
from pipelines.vectors.feature_page import profile_page
from pipelines.vectors.feature_profile import table_of
from pipelines.vectors.published_vectors import PublishedVectors, published_vectors

PAGE = "feature-coverage.html"


@dataclass(frozen=True, slots=True)
class ProfileReport:
    """The path of the page, the number of rows profiled by table, and the number of features."""

    path: Path
    rows: Mapping[str, int]
    features: int


def profile_features(tables: Tables, out: Path, sets: Sequence[PublishedVectors] | None = None) -> ProfileReport:
    """Write the page into the folder atomically. Raises MissingTable before the first build."""
    figures = (table_of(tables, served) for served in sets or published_vectors().values())
    profiled = [table for table in figures if table is not None]
    if not profiled:
        raise MissingTable("features.applicant", written_by("features.applicant"))
    out.mkdir(parents=True, exist_ok=True)
    path = out / PAGE
    written = path.with_suffix(".new")
    written.write_text(profile_page(profiled), encoding="utf-8")
    written.replace(path)
    rows = {each.entity: each.vectors for each in profiled}
    return ProfileReport(path, rows, sum(len(each.features) for each in profiled))
