"""How real a recording of the lab is: how well a classifier tells it from captures of the same thing.

The measure is a two-sample test by classification (Lopez-Paz and Oquab 2017): 0.5 means that nobody could
tell the lab from the world by these figures, 1.0 that any window gives the lab away. Both sides are shown in
the same windows: connections seen from their handshake, and connections that were there before the sensor,
at the same ages.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.inspection import permutation_importance
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold

from flowml.datasets.labels import LabelledObservations
from flowml.datasets.manifest import LabelledCapture, read_data_set
from flowml.errors import DataError
from flowml.features.evidence import shows_enough
from flowml.features.matrix import feature_matrix
from flowml.schema import FEATURE_COLUMNS
from flowml.training.collect import collect

AGES_S = (60.0, 120.0, 300.0)
LATE_S = (0.0, 120.0)
"""The sensor is there from the beginning, or comes two minutes later."""

HALVES = {"fitted": slice(0, None, 2), "held out": slice(1, None, 2), "all": slice(None)}
"""Which captures parameters of the lab may be fitted to, in the order of their names."""

N_FOLDS, REPEATS = 5, 5
TELLING = 8
"""Features that are named: enough to see what to mend."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Realism:
    """What a classifier made of two sides.

    Attributes
    ----------
    n_real, n_emulated : int
        Windows of each.
    n_real_origins, n_emulated_origins : int
        Capture files, and servers of the lab.
    auc, auc_spread : float
        Mean area under the ROC curve over folds and repeats, and the standard deviation over repeats.
    telling : tuple of (str, float)
        Features whose shuffling costs most of the area, and how much.
    """

    n_real: int
    n_emulated: int
    n_real_origins: int
    n_emulated_origins: int
    auc: float
    auc_spread: float
    telling: tuple[tuple[str, float], ...]


def measure_realism(
    recordings: Sequence[Path], reference: Path, family: str, *, files: slice = slice(None), seed: int = 1
) -> Realism:
    """Hold a family's plain connections in recordings against real captures.

    Parameters
    ----------
    recordings : sequence of Path
        Folders of the lab.
    reference : Path
        Folder of real captures of that family, one of a collection with a manifest.
    family : str
    files : slice
        Which of the reference's files count, in the order of their names: parameters of the lab that were
        fitted to some of them are measured on the others.
    seed : int

    Raises
    ------
    DataError
        A data set cannot be read, or one side has too few origins.
    """
    emulated = [_only(capture, family) for folder in recordings for capture in read_data_set(folder)]
    collection = read_data_set(reference.resolve().parent)
    real = [c for c in collection if c.source == reference.name and c.is_mining]
    return compare(_windows(real[files]), _windows(emulated), seed)


def compare(real: LabelledObservations, emulated: LabelledObservations, seed: int = 1) -> Realism:
    """Cross-validate a classifier between two sides, by sizes and gaps, on origins that it was not fitted on.

    Raises
    ------
    DataError
        One side has too few origins to be split.
    """
    both = LabelledObservations.concat([real, emulated])
    _require_origins(both)
    names, features = _sizes_and_gaps(both)
    weight = _weights(both)
    areas: list[list[float]] = []
    costs = np.zeros(len(names))
    for repeat in range(REPEATS):
        folds = StratifiedGroupKFold(N_FOLDS, shuffle=True, random_state=seed + repeat)
        areas.append([])
        for seen, left in folds.split(features, both.is_emulated, both.origin):
            classifier = _classifier(seed + repeat)
            classifier.fit(features[seen], both.is_emulated[seen], sample_weight=weight[seen])
            areas[-1].append(_area(classifier, features[left], both.is_emulated[left], weight[left]))
            if repeat == 0:
                costs += _costs(classifier, features[left], both.is_emulated[left], weight[left])
    order = np.argsort(-costs)[:TELLING]
    return Realism(
        n_real=len(real),
        n_emulated=len(emulated),
        n_real_origins=len(np.unique(real.origin)),
        n_emulated_origins=len(np.unique(emulated.origin)),
        auc=float(np.mean(areas)),
        auc_spread=float(np.std(np.mean(areas, axis=1))),
        telling=tuple((names[n], float(costs[n] / N_FOLDS)) for n in order),
    )


def _only(capture: LabelledCapture, family: str) -> LabelledCapture:
    servers = tuple(s for s in capture.servers if s.family == family and s.carrier == "plain")
    return replace(capture, servers=servers)


def _windows(captures: Sequence[LabelledCapture]) -> LabelledObservations:
    """Observations at the ages above; those of a sensor that came first only where it saw the handshake."""
    collected = [part.labelled for part in collect(captures, late_s=LATE_S)]
    parts = [part for part in collected if part is not None]
    if not parts:
        raise DataError("no such connection on one side; a comparison needs the same family on both")
    every = LabelledObservations.concat(parts)
    observations = every.observations
    is_kept = np.isin(observations.age_s, AGES_S) & shows_enough(observations)
    return every.take(np.flatnonzero(is_kept & (observations.saw_start == (every.sensor_start_s == 0))))


def _require_origins(both: LabelledObservations) -> None:
    for is_emulated, side in ((True, "the lab"), (False, "the real captures")):
        n_origins = len(np.unique(both.origin[both.is_emulated == is_emulated]))
        if n_origins < N_FOLDS:
            raise DataError(
                f"{n_origins} origins of {side} with a minute of this family, expected at least {N_FOLDS}; "
                "record more servers or name more captures"
            )


def _sizes_and_gaps(labelled: LabelledObservations) -> tuple[list[str], Floats]:
    names = [column.name for column in FEATURE_COLUMNS]
    rows = [n for n, name in enumerate(names) if "_size_" in name or "_gap_" in name]
    return [names[n] for n in rows], feature_matrix(labelled.observations)[:, rows]


def _weights(both: LabelledObservations) -> Floats:
    """Origins count the same within a side, and both sides the same within each kind of window."""
    weight = np.ones(len(both))
    for is_emulated in (False, True):
        rows = np.flatnonzero(both.is_emulated == is_emulated)
        _, number = np.unique(both.origin[rows], return_inverse=True)
        weight[rows] = 1.0 / np.bincount(number)[number]
    window = both.observations.age_s + 1e6 * both.sensor_start_s
    for kind in np.unique(window):
        of_kind = window == kind
        wanted = weight[of_kind].sum() / 2.0
        for is_emulated in (False, True):
            rows = of_kind & (both.is_emulated == is_emulated)
            weight[rows] *= wanted / max(weight[rows].sum(), 1e-12)
    return weight


def _classifier(seed: int) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(
        max_iter=100, max_leaf_nodes=8, min_samples_leaf=10, early_stopping=False, random_state=seed
    )


def _area(
    classifier: HistGradientBoostingClassifier, features: Floats, truth: NDArray[np.bool_], weight: Floats
) -> float:
    return float(roc_auc_score(truth, classifier.predict_proba(features)[:, 1], sample_weight=weight))


def _costs(
    classifier: HistGradientBoostingClassifier, features: Floats, truth: NDArray[np.bool_], weight: Floats
) -> Floats:
    def score(fitted: HistGradientBoostingClassifier, shuffled: Floats, of: NDArray[np.bool_]) -> float:
        return _area(fitted, shuffled, of, weight)

    result = permutation_importance(classifier, features, truth, scoring=score, n_repeats=2, random_state=0)
    return np.asarray(result.importances_mean, np.float64)
