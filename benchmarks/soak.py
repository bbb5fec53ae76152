"""A sensor in real time: 200,000 open connections, 1,000 new ones a second, and a dashboard beside it.

    python -m benchmarks.soak [--minutes N] [--new N] [--open N] [--mining SHARE] [--alerts N] [--incidents N]

Three processes, as on a sensor. One stands for the capture process: it tells the connections of
`benchmarks.load` through a real outbox and pipe, each second those of that second. One is what `flowml live`
is behind that: supervisor, scorer, policy, watch, every alert in journals on disk and then in the EVE file
and the incidents. One is `flowml dashboard` on the same database, which holds `--alerts` alerts in
`--incidents` incidents when it begins; a page or call of it is asked for each half second. Prints the memory
of sensor and dashboard minute by minute, what became of the alerts, and how long answers took.
"""

import argparse
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from multiprocessing.connection import Connection
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import httpx
import numpy as np
from benchmarks.dashboard import PATHS, cpu_s, fill
from benchmarks.load import Load, LoadSettings
from tests.api.running import Running, write_config

from flowml.detections.explanation import explain
from flowml.detections.policy import Policy
from flowml.flows.connections import ConnectionSettings, ConnectionTable
from flowml.flows.openings import Openings
from flowml.incidents.database import DATABASE
from flowml.incidents.writer import IncidentWriter
from flowml.registry.store import resolve
from flowml.service.capture_process import COUNT_S, LATENESS_S, MESSAGE_RECORDS, Stop
from flowml.service.capture_task import CaptureTask
from flowml.service.chronicle import Chronicle
from flowml.service.health import Finding, of_delivery
from flowml.service.model_watch import ModelWatch
from flowml.service.outbox import Outbox
from flowml.service.runner import run
from flowml.service.scoring import Metered, Scorer
from flowml.service.settings import ModelsSettings
from flowml.service.supervisor import Supervisor
from flowml.service.watch import Watch
from flowml.service.wire import Counted, Ended, Opened
from flowml.sinks.outlets import Outlets
from flowml.sinks.settings import EveSettings, SinksSettings

SOURCE = "load"
EVE, STATE, FIGURES = "eve.json", "state", "figures.json"
COUNTED = ("flowml_packets_total", "flowml_records_lost_total")
ASK_S = 0.5
LAST_S = 120.0  # for what waits at the end: all open connections are judged at once


# --- in the place of the capture process --------------------------------------------------------------------


def feed(descriptor: int, settings: LoadSettings) -> None:
    """Tell what begins and what is new each second, until told to end."""
    stop = Stop()
    signal.signal(signal.SIGTERM, stop.tell)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    load, outbox = Load(settings), Outbox(Connection(descriptor, readable=False))
    outbox.put(Opened())
    began, epoch_ms = time.monotonic(), int((time.time() - LATENESS_S) * 1000)
    second = late = records = 0  # a record stands for a packet in what is counted
    while not stop.wait(began + second - time.monotonic()):
        late = max(late, int(time.monotonic() - began) - second)
        batch = load.second(second, epoch_ms)
        second, records = second + 1, records + len(batch)
        clock_ms = epoch_ms + second * 1000
        for start in range(0, len(batch), MESSAGE_RECORDS):
            rows = np.arange(start, min(start + MESSAGE_RECORDS, len(batch)))
            outbox.put(Metered(batch.take(rows), clock_ms))
        if second % COUNT_S == 0:
            outbox.put(Counted({"packets": records, "lost_records": outbox.lost_records}))
    outbox.put(Ended({"seconds late at most": late}), may_wait=True)
    outbox.close()


# --- the sensor ---------------------------------------------------------------------------------------------


def sense(folder: Path, seconds: float, load: list[str]) -> None:
    """Work like `flowml live`; leave what was counted in a file."""

    def start(_: str, descriptor: int) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "benchmarks.soak", "--feed", str(descriptor), *load]
        return subprocess.Popen(command, pass_fds=(descriptor,))

    def tell(text: str) -> None:
        print(f"  told: {text}", flush=True)

    with ExitStack() as stack:
        silent = stack.enter_context(Path(os.devnull).open("w"))
        sinks = SinksSettings(eve=EveSettings(folder / EVE))
        outlets = Outlets(sinks, silent, folder / STATE / "spool", tell)
        outlets.add("incidents", IncidentWriter(folder / STATE), IncidentWriter.TERMS)
        distribution = stack.enter_context(closing(outlets.distribution(outlets.sinks)))
        supervisor = stack.enter_context(Supervisor([CaptureTask(SOURCE)], tell, seconds, start))
        first, tables, n_open = resolve(None), list[ConnectionTable](), [0]

        def others(now_ms: int) -> list[Finding]:
            n_open.extend(len(table) for table in tables)
            return [of_delivery(found, sinks.spool_mib << 20, now_ms) for found in outlets.figures()]

        models = ModelWatch(ModelsSettings(), first.bundle, first.folder, tell)
        watch = Watch(models, others, Chronicle(folder / STATE), distribution.report)
        stack.enter_context(watch)

        def scorer(source: str) -> Scorer:
            tables.append(ConnectionTable(ConnectionSettings()))
            policy = Policy(source, explain, watch.resembles)
            return Scorer(tables[-1], watch.judge_of(source), policy, Openings())

        tally = run(supervisor, scorer, distribution, watch)
        lost = outlets.close(time.monotonic() + LAST_S)
    told = {
        "raised": len(tally.delays_s),
        "lost alerts": lost + tally.undelivered,
        "connections open at most": max(n_open),
        "evicted": sum(table.evicted for table in tables),
        **{metric.name: int(metric.samples[0][1]) for metric in watch.metrics() if metric.name in COUNTED},
        **supervisor.counters.get(SOURCE, {}),
    }
    (folder / FIGURES).write_text(json.dumps(told))


