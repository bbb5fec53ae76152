"""TCP conversations as Ethernet frames in a capture file: what a tap would have seen of them."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING

from flowml.lab.recorder import ETHERNET, FILE_HEADER, MAGIC_US, PACKET_HEADER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_SEGMENT_BYTES = 1448  # of payload in an Ethernet frame beside IPv4 and TCP with time stamps
_SEGMENT_S = 1.2e-4  # such a frame on a line of 100 Mbit/s
_ACKNOWLEDGED_S = 0.0005
_SNAPLEN_BYTES = 65_535
_ETHERNET_HEADER = bytes.fromhex("020000000001 020000000002 0800")
_IPV4 = struct.Struct("!BBHHHBBH4s4s")
_TCP = struct.Struct("!HHIIBBHHH")
_FIN, _SYN, _PUSH, _ACK = 0x01, 0x02, 0x08, 0x10
_UP, _DOWN = 0, 1

Packet = tuple[float, int, int, bytes]
"""Seconds, direction, TCP flags and payload."""


@dataclass(slots=True)
class Conversation:
    """One TCP connection as it passes a tap.

    Attributes
    ----------
    client, server
        Address and port.
    packets
        In the order of their time for each direction.
    """

    client: tuple[str, int]
    server: tuple[str, int]
    packets: list[Packet] = field(default_factory=list)

    def open(self, at_s: float, client_s: float, server_s: float) -> None:
        """Shake hands; the ends are so many seconds from the tap."""
        up, down = at_s + 2 * server_s, at_s + 2 * server_s + 2 * client_s
        self.packets += [(at_s, _UP, _SYN, b""), (up, _DOWN, _SYN | _ACK, b""), (down, _UP, _ACK, b"")]

    def pass_on(self, at_s: float, direction: int, data: bytes) -> None:
        """Cut what one end wrote at once into segments; the other acknowledges them."""
        for number, start in enumerate(range(0, len(data), _SEGMENT_BYTES)):
            segment, when = data[start : start + _SEGMENT_BYTES], at_s + number * _SEGMENT_S
            self.packets.append((when, direction, _PUSH | _ACK, segment))
            self.packets.append((when + _ACKNOWLEDGED_S, 1 - direction, _ACK, b""))

    def close(self, at_s: float, direction: int) -> None:
        """One end has nothing more to say."""
        self.packets.append((at_s, direction, _FIN | _ACK, b""))

    def frames(self) -> Iterator[tuple[float, bytes]]:
        """Give time and frame of each packet."""
        ends = (self.client, self.server)
        sent = [1000, 5000]
        for at_s, direction, flags, payload in sorted(self.packets, key=itemgetter(0)):
            numbers = sent[direction], sent[1 - direction] if flags & _ACK else 0
            yield at_s, _frame(ends[direction], ends[1 - direction], numbers, flags, payload)
            sent[direction] += len(payload) + bool(flags & (_SYN | _FIN))


def write_capture(path: Path, conversations: Iterable[Conversation], zero: float) -> int:
    """Write conversations as a classic pcap file; second 0 is at `zero` (Unix time). Gives the packets."""
    frames = sorted(
        (frame for conversation in conversations for frame in conversation.frames()), key=itemgetter(0)
    )
    with path.open("wb") as file:
        file.write(FILE_HEADER.pack(MAGIC_US, 2, 4, 0, 0, _SNAPLEN_BYTES, ETHERNET))
        for at_s, frame in frames:
            seconds, micros = divmod(round((zero + at_s) * 1e6), 10**6)
            file.write(PACKET_HEADER.pack(seconds, micros, len(frame), len(frame)) + frame)
    return len(frames)


def _frame(
    source: tuple[str, int], target: tuple[str, int], numbers: tuple[int, int], flags: int, payload: bytes
) -> bytes:
    addresses = [ipaddress.IPv4Address(address).packed for address, _ in (source, target)]
    length = _IPV4.size + _TCP.size + len(payload)
    ip = _IPV4.pack(0x45, 0, length, 0, 0, 64, 6, 0, *addresses)
    tcp = _TCP.pack(source[1], target[1], *numbers, (_TCP.size // 4) << 4, flags, 65_535, 0, 0)
    return _ETHERNET_HEADER + ip + tcp + payload
