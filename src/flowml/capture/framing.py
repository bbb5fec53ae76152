"""Where the packets lie in a capture file: pcap and pcapng, walked header by header in bounded memory.

Written after draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng. A walker gives runs of packets and, at its
end, the place where the file stops making sense, if there is one.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from flowml.capture.extension import extension

CHUNK_BYTES = 1 << 20  # stays in the processor's second cache
MAX_CAPTURED_BYTES = 262_144  # libpcap's MAXIMUM_SNAPLEN; it takes a longer packet for corruption
MAX_BLOCK_BYTES = 16 << 20  # libpcap's limit for one pcapng block

# magic of a pcap file, read in little endian: byte order, fractions of a second, bytes of a record header
PCAP_MAGICS = {
    0xA1B2C3D4: ("<", 1_000_000, 16),
    0xD4C3B2A1: (">", 1_000_000, 16),
    0xA1B23C4D: ("<", 1_000_000_000, 16),
    0x4D3CB2A1: (">", 1_000_000_000, 16),
    0xA1B2CD34: ("<", 1_000_000, 24),  # Alexey Kuznetzov's variant, which libpcap reads
    0x34CDB2A1: (">", 1_000_000, 24),
}
PCAPNG_MAGIC = 0x0A0D0D0A
PCAPNG_BYTE_ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
LATEST_US = 253_402_300_799_999_999  # the end of the year 9999; the packet loop has the same limit
_DECIMALS = (10**6, 10**7, 10**8, 10**9)  # units of time that nearly all files have
_MAX_OFFSET_S = 10**12  # thirty thousand years: no more is meant in earnest
_INTERFACE, _OBSOLETE_PACKET, _SIMPLE_PACKET, _ENHANCED_PACKET = 1, 2, 3, 6


@dataclass(frozen=True)
class PacketRun:
    """Consecutive packets of a file.

    Attributes
    ----------
    data : ndarray of uint8
        Part of the file that holds them.
    starts : ndarray of int64, shape (n,)
        Index in `data` of each packet's first captured byte.
    captured_bytes : ndarray of int64, shape (n,)
        Captured length of each packet.
    time_us : ndarray of int64, shape (n,)
        Time of each packet since the epoch; negative where the file gives none that can be one.
    """

    data: NDArray[np.uint8]
    starts: NDArray[np.int64]
    captured_bytes: NDArray[np.int64]
    time_us: NDArray[np.int64]


@dataclass(frozen=True)
class Damage:
    """Where a file stops making sense: byte offset of the last good place, and what is wrong there."""

    offset: int
    what: str


@dataclass(frozen=True)
class Interface:
    """One interface of a capture: link type, snapshot length in bytes, fractions of a second, offset in s."""

    link_type: int
    snapshot_bytes: int
    fractions: int
    offset_s: int = 0


@dataclass
class _Run:
    """A run under construction."""

    starts: list[int] = field(default_factory=list)
    captured: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    settled: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]] = field(
        default_factory=list
    )

    def add(self, start: int, captured: int, time_us: int) -> None:
        self.starts.append(start)
        self.captured.append(captured)
        self.times.append(time_us)

    def extend(
        self, starts: NDArray[np.int64], captured: NDArray[np.int64], times: NDArray[np.int64]
    ) -> None:
        """Add many packets at once."""
        self._settle()
        self.settled.append((starts, captured, times))

    def _settle(self) -> None:
        one_by_one = (self.starts, self.captured, self.times)
        first, second, third = (np.array(part, np.int64) for part in one_by_one)
        self.settled.append((first, second, third))
        for part in one_by_one:
            part.clear()

    def close(self, data: bytes) -> PacketRun:
        """Make the run of all packets so far."""
        self._settle()
        parts = [part for part in self.settled if len(part[0])] or self.settled[:1]
        columns = parts[0] if len(parts) == 1 else map(np.concatenate, zip(*parts, strict=True))
        starts, captured, times = columns
        return PacketRun(np.frombuffer(data, np.uint8), starts, captured, times)


def _piece(file: BinaryIO, position: int, enough: int) -> bytes:
    """Read a piece of a file; the rest of a packet is read again with the next: less than to copy."""
    file.seek(position)
    return file.read(enough)


class PcapWalker:
    """Walks a pcap file that is open at its start.

    Attributes
    ----------
    interfaces : list of Interface
        The one link of the file.
    damage : Damage or None
        Set when `runs` is exhausted.
    position : int
        Byte offset of the next packet.
    """

    header_bytes = 24

    def __init__(self, file: BinaryIO) -> None:
        header = file.read(self.header_bytes)
        (magic,) = struct.unpack_from("<I", header)
        self._order, fractions, self._record_bytes = PCAP_MAGICS[magic]
        snapshot, network = struct.unpack_from(f"{self._order}II", header, 16)
        # the upper six bits of the link type tell of frame check sequences
        self.interfaces = [Interface(network & 0x03FF_FFFF, snapshot, fractions)]
        self.damage: Damage | None = None
        self.position = self.header_bytes
        self._file = file

    def plain(self) -> tuple[int, int, bool, int, int]:
        """Descriptor, position, whether it is big endian, fractions of a second, bytes of a record header."""
        fractions = self.interfaces[0].fractions
        return self._file.fileno(), self.position, self._order == ">", fractions, self._record_bytes

    def runs(self) -> Iterator[PacketRun]:
        """Give all packets up to the end or the damage, in runs of about `CHUNK_BYTES`."""
        enough = CHUNK_BYTES
        while data := _piece(self._file, self.position, enough):
            run, used, what = self._walk(data)
            yield run.close(data)
            self.position += used
            if what or (not used and len(data) < enough):
                self.damage = Damage(self.position, what or f"a packet is cut after {len(data)} bytes")
                return
            enough = CHUNK_BYTES if used else MAX_BLOCK_BYTES

    def _walk(self, data: bytes) -> tuple[_Run, int, str]:
        """Give the complete packets of `data`, the bytes they take and what is wrong after them."""
        unpack = struct.Struct(f"{self._order}III").unpack_from
        fractions, header = self.interfaces[0].fractions, self._record_bytes
        per_us = fractions // 1_000_000
        run, position, end = _Run(), 0, len(data)
        if fast := extension():
            position, *columns = fast.walk_pcap(data, self._order == ">", fractions, header)
            run.extend(*(np.frombuffer(column, np.int64) for column in columns[:3]))
        while position + header <= end:
            seconds, fraction, captured = unpack(data, position)
            if captured > MAX_CAPTURED_BYTES or fraction >= fractions:
                return run, position, f"a record header claims {captured} captured bytes"
            following = position + header + captured
            if following > end:
                break
            run.add(position + header, captured, seconds * 1_000_000 + fraction // per_us)
            position = following
        return run, position, ""


class PcapngWalker:
    """Walks a pcapng file that is open at its start; attributes as in `PcapWalker`.

    `interfaces` grows while it walks; those of every section of the file are in it.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.interfaces: list[Interface] = []
        self.damage: Damage | None = None
        self._section: list[Interface] = []
        self._order = PCAPNG_BYTE_ORDERS.get(file.read(12)[8:], "<")
        file.seek(0)
        self._file = file

    def runs(self) -> Iterator[PacketRun]:
        """Give all packets up to the end or the damage, in runs of about `CHUNK_BYTES`."""
        position, enough = 0, CHUNK_BYTES
        while data := _piece(self._file, position, enough):
            run, used, what = self._walk(data)
            yield run.close(data)
            position += used
            if what or (not used and len(data) < enough):
                self.damage = Damage(position, what or f"a block is cut after {len(data)} bytes")
                return
            enough = CHUNK_BYTES if used else MAX_BLOCK_BYTES  # a block may be longer than a piece

    def _walk(self, data: bytes) -> tuple[_Run, int, str]:
        """Give the packets of the complete blocks of `data`, the bytes they take and what is wrong after."""
        run, position = _Run(), 0
        while True:
            position = self._take_many(data, position, run)
            length, what = self._take_block(data, position, run)
            if not length:
                return run, position, what
            position += length

    def _take_block(self, data: bytes, position: int, run: _Run) -> tuple[int, str]:
        """Digest the block at `position`; give its length (0: it is not whole) and what is wrong with it."""
        if position + 12 > len(data):
            return 0, ""
        if data[position : position + 4] == b"\x0a\x0d\x0d\x0a":
            what = self._open_section(data[position + 8 : position + 12])
            if what:
                return 0, what
        kind, length = struct.unpack_from(f"{self._order}II", data, position)
        if length % 4 or not 12 <= length <= MAX_BLOCK_BYTES:
            return 0, f"a block claims {length} bytes"
        if position + length > len(data):
            return 0, ""
        if struct.unpack_from(f"{self._order}I", data, position + length - 4)[0] != length:
            return 0, "a block's two lengths differ"
        what = self._take(kind, data, position, length, run)
        return (0, what) if what else (length, "")

    def _take_many(self, data: bytes, position: int, run: _Run) -> int:
        """Take the enhanced packets at `position` the fast way; give where something else stands."""
        fast = extension()
        if not fast or any(interface.fractions not in _DECIMALS for interface in self._section):
            return position  # rare units go the other way
        position, *columns = fast.walk_enhanced_packets(
            data, position, self._order == ">", len(self._section)
        )
        starts, captured, times, numbers = (np.frombuffer(column, np.int64) for column in columns)
        if len(starts):
            fractions = np.array([interface.fractions for interface in self._section], np.int64)
            offsets = np.array([interface.offset_s for interface in self._section], np.int64)
            since_offset = np.minimum(
                times // (fractions[numbers] // 1_000_000), 1 << 61
            )  # sums stay in range
            time_us = since_offset + offsets[numbers] * 1_000_000
            run.extend(starts, captured, np.where((times < 0) | (time_us > LATEST_US), -1, time_us))
        return position

    def _open_section(self, order: bytes) -> str:
        if order not in PCAPNG_BYTE_ORDERS:
            return "a section header has no byte order mark"
        if PCAPNG_BYTE_ORDERS[order] != self._order:
            return "a section has another byte order than the first"
        self._section = []
        return ""

    def _take(self, kind: int, data: bytes, position: int, length: int, run: _Run) -> str:
        """Digest one block; give what is wrong with it."""
        body = position + 8
        if kind == _INTERFACE:
            interface = _interface(data[body : position + length - 4], self._order)
            self._section.append(interface)
            self.interfaces.append(interface)
            return ""
        if kind not in (_ENHANCED_PACKET, _OBSOLETE_PACKET, _SIMPLE_PACKET):
            return ""
        fixed = 4 if kind == _SIMPLE_PACKET else 20
        if length < 12 + fixed:
            return f"a packet block has {length} bytes"
        number, captured, time = self._packet(kind, data, body, length)
        if number >= len(self._section):
            return f"a packet names interface {number} of {len(self._section)}"
        if captured > min(length - 12 - fixed, MAX_CAPTURED_BYTES):
            return f"a packet block of {length} bytes claims {captured} captured bytes"
        interface = self._section[number]
        time_us = time * 1_000_000 // interface.fractions + interface.offset_s * 1_000_000
        run.add(body + fixed, captured, time_us if 0 <= time < 1 << 63 and time_us <= LATEST_US else -1)
        return ""

    def _packet(self, kind: int, data: bytes, body: int, length: int) -> tuple[int, int, int]:
        """Interface number, captured bytes and time in the interface's units (-1: none) of a packet block."""
        if kind == _SIMPLE_PACKET:
            (original,) = struct.unpack_from(f"{self._order}I", data, body)
            snapshot = (self._section[0].snapshot_bytes if self._section else 0) or MAX_CAPTURED_BYTES
            return 0, min(original, snapshot, length - 16), -1
        layout = "IIII" if kind == _ENHANCED_PACKET else "HxxIII"
        number, high, low, captured = struct.unpack_from(f"{self._order}{layout}", data, body)
        return number, captured, high << 32 | low


