"""flowml beside its peers, all in one run on one capture: CPU seconds, wall seconds, memory, and the targets.

    python benchmarks/metering.py [--packets N] [--rounds N] [--folder DIR] [--cicflowmeter PROGRAM]

The capture is built in DIR (a temporary folder by default) from the shipped lab recording and, where they
are, from real captures (FLOWML_CAPTURES). Two jobs are also measured on three times as many packets, in one
file and in several, because what both start with says less there: all files take 5.7 GB of disk. Each program
runs by itself, all of them in turn, and of several rounds the least time counts: on a shared machine it is
the nearest to the truth. Wall seconds of a busy machine say little, and those of two jobs nothing.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from big_capture import build

from flowml.capture.sources import open_capture
from flowml.cli.main import prepare_environment

HERE = Path(__file__).resolve()
REPOSITORY = HERE.parent.parent
SCORE = [sys.executable, "-m", "flowml.cli.main", "score"]
SPLT = 64
N_FILES = 4
LONG_TIMES = 3
ONE_JOB, TWO_JOBS = "flowml score", "flowml score -j 2"
LONG, LONG_FILES = ", long capture", f", long capture in {N_FILES} files"
SLICE_PACKETS = 20_000
CICFLOWMETER = (
    "no cicflowmeter: python3 -m venv DIR && DIR/bin/pip install cicflowmeter==0.2.0, "
    "then --cicflowmeter DIR/bin/cicflowmeter"
)


@dataclass(frozen=True)
class Cost:
    """What one run took."""

    cpu_s: float
    wall_s: float
    peak_mib: float
    packets: int


@dataclass(frozen=True)
class Program:
    """A program and how many packets it takes."""

    command: list[str]
    packets: int


@dataclass(frozen=True)
class Captures:
    """What is measured on: one capture, a longer one, files that have the longer one together, a slice."""

    whole: Path
    long: Path
    files: tuple[Path, ...]
    piece: Path
    packets: int


def _measured(program: Program) -> Cost:
    """Run a program to its end, as flowml starts its own; costs include those of its children."""
    began = time.perf_counter()
    process = subprocess.Popen(program.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(program.command)}: ended with {process.returncode}")
    wall = time.perf_counter() - began
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024, program.packets)


def _run_flowml(path: Path, n_dissections: int, *, splt: bool) -> None:
    """Statistics, payload packets and snapshots as our columns; NFStream's sequences if asked for."""
    from flowml.capture.engine import Engine
    from flowml.capture.inputs import open_file
    from flowml.capture.loop import PacketLoop
    from flowml.capture.records import from_engine
    from flowml.capture.settings import MeterSettings

    engine, settings = Engine(), MeterSettings(n_dissections=n_dissections)
    loop = PacketLoop(engine, settings, splt_packets=SPLT if splt else 0)
    with closing(loop), closing(open_file(engine, str(path))) as capture:
        while loop.run_file(capture) != loop.status.END_OF_FILE:
            dict(from_engine(loop.take()).columns)  # all of them: they are made when they are asked for
        while loop.flush(is_end_of_file=True):
            dict(from_engine(loop.take()).columns)  # all of them: they are made when they are asked for


def _run_nfstream(path: Path, n_dissections: int) -> None:
    from nfstream import NFStreamer

    for _ in NFStreamer(
        source=str(path), accounting_mode=3, n_dissections=n_dissections, statistical_analysis=True,
        splt_analysis=SPLT, idle_timeout=120, active_timeout=900, n_meters=1,
    ):  # fmt: skip
        pass


def _only(path: Path, what: str) -> None:
    program, dissections = what.split()
    if program == "nfstream":
        _run_nfstream(path, int(dissections))
    else:
        _run_flowml(path, int(dissections), splt=program.endswith("splt"))


def _programs(captures: Captures, cic: str) -> dict[str, Program]:
    whole, packets = str(captures.whole), captures.packets
    mine = [sys.executable, str(HERE), "--capture", whole, "--only"]
    commands = {
        "flowml, nDPI off": [*mine, "flowml 0"],
        "flowml, nDPI off, SPLT 64": [*mine, "flowml-splt 0"],
        "NFStreamer, nDPI off, SPLT 64": [*mine, "nfstream 0"],
        "flowml, nDPI on": [*mine, "flowml 20"],
        "flowml, nDPI on, SPLT 64": [*mine, "flowml-splt 20"],
        "NFStreamer, nDPI on, SPLT 64": [*mine, "nfstream 20"],
        "ndpiReader -q": ["ndpiReader", "-q", "-i", whole],
        "softflowd -r": ["softflowd", "-r", whole, "-c", "none"],
        ONE_JOB: [*SCORE, whole],
        TWO_JOBS: [*SCORE, whole, "-j", "2"],
    }
    found = {name: Program(command, packets) for name, command in commands.items() if _is_there(command[0])}
    for what, files in ((LONG, [captures.long]), (LONG_FILES, captures.files)):
        command = [*SCORE, *map(str, files)]
        found[ONE_JOB + what] = Program(command, LONG_TIMES * packets)
        found[TWO_JOBS + what] = Program([*command, "-j", "2"], LONG_TIMES * packets)
    if _is_there(cic):
        command = [cic, "-f", str(captures.piece), "-c", os.devnull]
        found["cicflowmeter"] = Program(command, min(SLICE_PACKETS, packets))
    else:
        print(CICFLOWMETER)
    return found


