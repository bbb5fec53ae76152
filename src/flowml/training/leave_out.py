"""Leave one group out: what a model makes of families, carriers, evasions and actors that it never saw."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from flowml.datasets.labels import LabelledObservations
from flowml.datasets.manifest import NO_EVASION
from flowml.evaluation.groups import GroupResult, group_result
from flowml.evaluation.operating import Operating, operating
from flowml.features.evidence import shows_enough
from flowml.features.matrix import feature_matrix
from flowml.models.bundle import ModelBundle
from flowml.models.classifier import RandomisedTrees, build_classifier
from flowml.models.scaling import scaled
from flowml.training.cache import gather_cached
from flowml.training.experiment import captures_to_fit
from flowml.training.fit import TrainingSettings, fit
from flowml.training.weights import fit_weights


@dataclass(frozen=True)
class GroupLeftOut:
    """One group, judged by a classifier that was fitted without it.

    Attributes
    ----------
    group : GroupResult
        What the classifier made of the group.
    real, emulated : GroupResult or None
        For mining groups: what the same classifier made of benign origins that it did not see either, of real
        captures and of the lab. None for benign groups.
    direct : GroupResult or None
        For mining groups: of the group what hides nothing: plain or in TLS, and not evading. Captures whose
        manifests name no carrier are part of it.
    by_carrier : tuple of GroupResult
        For mining groups: the group, split by carrier.
    operating : Operating or None
        For mining groups: recall at rates of false alarms among those benign origins.
    """

    group: GroupResult
    real: GroupResult | None = None
    emulated: GroupResult | None = None
    direct: GroupResult | None = None
    by_carrier: tuple[GroupResult, ...] = ()
    operating: Operating | None = None


_DIRECT = ("", "plain", "tls")

KINDS = ("families", "carriers", "evasions", "benign")
"""What can be left out: mining families, carriers and evasions of miners, kinds of benign traffic."""


@dataclass(frozen=True)
class LeftOutResults:
    """Groups of data sets, left out in turn.

    Attributes
    ----------
    bundle : ModelBundle
        Fitted on everything.
    groups : mapping of str to list of GroupLeftOut
        By kind, see `KINDS`.
    """

    bundle: ModelBundle
    groups: Mapping[str, list[GroupLeftOut]]


class LeaveOut:
    """Fits without one group after the other.

    Parameters
    ----------
    labelled : LabelledObservations
        As given to `flowml.training.fit.fit`.
    bundle : ModelBundle
        What was fitted on all of it: its calibration and its threshold are used.
    settings : TrainingSettings
    """

    def __init__(
        self, labelled: LabelledObservations, bundle: ModelBundle, settings: TrainingSettings
    ) -> None:
        self._all, self._bundle, self._settings = labelled, bundle, settings
        self._rows = np.flatnonzero(shows_enough(labelled.observations))
        self._labelled = labelled.take(self._rows)
        self._features = scaled(feature_matrix(self._labelled.observations))
        self._weight = fit_weights(self._labelled)
        folds = StratifiedGroupKFold(settings.n_folds, shuffle=True, random_state=settings.seed)
        split = folds.split(self._features, self._labelled.is_mining, self._labelled.origin)
        self._parts = [left for _, left in split]

    def groups(
        self,
        name_of: NDArray[np.str_],
        *,
        is_mining: bool,
        progress: Callable[[str], None] = lambda _: None,
    ) -> list[GroupLeftOut]:
        """Leave out each group of one class in turn.

        Parameters
        ----------
        name_of : ndarray of str, shape (n,)
            The group of each observation; those without a name are part of every fit.
        is_mining : bool
        progress : callable
            Told what is going on.
        """
        which = (self._all.is_mining == is_mining) & (name_of != "")
        names = np.unique(name_of[which]).tolist()
        results = []
        for number, name in enumerate(names):
            progress(f"{number + 1} of {len(names)}, without {name}")
            inside = which & (name_of == name)
            results.append(self._without(name, inside, number % len(self._parts)))
        return results

    def _without(self, name: str, inside: NDArray[np.bool_], part: int) -> GroupLeftOut:
        group = inside[self._rows]
        is_mining = bool(self._all.is_mining[inside].any())
        unseen = np.zeros(len(self._labelled), bool)
        if is_mining:
            unseen[self._parts[part]] = True
            unseen &= ~self._labelled.is_mining
        judged = group | unseen
        origin = self._labelled.origin
        seen = ~np.isin(origin, np.unique(origin[judged])) & (self._weight > 0)
        classifier = build_classifier(self._settings.seed)
        classifier.fit(self._features[seen], self._labelled.is_mining[seen], sample_weight=self._weight[seen])
        probability = np.zeros(len(self._all))
        score = RandomisedTrees.of(classifier).score(self._features[judged])
        probability[self._rows[judged]] = self._bundle.calibration.apply(
            score, self._labelled.observations.age_s[judged]
        )
        result = self._result(name, inside, probability)
        if not is_mining:
            return GroupLeftOut(result)
        benign = np.zeros(len(self._all), bool)
        benign[self._rows[unseen]] = True
        return GroupLeftOut(
            result,
            self._result("real", benign & ~self._all.is_emulated, probability),
            self._result("emulated", benign & self._all.is_emulated, probability),
            self._result(name, inside & self._is_direct(), probability),
            tuple(
                self._result(f"{name}, {carrier}", inside & (self._all.carrier == carrier), probability)
                for carrier in np.unique(self._all.carrier[inside]).tolist()
            ),
            self._operating(name, inside | benign, probability),
        )

    def _is_direct(self) -> NDArray[np.bool_]:
        return np.asarray(np.isin(self._all.carrier, _DIRECT) & (self._all.evasion == NO_EVASION))

    def _operating(self, name: str, which: NDArray[np.bool_], probability: NDArray[np.float64]) -> Operating:
        rows = np.flatnonzero(which & (self._all.sensor_start_s == 0))
        return operating(name, self._all.take(rows), probability[rows], self._bundle.thresholds.mining)

    def _result(self, name: str, which: NDArray[np.bool_], probability: NDArray[np.float64]) -> GroupResult:
        """Results of connections that were observed from the beginning of their captures."""
        rows = np.flatnonzero(which & (self._all.sensor_start_s == 0))
        return group_result(name, self._all.take(rows), probability[rows], self._bundle.thresholds.mining)


def run_leave_out(
    folders: Sequence[Path],
    kinds: Sequence[str],
    settings: TrainingSettings,
    late_s: tuple[float, ...],
    progress: Callable[[str], None] = lambda _: None,
    cache: Path | None = None,
) -> LeftOutResults:
    """Leave out every group of some kinds.

    Parameters
    ----------
    folders : sequence of Path
        Data sets; only what may be fitted on takes part.
    kinds : sequence of str
        Of `KINDS`.
    settings : TrainingSettings
    late_s : tuple of float
        See `flowml.training.collect.collect`.
    progress : callable
        Told what is going on.
    cache : Path or None
        See `flowml.training.cache.gather_cached`.

    Raises
    ------
    DataError
        A data set cannot be read, or there is too little in them.
    """
    labelled = gather_cached(captures_to_fit(folders), late_s, cache, progress)
    bundle, _ = fit(labelled, settings, progress)
    leaving = LeaveOut(labelled, bundle, settings)
    groups = {}
    for kind in kinds:
        told = partial(_tell_kind, progress, kind)
        groups[kind] = leaving.groups(names_of(labelled, kind), is_mining=kind != "benign", progress=told)
    return LeftOutResults(bundle, groups)


def _tell_kind(progress: Callable[[str], None], kind: str, words: str) -> None:
    progress(f"{kind}: {words}")


def names_of(labelled: LabelledObservations, kind: str) -> NDArray[np.str_]:
    """The group of each observation; an empty name is in none."""
    if kind == "carriers":
        return labelled.carrier
    if kind == "evasions":
        return np.where(labelled.evasion == "none", "", labelled.evasion)
    return labelled.family
