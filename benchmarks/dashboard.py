"""How long pages take with 100,000 alerts in 5,000 incidents: `python benchmarks/dashboard.py`.

A real dashboard on loopback; requests one after another. Prints the median and the 95th percentile of each
page and of each call that pages make, as the client sees them, and the server's CPU time for a request.
"""

import argparse
import itertools
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from tests.api.running import Running, write_config
from tests.api.stored import WORDS
from tests.verdicts import alert

from flowml.detections.incident import Change, IncidentState
from flowml.flows.key import FlowKey
from flowml.incidents import telemetry
from flowml.incidents.store import IncidentStore
from flowml.incidents.telemetry import Beat

PATHS = (
    "/", "/incidents", "/incidents?state=new", "/incidents?search=pool-7", "/incidents?page=190",
    "/incidents/1", "/hosts", "/hosts?search=10.1", "/models", "/policies", "/settings", "/audit",
    "/api/v1/overview", "/api/v1/beats", "/api/v1/incidents?limit=200",
)  # fmt: skip
TICKS = os.sysconf("SC_CLK_TCK")
DAY_MS = 86_400_000


def fill(folder: Path, alerts: int, incidents: int) -> None:
    """Store alerts of the last month; a beat for each minute of the last day; a state for each incident."""
    store, now = IncidentStore(folder), time.time_ns() // 1_000_000
    hosts = [f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}" for number in range(1, incidents + 1)]
    step_ms = 30 * DAY_MS // alerts
    numbered = ((number, hosts[number % incidents]) for number in range(alerts))
    made = (
        alert(
            *WORDS,
            key=FlowKey(host, 1024 + number % 60_000, f"198.51.{number % incidents % 100}.7", 3333),
            server_name=f"pool-{number % incidents % 100}.example",
            start_ms=now - 30 * DAY_MS + number * step_ms,
            end_ms=now - 30 * DAY_MS + number * step_ms + 61_000,
        )
        for number, host in numbered
    )
    while batch := list(itertools.islice(made, 2000)):
        store.take(batch)
    states = list(IncidentState)
    for number in range(1, incidents + 1):
        store.change([number], Change(states[number % len(states)], note="looked at"), "mika", now)
    for minute in range(24 * 60):
        telemetry.record_beat(store, Beat(now - minute * 60_000, "eth0", 10**6, 10**9, 5000, 9000, 0, 0))
    store.close()


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has spent."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def main() -> None:
    """Fill a store, ask for each page, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alerts", type=int, default=100_000)
    parser.add_argument("--incidents", type=int, default=5_000)
    parser.add_argument("--requests", type=int, default=60)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        config = write_config(Path(name))
        fill(Path(name) / "state", asked.alerts, asked.incidents)
        size = (Path(name) / "state" / "incidents.db").stat().st_size
        print(f"{asked.alerts:,} alerts, {asked.incidents:,} incidents: {size / 1e6:.0f} MB")
        with Running(config) as running:
            client = running.logged_in()
            print(f"{'path':32} {'median':>9} {'95th':>9} {'CPU':>9}")
            for path in PATHS:
                times_ms, before = [], cpu_s(running.process.pid)
                for _ in range(asked.requests):
                    began = time.perf_counter()
                    client.get(path).raise_for_status()
                    times_ms.append(1000 * (time.perf_counter() - began))
                median, high = np.percentile(times_ms, [50, 95])
                spent_ms = 1000 * (cpu_s(running.process.pid) - before) / asked.requests
                print(f"{path:32} {median:6.1f} ms {high:6.1f} ms {spent_ms:6.1f} ms", flush=True)


if __name__ == "__main__":
    main()
