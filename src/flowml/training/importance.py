"""What each feature is worth to a fitted model."""

import numpy as np
from numpy.typing import NDArray
from sklearn.inspection import permutation_importance as shuffle_each
from sklearn.metrics import log_loss

from flowml.features.matrix import feature_matrix
from flowml.models.bundle import ModelBundle
from flowml.training.fit import LeftOut

ROWS = 4_000
"""Observations that are shuffled: enough for an order, few enough for seconds."""

REPEATS = 3


def permutation_importance(bundle: ModelBundle, left_out: LeftOut, seed: int) -> NDArray[np.float64]:
    """Measure how much worse the classifier becomes when a feature is shuffled (Breiman 2001).

    The classifier has seen these observations, so this says what it relies on, not what generalises. The
    loss is logarithmic: it still tells features apart where every observation is on its right side.

    Parameters
    ----------
    bundle : ModelBundle
    left_out : LeftOut
        What it was fitted on: its observations and their weights count, not its scores.
    seed : int

    Returns
    -------
    ndarray of float64, shape (n_features, n_repeats)
        Increase of the logarithmic loss.
    """
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(len(left_out.weight))[:ROWS])
    labelled, weight = left_out.labelled.take(rows), left_out.weight[rows]

    def negative_loss(_: object, shuffled: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
        probability, _novelty = bundle.score(shuffled)
        return -float(log_loss(truth, probability, sample_weight=weight, labels=[False, True]))

    result = shuffle_each(
        bundle.classifier,
        feature_matrix(labelled.observations),
        labelled.is_mining,
        scoring=negative_loss,
        n_repeats=REPEATS,
        random_state=seed,
    )
    return np.asarray(result.importances, np.float64)
