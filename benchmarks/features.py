"""Print how many observations a second one core turns into features, and into verdicts.

    OMP_NUM_THREADS=1 python benchmarks/features.py [CAPTURE...]

Observations are those of the given captures (by default the shipped recording) that show enough to be judged,
repeated to 50,000. CPU seconds, so a busy machine does not change them much.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from flowml.capture.files import CaptureFile
from flowml.capture.settings import MeterSettings
from flowml.features.evidence import shows_enough
from flowml.features.matrix import feature_matrix
from flowml.flows.connections import ConnectionSettings, ConnectionTable
from flowml.flows.observations import Observations
from flowml.registry.store import resolve

N = 50_000


def observations(paths: list[Path]) -> Observations:
    parts = []
    for path in paths:
        table = ConnectionTable(ConnectionSettings())
        parts += [table.update(batch) for batch in CaptureFile(path, MeterSettings()).batches()]
        parts.append(table.flush())
    seen = Observations.concat(parts)
    rows = np.flatnonzero(shows_enough(seen))
    return seen.take(np.resize(rows, N))


def per_second(work: Callable[[], object]) -> float:
    work()
    took = []
    for _ in range(3):
        start = time.process_time()
        work()
        took.append(time.process_time() - start)
    return N / float(np.median(took))


def main() -> None:
    paths = [Path(name) for name in sys.argv[1:]] or [Path("datasets/first/first.pcap.zst")]
    seen = observations(paths)
    matrix, bundle = feature_matrix(seen), resolve(None).bundle
    print(f"{seen.packets.counts.mean():.1f} payload packets an observation")
    print(f"features: {per_second(lambda: feature_matrix(seen)):,.0f} observations a second")
    print(f"model:    {per_second(lambda: bundle.score(matrix)):,.0f} observations a second")
    print(f"verdicts: {per_second(lambda: bundle.judge(seen)):,.0f} observations a second")


if __name__ == "__main__":
    main()
