"""Weights: no long connection, no crowded capture and no family dominates."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from flowml.datasets.labels import LabelledObservations


def balanced_weights(labelled: LabelledObservations) -> NDArray[np.float64]:
    """Weigh observations.

    Each connection counts the same however often it was judged; within a family, origins count by the square
    root of their connections, and so do families within a class; both classes count the same. A folder of
    real benign captures is no family: each capture in it holds other programs, so each counts as one.
    Together they count as much as all that is benign of the lab: what real networks carry must not be less
    than what was built to resemble mining (docs/decisions/0017).

    Returns
    -------
    ndarray of float64, shape (n,)
        Their mean is 1.
    """
    weight = 1.0 / np.bincount(labelled.connection)[labelled.connection]
    weight *= _evened(weight, labelled.origin)
    is_capture = ~labelled.is_mining & ~labelled.is_emulated
    weight *= _evened(weight, np.where(is_capture, labelled.origin, labelled.family))
    benign_of_lab = ~labelled.is_mining & labelled.is_emulated
    _share(weight, [is_capture, benign_of_lab])
    _share(weight, [labelled.is_mining, ~labelled.is_mining])
    return np.asarray(weight / weight.mean())


def fit_weights(labelled: LabelledObservations) -> NDArray[np.float64]:
    """Weights of a fit: balanced, and 0 for miners that evade, which are judged but not learnt from.

    Some of them cannot be told from benign traffic any more. To learn from them made a model less sure of all
    others: less sure of them, and less sure of what is no mining at all (docs/decisions/0011).

    Returns
    -------
    ndarray of float64, shape (n,)
        The mean of those above 0 is 1.
    """
    rows = np.flatnonzero(~labelled.is_mining | (labelled.evasion == "none"))
    weight = np.zeros(len(labelled))
    weight[rows] = balanced_weights(labelled.take(rows))
    return weight


def _evened(weight: NDArray[np.float64], group: NDArray[np.str_]) -> NDArray[np.float64]:
    """Factor that takes each group's total to its square root, shape (n,)."""
    _, number = np.unique(group, return_inverse=True)
    total = np.bincount(number, weight)
    return np.asarray(1.0 / np.sqrt(total))[number]


def _share(weight: NDArray[np.float64], parts: Sequence[NDArray[np.bool_]]) -> None:
    """Let each part have the same total, in place."""
    for rows in parts:
        weight[rows] /= max(weight[rows].sum(), 1e-12)