def write_pcap(path: Path, walker: PcapWalker | PcapngWalker, link_type: int) -> None:
    """Write the packets of a walk as one plain pcap file in microseconds.

    Their original lengths become the captured ones: the meter takes sizes from the IP headers.
    """
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, MAX_CAPTURED_BYTES, link_type))
        header = struct.Struct("<IIII").pack
        for run in walker.runs():
            parts = zip(run.starts.tolist(), run.captured_bytes.tolist(), run.time_us.tolist(), strict=True)
            for start, captured, time_us in parts:
                seconds, microseconds = divmod(max(time_us, 0), 1_000_000)
                file.write(header(seconds & 0xFFFF_FFFF, microseconds, captured, captured))
                file.write(run.data[start : start + captured].tobytes())


def _interface(body: bytes, order: str) -> Interface:
    """Read an interface description block without its frame; options 9 and 14 tell of time."""
    link_type, _, snapshot = struct.unpack_from(f"{order}HHI", body.ljust(8, b"\0"))
    fractions, offset_s, position = 1_000_000, 0, 8
    while position + 4 <= len(body):
        code, length = struct.unpack_from(f"{order}HH", body, position)
        value = body[position + 4 : position + 4 + length]
        if code == 9 and length == 1 and value:
            exponent = value[0] & 0x7F
            fractions = 2**exponent if value[0] & 0x80 else 10**exponent
        elif code == 14 and length == 8 and len(value) == 8:
            (given_s,) = struct.unpack(f"{order}q", value)
            offset_s = max(-_MAX_OFFSET_S, min(given_s, _MAX_OFFSET_S))
        position += 4 + (length + 3) // 4 * 4
    return Interface(link_type, snapshot, fractions, offset_s)
