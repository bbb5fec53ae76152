"""Builds frames and capture files byte by byte, so that tests know exactly what is in them."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

EPOCH_S = 1_700_000_000
SYN, ACK, PUSH_ACK, FIN_ACK, RST = 0x02, 0x10, 0x18, 0x11, 0x04


@dataclass(frozen=True)
class End:
    """One end of a connection."""

    address: str
    port: int


CLIENT, SERVER = End("10.0.0.2", 40_000), End("10.0.0.9", 3333)


def segment(
    source: End, target: End, payload: bytes = b"", flags: int = PUSH_ACK, udp: bool = False
) -> bytes:
    """An IP packet that carries a TCP segment or a UDP datagram."""
    if udp:
        transport = struct.pack("!HHHH", source.port, target.port, 8 + len(payload), 0) + payload
    else:
        transport = (
            struct.pack("!HHIIBBHHH", source.port, target.port, 1, 1, 0x50, flags, 8192, 0, 0) + payload
        )
    return packet(source.address, target.address, 17 if udp else 6, transport)


def packet(source: str, target: str, protocol: int, body: bytes, fragment: int = 0) -> bytes:
    """An IPv4 or IPv6 packet."""
    sender, receiver = ip_address(source).packed, ip_address(target).packed
    if len(sender) == 4:
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 1, fragment, 64, protocol, 0)
        return head + sender + receiver + body
    return struct.pack("!IHBB", 6 << 28, len(body), protocol, 64) + sender + receiver + body


def ethernet(ip_packet: bytes, vlan: int | None = None, tag: int = 0x8100) -> bytes:
    """An Ethernet frame, with a tag if `vlan` is given."""
    kind = 0x0800 if ip_packet[0] >> 4 == 4 else 0x86DD
    tags = b"" if vlan is None else struct.pack("!HH", tag, vlan)
    return bytes(range(12)) + tags + struct.pack("!H", kind) + ip_packet


def in_gtp(ip_packet: bytes) -> bytes:
    """The packet inside GTP-U version 1 (3GPP TS 29.281), which the engine opens."""
    head = struct.pack("!BBHI", 0x30, 0xFF, len(ip_packet), 7)
    return segment(End("10.7.0.1", 2152), End("10.7.0.2", 2152), head + ip_packet, udp=True)


def in_ip(ip_packet: bytes) -> bytes:
    """The packet inside another IPv4 packet (RFC 2003, RFC 4213)."""
    return packet("10.7.0.1", "10.7.0.2", 4 if ip_packet[0] >> 4 == 4 else 41, ip_packet)


def in_gre(ip_packet: bytes) -> bytes:
    """The packet inside GRE (RFC 2784), which the engine leaves closed."""
    kind = 0x0800 if ip_packet[0] >> 4 == 4 else 0x86DD
    return packet("10.7.0.1", "10.7.0.2", 47, struct.pack("!HH", 0, kind) + ip_packet)


def labelled(ip_packet: bytes) -> bytes:
    """An Ethernet frame with two MPLS labels (RFC 3032)."""
    return bytes(range(12)) + struct.pack("!HII", 0x8847, 17 << 12 | 64, 18 << 12 | 1 << 8 | 64) + ip_packet


def in_ppp(ip_packet: bytes) -> bytes:
    """An Ethernet frame with a PPPoE session (RFC 2516)."""
    kind = 0x21 if ip_packet[0] >> 4 == 4 else 0x57
    head = struct.pack("!HBBHHH", 0x8864, 0x11, 0, 1, len(ip_packet) + 2, kind)
    return bytes(range(12)) + head + ip_packet


def arp() -> bytes:
    """An ARP request, padded as a network card does."""
    return b"\xff" * 6 + b"\x02" * 6 + b"\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01" + bytes(40)


def pcap(
    frames: Sequence[tuple[int, bytes]],
    *,
    link_type: int = 1,
    snapshot: int = 65_535,
    order: str = "<",
    nanoseconds: bool = False,
) -> bytes:
    """A pcap file of (time in ms since `EPOCH_S`, frame), cut to `snapshot` bytes each."""
    magic, unit = (0xA1B23C4D, 1_000_000) if nanoseconds else (0xA1B2C3D4, 1000)
    parts = [struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, snapshot, link_type)]
    for time_ms, frame in frames:
        seconds, millis = divmod(time_ms, 1000)
        kept = frame[:snapshot]
        parts.append(
            struct.pack(f"{order}IIII", EPOCH_S + seconds, millis * unit, len(kept), len(frame)) + kept
        )
    return b"".join(parts)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """A pcapng block."""
    body += bytes(-len(body) % 4)
    length = struct.pack(f"{order}I", len(body) + 12)
    return struct.pack(f"{order}I", kind) + length + body + length


def section(order: str = "<") -> bytes:
    """A pcapng section header."""
    return block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(link_type: int = 1, snapshot: int = 65_535, order: str = "<", options: bytes = b"") -> bytes:
    """A pcapng interface description."""
    return block(1, struct.pack(f"{order}HHI", link_type, 0, snapshot) + options, order)


def enhanced(frame: bytes, time_ms: int, number: int = 0, order: str = "<", unit: int = 1000) -> bytes:
    """A pcapng enhanced packet; `unit` is the interface's time units per ms."""
    time = (EPOCH_S * 1000 + time_ms) * unit
    head = struct.pack(f"{order}IIIII", number, time >> 32, time & 0xFFFF_FFFF, len(frame), len(frame))
    return block(6, head + frame + bytes(-len(frame) % 4), order)


def conversation(packets: int = 10, gap_ms: int = 50, size: int = 100) -> list[tuple[int, bytes]]:
    """A TCP connection whose ends send `size` bytes in turn, acknowledged each time."""
    frames = [(0, ethernet(segment(CLIENT, SERVER, flags=SYN)))]
    for number in range(packets):
        pair = (CLIENT, SERVER) if number % 2 == 0 else (SERVER, CLIENT)
        at = (number + 1) * gap_ms
        frames.append((at, ethernet(segment(*pair, bytes(size)))))
        frames.append((at + 1, ethernet(segment(*pair[::-1], flags=ACK))))
    return frames
