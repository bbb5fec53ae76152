"""Where the packets lie in a capture file, walked header by header in bounded memory.

pcap is here, after draft-ietf-opsawg-pcap; pcapng has a module of its own. A walker gives runs of packets
and, at its end, the place where the file stops making sense, if there is one.
"""

import struct
from collections.abc import Iterable, Iterator
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
class Run:
    """A run under construction."""

    starts: list[int] = field(default_factory=list)
    captured: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    settled: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]] = field(
        default_factory=list
    )

    def add(self, start: int, captured: int, time_us: int) -> None:
        """Add one packet."""
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


def piece(file: BinaryIO, position: int, enough: int) -> bytes:
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
        while data := piece(self._file, self.position, enough):
            run, used, what = self._walk(data)
            yield run.close(data)
            self.position += used
            if what or (not used and len(data) < enough):
                self.damage = Damage(self.position, what or f"a packet is cut after {len(data)} bytes")
                return
            enough = CHUNK_BYTES if used else MAX_BLOCK_BYTES

    def _walk(self, data: bytes) -> tuple[Run, int, str]:
        """Give the complete packets of `data`, the bytes they take and what is wrong after them."""
        unpack = struct.Struct(f"{self._order}III").unpack_from
        fractions, header = self.interfaces[0].fractions, self._record_bytes
        per_us = fractions // 1_000_000
        run, position, end = Run(), 0, len(data)
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


def write_pcap(path: Path, runs: Iterable[PacketRun], link_type: int) -> None:
    """Write packets as one plain pcap file in microseconds.

    Their original lengths become the captured ones: the meter takes sizes from the IP headers.
    """
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, MAX_CAPTURED_BYTES, link_type))
        header = struct.Struct("<IIII").pack
        for run in runs:
            parts = zip(run.starts.tolist(), run.captured_bytes.tolist(), run.time_us.tolist(), strict=True)
            for start, captured, time_us in parts:
                seconds, microseconds = divmod(max(time_us, 0), 1_000_000)
                file.write(header(seconds & 0xFFFF_FFFF, microseconds, captured, captured))
                file.write(run.data[start : start + captured].tobytes())
