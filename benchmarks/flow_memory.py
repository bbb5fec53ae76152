"""What an open flow takes: just opened, and when nDPI is done with it; nDPI off and on.

``PYTHONPATH=. python benchmarks/flow_memory.py [FLOWS]``. Each figure comes from a process of its own.
"""

import resource
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from tests.capture.frames import SYN, End, ethernet, pcap, segment

from flowml.capture.engine import Engine
from flowml.capture.inputs import open_file
from flowml.capture.loop import PacketLoop
from flowml.capture.settings import MeterSettings

SERVER = End("10.0.0.9", 80)
REQUEST, ANSWER = (
    b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
)


def _write(path: Path, flows: int, packets: int) -> None:
    frames = []
    for number in range(flows):
        client = End(f"10.{1 + number // 50_000}.1.1", 1024 + number % 50_000)
        frames += [(0, ethernet(segment(client, SERVER, flags=SYN)))]
        frames += [(0, ethernet(segment(SERVER, client, flags=SYN)))]
        for place in range(packets - 2):
            ends, text = ((client, SERVER), REQUEST) if place % 2 == 0 else ((SERVER, client), ANSWER)
            frames.append((0, ethernet(segment(*ends, text))))
    path.write_bytes(pcap(frames))


def _resident_kib() -> float:
    """Of this process now; its maximum would begin with that of the process that started it."""
    return (
        int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize() / 1024
    )


def _kib_a_flow(path: Path, n_dissections: int) -> float:
    engine = Engine()
    loop = PacketLoop(engine, MeterSettings(n_dissections=n_dissections))
    with closing(loop), closing(open_file(engine, str(path))) as capture:
        before = _resident_kib()
        while loop.run_file(capture) != loop.status.END_OF_FILE:
            pass
        return (_resident_kib() - before) / loop.counters()["open_flows"]


def main() -> None:
    """Print a figure for each number of packets, with nDPI off and on."""
    if len(sys.argv) == 3:
        print(f"{_kib_a_flow(Path(sys.argv[1]), int(sys.argv[2])):.1f}")
        return
    flows = int(sys.argv[1]) if len(sys.argv) == 2 else 20_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.pcap"
        for packets in (2, 18):
            _write(path, flows, packets)
            for n_dissections in (0, 20):
                command = [sys.executable, __file__, str(path), str(n_dissections)]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                print(f"{packets} packets, {n_dissections} dissections: {done.stdout.strip()} KiB a flow")


if __name__ == "__main__":
    main()
