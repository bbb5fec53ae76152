"""Slimming: fitted trees without what no verdict needs, so that more leaves fit into a small model."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_STEPS = 4096.0
"""A leaf tells its share of mining in steps of this fineness: a forest's mean is finer still."""


def slim(classifier: Any) -> None:
    """Leave out of an ExtraTreesClassifier's trees, in place, what only their growth needed.

    A node keeps its children, its feature and its threshold. Thresholds become the next lower number of
    single precision, which is that of the features, so that each row goes the same way as before; impurities
    and counts of samples become 0; a leaf keeps its share of mining, an inner node says 0. It stays an
    estimator of scikit-learn, and its file becomes a third as large.

    Parameters
    ----------
    classifier : ExtraTreesClassifier
        Fitted on two classes.
    """
    for estimator in classifier.estimators_:
        state = estimator.tree_.__getstate__()
        nodes, values = state["nodes"].copy(), np.zeros_like(state["values"])
        leaf = nodes["left_child"] < 0
        nodes["threshold"] = np.where(leaf, 0.0, _single_below(nodes["threshold"]))
        nodes["feature"][leaf] = 0
        for name in ("impurity", "n_node_samples", "weighted_n_node_samples"):
            nodes[name] = 0
        weight = state["values"][leaf, 0, :]
        share = np.round(weight[:, 1] / weight.sum(axis=1) * _STEPS) / _STEPS
        values[leaf, 0, 1] = share
        values[:, 0, 0] = 1.0 - values[:, 0, 1]
        estimator.tree_.__setstate__({**state, "nodes": nodes, "values": values})


def _single_below(threshold: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round to single precision and never up, shape (n,)."""
    nearest = threshold.astype(np.float32)
    lower = np.nextafter(nearest, np.float32(-np.inf))
    return np.asarray(np.where(nearest.astype(np.float64) > threshold, lower, nearest), np.float64)
