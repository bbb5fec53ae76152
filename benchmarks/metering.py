"""flowml's meter beside its peers, all in one run on one capture: CPU seconds, wall seconds, memory.

``python benchmarks/metering.py CAPTURE [--rounds N]``. Each program runs by itself, the whole set N times in
turn, and the best CPU time counts: on a shared machine the least is the nearest to the truth.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from flowml.capture.sources import open_capture

HERE = Path(__file__).resolve()
SPLT = 64


@dataclass(frozen=True)
class Cost:
    """What one run took."""

    cpu_s: float
    wall_s: float
    peak_mib: float


def _measured(command: list[str]) -> Cost:
    """Run a program to its end; costs include those of its children."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: ended with {process.returncode}")
    wall = time.perf_counter() - began
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


def _run_flowml(path: Path, n_dissections: int, *, splt: bool) -> None:
    """Statistics, payload packets and snapshots as our columns; NFStream's sequences if asked for."""
    from contextlib import closing

    from flowml.capture.engine import Engine
    from flowml.capture.inputs import open_file
    from flowml.capture.loop import PacketLoop
    from flowml.capture.records import from_engine
    from flowml.capture.settings import MeterSettings

    engine, settings = Engine(), MeterSettings(n_dissections=n_dissections)
    loop = PacketLoop(engine, settings, splt_packets=SPLT if splt else 0)
    with closing(loop), closing(open_file(engine, str(path))) as capture:
        while loop.run_file(capture) != loop.status.END_OF_FILE:
            from_engine(loop.take())
        while loop.flush(is_end_of_file=True):
            from_engine(loop.take())


def _run_nfstream(path: Path, n_dissections: int) -> None:
    from nfstream import NFStreamer

    for _ in NFStreamer(
        source=str(path), accounting_mode=3, n_dissections=n_dissections, statistical_analysis=True,
        splt_analysis=SPLT, idle_timeout=120, active_timeout=900, n_meters=1,
    ):  # fmt: skip
        pass


def _commands(path: Path) -> dict[str, list[str]]:
    mine = [sys.executable, str(HERE), str(path), "--only"]
    commands = {
        "flowml, dissection off": [*mine, "flowml 0"],
        f"flowml, dissection off, SPLT {SPLT} too": [*mine, "flowml-splt 0"],
        f"NFStreamer, dissection off, SPLT {SPLT}": [*mine, "nfstream 0"],
        "flowml, dissection on": [*mine, "flowml 20"],
        f"NFStreamer, dissection on, SPLT {SPLT}": [*mine, "nfstream 20"],
        "ndpiReader -q": ["ndpiReader", "-q", "-i", str(path)],
        "softflowd -r": ["softflowd", "-r", str(path), "-c", "none"],
    }
    return {name: command for name, command in commands.items() if shutil.which(command[0])}


def _only(path: Path, what: str) -> None:
    program, dissections = what.split()
    if program == "nfstream":
        _run_nfstream(path, int(dissections))
    else:
        _run_flowml(path, int(dissections), splt=program.endswith("splt"))


def main() -> None:
    """Measure everything and print a table, ratios against NFStreamer, and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("capture", type=Path)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        _only(arguments.capture, arguments.only)
        return
    with open_capture(arguments.capture) as source:
        packets = source.census.packets
    best: dict[str, Cost] = {}
    for _ in range(arguments.rounds):
        for name, command in _commands(arguments.capture).items():
            cost = _measured(command)
            if name not in best or cost.cpu_s < best[name].cpu_s:
                best[name] = cost
    _print(
        best, packets, f"{arguments.capture.name}, {os.cpu_count()} processors, best of {arguments.rounds}"
    )


def _print(best: dict[str, Cost], packets: int, title: str) -> None:
    print(f"{title}: {packets:,} packets")
    print(f"{'program':44} {'CPU s':>8} {'wall s':>8} {'Mpkt/CPU s':>11} {'peak MiB':>9}")
    for name, cost in best.items():
        rate = packets / cost.cpu_s / 1e6
        print(f"{name:44} {cost.cpu_s:8.2f} {cost.wall_s:8.2f} {rate:11.2f} {cost.peak_mib:9.0f}")
    for switch in ("off", "on"):
        ours = best[f"flowml, dissection {switch}"].cpu_s
        theirs = best[f"NFStreamer, dissection {switch}, SPLT {SPLT}"].cpu_s
        print(f"dissection {switch}: {theirs / ours:.1f} times NFStreamer")
    if "ndpiReader -q" in best:
        ratio = best["ndpiReader -q"].cpu_s / best["flowml, dissection on"].cpu_s
        print(f"dissection on: {ratio:.2f} times ndpiReader")
    print(json.dumps({name: vars(cost) for name, cost in best.items()}))


if __name__ == "__main__":
    main()
