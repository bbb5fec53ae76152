"""Messages: consecutive payload packets of one direction, which is what protocols are made of.

Acknowledgements dilute every size and gap, and a message of several segments is one act of its sender. So
packets of one direction that follow each other at once are one message.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flowml.flows.packets import PacketSequences

JOIN_MS = 20
"""Packets of one direction that follow within this are one message: several round trips inside a data
centre, less than any act of a person or a timer."""


@dataclass(frozen=True)
class Messages:
    """Messages of n observations, ragged.

    Attributes
    ----------
    n_observations : int
    observation : ndarray of int64, shape (n_messages,)
        Not falling.
    time_ms, end_ms : ndarray of int64, shape (n_messages,)
        First and last packet of the message.
    size_bytes : ndarray of int64, shape (n_messages,)
        Payload, above 0.
    from_client : ndarray of bool, shape (n_messages,)
    n_packets : ndarray of int64, shape (n_messages,)
    """

    n_observations: int
    observation: NDArray[np.int64]
    time_ms: NDArray[np.int64]
    end_ms: NDArray[np.int64]
    size_bytes: NDArray[np.int64]
    from_client: NDArray[np.bool_]
    n_packets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.observation)


def join_messages(packets: PacketSequences) -> Messages:
    """Join packets to messages.

    Parameters
    ----------
    packets : PacketSequences
        n observations; positive sizes are the client's.

    Returns
    -------
    Messages
    """
    observation = np.repeat(np.arange(len(packets)), packets.counts)
    from_client = packets.size_bytes > 0
    begins = np.ones(len(observation), bool)
    begins[1:] = (
        (observation[1:] != observation[:-1])
        | (from_client[1:] != from_client[:-1])
        | (np.diff(packets.time_ms) >= JOIN_MS)
    )
    start = np.flatnonzero(begins)
    n_packets = np.diff(start, append=len(observation))
    size = np.abs(packets.size_bytes.astype(np.int64))
    return Messages(
        n_observations=len(packets),
        observation=observation[start],
        time_ms=packets.time_ms[start],
        end_ms=packets.time_ms[start + n_packets - 1],
        size_bytes=np.add.reduceat(size, start) if len(start) else size,
        from_client=from_client[start],
        n_packets=n_packets,
    )
