"""The tap of a simulation: the packets that pass it, and the capture they become."""

from __future__ import annotations

import ipaddress
from array import array
from dataclasses import dataclass, field
from enum import IntFlag
from typing import TYPE_CHECKING

import numpy as np
import zstandard

from flowml.lab.recorder import ETHERNET, FILE_HEADER, MAGIC_US
from flowml.whole_files import unfinished_beside

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_ZERO_S = 1.7e9  # simulated time has no date; this one is as good as any
_ZSTD_LEVEL = 9

_FRAME = np.dtype(
    [
        ("seconds", "<u4"), ("microseconds", "<u4"), ("kept", "<u4"), ("length", "<u4"),
        ("to_mac", "S6"), ("from_mac", "S6"), ("ethertype", ">u2"),
        ("version", "u1"), ("service", "u1"), ("ip_length", ">u2"), ("identity", ">u2"), ("fragment", ">u2"),
        ("ttl", "u1"), ("protocol", "u1"), ("ip_checksum", ">u2"), ("source", ">u4"), ("destination", ">u4"),
        ("source_port", ">u2"), ("destination_port", ">u2"), ("sequence", ">u4"), ("acknowledged", ">u4"),
        ("header", "u1"), ("flags", "u1"), ("window", ">u2"), ("tcp_checksum", ">u2"), ("urgent", ">u2"),
    ]
)  # fmt: skip
"""A record of a pcap file with an Ethernet, an IPv4 and a TCP header, and no byte of payload."""

_HEADERS_BYTES, _ETHERNET_BYTES = 54, 14


class Flag(IntFlag):
    """TCP flags."""

    FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


@dataclass(slots=True)
class Tap:
    """Packets as they passed, one entry in each column.

    Attributes
    ----------
    time_s : array of double
        Simulated.
    connection : array of unsigned int
        Index into `endpoints`.
    size_bytes : array of int
        Payload; TCP's sequence numbers are not kept, so that retransmissions cannot be told.
    is_up, flags : array of unsigned char
        From the client; `Flag`.
    endpoints : list of (client address, client port, server address, server port)
    """

    time_s: array[float] = field(default_factory=lambda: array("d"))
    connection: array[int] = field(default_factory=lambda: array("L"))
    size_bytes: array[int] = field(default_factory=lambda: array("l"))
    is_up: array[int] = field(default_factory=lambda: array("B"))
    flags: array[int] = field(default_factory=lambda: array("B"))
    endpoints: list[tuple[str, int, str, int]] = field(default_factory=list)

    def see(self, time_s: float, connection: int, is_up: bool, size_bytes: int, flags: Flag) -> None:
        """Note a packet."""
        self.time_s.append(time_s)
        self.connection.append(connection)
        self.is_up.append(is_up)
        self.size_bytes.append(size_bytes)
        self.flags.append(flags)

    def write(self, path: Path, from_s: float, until_s: float, zero_s: float = _ZERO_S) -> int:
        """Write the packets of a span of time as a compressed pcap file (.pcap.zst).

        Parameters
        ----------
        path
        from_s, until_s
            Simulated.
        zero_s
            Unix time of the simulation's second 0.

        Returns
        -------
        int
            Packets written.
        """
        time_s = np.asarray(self.time_s)
        rows = np.flatnonzero((time_s >= from_s) & (time_s < until_s))
        frames = self._frames(rows[np.argsort(time_s[rows], kind="stable")], zero_s)
        head = FILE_HEADER.pack(MAGIC_US, 2, 4, 0, 0, _HEADERS_BYTES, ETHERNET)
        compressor = zstandard.ZstdCompressor(level=_ZSTD_LEVEL)
        with unfinished_beside(path) as unfinished:
            unfinished.write_bytes(compressor.compress(head + frames.tobytes()))
            unfinished.replace(path)
        return len(frames)

    def _frames(self, rows: NDArray[np.int64], zero_s: float) -> NDArray[np.void]:
        addresses = np.array(
            [
                (int(ipaddress.IPv4Address(client)), client_port, int(ipaddress.IPv4Address(server)), port)
                for client, client_port, server, port in self.endpoints
            ],
            np.uint64,
        ).reshape(-1, 4)
        is_up = np.asarray(self.is_up, bool)[rows]
        ends = addresses[np.asarray(self.connection, np.int64)[rows]]
        ends = np.where(is_up[:, None], ends, ends[:, [2, 3, 0, 1]])
        size = np.asarray(self.size_bytes, np.int64)[rows]
        stamp_us = round(zero_s * 1e6) + np.round(np.asarray(self.time_s)[rows] * 1e6).astype(np.int64)
        frames = np.zeros(len(rows), _FRAME)
        frames["seconds"], frames["microseconds"] = np.divmod(stamp_us, 1_000_000)
        frames["kept"], frames["length"] = _HEADERS_BYTES, _HEADERS_BYTES + size
        frames["to_mac"], frames["from_mac"], frames["ethertype"] = b"\x02", b"\x02", 0x0800
        frames["version"], frames["ip_length"] = 0x45, _HEADERS_BYTES - _ETHERNET_BYTES + size
        frames["ttl"], frames["protocol"], frames["window"] = 64, 6, 65535
        frames["source"], frames["source_port"] = ends[:, 0], ends[:, 1]
        frames["destination"], frames["destination_port"] = ends[:, 2], ends[:, 3]
        frames["header"], frames["flags"] = 0x50, np.asarray(self.flags, np.uint8)[rows]
        return frames
