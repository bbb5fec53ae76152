"""What a model was fitted on, feature by feature: what live traffic is held against."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from flowml.schema import FEATURE_COLUMNS

FORMAT = 2
_DIGITS = 6
SCORE = "probability"
NAMES = (*(column.name for column in FEATURE_COLUMNS), SCORE)
"""What is counted: m things, the scaled features and then the calibrated probability."""
_DECILES = np.arange(1, 10) / 10


@dataclass(frozen=True)
class Population:
    """Benign training observations by deciles.

    They weigh as in the fit. Probabilities are those of classifiers that did not see the origin.

    Attributes
    ----------
    edges : ndarray of float64, shape (m, 9)
        Deciles, rising; where many values are the same, so are edges.
    shares : ndarray of float64, shape (m, 10)
        Of the observations in each bin.
    observations : int
    """

    edges: NDArray[np.float64]
    shares: NDArray[np.float64]
    observations: int

    def count(self, rows: NDArray[np.float64], probability: NDArray[np.float64]) -> NDArray[np.int64]:
        """Count observations by bin, shape (m, 10).

        Parameters
        ----------
        rows : ndarray of float64, shape (n, n_features)
            Scaled features.
        probability : ndarray of float64, shape (n,)
        """
        return np.array([np.bincount(bins, minlength=10) for bins in _bins(self.edges, rows, probability)])

    def to_json(self) -> dict[str, Any]:
        """Give it as plain values."""
        return {
            "format": FORMAT,
            "names": list(NAMES),
            "edges": np.round(self.edges, _DIGITS).tolist(),
            "shares": np.round(self.shares, 6).tolist(),
            "observations": self.observations,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any] | None) -> Self | None:
        """Read what `to_json` gave; None where there is none, or of a format that is not read here."""
        if values is None or values["format"] != FORMAT or tuple(values["names"]) != NAMES:
            return None
        edges, shares = np.array(values["edges"], np.float64), np.array(values["shares"], np.float64)
        if edges.shape != (len(NAMES), 9) or shares.shape != (len(NAMES), 10):
            raise ValueError(f"population of shapes {edges.shape} and {shares.shape}")
        return cls(edges, shares, int(values["observations"]))


def fit_population(
    rows: NDArray[np.float64], probability: NDArray[np.float64], weight: NDArray[np.float64]
) -> Population:
    """Fit on benign training observations.

    Parameters
    ----------
    rows : ndarray of float64, shape (n, n_features)
        Scaled features.
    probability, weight : ndarray of float64, shape (n,)
    """
    edges = np.array([_deciles(column, weight) for column in (*rows.T, probability)]).round(_DIGITS)
    shares = np.array(
        [np.bincount(bins, weight, 10) / weight.sum() for bins in _bins(edges, rows, probability)]
    )
    return Population(edges, shares, len(rows))


def _deciles(values: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weight[order])
    at = np.searchsorted(reached, _DECILES * reached[-1])
    return np.asarray(values[order][np.minimum(at, len(values) - 1)])


def _bins(
    edges: NDArray[np.float64], rows: NDArray[np.float64], probability: NDArray[np.float64]
) -> list[NDArray[np.int64]]:
    """Bin of each value, shape (n,) for each column.

    Values are rounded as the edges are; one that several edges share is put in the middle of their bins, so
    that both what is below and what is above it can be told from it.
    """
    bins = []
    for of, column in zip(edges, (*rows.T, probability), strict=True):
        value = np.round(column, _DIGITS)
        low, high = np.searchsorted(of, value, side="left"), np.searchsorted(of, value, side="right")
        bins.append((low + high + 1) // 2)
    return bins
