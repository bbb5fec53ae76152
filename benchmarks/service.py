"""Print what a scorer on one core keeps up with, and whether its memory stays flat.

    OMP_NUM_THREADS=1 python benchmarks/service.py [--new N] [--open N] [--seconds N] [FLOWS.parquet...]

The connections of flow tables (by default a recording of the lab) begin again and again, with other clients,
`--new` of them a second. Each is cut after `--open` / `--new` seconds, so that about as many are open at
once, and takes the road that live traffic takes: stitched, judged at its ages, concluded, alerts written as
EVE JSON.
Seconds are those of the traffic; it runs as fast as it can. CPU seconds are those of the scorer alone.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from flowml.datasets.store import read_flows
from flowml.detections.explanation import explain
from flowml.detections.policy import Policy
from flowml.detections.verdict import VerdictBatch
from flowml.flows.batch import FlowBatch
from flowml.flows.connections import ConnectionSettings, ConnectionTable
from flowml.flows.key import TCP
from flowml.flows.observations import Observations
from flowml.flows.packets import PacketSequences
from flowml.registry.store import resolve
from flowml.schema import COVERED_UNTIL_MS, FIRST_SEEN_MS, LAST_SEEN_MS, PROTOCOL, SRC_IP, UID
from flowml.service.scoring import Metered, Scorer
from flowml.sinks.eve import eve_line

EPOCH_MS = 1_700_000_000_000
_TIMES = (FIRST_SEEN_MS, LAST_SEEN_MS, COVERED_UNTIL_MS)


class Load:
    """The same connections again and again, each second those that begin and the news of those before.

    Parameters
    ----------
    paths : list of Path
        Flow tables.
    n_new : int
        Connections that begin each second.
    life_s : int
        Records that a connection would give later are left out.
    """

    def __init__(self, paths: list[Path], n_new: int, life_s: int) -> None:
        records = FlowBatch.concat([batch for path in paths for batch in read_flows(path)[0]])
        records = records.take(np.flatnonzero(records[PROTOCOL] == TCP))
        uids, flow = np.unique(records[UID], return_inverse=True)
        begun = np.full(len(uids), np.iinfo(np.int64).max)
        np.minimum.at(begun, flow, records[FIRST_SEEN_MS])
        due_s = (records[COVERED_UNTIL_MS] - begun[flow]) // 1000 + 1
        rounds = -(-n_new // len(uids))
        row = np.tile(np.flatnonzero(due_s <= life_s), rounds)
        slot = flow[row] + len(uids) * np.repeat(np.arange(rounds), len(row) // rounds)
        kept = slot < n_new
        row, self._slot = row[kept], slot[kept]
        self._due_s = due_s[row]
        self._records = records.take(row)
        self._begun_ms = begun[flow[row]]
        self._n_new = n_new
        self._clients = np.array([f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(1 << 20)], "S46")

    def seconds(self, n: int) -> Iterator[FlowBatch]:
        """The records of one second after another."""
        for second in range(n):
            rows = np.flatnonzero(self._due_s <= second)
            begun_s = second - self._due_s[rows]
            number = begun_s * self._n_new + self._slot[rows]
            later_ms = EPOCH_MS + begun_s * 1000 - self._begun_ms[rows]
            yield _moved(self._records.take(rows), later_ms, number, self._clients)


def _moved(
    batch: FlowBatch, later_ms: NDArray[np.int64], number: NDArray[np.int64], clients: NDArray[np.bytes_]
) -> FlowBatch:
    """The records as those of other clients, later."""
    packets = batch.packets
    time_ms = packets.time_ms + np.repeat(later_ms, packets.counts)
    columns = dict(batch.columns)
    columns[UID.name] = number.astype("u8")
    columns[SRC_IP.name] = clients[number % len(clients)]
    columns |= {column.name: batch[column] + later_ms for column in _TIMES}
    return FlowBatch(columns, PacketSequences.from_counts(packets.counts, time_ms, packets.size_bytes))


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
    parser.add_argument("tables", type=Path, nargs="*")
    asked = parser.parse_args()
    tables = asked.tables or sorted(Path("datasets/wide-11").glob("*.parquet"))
    load, counted = Load(tables, asked.new, asked.open // asked.new), Counted()
    table = ConnectionTable(ConnectionSettings())
    scorer = Scorer(table, counted.judge, Policy("load", explain, counted.bundle.resembles))
    used_s, alerts, records = 0.0, 0, 0
    figures = []
    with tempfile.TemporaryFile() as eve:
        for second, batch in enumerate(track(load.seconds(asked.seconds), total=asked.seconds), 1):
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
