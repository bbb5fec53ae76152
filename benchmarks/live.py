"""The real sensor beside a sender: what it captures, loses, judges and needs. As root.

    python -m benchmarks.live [PPS...]                     each rate for some seconds (400,000 by default)
    python -m benchmarks.live --minutes 10 --pps 100000    one rate for long, with the memory of each process

`flowml live` with the shipped model watches one end of a virtual cable; benchmarks/sender.py, or tcpreplay
with ``--capture``, sends into the other, in a network namespace. One line of JSON for each rate. Lost before
the kernel's ring is what was sent and never counted by the packet socket; interface and softnet say where.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.capture.network import Wire, wire
from tests.processes import capture_processes

SAMPLE_S = 5.0
_COUNTED = re.compile(r"(\d+) packets, (\d+) metered, (\d+) left out, (\d+) lost before")
_TICKS = os.sysconf("SC_CLK_TCK")


class Sensor:
    """A running `flowml live`."""

    def __init__(self, interface: str) -> None:
        command = [sys.executable, "-m", "flowml.cli.main", "live", "-i", interface]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self._told = ""
        for line in self.process.stderr or ():
            self._told += line
            if "listening" in line:
                break
        (child,) = capture_processes(self.process.pid)
        self.pids = {"scorer": self.process.pid, "capture": child}

    def end(self) -> tuple[str, str, float]:
        """Ask for the end; give both outputs and the seconds that it took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate()
        return out, self._told + err, time.monotonic() - began


@contextmanager
def _sensor(interface: str) -> Iterator[Sensor]:
    one = Sensor(interface)
    try:
        yield one
    finally:
        one.process.kill()
        one.process.wait()


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _rss_mib(pid: int) -> float:
    (kib,) = re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return round(int(kib) / 1024, 1)


def _softnet_drops() -> int:
    return sum(int(line.split()[1], 16) for line in Path("/proc/net/softnet_stat").read_text().splitlines())


def _interface_drops(name: str) -> int:
    folder = Path(f"/sys/class/net/{name}/statistics")
    return sum(int((folder / counter).read_text()) for counter in ("rx_dropped", "rx_missed_errors"))


def _sender(cable: Wire, arguments: argparse.Namespace, pps: int, seconds: float) -> list[str]:
    inside = ["ip", "netns", "exec", cable.namespace]
    if arguments.capture is None:
        program = [sys.executable, "-m", "benchmarks.sender", cable.far, str(pps), str(seconds)]
        return [*inside, *program, f"--connections={arguments.connections}"]
    options = [f"--pps={pps}", f"--limit={round(pps * seconds)}", "--loop=1000000", "--preload-pcap", "-q"]
    return [*inside, "tcpreplay", *options, "-i", cable.far, str(arguments.capture)]


def _sent(told: str) -> dict[str, float]:
    if told.startswith("{"):
        return dict(json.loads(told))
    sent, took = re.findall(r"Successful packets:\s+(\d+)", told), re.findall(r"in ([\d.]+) seconds", told)
    return {"sent": int(sent[0]), "sent_pps": round(int(sent[0]) / float(took[0]))}


def run(arguments: argparse.Namespace, pps: int, seconds: float) -> dict[str, object]:
    """Watch one rate for so long."""
    with wire() as cable, _sensor(cable.tap) as sensor:
        time.sleep(5)  # the model is loaded
        softnet, before = _softnet_drops(), {name: _cpu_s(pid) for name, pid in sensor.pids.items()}
        memory: dict[str, list[float]] = {name: [] for name in sensor.pids}
        command = _sender(cable, arguments, pps, seconds)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sender:
            while sender.poll() is None:
                for name, pid in sensor.pids.items():
                    memory[name].append(_rss_mib(pid))
                try:
                    sender.wait(SAMPLE_S)
                except subprocess.TimeoutExpired:
                    continue
            sent = _sent(sender.stdout.read() if sender.stdout else "")
        cpu = {name: round(_cpu_s(pid) - before[name], 2) for name, pid in sensor.pids.items()}
        dropped = _interface_drops(cable.tap)
        out, err, ending_s = sensor.end()
    counted = _COUNTED.search(err)
    if counted is None:
        raise SystemExit(f"the sensor did not end in order:\n{err}")
    received, metered, left_out, lost = map(int, counted.groups())
    return {
        "asked_pps": pps, **sent, "captured": metered + left_out, "lost_in_kernel": lost,
        "lost_before": int(sent["sent"]) - received, "interface_drops": dropped,
        "softnet_drops": _softnet_drops() - softnet, "capture_cpu_s": cpu["capture"],
        "scorer_cpu_s": cpu["scorer"], "ending_s": round(ending_s, 2),
        "rss_mib": {name: _course(values) for name, values in memory.items()},
        "told": out.splitlines()[-1],
        "problems": [line for line in err.splitlines() if "dropped" in line or "ended early" in line],
    }  # fmt: skip


def _course(values: list[float]) -> dict[str, float]:
    return {"first": values[0], "half": values[len(values) // 2], "last": values[-1], "max": max(values)}


def main() -> None:
    """Print a line of JSON for each rate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("rates", type=int, nargs="*", help="packets a second")
    parser.add_argument("--pps", type=int, action="append", default=[], help="the same")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--minutes", type=float, help="instead of --seconds")
    parser.add_argument("--connections", type=int, default=2000, help="at once")
    parser.add_argument("--capture", type=Path, help="send this file with tcpreplay instead")
    arguments = parser.parse_args()
    seconds = arguments.seconds if arguments.minutes is None else 60 * arguments.minutes
    for pps in [*arguments.rates, *arguments.pps] or [400_000]:
        print(json.dumps(run(arguments, pps, seconds)), flush=True)


if __name__ == "__main__":
    main()
