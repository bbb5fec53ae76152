"""One large capture, made by repeating small ones with other addresses at later times.

``python benchmarks/big_capture.py OUT.pcap PACKETS CAPTURE...``: Ethernet captures only; evenly spaced at
5,000 packets a second, so that flows expire as they do on a busy link.
"""

import struct
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from flowml.capture.framing import MAX_CAPTURED_BYTES, PcapWalker
from flowml.capture.pcapng import PcapngWalker

PACKETS_PER_S = 5000
EPOCH_S = 1_700_000_000
_HEADER = struct.Struct("<IIII")


def _frames(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        is_pcapng = file.read(4) == b"\x0a\x0d\x0d\x0a"
        file.seek(0)
        walker = PcapngWalker(file) if is_pcapng else PcapWalker(file)
        for run in walker.runs():
            data = run.data.tobytes()
            for start, length in zip(run.starts.tolist(), run.captured_bytes.tolist(), strict=True):
                yield data[start : start + length]
        if {interface.link_type for interface in walker.interfaces} != {1}:
            raise SystemExit(f"{path}: not Ethernet")


def _moved(frame: bytes, round_number: int) -> bytes:
    """The frame with both IPv4 addresses in a network of the round's own; others unchanged."""
    if frame[12:14] != b"\x08\x00" or len(frame) < 34:
        return frame
    high = struct.pack("!H", 0x0A00 + round_number % 0xF000)
    return frame[:26] + high + frame[28:30] + high + frame[32:]


def build(target: Path, packets: int, sources: Sequence[Path]) -> int:
    """Write `packets` packets to `target`; give how many rounds that took."""
    frames = [frame for path in sources for frame in _frames(path)]
    written, rounds = 0, 0
    with target.open("wb", buffering=1 << 20) as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, MAX_CAPTURED_BYTES, 1))
        while written < packets:
            for frame in frames:
                time_us = written * 1_000_000 // PACKETS_PER_S
                seconds, micros = divmod(time_us, 1_000_000)
                file.write(_HEADER.pack(EPOCH_S + seconds, micros, len(frame), len(frame)))
                file.write(_moved(frame, rounds))
                written += 1
                if written == packets:
                    break
            rounds += 1
    return rounds


if __name__ == "__main__":
    out, wanted, *names = sys.argv[1:]
    print(
        f"{out}: {wanted} packets in {build(Path(out), int(wanted), [Path(name) for name in names])} rounds"
    )
