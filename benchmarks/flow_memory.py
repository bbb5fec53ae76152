"""What an open flow takes: just opened, when nDPI is done with it, and while it looks; nDPI off and on.

``PYTHONPATH=. python benchmarks/flow_memory.py [FLOWS]``. Each figure comes from a process of its own, which
meters as a sensor does and remembers all the flows (by default 20,000).
"""

import resource
import subprocess
import sys
import tempfile
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path

from tests.capture.frames import SYN, End, ethernet, pcap, segment

from flowml.capture.dissection import Dissection
from flowml.capture.engine import Engine
from flowml.capture.inputs import open_file
from flowml.capture.loop import PacketLoop
from flowml.capture.settings import MeterSettings

CLIENT, SERVER = End("10.64.0.0", 50_000), End("10.0.0.9", 80)
REQUEST, ANSWER = (
    b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
)
UNKNOWN = bytes(range(100, 140))
FILE_HEADER_BYTES = 24


CASES = {  # what each flow says after two packets without payload
    "2 packets": [],
    "6 packets, HTTP": 2 * [REQUEST, ANSWER],
    "3 packets, the third unknown to nDPI": [UNKNOWN],
    "4 packets, one of each side unknown to nDPI": 2 * [UNKNOWN],
}


def _write(path: Path, flows: int, texts: list[bytes]) -> None:
    """Write flows that differ in their clients alone."""
    ways = ((CLIENT, SERVER), (SERVER, CLIENT))
    packets = [segment(*way, flags=SYN) for way in ways]
    packets += [segment(*ways[place % 2], text) for place, text in enumerate(texts)]
    frames = bytearray(pcap([(0, ethernet(packet)) for packet in packets]))
    header, flow = frames[:FILE_HEADER_BYTES], frames[FILE_HEADER_BYTES:]
    address = ip_address(CLIENT.address).packed
    places = [place for place in range(len(flow)) if flow.startswith(address, place)]
    with path.open("wb") as file:
        file.write(header)
        for number in range(flows):
            client = (int.from_bytes(address) + number).to_bytes(len(address))
            for place in places:
                flow[place : place + len(client)] = client
            file.write(flow)


def _resident_kib() -> float:
    """Of this process now; its maximum would begin with that of the process that started it."""
    return (
        int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize() / 1024
    )


def _kib(path: Path, n_dissections: int) -> tuple[float, float]:
    """What one flow takes, and all of this process."""
    engine = Engine()
    settings = MeterSettings(n_dissections=n_dissections, max_flows=10_000_000)
    loop = PacketLoop(engine, settings, dissection=Dissection.NAMES_OF_PAYLOAD)
    with closing(loop), closing(open_file(engine, str(path))) as capture:
        before = _resident_kib()
        while loop.run_file(capture) != loop.status.END_OF_FILE:
            pass
        after = _resident_kib()
        return (after - before) / loop.counters()["open_flows"], after


def main() -> None:
    """Print a line for each case, with nDPI off and on."""
    if len(sys.argv) == 3:
        flow, whole = _kib(Path(sys.argv[1]), int(sys.argv[2]))
        print(f"{flow:.1f} KiB a flow, {whole * 1024 / 1e9:.2f} GB resident")
        return
    flows = int(sys.argv[1]) if len(sys.argv) == 2 else 20_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.pcap"
        for name, texts in CASES.items():
            _write(path, flows, texts)
            for n_dissections in (0, 20):
                command = [sys.executable, __file__, str(path), str(n_dissections)]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                print(f"{name}, {n_dissections} dissections: {done.stdout.strip()}", flush=True)


if __name__ == "__main__":
    main()
