"""Packets sent, metered and lost on a virtual cable: ``python benchmarks/live.py CAPTURE [PPS...]`` as root.

For each rate, tcpreplay sends the capture from a network namespace for some seconds, while the live meter
takes it with nDPI on and off. Lost in the kernel's ring and lost before it are told apart.
"""

import argparse
import json
import re
import subprocess
import threading
import time
from pathlib import Path

from tests.capture.network import Wire, wire

from flowml.capture.inputs import RingSettings
from flowml.capture.live import LiveMeter
from flowml.capture.settings import MeterSettings


def _send(cable: Wire, path: Path, pps: int, seconds: int) -> int:
    """Replay for so long; give how many packets were sent."""
    command = [
        "ip", "netns", "exec", cable.namespace, "tcpreplay", "-q", "--preload-pcap", "-i", cable.far,
        f"--pps={pps}", f"--limit={pps * seconds}", "--loop=1000", str(path),
    ]  # fmt: skip
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"Successful packets:\s+(\d+)", told)
    return int(found.group(1)) if found else 0


def _softnet_drops() -> int:
    return sum(int(line.split()[1], 16) for line in Path("/proc/net/softnet_stat").read_text().splitlines())


def _run(path: Path, pps: int, seconds: int, n_dissections: int) -> dict[str, float]:
    before = _softnet_drops()
    settings = MeterSettings(n_dissections=n_dissections)
    with wire() as cable, LiveMeter([cable.tap], settings, RingSettings()) as meter:
        sent: list[int] = []
        sender = threading.Thread(target=lambda: sent.append(_send(cable, path, pps, seconds)))
        began, cpu, records = time.monotonic(), time.process_time(), 0
        sender.start()
        while sender.is_alive():
            records += len(meter.poll(0.2))
        took = time.monotonic() - began
        for _ in range(3):  # the kernel gives a block that is not full after a second
            records += len(meter.poll(0.5))
        counters, spent = meter.counters, time.process_time() - cpu
    return {
        "asked_pps": pps, "sent_pps": round(sent[0] / took), "dissections": n_dissections, "sent": sent[0],
        "captured": counters.packets + counters.ignored, "lost_in_kernel": counters.kernel_drops,
        "lost_before": sent[0] - counters.kernel_received, "softnet_drops": _softnet_drops() - before,
        "records": records, "meter_cpu_s": round(spent, 2),
    }  # fmt: skip


def main() -> None:
    """Print a line of JSON for each rate, with dissection off and on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("capture", type=Path)
    parser.add_argument("pps", type=int, nargs="*", default=[100_000, 200_000, 400_000])
    parser.add_argument("--seconds", type=int, default=5)
    arguments = parser.parse_args()
    for pps in arguments.pps:
        for n_dissections in (0, 20):
            print(json.dumps(_run(arguments.capture, pps, arguments.seconds, n_dissections)), flush=True)


if __name__ == "__main__":
    main()
