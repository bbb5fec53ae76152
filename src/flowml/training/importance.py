"""What each feature is worth to a fitted model."""

import numpy as np
from numpy.typing import NDArray
from sklearn.inspection import permutation_importance as shuffle_each
from sklearn.metrics import log_loss

from flowml.datasets.labels import LabelledObservations
from flowml.features.matrix import feature_matrix
from flowml.models.bundle import ModelBundle

ROWS = 4_000
"""Observations that are shuffled: enough for an order, few enough for seconds."""

REPEATS = 3


def permutation_importance(
    bundle: ModelBundle, labelled: LabelledObservations, weight: NDArray[np.float64], seed: int
) -> NDArray[np.float64]:
    """Measure how much worse the classifier becomes when a feature is shuffled (Breiman 2001).

    The classifier has seen these observations, so this says what it relies on, not what generalises. The
    loss is logarithmic: it still tells features apart where every observation is on its right side.

    Parameters
    ----------
    bundle : ModelBundle
    labelled : LabelledObservations
        What it was fitted on.
    weight : ndarray of float64, shape (n,)
        Of the observations.
    seed : int

    Returns
    -------
    ndarray of float64, shape (n_features, n_repeats)
        Increase of the logarithmic loss.
    """
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(len(labelled))[:ROWS])
    features = feature_matrix(labelled.observations.take(rows))

    def negative_loss(_: object, shuffled: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
        probability, _novelty = bundle.score(shuffled)
        return -float(log_loss(truth, probability, sample_weight=weight[rows], labels=[False, True]))

    result = shuffle_each(
        bundle.classifier,
        features,
        labelled.is_mining[rows],
        scoring=negative_loss,
        n_repeats=REPEATS,
        random_state=seed,
    )
    return np.asarray(result.importances, np.float64)
