"""From columns as an engine gives them to a `FlowBatch`: orientation of the first slice, schema's dtypes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowml.capture.loop import EngineBatch
from flowml.flows.batch import DerivedColumns, FlowBatch
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
    for mine, other in (
        ("src2dst_", "dst2src_"), ("dst2src_", "src2dst_"), ("src_", "dst_"), ("dst_", "src_")
    ):  # fmt: skip
        if name.startswith(mine):
            return other + name.removeprefix(mine)
    return name


MIRRORS = {name: _mirror(name) for name in _NAMES if _mirror(name) != name}


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
    rows = np.flatnonzero(swapped)  # few, and in most batches none
    sizes = packets.size_bytes
    if len(rows):
        sizes = np.where(np.repeat(swapped, packets.counts), -sizes, sizes)

    def oriented(name: str) -> NDArray[Any]:
        values, mirror = columns[name], MIRRORS.get(name)
        if not mirror or not len(rows):
            return values
        values = values.copy()
        values[rows] = columns[mirror][rows]
        return values

    return FlowBatch(
        DerivedColumns(len(packets), oriented), PacketSequences(packets.offsets, packets.time_ms, sizes)
    )


_SNAPSHOT = 2  # the loop's ending of a record that does not end its slice
_FROM_FACTS = {column.name: column.name for column in (UID, SLICE, COVERED_UNTIL_MS, GAP_BEFORE)}
_ENGINE_NAMES = {SRC_IP.name: "src_ip_str", DST_IP.name: "dst_ip_str"}  # where they are not the schema's
_DEVIATIONS = {
    f"{span}_stddev_{quantity}": (span, quantity)
    for span in ("bidirectional", "src2dst", "dst2src")
    for quantity in ("ps", "piat_ms")
}


def from_engine(batch: EngineBatch) -> FlowBatch:
    """Make records of our schema of what the packet loop gave."""

    def column(name: str) -> NDArray[Any]:
        if name in _FROM_FACTS:
            return batch.facts[_FROM_FACTS[name]]
        if name == IS_FINAL.name:
            return np.not_equal(batch.facts["ending"], _SNAPSHOT)
        if name == GAP_AFTER.name:
            return np.zeros(len(batch), bool)
        if name in _DEVIATIONS:
            return standard_deviation(batch.records, *_DEVIATIONS[name])
        values: NDArray[Any] = batch.records[_ENGINE_NAMES.get(name, name)]
        return until_nul(values) if values.dtype.kind == "S" else values

    columns = DerivedColumns(len(batch), column)
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


def standard_deviation(records: NDArray[Any], span: str, quantity: str) -> NDArray[np.float64]:
    """Finish a sum of squares that the engine keeps: n - 1 for sizes, n - 2 for the n - 1 gaps."""
    n, lost = records[f"{span}_packets"].astype(np.int64), 1 if quantity == "ps" else 2
    squares = records[f"{span}_stddev_{quantity}"]
    return np.where(n > lost, np.sqrt(squares / np.maximum(n - lost, 1)), 0.0)


def standard_deviations(records: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
    """Finish all of them."""
    return {name: standard_deviation(records, *of) for name, of in _DEVIATIONS.items()}
