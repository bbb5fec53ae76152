"""Ablations: what is left of the detector without a kind of feature, and what ports would pretend.

    python benchmarks/ablations.py DATASET... [--cache DIR] [-o ablations.md]

Each variant is fitted in the folds of origins that a model is calibrated in, and held to the same rate of
false alarms.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from flowml.datasets.labels import LabelledObservations
from flowml.datasets.manifest import read_data_set
from flowml.evaluation.metrics import Share, connection_outcomes, threshold_for
from flowml.features.evidence import shows_enough
from flowml.features.matrix import feature_matrix
from flowml.models.classifier import build_classifier
from flowml.models.scaling import scaled
from flowml.schema import FEATURE_COLUMNS
from flowml.training.cache import gather_cached
from flowml.training.experiment import LATE_S
from flowml.training.fit import TrainingSettings
from flowml.training.weights import fit_weights

ONE_IN, LONG_S = 1_000, 60.0
NAMES = [column.name for column in FEATURE_COLUMNS]
TIMING = [n for n in NAMES if n.endswith(("_ms", "_per_s")) or "gap" in n or "delay" in n]
TIMING += ["quiet_time_ratio", "burstiness_ratio"]
SIZES = [n for n in NAMES if "size" in n or "bytes" in n or n == "answer_to_request_ratio"]
SIDED = [n for n in NAMES if n.startswith(("client_", "server_", "push_", "late_push_", "answer"))]
STATISTICS = [
    n
    for n in NAMES
    if n.startswith(("client_", "server_"))
    and n.endswith(
        ("_mean_bytes", "_min_bytes", "_max_bytes", "_messages", "_max_ms", "_median_ms", "_variation_ratio")
    )
    and "unasked" not in n
]
VARIANTS = {
    "all features": NAMES,
    "no timing": [n for n in NAMES if n not in TIMING],
    "no sizes": [n for n in NAMES if n not in SIZES],
    "no direction": [n for n in NAMES if n not in SIDED],
    "statistics only": STATISTICS,
    "ports added": [*NAMES, "server port", "client port"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("datasets", nargs="+", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/evaluation/ablations.md"))
    asked = parser.parse_args()
    captures = [capture for folder in asked.datasets for capture in read_data_set(folder)]
    fitted_on = gather_cached([c for c in captures if c.may_fit], LATE_S, asked.cache)
    others = gather_cached([c for c in captures if not c.may_fit], (0.0,), asked.cache)
    rows = [_row(name, chosen, fitted_on, others) for name, chosen in VARIANTS.items()]
    lines = [
        "# Ablations",
        "",
        "Made by `make ablations CAPTURES=DIR`. Each variant is fitted anew in five folds of origins; its",
        f"threshold allows one false alarm in {ONE_IN:,} benign connections of real captures that were left",
        f"out. Found: mining connections of {LONG_S:.0f} s or longer, without miners that hide. In brackets:",
        "Wilson's interval, 95 %.",
        "",
        "| features | number | found, left out, real | found, left out, lab | found, never part of a fit "  # noqa: ISC004
        "| false alarms, lab | false alarms, never part of a fit |",
        "|---|---|---|---|---|---|---|",
        *rows,
        "",
        "Ports are no features of the detector. They are added here to show what they pretend: public",
        "captures of miners, and the lab, have ports of their own.",
    ]
    asked.output.write_text("\n".join([*lines, ""]), encoding="utf-8")


def _row(name: str, chosen: list[str], fitted_on: LabelledObservations, others: LabelledObservations) -> str:
    print(name, flush=True)
    settings = TrainingSettings()
    judged = np.flatnonzero(shows_enough(fitted_on.observations))
    labelled = fitted_on.take(judged)
    features, weight = _features(labelled, chosen), fit_weights(labelled)
    score = np.zeros(len(labelled))
    folds = StratifiedGroupKFold(settings.n_folds, shuffle=True, random_state=settings.seed)
    for seen, left in folds.split(features, labelled.is_mining, labelled.origin):
        score[left] = _fitted(features[seen], labelled.take(seen), weight[seen])(features[left])
    whole = np.zeros(len(fitted_on))
    whole[judged] = score
    kept = np.flatnonzero((fitted_on.sensor_start_s == 0) & (fitted_on.evasion == "none"))
    mine, whole = fitted_on.take(kept), whole[kept]
    never = np.where(
        shows_enough(others.observations), _fitted(features, labelled, weight)(_features(others, chosen)), 0.0
    )
    real = ~mine.is_emulated
    threshold = _threshold(mine, whole, real & ~mine.is_mining)
    nowhere = np.ones(len(others), bool)
    shares = [
        _share(mine, whole, threshold, real & mine.is_mining, LONG_S),
        _share(mine, whole, threshold, ~real & mine.is_mining, LONG_S),
        _share(others, never, threshold, nowhere & others.is_mining, LONG_S),
        _share(mine, whole, threshold, ~real & ~mine.is_mining, 0.0),
        _share(others, never, threshold, nowhere & ~others.is_mining, 0.0),
    ]
    return f"| {name} | {len(chosen)} | " + " | ".join(map(_words, shares)) + " |"


def _features(labelled: LabelledObservations, chosen: list[str]) -> np.ndarray:
    seen = labelled.observations
    ports = np.stack([seen.server_port, seen.client_port], axis=1).astype(np.float64)
    names = [*NAMES, "server port", "client port"]
    columns = scaled(np.hstack([feature_matrix(seen), ports]))
    return columns[:, [names.index(name) for name in chosen]]


def _fitted(features: np.ndarray, labelled: LabelledObservations, weight: np.ndarray):
    learnt = weight > 0
    classifier = build_classifier(TrainingSettings().seed)
    classifier.fit(features[learnt], labelled.is_mining[learnt], sample_weight=weight[learnt])
    return lambda rows: classifier.predict_proba(rows)[:, 1]


def _threshold(labelled: LabelledObservations, score: np.ndarray, which: np.ndarray) -> float:
    rows = np.flatnonzero(which)
    if not len(rows):
        sys.exit(
            "no benign connection of real captures that may be fitted on; name their folder: CAPTURES=DIR"
        )
    part = labelled.take(rows)
    outcomes = connection_outcomes(part.connection, score[rows], part.observations.reported_s, 1.0)
    return threshold_for(outcomes.probability, 1 / ONE_IN, at_least=0.0)


def _share(
    labelled: LabelledObservations, score: np.ndarray, threshold: float, which: np.ndarray, least_s: float
) -> Share:
    rows = np.flatnonzero(which & (labelled.lasted_s >= least_s))
    part = labelled.take(rows)
    found = connection_outcomes(
        part.connection, score[rows], part.observations.reported_s, threshold
    ).is_detected
    return Share(int(found.sum()), len(found))


def _words(share: Share) -> str:
    low, high = share.interval()
    return f"{share} ({low:.1%} to {high:.1%})"


if __name__ == "__main__":
    main()
