"""Novelty: how far an observation is from all that the model was fitted on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest

_GRID = 1001
_UNDEFINED = -1.0  # where an undefined feature stands on the logarithmic scale, apart from every value


@dataclass(frozen=True)
class NoveltyModel:
    """An isolation forest with the scale on which people read it.

    Attributes
    ----------
    forest : IsolationForest
        Fitted on the features of all training observations, benign and mining, on a logarithmic scale.
    reference : ndarray of float64, shape (1001,)
        Quantiles of the unusualness of benign training connections, rising.
    """

    forest: IsolationForest
    reference: NDArray[np.float64]

    def score(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share of benign training connections that were less unusual, shape (n,)."""
        if not len(features):
            return np.zeros(0)
        rank = np.searchsorted(self.reference, _unusualness(self.forest, features), side="left")
        return np.asarray(rank / len(self.reference))


def fit_novelty(
    features: NDArray[np.float64], benign_connection: NDArray[np.int64], seed: int
) -> NoveltyModel:
    """Fit on training observations.

    Parameters
    ----------
    features : ndarray of float64, shape (n, n_features)
    benign_connection : ndarray of int64, shape (n,)
        Number of the connection, negative for mining ones. A connection is as unusual as its most unusual
        observation.
    seed : int
    """
    forest = IsolationForest(n_estimators=60, max_samples=min(512, len(features)), random_state=seed)
    forest.fit(_scaled(features))
    benign = benign_connection >= 0
    unusual = np.full(benign_connection.max(initial=-1) + 1, -np.inf)
    np.maximum.at(unusual, benign_connection[benign], _unusualness(forest, features[benign]))
    known = unusual[np.isfinite(unusual)]
    return NoveltyModel(forest, np.quantile(known, np.linspace(0.0, 1.0, _GRID)))


def _unusualness(forest: IsolationForest, features: NDArray[np.float64]) -> NDArray[np.float64]:
    return -np.asarray(forest.score_samples(_scaled(features)), np.float64)


def _scaled(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put sizes, times and rates, which span decades, on one logarithmic scale."""
    scaled = np.sign(features) * np.log1p(np.abs(features))
    return np.where(np.isnan(scaled), _UNDEFINED, scaled)
