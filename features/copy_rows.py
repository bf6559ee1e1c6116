"""A batch of vectors in the format of PostgreSQL's binary COPY, assembled by numpy as whole columns of bytes.

Every field of every row gets the width of the longest value; a mask then leaves out the bytes that a shorter or unknown
value does not use. So Python handles no single cell, and no value is rounded by conversion to text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from features.batch import VectorBatch, observed_column

COLUMNS = ("entity_id", "as_of", "observed_until", "observed", "provenance", "feature_values")
HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
_ROWS = 4096
_EPOCH_US = 946_684_800_000_000  # PostgreSQL counts from the year 2000
_DOUBLE, _INSTANT = 701, 1184  # type oids
_ARRAY_HEADER = 20


def copy_rows(batch: VectorBatch) -> Iterator[bytes]:
    """The rows in chunks of some thousands, without header and trailer."""
    for start in range(0, len(batch), _ROWS):
        yield _rows(batch, batch.table.slice(start, _ROWS))


def _rows(batch: VectorBatch, rows: Any) -> bytes:
    size = rows.num_rows
    fields = [
        _text(rows["entity_id"]),
        _instant(rows["as_of"]),
        _instant(rows["observed_until"]),
        _instants([rows[observed_column(source)] for source in batch.source_names], size),
        _number(rows["provenance"]),
        _doubles([rows[name] for name in batch.names], size),
    ]
    count = np.full((size, 1), len(fields), dtype=">i2").view(np.uint8)
    columns = [(count, np.ones_like(count, dtype=bool)), *fields]
    written, used = np.hstack([data for data, _ in columns]), np.hstack([mask for _, mask in columns])
    data: bytes = written[used].tobytes()
    return data


Field = tuple[Any, Any]  # bytes of each row, and which of them count


def _text(column: Any) -> Field:
    column = column.combine_chunks()
    starts = np.frombuffer(column.buffers()[1], dtype=np.int32)[column.offset : column.offset + len(column) + 1]
    data = np.frombuffer(column.buffers()[2] or b"", dtype=np.uint8)[starts[0] : starts[-1]]
    lengths = np.diff(starts)
    inside = np.arange(lengths.max()) < lengths[:, None]
    padded = np.zeros(inside.shape, dtype=np.uint8)
    padded[inside] = data
    return _with_length(padded, lengths, inside)


def _instant(column: Any) -> Field:
    values, unknown = _microseconds(column)
    return _with_length(
        values.astype(">i8")[:, None].view(np.uint8),
        np.where(unknown, -1, 8),
        np.repeat(~unknown[:, None], 8, axis=1),
    )


def _number(column: Any) -> Field:
    data = column.to_numpy().astype(">i4")[:, None].view(np.uint8)
    return _with_length(data, np.full(len(data), 4), np.ones_like(data, dtype=bool))


def _doubles(columns: list[Any], size: int) -> Field:
    values = np.empty((size, len(columns)), dtype=">f8")
    unknown = np.empty(values.shape, dtype=bool)
    for place, column in enumerate(columns):
        values[:, place] = column.to_numpy()
        unknown[:, place] = column.is_null().to_numpy()
    return _array(values, unknown, _DOUBLE)


def _instants(columns: list[Any], size: int) -> Field:
    """An array of moments; NULL as a whole if the times of the sources are not stored separately."""
    if not columns:
        nothing = np.zeros((size, 0), dtype=np.uint8)
        return _with_length(nothing, np.full(size, -1), nothing.astype(bool))
    pairs = [_microseconds(column) for column in columns]
    values = np.column_stack([value for value, _ in pairs]).astype(">i8")
    return _array(values, np.column_stack([unknown for _, unknown in pairs]), _INSTANT)


def _array(values: Any, unknown: Any, oid: int) -> Field:
    """One array for each row: its header, then each element with its length, -1 for NULL and no bytes after it."""
    size, elements = values.shape
    header = np.empty((size, 5), dtype=">i4")
    header[:] = (1, 0, oid, elements, 1)
    header[:, 1] = unknown.any(axis=1)
    body = np.empty((size, elements), dtype=[("length", ">i4"), ("value", values.dtype)])
    body["length"], body["value"] = np.where(unknown, -1, 8), values
    used = np.ones((size, elements, 12), dtype=bool)
    used[unknown, 4:] = False
    return _with_length(
        np.hstack([header.view(np.uint8), body.view(np.uint8).reshape(size, elements * 12)]),
        _ARRAY_HEADER + 12 * elements - 8 * unknown.sum(axis=1),
        np.hstack([np.ones((size, _ARRAY_HEADER), dtype=bool), used.reshape(size, elements * 12)]),
    )


def _with_length(data: Any, lengths: Any, used: Any) -> Field:
    """The field, preceded by its length in four bytes."""
    length = lengths.astype(">i4")[:, None].view(np.uint8)
    return np.hstack([length, data]), np.hstack([np.ones_like(length, dtype=bool), used])


def _microseconds(column: Any) -> tuple[Any, Any]:
    unknown = column.is_null().to_numpy()
    values = column.cast("int64").fill_null(_EPOCH_US).to_numpy() - _EPOCH_US
    return values, unknown
