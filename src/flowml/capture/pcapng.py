"""Walks the blocks of pcapng files (draft-ietf-opsawg-pcapng); pcap files are walked in `framing`."""

import struct
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from flowml.capture.extension import extension
from flowml.capture.framing import (
    CHUNK_BYTES,
    MAX_BLOCK_BYTES,
    MAX_CAPTURED_BYTES,
    Damage,
    Interface,
    PacketRun,
    Run,
    piece,
)

PCAPNG_BYTE_ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
LATEST_US = 253_402_300_799_999_999  # the end of the year 9999; the packet loop has the same limit
_DECIMALS = (10**6, 10**7, 10**8, 10**9)  # units of time that nearly all files have
_MAX_OFFSET_S = 10**12  # thirty thousand years: no more is meant in earnest
_INTERFACE, _OBSOLETE_PACKET, _SIMPLE_PACKET, _ENHANCED_PACKET = 1, 2, 3, 6


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
        while data := piece(self._file, position, enough):
            run, used, what = self._walk(data)
            yield run.close(data)
            position += used
            if what or (not used and len(data) < enough):
                self.damage = Damage(position, what or f"a block is cut after {len(data)} bytes")
                return
            enough = CHUNK_BYTES if used else MAX_BLOCK_BYTES  # a block may be longer than a piece

    def _walk(self, data: bytes) -> tuple[Run, int, str]:
        """Give the packets of the complete blocks of `data`, the bytes they take and what is wrong after."""
        run, position = Run(), 0
        while True:
            position = self._take_many(data, position, run)
            length, what = self._take_block(data, position, run)
            if not length:
                return run, position, what
            position += length

    def _take_block(self, data: bytes, position: int, run: Run) -> tuple[int, str]:
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

    def _take_many(self, data: bytes, position: int, run: Run) -> int:
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

    def _take(self, kind: int, data: bytes, position: int, length: int, run: Run) -> str:
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
