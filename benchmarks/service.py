"""Print what a scorer on one core keeps up with, and whether its memory stays flat.

    OMP_NUM_THREADS=1 python -m benchmarks.service [--new N] [--open N] [--seconds N] [--mining SHARE]

The connections of a recording of the lab begin again and again, with other clients, `--new` of them a second.
Each ends after `--open` / `--new` seconds, so that as many are open at once, and takes the road that live
traffic takes: stitched, judged at its ages, concluded, alerts written as EVE JSON.
Seconds are those of the traffic; it runs as fast as it can. CPU seconds are those of the scorer alone.
`benchmarks.soak` is the same in real time, with all that is around a scorer.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from benchmarks.load import Load, LoadSettings
from rich.progress import track

from flowml.detections.explanation import explain
from flowml.detections.policy import Policy
from flowml.detections.verdict import VerdictBatch
from flowml.flows.connections import ConnectionSettings, ConnectionTable
from flowml.flows.observations import Observations
from flowml.registry.store import resolve
from flowml.service.scoring import Metered, Scorer
from flowml.sinks.eve import eve_line

EPOCH_MS = 1_700_000_000_000


class Counted:
    """A judge that counts what it is asked."""

    def __init__(self) -> None:
        self.observations = 0
        self.bundle = resolve(None).bundle

    def judge(self, observations: Observations) -> VerdictBatch:
        """Judge, and count."""
        self.observations += len(observations)
        return self.bundle.judge(observations)


def resident_mb() -> float:
    """Memory of this process that is in RAM."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--new", type=int, default=1000)
    parser.add_argument("--open", type=int, default=200_000)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--mining", type=float, help="share of connections that mine; as in the recording")
    asked = parser.parse_args()
    load = Load(LoadSettings(asked.new, asked.open, mining_ratio=asked.mining))
    counted = Counted()
    table = ConnectionTable(ConnectionSettings())
    scorer = Scorer(table, counted.judge, Policy("load", explain, counted.bundle.resembles))
    used_s, alerts, records = 0.0, 0, 0
    figures = []
    with tempfile.TemporaryFile() as eve:
        for second, batch in enumerate(track(load.seconds(asked.seconds, EPOCH_MS), total=asked.seconds), 1):
            start = time.process_time()
            concluded = scorer.take(Metered(batch, EPOCH_MS + second * 1000))
            for alert in concluded.alerts if concluded is not None else ():
                eve.write(eve_line(alert).encode())
                alerts += 1
            used_s += time.process_time() - start
            records += len(batch)
            if second % max(1, asked.seconds // 6) == 0:
                figures.append(
                    (second, len(table), table.evicted, resident_mb(), used_s, counted.observations)
                )
    print("second  open connections  evicted  resident MB  CPU s  observations")
    for row in figures:
        print("{:6,}  {:16,}  {:7,}  {:11,.0f}  {:5,.0f}  {:12,}".format(*row))
    print(
        f"{records:,} records, {counted.observations:,} observations, {alerts:,} alerts in "
        f"{used_s:,.0f} CPU s: {counted.observations / used_s:,.0f} observations and "
        f"{records / used_s:,.0f} records a CPU second, "
        f"{used_s / asked.seconds:.0%} of one core"
    )


if __name__ == "__main__":
    main()
