"""The evaluation that a model is held to: fitted on what may be fitted on, judged on all the rest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from flowml.datasets.labels import LabelledObservations
from flowml.datasets.manifest import NO_EVASION, read_data_set
from flowml.evaluation.doubts import Doubts, doubts
from flowml.evaluation.metrics import brier_score
from flowml.evaluation.operating import Operating, operating
from flowml.evaluation.report import Alarm, SourceResult, evaluate_source
from flowml.models.bundle import ModelBundle
from flowml.training.cache import gather_cached
from flowml.training.fit import LeftOut, TrainingSettings, fit


@dataclass(frozen=True)
class Holdout:
    """What was found where.

    Attributes
    ----------
    bundle : ModelBundle
        Fitted on everything that may be fitted on.
    left_out : list of SourceResult
        Sources that took part in the fit, each origin judged by a classifier that did not see it.
    never_seen : list of SourceResult
        Sources that never take part in a fit, judged by `bundle`.
    alarms : list of Alarm
        Benign connections of the latter that were called mining.
    doubts : tuple of Doubts
        What `bundle` is unsure of in the latter, of mining and of the rest.
    fold_false_alarms : tuple of int
        False alarms on the latter of each classifier that judged `left_out`.
    operating : tuple of Operating
        Recall at rates of false alarms and by age, of both.
    brier : float
        Brier score of the probabilities of origins left out, weighted as in the fit.
    scores : LeftOut
        Those probabilities.
    """

    bundle: ModelBundle
    left_out: list[SourceResult]
    never_seen: list[SourceResult]
    alarms: list[Alarm]
    doubts: tuple[Doubts, ...]
    fold_false_alarms: tuple[int, ...]
    operating: tuple[Operating, ...]
    brier: float
    scores: LeftOut


def run_holdout(
    folders: Sequence[Path],
    settings: TrainingSettings,
    late_s: tuple[float, ...],
    progress: Callable[[str], None] = lambda _: None,
    cache: Path | None = None,
) -> Holdout:
    """Fit on the captures that may be fitted on and evaluate on all.

    Parameters
    ----------
    folders : sequence of Path
        Data sets.
    settings : TrainingSettings
    late_s : tuple of float
        See `flowml.training.collect.collect`; used for the fit only.
    progress : callable
        Told what is going on.
    cache : Path or None
        See `flowml.training.cache.gather_cached`.

    Raises
    ------
    DataError
        A data set cannot be read, there is too little to fit on, or nothing else to evaluate on.
    """
    captures = [capture for folder in folders for capture in read_data_set(folder)]
    fitted_on = gather_cached([c for c in captures if c.may_fit], late_s, cache, progress)
    others = gather_cached([c for c in captures if not c.may_fit], (0.0,), cache, progress)
    bundle, left_out = fit(fitted_on, settings, progress)
    progress("evaluation")
    never_seen, alarms = _judge_by_source(bundle, others)
    return Holdout(
        bundle,
        _judge_left_out(bundle, left_out, fitted_on),
        never_seen,
        alarms,
        _doubts(bundle, others),
        tuple(
            _false_alarms(replace(bundle, classifier=classifier), others)
            for classifier in left_out.classifiers
        ),
        _operating(bundle, left_out, fitted_on, others),
        brier_score(left_out.probability, left_out.labelled.is_mining, left_out.weight),
        left_out,
    )


def _operating(
    bundle: ModelBundle, left_out: LeftOut, fitted_on: LabelledObservations, others: LabelledObservations
) -> tuple[Operating, ...]:
    """Of sources never seen, and of those fitted on, real and emulated; without miners that evade."""
    threshold = bundle.thresholds.mining
    judged = bundle.judge(others.observations).probability
    results = [operating("never part of a fit", others, judged, threshold)]
    probability = np.zeros(len(fitted_on))  # what showed too little is not judged: not found
    probability[left_out.rows] = left_out.probability
    whole = (fitted_on.sensor_start_s == 0) & (fitted_on.evasion == NO_EVASION)
    for is_emulated, name in ((False, "left out, real"), (True, "left out, emulated")):
        rows = np.flatnonzero(whole & (fitted_on.is_emulated == is_emulated))
        if len(rows):
            results.append(operating(name, fitted_on.take(rows), probability[rows], threshold))
    return tuple(results)


def _doubts(bundle: ModelBundle, others: LabelledObservations) -> tuple[Doubts, ...]:
    found = []
    for is_mining, name in ((True, "mining"), (False, "not mining")):
        rows = np.flatnonzero(others.is_mining == is_mining)
        if len(rows):
            part = others.take(rows)
            found.append(doubts(name, part, bundle.judge(part.observations), bundle.thresholds))
    return tuple(found)


def _judge_by_source(
    bundle: ModelBundle, labelled: LabelledObservations
) -> tuple[list[SourceResult], list[Alarm]]:
    probability = bundle.judge(labelled.observations).probability
    results: list[SourceResult] = []
    alarms: list[Alarm] = []
    for source in np.unique(labelled.source).tolist():
        rows = np.flatnonzero(labelled.source == source)
        found, wrong = evaluate_source(
            source, labelled.take(rows), probability[rows], bundle.thresholds.mining
        )
        results += found
        alarms += wrong
    return results, alarms


def _judge_left_out(
    bundle: ModelBundle, left_out: LeftOut, fitted_on: LabelledObservations
) -> list[SourceResult]:
    """Results by source for connections observed from their captures' beginning.

    Connections that showed too little to be judged were no part of the fit; they count as not found.
    """
    probability = np.zeros(len(fitted_on))
    probability[left_out.rows] = left_out.probability
    results: list[SourceResult] = []
    evading = np.char.add(fitted_on.source.astype(str), ", evading")
    sources = np.where(fitted_on.evasion == "none", fitted_on.source, evading)
    for source in np.unique(sources).tolist():
        rows = np.flatnonzero((sources == source) & (fitted_on.sensor_start_s == 0))
        found, _ = evaluate_source(source, fitted_on.take(rows), probability[rows], bundle.thresholds.mining)
        results += found
    return results


def _false_alarms(bundle: ModelBundle, labelled: LabelledObservations) -> int:
    results, _ = _judge_by_source(bundle, labelled)
    return sum(result.every.hits for result in results if not result.is_mining)
