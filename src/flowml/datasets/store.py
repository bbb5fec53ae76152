"""Flow tables on disk: one Parquet file of records, with what metered them in its metadata."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from flowml.errors import DataError
from flowml.flows.batch import FlowBatch
from flowml.flows.packets import PacketSequences
from flowml.schema import PACKET_SIZE_BYTES, PACKET_TIME_MS, RECORD_COLUMNS, SEQUENCE_COLUMNS, digest
from flowml.whole_files import unfinished_beside

SCHEMA_KEY = "record_schema"
SCHEMA_DIGEST = digest((*RECORD_COLUMNS, *SEQUENCE_COLUMNS))
ROW_GROUP_RECORDS = 65_536
# A connection is told of several times, with the same packets: compression finds them only where they stand
# as they are. With a dictionary or as differences, both packed in bits, a table is a sixth larger (1,346 kB
# instead of 1,101 for a simulation of `broad`); in planes of bytes times take less, and all else more.
_ENCODING = {
    "compression": "zstd",
    "use_dictionary": False,
    "column_encoding": {f"{PACKET_TIME_MS.name}.list.element": "BYTE_STREAM_SPLIT"},
}
QUICK, SMALL = 9, 19
"""Levels of compression: for tables that are made all day, and for those that are made once and shipped."""

_PREFIX = "flowml."  # Parquet files carry other writers' metadata too


def _arrow_type(dtype: np.dtype[np.generic]) -> pa.DataType:
    return pa.binary() if dtype.kind == "S" else pa.from_numpy_dtype(dtype)


_FIELDS = [
    *((column.name, _arrow_type(column.numpy_dtype)) for column in RECORD_COLUMNS),
    *((column.name, pa.list_(_arrow_type(column.numpy_dtype))) for column in SEQUENCE_COLUMNS),
]


def write_flows(
    path: Path, batches: Iterable[FlowBatch], metadata: Mapping[str, str], level: int = QUICK
) -> int:
    """Write records to a Parquet file, which appears under its name only when it is whole.

    Parameters
    ----------
    path : Path
        The file; one that exists is replaced.
    batches : iterable of FlowBatch
        The records.
    metadata : mapping of str to str
        What metered them; the schema's digest is added.
    level : int
        Of compression, `QUICK` or `SMALL`.

    Returns
    -------
    int
        Records written.

    Raises
    ------
    DataError
        The file cannot be written; nothing of it is left behind. Errors of `batches` pass through, and
        leave nothing behind either.
    """
    described = {**metadata, SCHEMA_KEY: SCHEMA_DIGEST}
    schema = pa.schema(_FIELDS, metadata={_PREFIX + key: value for key, value in described.items()})
    records = 0
    with unfinished_beside(path) as unfinished:
        with _writing(path, unfinished, schema, level) as writer:
            for batch in _row_groups(batches):
                with _named_errors(path):
                    writer.write_batch(_to_arrow(batch, schema))
                records += len(batch)
        with _named_errors(path):
            unfinished.replace(path)
    return records


@contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    """Name the table in what the operating system complains about."""
    try:
        yield
    except OSError as error:
        reason = (
            os.strerror(error.errno) if error.errno else error
        )  # pyarrow's own words name our temporary file
        raise DataError(f"{path}: cannot be written: {reason}; free space or choose another place") from error


@contextmanager
def _writing(path: Path, unfinished: Path, schema: pa.Schema, level: int) -> Iterator[pq.ParquetWriter]:
    with _named_errors(path):
        writer = pq.ParquetWriter(unfinished, schema, compression_level=level, **_ENCODING)
    try:
        yield writer
    except BaseException:
        _abandon(writer)
        raise
    with _named_errors(path):
        writer.close()


def _abandon(writer: pq.ParquetWriter) -> None:
    """Close the file of a table that will not be finished; what it complains about now adds nothing."""
    try:
        writer.close()
    except OSError:
        return


def _row_groups(batches: Iterable[FlowBatch]) -> Iterator[FlowBatch]:
    """Join small batches into row groups."""
    waiting: list[FlowBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(map(len, waiting)) >= ROW_GROUP_RECORDS:
            yield FlowBatch.concat(waiting)
            waiting = []
    if waiting:
        yield FlowBatch.concat(waiting)


def _to_arrow(batch: FlowBatch, schema: pa.Schema) -> pa.RecordBatch:
    offsets = pa.array(batch.packets.offsets.astype(np.int32))
    arrays = [
        pa.array(batch[column].tolist() if column.dtype.startswith("S") else batch[column], field.type)
        for column, field in zip(RECORD_COLUMNS, schema, strict=False)
    ]
    arrays += [
        pa.ListArray.from_arrays(offsets, pa.array(values))
        for values in (batch.packets.time_ms, batch.packets.size_bytes)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def read_flows(path: Path) -> tuple[Iterator[FlowBatch], dict[str, str]]:
    """Open a flow table.

    Parameters
    ----------
    path : Path
        A file of `write_flows`.

    Returns
    -------
    batches : iterator of FlowBatch
        Its records, a row group at a time.
    metadata : dict of str to str
        What metered them.

    Raises
    ------
    DataError
        Missing, no Parquet, cut, or of another schema (also while iterating).
    """
    with _readable(path):
        file = pq.ParquetFile(path)
    stored = {key.decode(): value.decode() for key, value in (file.schema_arrow.metadata or {}).items()}
    metadata = {key.removeprefix(_PREFIX): value for key, value in stored.items() if key.startswith(_PREFIX)}
    found = metadata.get(SCHEMA_KEY)
    if found != SCHEMA_DIGEST:
        got = f"record schema {found[:12]}" if found else "no record schema"
        raise DataError(
            f"{path}: has {got}, this flowml reads {SCHEMA_DIGEST[:12]}; "
            "meter the captures again with flowml meter"
        )
    return _batches(path, file), metadata


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; expected a flow table, made by flowml meter") from None
    except (OSError, pa.ArrowInvalid) as error:
        reason = str(error).splitlines()[0]
        raise DataError(
            f"{path}: not a whole flow table ({reason}); make it again with flowml meter"
        ) from error


def _batches(path: Path, file: pq.ParquetFile) -> Iterator[FlowBatch]:
    with file:
        for group in range(file.num_row_groups):
            with _readable(path):
                table = file.read_row_group(group).combine_chunks()
            yield _from_arrow(table)


def _from_arrow(table: pa.Table) -> FlowBatch:
    columns = {}
    for column in RECORD_COLUMNS:
        values = (
            table[column.name].to_pylist() if column.dtype.startswith("S") else table[column.name].to_numpy()
        )
        columns[column.name] = np.array(values, column.numpy_dtype)
    times, sizes = (table[column.name].combine_chunks() for column in (PACKET_TIME_MS, PACKET_SIZE_BYTES))
    return FlowBatch(
        columns,
        PacketSequences.from_counts(
            times.value_lengths().to_numpy(zero_copy_only=False).astype(np.int64),
            times.flatten().to_numpy(),
            sizes.flatten().to_numpy(),
        ),
    )
