"""The evasion matrix as picture, CSV and table: miners judged by a classifier that did not see their origin.

python benchmarks/evasions.py DATASET... [--cache DIR] [-o FOLDER]
"""

import argparse
from pathlib import Path

import numpy as np

from flowml.evaluation.evasions import (
    draw_evasions,
    empty_cells,
    evasion_cells,
    evasions_csv,
    render_evasions,
)
from flowml.training.cache import gather_cached
from flowml.training.experiment import LATE_S, captures_to_fit
from flowml.training.fit import TrainingSettings, fit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("datasets", nargs="+", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/evaluation"))
    asked = parser.parse_args()
    labelled = gather_cached(captures_to_fit(asked.datasets), LATE_S, asked.cache)
    bundle, left_out = fit(labelled, TrainingSettings(), print)
    probability = np.zeros(len(labelled))  # what showed too little is not judged: not found
    probability[left_out.rows] = left_out.probability
    rows = np.flatnonzero((labelled.sensor_start_s == 0) & labelled.is_emulated)
    cells = evasion_cells(labelled.take(rows), probability[rows], bundle.thresholds.mining)
    asked.output.mkdir(parents=True, exist_ok=True)
    (asked.output / "evasions.csv").write_text(evasions_csv(cells), encoding="utf-8")
    draw_evasions(cells).savefig(asked.output / "evasions.png")
    missing = empty_cells(cells)
    lines = [
        "# Miners that hide",
        "",
        "Made by `make evasions`. Each miner of the lab was judged by a classifier that did not see its",
        "pool. Others that hide were learnt from with little weight (docs/decisions/0020); where a kind of",
        "them was not, it is found less often (`left-out-evasions.md`). Found: connections of 60 s or more,",
        f"called mining within ten minutes, at the threshold of the model ({bundle.thresholds.mining:.4f}).",
        "Miners found: pools with at least",
        "one connection, of any length and at any age, called mining.",
        "",
        "![The evasion matrix](evasions.png)",
        "",
        *render_evasions(cells),
        "",
        "Every family, carrier, evasion and strength apart: [evasions.csv](evasions.csv).",
        "",
        f"Empty: no connection of 60 s or longer ({len(missing)} of evasion, strength and carrier).",
        "",
        "| evasion | strength | carriers without one |",
        "|---|---|---|",
        *_empty_rows(missing),
    ]
    (asked.output / "evasions.md").write_text("\n".join([*lines, ""]), encoding="utf-8")


def _empty_rows(missing: list[tuple[str, str, str]]) -> list[str]:
    ways = dict.fromkeys((evasion, strength) for evasion, strength, _ in missing)
    return [
        f"| {' | '.join(way)} | {', '.join(carrier for *of, carrier in missing if tuple(of) == way)} |"
        for way in ways
    ]


if __name__ == "__main__":
    main()
