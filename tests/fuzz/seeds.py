"""What fuzzing starts from: small captures made by code, and cuts of real ones where those are."""

import gzip
import struct
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path

import zstandard

from flowml.capture.framing import PcapWalker
from flowml.capture.pcapng import PcapngWalker
from flowml.capture.sources import METERED_LINKS, open_capture
from flowml.errors import CaptureError
from tests.capture.frames import (
    CLIENT,
    SERVER,
    End,
    arp,
    block,
    conversation,
    enhanced,
    ethernet,
    interface,
    packet,
    pcap,
    section,
    segment,
)
from tests.fuzz.targets import pack

Frames = list[tuple[int, bytes]]  # (ms since the first, frame)

_CUT_PACKETS, _CUT_BYTES = 24, 6000
_PATTERNS = ("*.pcap", "*.pcapng", "*.cap", "*.pcap.gz", "*.pcap.zst")


def write_seeds(target: str, folder: Path, captures: Path | None) -> int:
    """Write the seeds of a target into `folder`; give their number."""
    folder.mkdir(parents=True, exist_ok=True)
    seeds = list(file_seeds() if target == "file" else packet_seeds())
    if captures is not None:
        seeds += _cuts(target, captures)
    for number, seed in enumerate(seeds):
        (folder / f"seed-{number:05}").write_bytes(seed)
    return len(seeds)


def file_seeds() -> Iterator[bytes]:
    """Small capture files of every kind that flowml reads."""
    frames = conversation(4)
    for order in "<>":
        for nanoseconds in (False, True):
            yield pcap(frames, order=order, nanoseconds=nanoseconds)
        yield _pcapng(frames, order)
    yield _pcapng(frames, "<") + _pcapng(frames, "<")
    yield section() + interface() + interface(snapshot=200) + enhanced(frames[0][1], 0, number=1)
    yield section() + interface() + block(3, b"\x40\0\0\0" + frames[0][1].ljust(64, b"\0"))
    for resolution, offset_s, time in (
        (0, 0, 1 << 40),
        (0, 0, 2**63 // 1000),
        (9, 3600, 1 << 62),
        (0x94, -(1 << 40), 1 << 63),
        (0x80, 0, 5),
    ):
        clock = struct.pack("<HHB3xHHq", 9, 1, resolution, 14, 8, offset_s)
        stamp = struct.pack("<IIIII", 0, time >> 32, time & 0xFFFF_FFFF, len(frames[0][1]), len(frames[0][1]))
        times = block(6, stamp + frames[0][1]) + enhanced(frames[1][1], 5)
        yield section() + interface(options=clock) + times
    yield gzip.compress(pcap(frames), mtime=0)
    yield zstandard.compress(pcap(frames))
    for frame in _odd_frames():
        yield pcap([(0, frame), (20_000, frame)])


def packet_seeds() -> Iterator[bytes]:
    """Packets of every kind that the census knows, on every link layer."""
    frames = [*conversation(4), *((10_000, frame) for frame in _odd_frames())]
    for link_type in METERED_LINKS:
        yield pack(link_type, frames)
    for frame in _odd_frames():
        yield pack(1, [(0, frame)])


def _odd_frames() -> Iterator[bytes]:
    udp = segment(CLIENT, SERVER, b"x" * 20, udp=True)
    over_ipv6 = segment(End("2001:db8::1", 40_000), End("2001:db8::2", 443), b"hello")
    yield arp()
    yield ethernet(udp, vlan=7)
    yield ethernet(udp, vlan=7, tag=0x88A8)
    yield ethernet(over_ipv6)
    yield ethernet(packet("10.0.0.2", "10.0.0.9", 4, udp))
    yield ethernet(packet("10.0.0.2", "10.0.0.9", 41, over_ipv6))
    yield ethernet(packet("10.0.0.2", "10.0.0.9", 17, b"x" * 30, fragment=9))
    yield ethernet(packet("2001:db8::1", "2001:db8::2", 44, b"\x11\0\0\0\0\0\0\1" + udp[20:]))
    yield ethernet(packet("2001:db8::1", "2001:db8::2", 0, b"\x11\0\1\4\0\0\0\0" + udp[20:]))
    for port in (2152, 5247, 37008, 4789, 53, 443, 5060):
        yield ethernet(segment(CLIENT, End("10.0.0.9", port), b"\x30\xff\0\x20" + bytes(4) + udp, udp=True))


def _pcapng(frames: Frames, order: str) -> bytes:
    blocks = (enhanced(frame, at_ms, order=order) for at_ms, frame in frames)
    return section(order) + interface(order=order) + b"".join(blocks)


def _cuts(target: str, captures: Path) -> Iterator[bytes]:
    """The first packets of every capture in `captures` that is small enough or can be cut to be."""
    for path in sorted(path for pattern in _PATTERNS for path in captures.rglob(pattern)):
        try:
            with open_capture(path, allow_partial=True) as source:
                frames = list(_first(source.readable_path))
                link_type = source.link_type
        except CaptureError:
            continue
        if target == "packets":
            gaps = [0, *(max(0, after - before) for (before, _), (after, _) in pairwise(frames))]
            yield pack(link_type, zip(gaps, (frame for _, frame in frames), strict=True))
        else:
            yield pcap(frames[:6], link_type=link_type)


def _first(path: Path) -> Iterator[tuple[int, bytes]]:
    """The first packets of a sound capture, as many as an input takes, with ms since the first."""
    with path.open("rb") as file:
        is_pcapng = file.read(4) == b"\x0a\x0d\x0d\x0a"
        file.seek(0)
        run = next((PcapngWalker if is_pcapng else PcapWalker)(file).runs(), None)
    if run is None:
        return
    left = _CUT_BYTES
    parts = zip(run.starts.tolist(), run.captured_bytes.tolist(), run.time_us.tolist(), strict=True)
    for start, captured, time_us in islice(parts, _CUT_PACKETS):
        left -= captured
        if left < 0:
            return
        yield (
            max(0, (time_us - int(run.time_us[0])) // 1000) % 100_000_000,
            run.data[start : start + captured].tobytes(),
        )
