"""Calibration: from a classifier's score to a probability that means what it says."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_EDGE = 1e-6  # scores of exactly 0 or 1 have no logit


@dataclass(frozen=True)
class SigmoidCalibration:
    """Probability as a sigmoid of the score's logit (Platt 1999).

    Attributes
    ----------
    slope, intercept : float
        Of the logit. A slope below 1 says that the classifier was too sure of itself.
    """

    slope: float
    intercept: float

    def apply(self, score: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn scores in [0, 1], shape (n,), into probabilities."""
        return np.asarray(1.0 / (1.0 + np.exp(-(self.slope * _logit(score) + self.intercept))))


def fit_calibration(
    score: NDArray[np.float64], is_mining: NDArray[np.bool_], weight: NDArray[np.float64]
) -> SigmoidCalibration:
    """Fit on scores of origins that the classifier was not fitted on.

    Parameters
    ----------
    score : ndarray of float64, shape (n,)
        Out-of-origin scores in [0, 1].
    is_mining : ndarray of bool, shape (n,)
    weight : ndarray of float64, shape (n,)
    """
    from sklearn.linear_model import LogisticRegression

    regression = LogisticRegression(C=1e3)
    regression.fit(_logit(score)[:, None], is_mining, sample_weight=weight)
    return SigmoidCalibration(float(regression.coef_[0, 0]), float(regression.intercept_[0]))


def _logit(score: NDArray[np.float64]) -> NDArray[np.float64]:
    clipped = np.clip(score, _EDGE, 1.0 - _EDGE)
    return np.asarray(np.log(clipped / (1.0 - clipped)))
