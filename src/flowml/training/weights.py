"""Weights: no long connection, no crowded capture and no family dominates."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from flowml.datasets.labels import LabelledObservations
from flowml.datasets.manifest import NO_EVASION

EVADING_SHARE = 0.06
"""Of the weight of mining that does not evade; compared with 0, 0.04, 0.1 and 0.15 in docs/decisions/0020."""

_NOTHING_SHOWS = ("multiplexing",)


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
    """Weights of a fit: balanced, and little for miners that evade.

    Some of those cannot be told from benign traffic any more, and a model that had to call all of them mining
    was less sure of what is no mining at all. Together they have `EVADING_SHARE` of the weight of all others
    that mine; those in a tunnel beside other traffic, which show nothing of their own, have none
    (docs/decisions/0020).

    Returns
    -------
    ndarray of float64, shape (n,)
        The mean of those above 0 is 1.
    """
    rows = np.flatnonzero(~labelled.is_mining | (labelled.evasion == NO_EVASION))
    weight = np.zeros(len(labelled))
    weight[rows] = balanced_weights(labelled.take(rows))
    rows = np.flatnonzero(labelled.is_mining & ~np.isin(labelled.evasion, [NO_EVASION, *_NOTHING_SHOWS]))
    if len(rows):
        own = _evading_weights(labelled.take(rows))
        weight[rows] = own * EVADING_SHARE * weight[labelled.is_mining].sum() / own.sum()
    learnt = weight > 0
    weight[learnt] /= weight[learnt].mean()
    return weight


def _evading_weights(evading: LabelledObservations) -> NDArray[np.float64]:
    """Each connection counts the same; origins and kinds of evasion by the square root of theirs."""
    _, number = np.unique(evading.connection, return_inverse=True)
    weight = 1.0 / np.bincount(number)[number]
    weight *= _evened(weight, evading.origin)
    weight *= _evened(weight, evading.evasion)
    return np.asarray(weight)


def _evened(weight: NDArray[np.float64], group: NDArray[np.str_]) -> NDArray[np.float64]:
    """Factor that takes each group's total to its square root, shape (n,)."""
    _, number = np.unique(group, return_inverse=True)
    total = np.bincount(number, weight)
    return np.asarray(1.0 / np.sqrt(total))[number]


def _share(weight: NDArray[np.float64], parts: Sequence[NDArray[np.bool_]]) -> None:
    """Let each part have the same total, in place."""
    for rows in parts:
        weight[rows] /= max(weight[rows].sum(), 1e-12)
