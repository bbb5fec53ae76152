"""Print how long questions about incidents take with 5,000 incidents and 100,000 alerts stored.

python benchmarks/incidents.py [INCIDENTS [ALERTS]]

Each question is asked 20 times; the slowest time counts, in CPU and in wall milliseconds.
"""

import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from flowml.detections.alert import Alert, Evidence
from flowml.detections.incident import Change, IncidentState
from flowml.flows.key import FlowKey
from flowml.incidents.asking import IncidentFilter
from flowml.incidents.campaigns import findings
from flowml.incidents.feedback import feedback
from flowml.incidents.store import IncidentStore
from flowml.sinks.trial import trial_alert

TIMES = 20
NOW = 1_700_000_000_000
SERVERS = 40
STRIP = tuple((number * 5.0, 186 if number % 2 else -64) for number in range(128))


def main() -> None:
    incidents, alerts = (int(text) for text in (*sys.argv[1:], "5000", "100000")[:2])
    if len(sys.argv) == 2:
        alerts = 20 * incidents
    with tempfile.TemporaryDirectory() as name:
        store = IncidentStore(Path(name))
        begun = time.perf_counter()
        waiting = list[Alert]()
        for alert in made(incidents, alerts):
            waiting.append(alert)
            if len(waiting) == 256:
                store.take(waiting)
                waiting.clear()
        store.take(waiting)
        seconds = time.perf_counter() - begun
        size = sum(path.stat().st_size for path in Path(name).iterdir()) >> 20
        print(f"{alerts} alerts stored in {seconds:.1f} s, {alerts / seconds:.0f} a second, {size} MiB")
        store.change(range(1, 51), Change(IncidentState.CONFIRMED), "mika", NOW)
        middle = incidents // 2
        for words, ask in questions(store, middle).items():
            cpu_ms, wall_ms = slowest(ask)
            print(f"{words:40} {cpu_ms:7.1f} ms CPU {wall_ms:7.1f} ms wall")


def questions(store: IncidentStore, middle: int) -> dict[str, Callable[[], object]]:
    everything, detail = IncidentFilter(), store.incident(middle)
    if detail is None:
        raise LookupError(f"no incident {middle}")
    return {
        "newest 50": lambda: store.incidents(everything, 50, 0),
        f"50 from {middle}": lambda: store.incidents(everything, 50, middle),
        "50 new ones": lambda: store.incidents(IncidentFilter(IncidentState.NEW), 50, 0),
        "search": lambda: store.incidents(IncidentFilter(search="pool-7"), 50, 0),
        "search that finds nothing": lambda: store.incidents(IncidentFilter(search="nobody"), 50, 0),
        "of a host": lambda: store.incidents(IncidentFilter(host="10.0.3.3"), 50, 0),
        "hosts": lambda: store.hosts("", 50, 0),
        "one with 100 alerts": lambda: store.incident(middle),
        "what connects it with others": lambda: findings(store, detail),
        "feedback of 50": lambda: feedback(store),
    }


def slowest(ask: Callable[[], object]) -> tuple[float, float]:
    found = []
    for _ in range(TIMES):
        cpu, wall = time.process_time(), time.perf_counter()
        ask()
        found.append(((time.process_time() - cpu) * 1000, (time.perf_counter() - wall) * 1000))
    return max(cpu for cpu, _ in found), max(wall for _, wall in found)


def made(hosts: int, count: int) -> Iterator[Alert]:
    drawn = random.Random(7)
    plain = trial_alert(NOW)
    for number in range(count):
        host, server = number % hosts, drawn.randrange(SERVERS)
        key = FlowKey(f"10.0.{host >> 8}.{host & 255}", 1024 + number // hosts, f"198.51.100.{server}", 3333)
        start_ms = NOW + number * 1000
        verdict = replace(
            plain.verdict, key=key, start_ms=start_ms, end_ms=start_ms + 60_000,
            server_name=f"pool-{server}.example",
        )  # fmt: skip
        yield replace(plain, verdict=verdict, raised_ms=start_ms, evidence=Evidence(STRIP, start_ms, 5.0))


if __name__ == "__main__":
    main()
