"""Observations: connections at an age, which is what features are computed from and verdicts are about."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowml.flows.key import FlowKey
from flowml.flows.packets import PacketSequences


@dataclass(frozen=True)
class Observations:
    """n observations of connections, each at an age.

    Attributes
    ----------
    connection : ndarray of int64, shape (n,)
        Number of the connection in its table.
    client_ip, server_ip : ndarray of bytes (S46), shape (n,)
    client_port, server_port : ndarray of uint16, shape (n,)
    start_ms : ndarray of int64, shape (n,)
        Time of the connection's first packet that was metered (epoch, ms).
    end_ms : ndarray of int64, shape (n,)
        Time of the last packet known so far (epoch, ms).
    age_s : ndarray of float64, shape (n,)
        Age of the connection at which it is judged, seconds.
    reported_s : ndarray of float64, shape (n,)
        Seconds from the connection's first packet to the packet time at which the meter had told all that
        this observation needs: not before that could a sensor have judged it.
    client_bytes, server_bytes, client_packets, server_packets : ndarray of int64, shape (n,)
        Payload of the connection up to that age, as far as its packets were reported one by one.
    saw_start : ndarray of bool, shape (n,)
        The handshake was seen; False: the connection was there before the sensor.
    was_interrupted : ndarray of bool, shape (n,)
        Capture was interrupted while it was open: packets of it may be missing.
    is_final : ndarray of bool, shape (n,)
        The last observation of this connection: it ended, fell silent, or was evicted.
    application_name, server_name : ndarray of bytes, shape (n,)
        nDPI's words, evidence for people.
    packets : PacketSequences
        The last payload packets up to that age without a hole between them; positive sizes: the client's.
    """

    connection: NDArray[np.int64]
    client_ip: NDArray[np.bytes_]
    server_ip: NDArray[np.bytes_]
    client_port: NDArray[np.uint16]
    server_port: NDArray[np.uint16]
    start_ms: NDArray[np.int64]
    end_ms: NDArray[np.int64]
    age_s: NDArray[np.float64]
    reported_s: NDArray[np.float64]
    client_bytes: NDArray[np.int64]
    server_bytes: NDArray[np.int64]
    client_packets: NDArray[np.int64]
    server_packets: NDArray[np.int64]
    saw_start: NDArray[np.bool_]
    was_interrupted: NDArray[np.bool_]
    is_final: NDArray[np.bool_]
    application_name: NDArray[np.bytes_]
    server_name: NDArray[np.bytes_]
    packets: PacketSequences

    def __len__(self) -> int:
        return len(self.connection)

    def take(self, rows: NDArray[np.int64]) -> "Observations":
        """The observations at `rows`, in that order."""
        values: dict[str, Any] = {name: getattr(self, name)[rows] for name in COLUMN_NAMES}
        return Observations(**values, packets=self.packets.take(rows))

    def key(self, row: int) -> FlowKey:
        """The five-tuple of one observation, client first."""
        return FlowKey(
            client_ip=self.client_ip[row].decode(),
            client_port=int(self.client_port[row]),
            server_ip=self.server_ip[row].decode(),
            server_port=int(self.server_port[row]),
        )

    @staticmethod
    def concat(parts: "list[Observations]") -> "Observations":
        """All observations of `parts`, one part after another; at least one part."""
        values: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMN_NAMES
        }
        return Observations(**values, packets=PacketSequences.concat([part.packets for part in parts]))


COLUMN_NAMES = tuple(field.name for field in fields(Observations) if field.name != "packets")