def _is_there(program: str) -> bool:
    return shutil.which(program) is not None


def _sources(stack: ExitStack) -> list[Path]:
    """The shipped lab recording, and real captures: some of each kind, Ethernet only."""
    paths = [REPOSITORY / "datasets/first/first.pcap.zst"]
    real = Path(os.environ.get("FLOWML_CAPTURES", REPOSITORY.parent / "shared" / "captures"))
    for kind in ("misc_web", "mobile_tls", "mqtt"):
        few = sorted((real / kind).glob("*.pcap*"), key=lambda path: path.stat().st_size)
        paths += [path for path in few if path.stat().st_size < 8 << 20][-3:]
    sources = [stack.enter_context(open_capture(path, allow_partial=True)) for path in paths]
    return [source.readable_path for source in sources if source.link_type == 1]


def _built(folder: Path, packets: int) -> Captures:
    """Build what is not in the folder yet."""
    with ExitStack() as stack:
        sources = _sources(stack)

        def capture(name: str, count: int) -> Path:
            path = folder / f"{name}-{count}.pcap"
            if not path.exists():
                build(path, count, sources)
            print(
                f"{path.name}: {count:,} packets of {len(sources)} captures, {path.stat().st_size >> 20} MiB"
            )
            return path

        in_all = LONG_TIMES * packets
        files = tuple(capture(f"part-{number}", in_all // N_FILES) for number in range(N_FILES))
        whole, long = capture("whole", packets), capture("long", in_all)
        return Captures(whole, long, files, capture("slice", SLICE_PACKETS), packets)


def main() -> None:
    """Measure everything and print a table, the targets, and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--packets", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--cicflowmeter", default="cicflowmeter")
    parser.add_argument("--capture", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--only", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    prepare_environment()
    if arguments.only:
        _only(arguments.capture, arguments.only)
        return
    with ExitStack() as stack:
        folder = arguments.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        programs = _programs(_built(folder, arguments.packets), arguments.cicflowmeter)
        best: dict[str, Cost] = {}
        for _ in range(arguments.rounds):
            for name, program in programs.items():
                cost = _measured(program)
                best[name] = _least(best.get(name, cost), cost)
                print(f"... {name}: {cost.cpu_s:.2f} CPU s", file=sys.stderr, flush=True)
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[1]:.1f}, best of {arguments.rounds}\n")
    _print(best)
    _print_targets(best)
    print(json.dumps({name: vars(cost) for name, cost in best.items()}))


def _least(one: Cost, other: Cost) -> Cost:
    return Cost(
        min(one.cpu_s, other.cpu_s),
        min(one.wall_s, other.wall_s),
        min(one.peak_mib, other.peak_mib),
        one.packets,
    )


def _print(best: dict[str, Cost]) -> None:
    print("| program | CPU s | wall s | Mpkt per CPU s | peak MiB |\n|---|---|---|---|---|")
    for name, cost in best.items():
        rate = cost.packets / cost.cpu_s / 1e6
        print(f"| {name} | {cost.cpu_s:.2f} | {cost.wall_s:.2f} | {rate:.3f} | {cost.peak_mib:.0f} |")


def _print_targets(best: dict[str, Cost]) -> None:
    def per_packet(name: str) -> float:
        return best[name].cpu_s / best[name].packets if name in best else float("nan")

    off, on = "NFStreamer, nDPI off, SPLT 64", "NFStreamer, nDPI on, SPLT 64"
    figures = (
        ("meter against NFStreamer, nDPI off", per_packet(off) / per_packet("flowml, nDPI off, SPLT 64"), 12),
        ("meter against NFStreamer, nDPI on", per_packet(on) / per_packet("flowml, nDPI on, SPLT 64"), 12),
        ("meter against ndpiReader, nDPI on", per_packet("ndpiReader -q") / per_packet("flowml, nDPI on"), 1),
        ("million packets a CPU second, nDPI off", 1e-6 / per_packet("flowml, nDPI off"), 1.8),
        ("flowml score against NFStreamer, nDPI on", per_packet(on) / per_packet(ONE_JOB), 8),
        ("meter against cicflowmeter", per_packet("cicflowmeter") / per_packet("flowml, nDPI on"), 1),
    )
    print("\n| target | wanted | measured |\n|---|---|---|")
    for name, measured, wanted in figures:
        print(f"| {name} | {wanted} | {measured:.2f} |")
    for what in ("", LONG, LONG_FILES):
        one, two = best[ONE_JOB + what], best[TWO_JOBS + what]
        print(f"| two jobs{what}: wall | 1.7 | {one.wall_s / two.wall_s:.2f} |")
        print(f"| two jobs{what}: CPU, at best | 1.7 | {2 * one.cpu_s / two.cpu_s:.2f} |")


if __name__ == "__main__":
    main()
