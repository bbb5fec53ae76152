"""Who is the client: decided once, at the first record of a connection.

NFStream calls the sender of a record's first packet the source, so after a cut source and destination swap
when the server speaks first. The SYN decides where it was seen. Where the connection was there before the
sensor, ports decide when they are of different kinds (a service on one side, an ephemeral port on the other),
and only between two ports of one kind the sender of the first packet counts as the client.
"""

import numpy as np
from numpy.typing import NDArray

from flowml.flows.batch import FlowBatch
from flowml.schema import (
    DST_ACK,
    DST_PACKETS,
    DST_PORT,
    DST_SYN,
    SRC_ACK,
    SRC_PACKETS,
    SRC_PORT,
    SRC_SYN,
)

# Well-known ports end at 1023 (RFC 6335); Linux hands out ephemeral ports from 32768 upwards.
_PORT_KINDS = np.array([1024, 32768])


def opened_by_source(batch: FlowBatch) -> NDArray[np.bool_]:
    """Say where the source sent a SYN without an ACK: every other packet of an opener carries an ACK."""
    return np.asarray((batch[SRC_SYN] > 0) & (batch[SRC_ACK] < batch[SRC_PACKETS]))


def opened_by_destination(batch: FlowBatch) -> NDArray[np.bool_]:
    """Say where the destination sent a SYN without an ACK."""
    return np.asarray((batch[DST_SYN] > 0) & (batch[DST_ACK] < batch[DST_PACKETS]))


def source_is_client(batch: FlowBatch) -> NDArray[np.bool_]:
    """Orient each record as if it were the first of its connection.

    Returns
    -------
    ndarray of bool, shape (n_records,)
    """
    src_kind = np.searchsorted(_PORT_KINDS, batch[SRC_PORT], side="right")
    dst_kind = np.searchsorted(_PORT_KINDS, batch[DST_PORT], side="right")
    by_port = src_kind >= dst_kind
    return np.select(
        [opened_by_source(batch), opened_by_destination(batch), batch[SRC_SYN] > 0, batch[DST_SYN] > 0],
        # a SYN that only came with an ACK is the server's answer
        [True, False, False, True],
        default=by_port,
    ).astype(bool)
