"""From columns as an engine gives them to a `FlowBatch`: orientation of the first slice, schema's dtypes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowml.capture.loop import EngineBatch
from flowml.flows.batch import FlowBatch
from flowml.flows.packets import PacketSequences
from flowml.schema import (
    COVERED_UNTIL_MS,
    DST_IP,
    GAP_AFTER,
    GAP_BEFORE,
    IS_FINAL,
    RECORD_COLUMNS,
    SLICE,
    SRC_IP,
    UID,
)  # fmt: skip

_NAMES = {column.name for column in RECORD_COLUMNS}


def _mirror(name: str) -> str:
    """The column that holds the same figure of the other side."""
    for mine, other in (("src2dst_", "dst2src_"), ("src_", "dst_")):
        if name.startswith(mine):
            return other + name.removeprefix(mine)
    return name


MIRRORED_PAIRS = tuple((name, _mirror(name)) for name in sorted(_NAMES) if _mirror(name) != name)


def flow_batch(
    columns: Mapping[str, NDArray[Any]], packets: PacketSequences, swapped: NDArray[np.bool_]
) -> FlowBatch:
    """Build a batch in which source is the same side in every slice of a flow.

    Parameters
    ----------
    columns : mapping of str to ndarray, each of shape (n,)
        Every column of the record schema, of any dtype that casts to it, as seen from the sender of each
        slice's own first packet.
    packets : PacketSequences
        Payload packets of each record, as seen from the same sides.
    swapped : ndarray of bool, shape (n,)
        Records whose sender is the receiver of their flow's first slice.

    Returns
    -------
    FlowBatch
    """
    final = {column.name: columns[column.name].astype(column.numpy_dtype) for column in RECORD_COLUMNS}
    sizes = packets.size_bytes
    if len(rows := np.flatnonzero(swapped)):  # few, and in most batches none
        for source, destination in MIRRORED_PAIRS:
            left = final[source][rows]
            final[source][rows] = final[destination][rows]
            final[destination][rows] = left
        sizes = np.where(np.repeat(swapped, packets.counts), -sizes, sizes)
    return FlowBatch(final, PacketSequences(packets.offsets, packets.time_ms, sizes))


_SNAPSHOT = 2  # the loop's ending of a record that does not end its slice
_FROM_FACTS = {UID: "uid", SLICE: "slice", COVERED_UNTIL_MS: "covered_until_ms", GAP_BEFORE: "gap_before"}
_ENGINE_NAMES = {SRC_IP: "src_ip_str", DST_IP: "dst_ip_str"}  # where they are not the schema's
_SPANS = ("bidirectional", "src2dst", "dst2src")


def from_engine(batch: EngineBatch) -> FlowBatch:
    """Make records of our schema of what the packet loop gave."""
    n = len(batch)
    columns: dict[str, NDArray[Any]] = {
        column.name: batch.facts[fact] for column, fact in _FROM_FACTS.items()
    }
    columns[IS_FINAL.name] = batch.facts["ending"] != _SNAPSHOT
    columns[GAP_AFTER.name] = np.zeros(n, bool)
    for column in RECORD_COLUMNS:
        if column.name not in columns:
            values = batch.records[_ENGINE_NAMES.get(column, column.name)]
            columns[column.name] = until_nul(values) if values.dtype.kind == "S" else values
    columns.update(standard_deviations(batch.records))
    packets = PacketSequences.from_counts(batch.facts["payload_packets"], batch.time_ms, batch.size_bytes)
    return flow_batch(columns, packets, batch.facts["swapped"] != 0)


def until_nul(values: NDArray[np.bytes_]) -> NDArray[np.bytes_]:
    """Cut C strings at their first NUL; NumPy keeps what an engine left behind it."""
    width = values.dtype.itemsize
    cut = np.array(values)  # a copy, one text behind the other
    octets = cut.view(np.uint8).reshape(-1, width)
    first_nul = octets.argmin(axis=1)
    ends = np.take_along_axis(octets, first_nul[:, None], axis=1)[:, 0] == 0
    rows = np.flatnonzero(ends & (np.strings.str_len(cut) > first_nul))  # few: most end where they end
    octets[rows] *= np.arange(width) < first_nul[rows, None]
    return cut


def standard_deviations(records: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
    """Finish the sums of squares that the engine keeps: n - 1 for sizes, n - 2 for the n - 1 gaps."""
    finished = {}
    for span in _SPANS:
        n = records[f"{span}_packets"].astype(np.int64)
        for quantity, lost in (("ps", 1), ("piat_ms", 2)):
            name = f"{span}_stddev_{quantity}"
            finished[name] = np.where(n > lost, np.sqrt(records[name] / np.maximum(n - lost, 1)), 0.0)
    return finished
