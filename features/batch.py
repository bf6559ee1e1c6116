"""VectorBatch: many vectors of one feature set as columns, the form in which they come from the lake."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from terminal.fault import Fault

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from features.vector import FeatureVector

KEYS = ("entity_id", "as_of")
_OBSERVED = "observed_until"
_PROVENANCE = "provenance"


class OtherFeatures(Fault):
    """The names of a vector's values differ from those of the feature set whose digest it carries."""

    def __init__(self, entity_id: str, digest: str, missing: set[str], unknown: set[str]) -> None:
        self.entity_id = entity_id
        differences = [f"lacks {', '.join(sorted(missing))}"] if missing else []
        differences += [f"has unknown {', '.join(sorted(unknown))}"] if unknown else []
        super().__init__(f"vector of {entity_id} under feature set {digest[:12]} {' and '.join(differences)}")


class UnfitValue(Fault):
    """A value cannot be served as it is: not a number, infinite, or a whole number that a double would round."""

    def __init__(self, entity_id: str, feature: str, value: object) -> None:
        super().__init__(f"vector of {entity_id}: {feature} is {value}, which cannot be served exactly")


@dataclass(frozen=True, slots=True)
class VectorBatch:
    """Vectors in the order of entity and moment, each pair once.

    `table` has the columns `entity_id` (string), `as_of` and `observed_until` (UTC, microseconds), `provenance`
    (the place in `provenances` of the snapshot ids behind the row), `observed_until:SOURCE` for each of `source_names`,
    and one double for each of `names`, null where it is unknown.
    """

    digest: str
    entity: str
    names: tuple[str, ...]
    table: pa.Table
    provenances: tuple[Mapping[str, int], ...]
    source_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return int(self.table.num_rows)


def observed_column(source: str) -> str:
    """The column with the time at which the newest event of that source occurred."""
    return f"{_OBSERVED}:{source}"


def batch_of(
    rows: pa.Table,
    *,
    digest: str,
    entity: str,
    key: str,
    names: Sequence[str],
    snapshots: Mapping[str, str] | str,
    observed: Mapping[str, str] | None = None,
) -> VectorBatch:
    """The rows of a feature table as vectors; for the same entity and moment the last row counts.

    `snapshots` maps each column of snapshot ids to its table, or names the one column that holds them all as JSON;
    `observed` maps each column of newest events to its source. Raises UnfitValue.
    """
    import pyarrow as pa

    instant = pa.timestamp("us", tz="UTC")
    provenances, places = _provenances(rows, snapshots)
    columns = {
        "entity_id": rows[key].cast(pa.string()),
        "as_of": rows["as_of"].cast(instant),
        _OBSERVED: rows[_OBSERVED].cast(instant),
        _PROVENANCE: pa.array(places, pa.int32()),
        **{observed_column(source): rows[column].cast(instant) for column, source in (observed or {}).items()},
    }
    values = {name: _doubles(rows[name], name, columns["entity_id"]) for name in names}
    table = _each_once(pa.table(columns | values))
    return VectorBatch(digest, entity, tuple(names), table, provenances, tuple((observed or {}).values()))


def batches_of_vectors(vectors: Iterable[FeatureVector], names_of: Mapping[str, Sequence[str]]) -> list[VectorBatch]:
    """Single vectors as batches, one for each digest; `names_of` gives the names already known for a digest."""
    import pyarrow as pa

    by_digest: dict[str, list[FeatureVector]] = {}
    for vector in vectors:
        by_digest.setdefault(vector.digest, []).append(vector)
    batches = []
    for digest, same in by_digest.items():
        names = list(names_of.get(digest) or same[0].values)
        sources = list(same[0].observed)
        for vector in same:
            check_names(vector.entity_id, digest, names, vector.values)
        tables = sorted({table for vector in same for table in vector.snapshot_ids})
        instant = pa.timestamp("us", tz="UTC")
        columns = {
            "entity_id": pa.array([vector.entity_id for vector in same], pa.string()),
            "as_of": pa.array([vector.as_of for vector in same], instant),
            _OBSERVED: pa.array([vector.observed_until for vector in same], instant),
            **{f"snapshot:{table}": pa.array([vector.snapshot_ids.get(table) for vector in same], pa.int64())
               for table in tables},
            **{f"seen:{source}": pa.array([vector.observed.get(source) for vector in same], instant)
               for source in sources},
            **{name: pa.array([vector.values[name] for vector in same], pa.float64()) for name in names},
        }  # fmt: skip
        batches.append(
            batch_of(
                pa.table(columns),
                digest=digest,
                entity="applicant",
                key="entity_id",
                names=names,
                snapshots={f"snapshot:{table}": table for table in tables},
                observed={f"seen:{source}": source for source in sources},
            )
        )
    return batches


