"""flowml beside what else there is, in one run over the same captures, on the same connections.

    python benchmarks/peers/compare.py DATASET... CAPTURES [--cache DIR] [-o peers.md]

The last data set is the collection of real captures; every figure is about them.
"""

import argparse
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from forest import random_forest
from programs import Called, Ends, ends, ndpi_reader, suricata

from flowml.datasets.labels import LabelledObservations
from flowml.datasets.manifest import read_data_set
from flowml.evaluation.metrics import Share, connection_outcomes
from flowml.training.cache import gather_cached
from flowml.training.experiment import LATE_S
from flowml.training.fit import TrainingSettings, fit

LONG_S = 60.0
POOL_PORTS = {
    3032,
    3333,
    4444,
    5555,
    5556,
    6666,
    7777,
    8008,
    8888,
    9999,
    14433,
    14444,
    20535,
    20536,
    45560,
    45700,
}
"""Ports that pools' own pages and miners' examples name most often."""


@dataclass(frozen=True)
class Connections:
    """The real captures' TCP connections, n of them, and what flowml said of each."""

    source: np.ndarray
    may_fit: np.ndarray
    file: list[str]
    ends: list[Ends]
    server_port: np.ndarray
    ndpi_name: np.ndarray
    is_mining: np.ndarray
    lasted_s: np.ndarray
    flowml: np.ndarray

    def called(self, called: Mapping[str, set[Ends]]) -> np.ndarray:
        names = zip(self.source.tolist(), self.file, self.ends, strict=True)
        return np.array([key in called.get(f"{source}/{file}", ()) for source, file, key in names], bool)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("datasets", nargs="+", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/evaluation/peers.md"))
    asked = parser.parse_args()
    needed = ("ndpiReader", "libndpi-bin"), ("suricata", "suricata, of bookworm-backports")
    for program, package in needed:
        if shutil.which(program) is None:
            sys.exit(f"{program} is missing; install {package}")
    captures = [capture for folder in asked.datasets for capture in read_data_set(folder)]
    print("flowml", flush=True)
    connections = judge(asked.datasets, asked.cache)
    collection = asked.datasets[-1]
    reader: Called = {}
    methods: Called = {}
    strings: Called = {}
    for source in np.unique(connections.source).tolist():
        print(f"programs: {source}", flush=True)
        reader |= _of(source, ndpi_reader(collection / source))
        found = suricata(collection / source)
        methods |= _of(source, found[0])
        strings |= _of(source, found[1])
    print("random forest", flush=True)
    verdicts = {
        "flowml": connections.flowml,
        "nDPI in NFStream": np.char.find(connections.ndpi_name, b"Mining") >= 0,
        "ndpiReader": connections.called(reader),
        "Suricata, stratum rules": connections.called(methods),
        "port or JSON string": np.isin(connections.server_port, list(POOL_PORTS))
        | connections.called(strings),
        "random forest": connections.called(random_forest(captures)),
    }
    asked.output.write_text("\n".join([*report(connections, verdicts), ""]), encoding="utf-8")


def _of(source: str, called: Called) -> Called:
    return {f"{source}/{file}": found for file, found in called.items()}


def judge(folders: list[Path], cache: Path | None) -> Connections:
    captures = [capture for folder in folders for capture in read_data_set(folder)]
    fitted_on = gather_cached([c for c in captures if c.may_fit], LATE_S, cache)
    others = gather_cached([c for c in captures if not c.may_fit], (0.0,), cache)
    bundle, left_out = fit(fitted_on, TrainingSettings(), print)
    probability = np.zeros(len(fitted_on))
    probability[left_out.rows] = left_out.probability
    real = np.flatnonzero(~fitted_on.is_emulated & (fitted_on.sensor_start_s == 0))
    labelled = LabelledObservations.concat([fitted_on.take(real), others])
    score = np.concatenate([probability[real], bundle.judge(others.observations).probability])
    outcomes = connection_outcomes(
        labelled.connection, score, labelled.observations.reported_s, bundle.thresholds.mining
    )
    of = labelled.take(outcomes.row)
    keys = [of.observations.key(row) for row in range(len(of))]
    return Connections(
        source=of.source,
        may_fit=outcomes.row < len(real),
        file=of.file.tolist(),
        ends=[ends(key.client_ip, key.client_port, key.server_ip, key.server_port) for key in keys],
        server_port=of.observations.server_port,
        ndpi_name=of.observations.application_name,
        is_mining=of.is_mining,
        lasted_s=of.lasted_s,
        flowml=outcomes.is_detected,
    )


def report(of: Connections, verdicts: Mapping[str, np.ndarray]) -> list[str]:
    text = Path(__file__).with_name("peers.head.md").read_text(encoding="utf-8").splitlines()
    return [
        *text,
        "",
        f"## Mining connections of {LONG_S:.0f} s or longer that were found",
        "",
        *_table(of, verdicts, of.is_mining & (of.lasted_s >= LONG_S), "{:.0%}"),
        "",
        "## All mining connections, of any length",
        "",
        *_table(of, verdicts, of.is_mining, "{:.0%}"),
        "",
        "## Benign connections that were called mining",
        "",
        *_table(of, verdicts, ~of.is_mining, "{:.2%}"),
    ]


def _table(of: Connections, verdicts: Mapping[str, np.ndarray], which: np.ndarray, form: str) -> list[str]:
    lines = ["| source | connections | " + " | ".join(verdicts) + " |", "|---|---|" + "---|" * len(verdicts)]
    sources = np.unique(of.source[which]).tolist()
    for source in [*sources, "together"] if len(sources) > 1 else sources:
        inside = which & ((of.source == source) | (source == "together"))
        cells = []
        for called in verdicts.values():
            share = Share(int(np.count_nonzero(called & inside)), int(np.count_nonzero(inside)))
            low, high = share.interval()
            cells.append(f"{share.hits} ({form.format(low)} to {form.format(high)})")
        seen = ", fitted on" if of.may_fit[inside].all() else ""
        lines.append(f"| {source}{seen} | {np.count_nonzero(inside)} | " + " | ".join(cells) + " |")
    return lines


if __name__ == "__main__":
    main()
