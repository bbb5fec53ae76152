"""Fitting: classifier, calibration and thresholds, each on origins that the one before did not see."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.model_selection import StratifiedGroupKFold

from flowml.datasets.labels import LabelledObservations
from flowml.datasets.manifest import NO_EVASION
from flowml.detections.verdict import Thresholds
from flowml.errors import DataError
from flowml.evaluation.metrics import connection_outcomes, threshold_for
from flowml.features.evidence import shows_enough
from flowml.features.matrix import feature_matrix
from flowml.models.bundle import ModelBundle
from flowml.models.calibration import fit_calibration
from flowml.models.classifier import RandomisedTrees, build_classifier
from flowml.models.novelty import fit_novelty
from flowml.models.population import fit_population
from flowml.models.recall import RecallCurve, fit_recall
from flowml.models.resemblance import fit_resemblance
from flowml.models.scaling import scaled
from flowml.models.slimming import slim
from flowml.training.weights import fit_weights


@dataclass(frozen=True)
class TrainingSettings:
    """How a model is fitted.

    Attributes
    ----------
    seed : int
    n_folds : int
        Parts of the origins; each is scored by a classifier fitted on the others.
    false_alarm_share : float
        Budget: false alarms per benign connection of real captures, judged or not, on origins that were left
        out. Of the 8,850 that there are none may be above the threshold (docs/decisions/0016).
    lookalike_alarm_share : float
        The same for the lab's benign connections that are judged. They were chosen for their likeness to
        mining and are far more common there than on a network, so two in a hundred is a strict budget.
    early_discount : float
        What a probability loses while a connection is young, see `flowml.models.calibration`.
    lowest_threshold : float
        The threshold is at least this, however few false alarms there are.
    unsure_ratio : float
        "Unsure" begins at this share of the threshold.
    novelty : float
        Novelty from which "benign" becomes "unsure".
    """

    seed: int = 20261123
    n_folds: int = 5
    false_alarm_share: float = 1e-4
    lookalike_alarm_share: float = 2e-2
    early_discount: float = 2.0
    lowest_threshold: float = 0.8
    unsure_ratio: float = 0.5
    novelty: float = 1.0


@dataclass(frozen=True)
class LeftOut:
    """Scores of the training observations, each from a classifier that did not see its origin.

    Attributes
    ----------
    labelled : LabelledObservations
        n observations.
    rows : ndarray of int64, shape (n,)
        Which of the observations given to the fit they were.
    score, probability, weight : ndarray of float64, shape (n,)
    resembles : ndarray of str, shape (n,)
        Mining family that each is most like, by a rule that did not see its origin either.
    classifiers : tuple of ExtraTreesClassifier
        One per fold: what gave these scores, to be held against data that nobody fitted on.
    """

    labelled: LabelledObservations
    rows: NDArray[np.int64]
    score: NDArray[np.float64]
    probability: NDArray[np.float64]
    weight: NDArray[np.float64]
    resembles: NDArray[np.str_]
    classifiers: tuple[ExtraTreesClassifier, ...]


def fit(
    labelled: LabelledObservations,
    settings: TrainingSettings,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[ModelBundle, LeftOut]:
    """Fit a detector.

    Parameters
    ----------
    labelled : LabelledObservations
        Both classes, at least `settings.n_folds` origins of each.
    settings : TrainingSettings
    progress : callable
        Told what is going on.

    Returns
    -------
    bundle : ModelBundle
        Unnamed and without facts: the caller knows what it was fitted on.
    left_out : LeftOut
        Scores of the observations that show enough to be judged, what the figures of the fit come from.

    Raises
    ------
    DataError
        Too few origins.
    """
    n_real = _n_benign_of_captures(labelled)
    rows = np.flatnonzero(shows_enough(labelled.observations))
    labelled = labelled.take(rows)
    _check_origins(labelled, settings)
    progress("features")
    features, weight = scaled(feature_matrix(labelled.observations)), fit_weights(labelled)
    learnt = weight > 0
    score, resembles = np.zeros(len(labelled)), np.zeros(len(labelled), labelled.family.dtype)
    classifiers = []
    folds = StratifiedGroupKFold(settings.n_folds, shuffle=True, random_state=settings.seed)
    for number, (seen, left) in enumerate(folds.split(features, labelled.is_mining, labelled.origin)):
        progress(f"fold {number + 1} of {settings.n_folds}")
        fitted = seen[learnt[seen]]
        classifier = build_classifier(settings.seed)
        classifier.fit(features[fitted], labelled.is_mining[fitted], sample_weight=weight[fitted])
        score[left] = RandomisedTrees.of(classifier).score(features[left])
        classifiers.append(classifier)
        mining = fitted[labelled.is_mining[fitted]]
        resembles[left] = fit_resemblance(features[mining], labelled.family[mining]).name(features[left])
    progress("calibration")
    age_s = labelled.observations.age_s
    calibration = fit_calibration(
        score[learnt], labelled.is_mining[learnt], weight[learnt], age_s[learnt], settings.early_discount
    )
    probability = calibration.apply(score, age_s)
    left_out = LeftOut(labelled, rows, score, probability, weight, resembles, tuple(classifiers))
    progress("classifier and novelty")
    classifier = build_classifier(settings.seed)
    classifier.fit(features[learnt], labelled.is_mining[learnt], sample_weight=weight[learnt])
    slim(classifier)
    usual = learnt & ~labelled.is_mining
    bundle = ModelBundle(
        name="",
        version="",
        classifier=classifier,
        calibration=calibration,
        novelty=fit_novelty(features, np.where(labelled.is_mining, -1, labelled.connection), settings.seed),
        resemblance=fit_resemblance(
            features[learnt & labelled.is_mining], labelled.family[learnt & labelled.is_mining]
        ),
        thresholds=choose_thresholds(labelled, left_out.probability, settings, n_real),
        facts={},
        population=fit_population(features[usual], left_out.probability[usual], weight[usual]),
        recall=recall_curve(labelled, left_out.probability),
    )
    return bundle, left_out


def recall_curve(labelled: LabelledObservations, probability: NDArray[np.float64]) -> RecallCurve:
    """Summarise how probable mining connections of left-out origins became."""
    told = labelled.is_mining & (labelled.sensor_start_s == 0) & (labelled.evasion == NO_EVASION)
    highest = {}
    for name, is_emulated in (("lab", True), ("captures", False)):
        rows = np.flatnonzero(told & (labelled.is_emulated == is_emulated))
        part = labelled.take(rows)
        outcomes = connection_outcomes(part.connection, probability[rows], part.observations.reported_s, 1.0)
        highest[name] = outcomes.probability
    return fit_recall(highest)


def choose_thresholds(
    labelled: LabelledObservations,
    probability: NDArray[np.float64],
    settings: TrainingSettings,
    n_real: int,
) -> Thresholds:
    """Choose thresholds from the probabilities that benign connections of left-out origins reached.

    Parameters
    ----------
    labelled : LabelledObservations
        n observations that show enough to be judged.
    probability : ndarray of float64, shape (n,)
    settings : TrainingSettings
    n_real : int
        Benign connections of real captures, with those that were not judged.
    """
    benign = ~labelled.is_mining & (labelled.sensor_start_s == 0)
    budgets = ((False, settings.false_alarm_share, n_real), (True, settings.lookalike_alarm_share, None))
    needed = []
    for is_emulated, share, n_connections in budgets:
        rows = np.flatnonzero(benign & (labelled.is_emulated == is_emulated))
        part = labelled.take(rows)
        outcomes = connection_outcomes(
            part.connection, probability[rows], part.observations.reported_s, settings.lowest_threshold
        )
        needed.append(
            threshold_for(
                outcomes.probability, share, at_least=settings.lowest_threshold, n_connections=n_connections
            )
        )
    mining = max(needed)
    return Thresholds(mining, mining * settings.unsure_ratio, settings.novelty)


def _n_benign_of_captures(labelled: LabelledObservations) -> int:
    rows = ~labelled.is_mining & ~labelled.is_emulated & (labelled.sensor_start_s == 0)
    return len(np.unique(labelled.connection[rows]))


def _check_origins(labelled: LabelledObservations, settings: TrainingSettings) -> None:
    for is_mining, word in ((True, "mining"), (False, "benign")):
        origins = np.unique(labelled.origin[labelled.is_mining == is_mining])
        if len(origins) < settings.n_folds:
            raise DataError(
                f"{len(origins)} origins of {word} connections, expected at least {settings.n_folds}: "
                "a model is calibrated on origins that it was not fitted on; add recordings"
            )
