"""Novelty: how far an observation is from all that the model was fitted on."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from flowml.models.trees import Splits, Trees, tree_state

_GRID = 1001


@dataclass(frozen=True)
class IsolationTrees:
    """A fitted isolation forest's trees (Liu, Ting and Zhou 2008).

    Attributes
    ----------
    trees : Trees
    path_lengths : ndarray of float64, shape (n_nodes,)
        Steps to each leaf, and those that would have parted the samples left in it.
    usual_length : float
        Sum over all trees of the steps that part a sample on average.
    """

    trees: Trees
    path_lengths: NDArray[np.float64]
    usual_length: float

    @classmethod
    def of(cls, forest: Any) -> Self:
        """Take the trees of a fitted IsolationForest, or of a stored one.

        Raises
        ------
        ValueError
            Its trees look at some of the features only.
        """
        if forest._max_features != forest.n_features_in_:  # noqa: SLF001
            raise ValueError("the trees of the forest look at some features only, expected all")
        grown = [tree_state(estimator.tree_)[0] for estimator in forest.estimators_]
        trees = Trees.of(Splits.of(grown), int(forest.n_features_in_))
        # in scikit-learn's order of additions, so that not even the last bit differs
        lengths = (trees.level + 1.0) + _average_path_length(np.concatenate(grown)["n_node_samples"]) - 1.0
        usual = len(grown) * _average_path_length(np.array([forest._max_samples]))[0]  # noqa: SLF001
        return cls(trees, lengths, float(usual))

    def unusualness(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """The forest's anomaly score of scaled rows, 0 to 1 for the most unusual, shape (n,)."""
        lengths = np.zeros(len(rows))
        self.trees.add_leaves(rows, self.path_lengths, lengths)
        return np.asarray(2 ** -(lengths / self.usual_length if self.usual_length else np.ones_like(lengths)))


def _average_path_length(samples: NDArray[Any]) -> NDArray[np.float64]:
    """Steps of an unsuccessful search in a tree of so many samples, shape (n,)."""
    n = np.maximum(samples, 3).astype(np.float64)
    many = 2.0 * (np.log(n - 1.0) + np.euler_gamma) - 2.0 * (n - 1.0) / n
    return np.select([samples <= 1, samples == 2], [0.0, 1.0], default=many)


@dataclass(frozen=True)
class NoveltyModel:
    """An isolation forest with the scale on which people read it.

    Attributes
    ----------
    forest : IsolationForest
        Fitted on the scaled features of all training observations, benign and mining; or its stored form.
    reference : ndarray of float64, shape (1001,)
        Quantiles of the unusualness of benign training connections, rising.
    """

    forest: Any
    reference: NDArray[np.float64]

    @cached_property
    def trees(self) -> IsolationTrees:
        """The trees of the forest."""
        return IsolationTrees.of(self.forest)

    def score(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share of benign training connections that were less unusual than scaled rows, shape (n,)."""
        if not len(rows):
            return np.zeros(0)
        rank = np.searchsorted(self.reference, self.trees.unusualness(rows), side="left")
        return np.asarray(rank / len(self.reference))


def fit_novelty(rows: NDArray[np.float64], benign_connection: NDArray[np.int64], seed: int) -> NoveltyModel:
    """Fit on training observations.

    Parameters
    ----------
    rows : ndarray of float64, shape (n, n_features)
        Scaled features.
    benign_connection : ndarray of int64, shape (n,)
        Number of the connection, negative for mining ones. A connection is as unusual as its most unusual
        observation.
    seed : int
    """
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(n_estimators=60, max_samples=min(512, len(rows)), random_state=seed)
    forest.fit(rows)
    benign = benign_connection >= 0
    unusual = np.full(benign_connection.max(initial=-1) + 1, -np.inf)
    np.maximum.at(unusual, benign_connection[benign], IsolationTrees.of(forest).unusualness(rows[benign]))
    known = unusual[np.isfinite(unusual)]
    return NoveltyModel(forest, np.quantile(known, np.linspace(0.0, 1.0, _GRID)))