def feature_vectors(batch: VectorBatch) -> list[FeatureVector]:
    """The batch's vectors one by one; slow, for in-memory stores and tests."""
    from features.vector import FeatureVector

    return [
        FeatureVector(
            entity_id=row["entity_id"],
            digest=batch.digest,
            as_of=row["as_of"],
            observed_until=row[_OBSERVED],
            values={name: row[name] for name in batch.names},
            snapshot_ids=dict(batch.provenances[row[_PROVENANCE]]),
            observed={source: row[observed_column(source)] for source in batch.source_names},
        )
        for row in batch.table.to_pylist()
    ]


def check_names(entity_id: str, digest: str, names: Iterable[str], values: Iterable[str]) -> None:
    """Raise OtherFeatures, with the difference, if the names are not those of the feature set."""
    expected, given = set(names), set(values)
    if expected != given:
        raise OtherFeatures(entity_id, digest, expected - given, given - expected)


def _provenances(
    rows: pa.Table, snapshots: Mapping[str, str] | str
) -> tuple[tuple[dict[str, int], ...], npt.NDArray[np.int64]]:
    """The distinct combinations of snapshot ids, and for each row the place of its own."""
    import numpy as np

    if isinstance(snapshots, str):
        told = rows[snapshots].combine_chunks().dictionary_encode()
        return tuple(json.loads(text) for text in told.dictionary.to_pylist()), told.indices.to_numpy()
    places = np.zeros(rows.num_rows, dtype=np.int64)
    encoded = {column: rows[column].combine_chunks().dictionary_encode() for column in snapshots}
    for values in encoded.values():
        codes = values.indices.fill_null(len(values.dictionary)).to_numpy(zero_copy_only=False)
        places = places * (len(values.dictionary) + 1) + codes
    _, first, places = np.unique(places, return_index=True, return_inverse=True)
    combinations = tuple(
        {
            table: ids.dictionary[ids.indices[row].as_py()].as_py()
            for (column, table) in snapshots.items()
            if (ids := encoded[column]).indices[row].is_valid
        }
        for row in (place.item() for place in first)
    )
    return combinations, places


def _doubles(column: pa.ChunkedArray, name: str, entities: pa.ChunkedArray) -> pa.ChunkedArray:
    """A feature's column as doubles; raises UnfitValue if one would be rounded or is not a finite number."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_decimal(column.type):
        column = column.cast(pa.int64())
    if pa.types.is_integer(column.type):
        unfit = pc.greater(pc.abs_checked(column.cast(pa.int64())), 2**53)
    else:
        column = column.cast(pa.float64())
        unfit = pc.invert(pc.is_finite(column))
    if pc.any(unfit).as_py():
        place = pc.index(unfit, value=True).as_py()
        raise UnfitValue(entities[place].as_py(), name, column[place].as_py())
    return column.cast(pa.float64())


def _each_once(table: pa.Table) -> pa.Table:
    """The rows sorted by entity and moment; among equal ones the last in the given order is kept."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    numbered = table.append_column("place", pa.array(np.arange(table.num_rows)))
    order = pc.sort_indices(numbered, sort_keys=[*((key, "ascending") for key in KEYS), ("place", "ascending")])
    ordered = table.take(order).combine_chunks()
    if ordered.num_rows < 2:
        return ordered
    same = [pc.equal(ordered[key].slice(1), ordered[key].slice(0, ordered.num_rows - 1)) for key in KEYS]
    repeated = pc.and_(*same)
    last = np.append(~np.asarray(repeated.to_numpy(), dtype=bool), True)
    return ordered if last.all() else ordered.filter(pa.array(last)).combine_chunks()