# --- what is seen of both -----------------------------------------------------------------------------------


def resident_mb(pid: int) -> float:
    """Memory of a process that is in RAM."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def watch_both(sensor: "subprocess.Popen[bytes]", running: Running, minutes: int) -> dict[str, list[float]]:
    """Ask the dashboard again and again, until the sensor ends; print how it goes each minute."""
    client, took_ms = running.logged_in(), {path: list[float]() for path in PATHS}
    began, spent_s, minute = time.monotonic(), 0.0, 0
    print("minute  sensor MB  CPU  dashboard MB  answers: median, 95 %, slowest ms", flush=True)
    answers = list[float]()
    while sensor.poll() is None:
        for path in PATHS:
            answers.append(asked_ms(client, path))
            took_ms[path].append(answers[-1])
            time.sleep(max(0.0, ASK_S - answers[-1] / 1000))
            if sensor.poll() is not None or time.monotonic() < began + 60 * (minute + 1):
                continue
            minute += 1
            now_s, spent_s = cpu_s(sensor.pid) - spent_s, cpu_s(sensor.pid)
            median, high, slowest = np.percentile(answers, [50, 95, 100])
            print(
                f"{minute:6} {resident_mb(sensor.pid):10,.0f} {now_s / 60:4.0%} "
                f"{resident_mb(running.process.pid):13,.0f} {median:17.1f} {high:7.1f} {slowest:7.1f}"
                f"{'' if minute <= minutes else '  (ending)'}",
                flush=True,
            )
            answers.clear()
    return took_ms


def asked_ms(client: httpx.Client, path: str) -> float:
    """Ask, and give how long the whole answer took."""
    began = time.perf_counter()
    client.get(path).raise_for_status()
    return 1000 * (time.perf_counter() - began)


def report(folder: Path, before: int, took_ms: dict[str, list[float]]) -> None:
    """Print what became of the alerts, and the slowest pages."""
    told = json.loads((folder / FIGURES).read_text())
    with (folder / EVE).open() as lines:
        in_file = sum('"event_type":"alert"' in line for line in lines)
    alerts, incidents = stored(folder)
    print(", ".join(f"{value:,} {name}" for name, value in told.items()))
    print(f"alerts in the EVE file: {in_file:,}; in the database: {alerts - before:,}")
    size = (folder / STATE / DATABASE).stat().st_size
    print(f"now {alerts:,} alerts in {incidents:,} incidents, {size / 1e6:.0f} MB")
    every = [value for values in took_ms.values() for value in values]
    print(f"{len(every):,} answers: 95 % within {np.percentile(every, 95):.0f} ms; by page or call:")
    for path, values in sorted(took_ms.items(), key=lambda item: -np.percentile(item[1], 95)):
        print(f"  {path:32} {np.median(values):7.1f} {np.percentile(values, 95):7.1f} {max(values):7.1f} ms")


def stored(folder: Path) -> tuple[int, int]:
    """How many alerts and incidents the database has."""
    with closing(sqlite3.connect(folder / STATE / DATABASE)) as database:
        (alerts,) = database.execute("SELECT COUNT(*) FROM alert").fetchone()
        (incidents,) = database.execute("SELECT COUNT(*) FROM incident").fetchone()
    return alerts, incidents


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=30)
    parser.add_argument("--new", type=int, default=1000)
    parser.add_argument("--open", type=int, default=227_000, help="of which some end earlier")
    parser.add_argument("--mining", type=float, default=0.01)
    parser.add_argument("--alerts", type=int, default=100_000)
    parser.add_argument("--incidents", type=int, default=5_000)
    parser.add_argument("--feed", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--sense", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    load = ["--new", str(asked.new), "--open", str(asked.open), "--mining", str(asked.mining)]
    load += ["--incidents", str(asked.incidents)]
    if asked.feed is not None:
        feed(asked.feed, LoadSettings(asked.new, asked.open, asked.incidents, asked.mining))
    elif asked.sense is not None:
        sense(asked.sense, 60 * asked.minutes, load)
    else:
        soak(asked, load)


def soak(asked: argparse.Namespace, load: list[str]) -> None:
    """Fill a database, start both, and watch."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = write_config(folder)
        fill(folder / STATE, asked.alerts, asked.incidents, pools=100)
        before = stored(folder)[0]
        command = [sys.executable, "-m", "benchmarks.soak", "--sense", name, "--minutes", str(asked.minutes)]
        with Running(config) as running, subprocess.Popen([*command, *load]) as sensor:
            try:
                took_ms = watch_both(sensor, running, asked.minutes)
            finally:
                sensor.kill()
        report(folder, before, took_ms)


if __name__ == "__main__":
    main()
