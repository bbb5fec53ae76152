"""Calibration: from a classifier's score to a probability that means what it says."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FULL_AGE_S = 300.0
"""From here on nothing is taken off for a connection that was watched too briefly."""

_LEAST_AGE_S = 10.0
_EDGE = 1e-6  # scores of exactly 0 or 1 have no logit
_STEPS, _CLOSE = 50, 1e-8  # of Newton's method, which needs fewer than ten
_PENALTY = 1e-3  # keeps scores that part the classes without a mistake from a slope without end


@dataclass(frozen=True)
class SigmoidCalibration:
    """Probability as a sigmoid of the score's logit (Platt 1999), less while a connection is young.

    Attributes
    ----------
    slope, intercept : float
        Of the logit. A slope below 1 says that the classifier was too sure of itself.
    early_discount : float
        Taken off the logit for each tenth that a connection's age is of `FULL_AGE_S`: this much at 30 s, half
        of it at 95 s, nothing from 300 s on (docs/decisions/0017).
    """

    slope: float
    intercept: float
    early_discount: float = 0.0

    def apply(
        self, score: NDArray[np.float64], age_s: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Turn scores into probabilities.

        Parameters
        ----------
        score : ndarray of float64, shape (n,)
            In [0, 1].
        age_s : ndarray of float64, shape (n,), optional
            For how long each connection was watched, seconds; without it, for long enough.
        """
        logit = self.slope * _logit(score) + self.intercept
        if age_s is not None:
            logit -= self.early_discount * _decades_short(age_s)
        return _sigmoid(logit)


def fit_calibration(
    score: NDArray[np.float64],
    is_mining: NDArray[np.bool_],
    weight: NDArray[np.float64],
    age_s: NDArray[np.float64],
    early_discount: float = 0.0,
) -> SigmoidCalibration:
    """Fit slope and intercept on scores of origins that the classifier was not fitted on.

    Parameters
    ----------
    score : ndarray of float64, shape (n,)
        Out-of-origin scores in [0, 1].
    is_mining : ndarray of bool, shape (n,)
    weight : ndarray of float64, shape (n,)
    age_s : ndarray of float64, shape (n,)
    early_discount : float
        Given, not fitted: how briefly benign connections of captures last says nothing of those of a network.
    """
    columns = np.column_stack([_logit(score), np.ones(len(score))])
    offset = early_discount * _decades_short(age_s)
    found = np.array([1.0, 0.0])
    for _ in range(_STEPS):
        probability = _sigmoid(columns @ found - offset)
        gradient = columns.T @ (weight * (is_mining - probability)) - _PENALTY * found
        curvature = (columns * (weight * probability * (1.0 - probability))[:, None]).T @ columns
        step = np.linalg.solve(curvature + _PENALTY * np.eye(2), gradient)
        found += step / max(1.0, float(np.abs(step).max()))  # a step from far away would leap too far
        if np.abs(step).max() < _CLOSE:
            break
    return SigmoidCalibration(float(found[0]), float(found[1]), early_discount)


def _decades_short(age_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Decades that an age is below `FULL_AGE_S`."""
    return np.asarray(np.log10(FULL_AGE_S / np.clip(age_s, _LEAST_AGE_S, FULL_AGE_S)))


def _sigmoid(logit: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1.0 / (1.0 + np.exp(-logit)))


def _logit(score: NDArray[np.float64]) -> NDArray[np.float64]:
    clipped = np.clip(score, _EDGE, 1.0 - _EDGE)
    return np.asarray(np.log(clipped / (1.0 - clipped)))
