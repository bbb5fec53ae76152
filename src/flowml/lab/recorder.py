"""Packets of an interface into a classic pcap file, every one of them or an error."""

from __future__ import annotations

import select
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import zstandard

from flowml.errors import LabError
from flowml.lab.processes import become_worker, worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection
    from pathlib import Path

# Magic of microsecond stamps, version 2.4, zone, accuracy, snaplen, Ethernet
# (https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html).
FILE_HEADER = struct.Struct("<IHHiIII")
_PACKET_HEADER = struct.Struct("<IIII")
MAGIC_US, ETHERNET = 0xA1B2C3D4, 1
_ETH_P_ALL = 0x0003
_SO_RCVBUFFORCE, _SO_TIMESTAMPNS = 33, 35  # asm-generic/socket.h
_SOL_PACKET, _PACKET_STATISTICS = 263, 6  # linux/if_packet.h
_TIMESPEC = struct.Struct("qq")
_LARGEST_FRAME = 65535
# Level 19 makes a recording of the scenario full a tenth smaller and takes 28 times the processor time of
# level 9 (22 MB: 19.3 and 0.7 s), while the actors still run.
_ZSTD_LEVEL = 9


@dataclass(frozen=True, slots=True)
class RecorderSettings:
    """How much of the traffic is kept."""

    snaplen_bytes: int = 128
    """Headers and the first 62 bytes of payload. Sizes come from the headers; encrypted payload only fills
    the file, as nothing compresses it."""

    buffer_bytes: int = 64 * 2**20
    """Socket buffer: some seconds of a busy lab, should the disk hesitate."""

    not_before_s: float = 0.0
    """Unix time before which packets are passed over: the recorder takes a second or more to start, so it is
    started early to miss nothing."""


_DEFAULTS = RecorderSettings()


def record_while(
    wait: Callable[[], None], interface: str, path: Path, settings: RecorderSettings = _DEFAULTS
) -> int:
    """Record an interface for as long as ``wait`` takes, and compress to ``path`` (.pcap.zst).

    Returns
    -------
    int
        Packets in the file.

    Raises
    ------
    LabError
        If the interface cannot be read, the file cannot be written, or the kernel dropped packets: a
        recording with holes is no truth. No half file remains.
    """
    raw, beside = path.with_name(path.name + ".raw"), path.with_name(path.name + ".part")
    try:
        with worker("recorder", write, interface, raw, settings) as recorder:
            recorder.hear()
            wait()
            recorder.check()
            recorder.tell("stop")
            n_packets, n_dropped = recorder.hear()
        if n_dropped:
            raise LabError(
                f"{path}: the kernel dropped {n_dropped} of {n_packets + n_dropped} packets; record fewer "
                "actors at once or on a quieter machine"
            )
        _compress(raw, beside)
        beside.rename(path)
    except OSError as error:
        raise LabError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        raw.unlink(missing_ok=True)
        beside.unlink(missing_ok=True)
    return int(n_packets)


def write(
    interface: str, path: Path, settings: RecorderSettings, control: Connection, parent_pid: int
) -> None:
    """Write packets until told to stop; the main function of the recorder's process."""
    become_worker(parent_pid)
    try:
        door = _listen(interface, settings.buffer_bytes)
    except OSError as error:
        control.send(f"{interface} cannot be recorded: {error.strerror}; is it there, and are you root?")
        return
    try:
        with door, path.open("wb") as file:
            file.write(FILE_HEADER.pack(MAGIC_US, 2, 4, 0, 0, settings.snaplen_bytes, ETHERNET))
            control.send((0, 0))
            n_packets = _record(door, file, settings, control)
            statistics = door.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
    except OSError as error:
        control.send(f"{interface} cannot be written to {path} any longer: {error.strerror}")
        return
    try:
        control.recv()
    except EOFError:
        return  # the parent gave up and wants no answer
    _, n_dropped = struct.unpack("II", statistics)
    control.send((n_packets, n_dropped))


def _listen(interface: str, buffer_bytes: int) -> socket.socket:
    door = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    door.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, buffer_bytes)
    door.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    door.setblocking(False)
    door.bind((interface, _ETH_P_ALL))
    return door


def _record(door: socket.socket, file: BinaryIO, settings: RecorderSettings, control: Connection) -> int:
    n_packets, latest_us, first_us = 0, 0, int(settings.not_before_s * 1e6)
    while True:
        ready, _, _ = select.select([door.fileno(), control.fileno()], [], [])
        for stamp_us, frame in _waiting(door):
            if stamp_us < first_us:
                continue
            latest_us = max(latest_us, stamp_us)  # a clock that is set back must not reorder the file
            kept = frame[: settings.snaplen_bytes]
            file.write(_PACKET_HEADER.pack(*divmod(latest_us, 1_000_000), len(kept), len(frame)))
            file.write(kept)
            n_packets += 1
        if control.fileno() in ready:
            return n_packets


def _waiting(door: socket.socket) -> Iterator[tuple[int, bytes]]:
    while True:
        try:
            frame, ancillary, _, address = door.recvmsg(_LARGEST_FRAME, 64)
        except BlockingIOError:
            return
        if address[2] != socket.PACKET_OUTGOING:
            seconds, nanoseconds = _TIMESPEC.unpack(ancillary[0][2])
            yield seconds * 1_000_000 + nanoseconds // 1000, frame


def _compress(raw: Path, target: Path) -> None:
    with raw.open("rb") as source, target.open("wb") as sink:
        zstandard.ZstdCompressor(level=_ZSTD_LEVEL).copy_stream(source, sink, size=raw.stat().st_size)
