"""Who is left out: each mining family in turn, and with it one part in five of the benign origins."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from flowml.datasets.labels import LabelledObservations
from flowml.features.evidence import shows_enough
from flowml.training.cache import gather_cached
from flowml.training.experiment import LATE_S, captures_to_fit
from flowml.training.fit import TrainingSettings
from flowml.training.weights import fit_weights


@dataclass(frozen=True)
class Material:
    """Connections seen from their beginning: n observations, m of them show enough to be judged.

    `rows` says which those are; `judged`, `weight` and `part` (of the benign origins) are theirs.
    """

    labelled: LabelledObservations
    rows: np.ndarray
    judged: LabelledObservations
    weight: np.ndarray
    part: np.ndarray


@dataclass(frozen=True)
class Round:
    """A family that is left out with a part of the benign origins; both as masks over what is judged."""

    family: str
    part: int
    group: np.ndarray
    unseen: np.ndarray

    @property
    def scored(self) -> np.ndarray:
        return np.flatnonzero(self.group | self.unseen)


def material(folders: Sequence[Path], cache: Path | None) -> Material:
    """Split all observations as `flowml evaluate --leave-out` does; keep those from the beginning."""
    labelled = gather_cached(captures_to_fit(folders), LATE_S, cache, print)
    settings = TrainingSettings()
    enough = shows_enough(labelled.observations)
    judged = labelled.take(np.flatnonzero(enough))
    part = np.full(len(labelled), -1)
    folds = StratifiedGroupKFold(settings.n_folds, shuffle=True, random_state=settings.seed)
    for number, (_, left) in enumerate(folds.split(judged.is_mining, judged.is_mining, judged.origin)):
        part[np.flatnonzero(enough)[left]] = number
    begun = np.flatnonzero(labelled.sensor_start_s == 0)
    labelled, enough = labelled.take(begun), enough[begun]
    judged = labelled.take(np.flatnonzero(enough))
    return Material(labelled, np.flatnonzero(enough), judged, fit_weights(judged), part[begun][enough])


def rounds(of: Material) -> Iterator[Round]:
    mining = of.judged.is_mining
    for number, family in enumerate(np.unique(of.labelled.family[of.labelled.is_mining]).tolist()):
        part = number % TrainingSettings().n_folds
        yield Round(family, part, mining & (of.judged.family == family), ~mining & (of.part == part))
