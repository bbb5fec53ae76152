"""How long pages take with 100,000 alerts in 5,000 incidents: `python -m benchmarks.dashboard`.

A real dashboard on loopback; requests one after another. Prints the median and the 95th percentile of each
page and of each call that pages make, as the client sees them, and the server's CPU time for a request.
Incident 1 has 100 alerts more, and those at its pool have all the evidence that there may be.
"""

import argparse
import itertools
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from tests.api.running import Running, write_config
from tests.api.stored import WORDS
from tests.verdicts import alert

from flowml.detections.alert import Alert, Evidence
from flowml.detections.incident import Change, IncidentState
from flowml.flows.key import FlowKey
from flowml.incidents import telemetry
from flowml.incidents.store import IncidentStore
from flowml.incidents.telemetry import Beat, Drift
from flowml.models.population import NAMES

PATHS = (
    "/", "/incidents", "/incidents?state=new", "/incidents?search=pool-7", "/incidents?page=100",
    "/incidents/1", "/hosts", "/hosts?search=10.1", "/models", "/policies", "/settings", "/audit",
    "/api/v1/overview", "/api/v1/health", "/api/v1/beats", "/api/v1/drift", "/api/v1/hosts?limit=200",
    "/api/v1/incidents?limit=200", "/api/v1/incidents/1", "/api/v1/incidents.csv",
)  # fmt: skip
STRIP = tuple((11.5 * number, 186 if number % 2 else -378) for number in range(128))
TICKS = os.sysconf("SC_CLK_TCK")
DAY_MS, BEAT_MS = 86_400_000, 10_000


def made(number: int, incidents: int, pools: int, start_ms: int) -> Alert:
    """The alert of a number; as many hosts as incidents mine at some pools in turn."""
    host, pool = number % incidents + 1, number % incidents % pools
    seen = alert(
        *WORDS,
        key=FlowKey(
            f"10.{host >> 16}.{host >> 8 & 255}.{host & 255}",
            1024 + number % 60_000,
            f"198.51.{pool >> 8}.{pool & 255}",
            3333,
        ),
        server_name=f"pool-{pool}.example",
        start_ms=start_ms,
        end_ms=start_ms + 61_000,
    )
    return replace(
        seen, raised_ms=start_ms + 61_000, evidence=Evidence(STRIP, start_ms) if pool == 0 else Evidence()
    )


def fill(folder: Path, alerts: int, incidents: int, pools: int) -> None:
    """Store alerts of the last month, beats each 10 s, drift each hour, a state for each incident."""
    store, now = IncidentStore(folder), time.time_ns() // 1_000_000
    step_ms = 30 * DAY_MS // alerts
    stored = (
        made(number, incidents, pools, now - 30 * DAY_MS + number * step_ms) for number in range(alerts)
    )
    while batch := list(itertools.islice(stored, 2000)):
        store.take(batch)
    store.take(made(incidents * number, incidents, pools, now - 100_000 + number) for number in range(100))
    states = list(IncidentState)
    for number in range(1, incidents + 1):
        store.change([number], Change(states[number % len(states)], note="looked at"), "mika", now)
    for beat in range(DAY_MS // BEAT_MS):
        seen = Beat(now - beat * BEAT_MS, "eth0", 10**6, 10**9, 5000, 9000, 0, 0)
        telemetry.record_beat(store, seen)
    hours = range(7 * 24)
    telemetry.record_drift(
        store, (Drift(now - hour * 3_600_000, name, 0.1) for hour in hours for name in NAMES)
    )
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
    parser.add_argument("--pools", type=int, default=100)
    parser.add_argument("--requests", type=int, default=60)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        config = write_config(Path(name))
        fill(Path(name) / "state", asked.alerts, asked.incidents, asked.pools)
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
