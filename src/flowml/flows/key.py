"""Five-tuples: one key for both directions of a connection, and its Community ID for other tools."""

import base64
import hashlib
import socket
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flowml.flows.batch import FlowBatch
from flowml.schema import DST_IP, DST_PORT, MAX_ADDRESS_CHARS, PROTOCOL, SRC_IP, SRC_PORT, VLAN_ID

TCP = 6

_KEY_DTYPE = np.dtype(
    [
        ("low_ip", f"S{MAX_ADDRESS_CHARS}"),
        ("high_ip", f"S{MAX_ADDRESS_CHARS}"),
        ("low_port", "u2"),
        ("high_port", "u2"),
        ("vlan_id", "u2"),
        ("protocol", "u1"),
    ]
)


@dataclass(frozen=True)
class FlowKey:
    """A five-tuple as the client sees it."""

    client_ip: str
    client_port: int
    server_ip: str
    server_port: int
    protocol: int = TCP

    @property
    def community_id(self) -> str:
        """Community ID version 1, seed 0, of a TCP, UDP or SCTP connection.

        Source: the Community ID flow hashing specification (Corelight), version 1: SHA-1 over seed,
        addresses, protocol, a zero byte and ports in network order, the lower endpoint first.
        """
        ends = [
            (_packed(self.client_ip), struct.pack("!H", self.client_port)),
            (_packed(self.server_ip), struct.pack("!H", self.server_port)),
        ]
        (low_ip, low_port), (high_ip, high_port) = sorted(ends)
        text = struct.pack("!H", 0) + low_ip + high_ip + bytes((self.protocol, 0)) + low_port + high_port
        return "1:" + base64.b64encode(hashlib.sha1(text, usedforsecurity=False).digest()).decode()


def host_port(address: str, port: int) -> str:
    """Write an end of a connection down as RFC 3986 has it: an IPv6 address stands in brackets."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _packed(address: str) -> bytes:
    """An address in network order: as `ipaddress` gives it, in a tenth of the time."""
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def source_is_low(batch: FlowBatch) -> NDArray[np.bool_]:
    """Say for each record whether its source is the low endpoint of the key, shape (n_records,)."""
    src, dst = batch[SRC_IP], batch[DST_IP]
    return np.asarray((src < dst) | ((src == dst) & (batch[SRC_PORT] <= batch[DST_PORT])))


def connection_keys(batch: FlowBatch) -> list[bytes]:
    """Give one opaque key per record, the same for both directions of a five-tuple and VLAN.

    Returns
    -------
    list of bytes, length n_records
    """
    low = source_is_low(batch)
    keys = np.zeros(len(batch), _KEY_DTYPE)
    keys["low_ip"] = np.where(low, batch[SRC_IP], batch[DST_IP])
    keys["high_ip"] = np.where(low, batch[DST_IP], batch[SRC_IP])
    keys["low_port"] = np.where(low, batch[SRC_PORT], batch[DST_PORT])
    keys["high_port"] = np.where(low, batch[DST_PORT], batch[SRC_PORT])
    keys["vlan_id"] = batch[VLAN_ID]
    keys["protocol"] = batch[PROTOCOL]
    raw = keys.tobytes()
    size = _KEY_DTYPE.itemsize
    return [raw[start : start + size] for start in range(0, len(raw), size)]
