"""From columns as an engine gives them to a `FlowBatch`: orientation of the first slice, schema's dtypes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowml.flows.batch import FlowBatch
from flowml.flows.packets import PacketSequences
from flowml.schema import RECORD_COLUMNS

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
    for source, destination in MIRRORED_PAIRS:
        left, right = final[source], final[destination]
        final[source] = np.where(swapped, right, left)
        final[destination] = np.where(swapped, left, right)
    signs = np.where(np.repeat(swapped, packets.counts), -1, 1).astype(np.int32)
    return FlowBatch(final, PacketSequences(packets.offsets, packets.time_ms, packets.size_bytes * signs))
