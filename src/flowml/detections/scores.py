"""Probabilities in bins: fine where a threshold may lie, which is near 0 and 1."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

N_BINS = 64
_STEP, _LOWEST = 0.25, -8.0  # of the log odds


def bins_of(probabilities: ArrayLike) -> NDArray[np.int64]:
    """The bin of each probability, 0 to `N_BINS` - 1."""
    p = np.clip(np.asarray(probabilities, float), 1e-9, 1 - 1e-9)
    number: NDArray[np.int64] = np.floor((np.log(p / (1 - p)) - _LOWEST) / _STEP).astype(np.int64)
    return np.clip(number, 0, N_BINS - 1)


def lower_edge(bin_number: int) -> float:
    """The least probability of a bin; 0 for the lowest."""
    return 0.0 if bin_number <= 0 else float(1 / (1 + np.exp(-(_LOWEST + bin_number * _STEP))))


def threshold_for(counts: ArrayLike, days: float, alerts_per_day: float) -> float:
    """The lowest edge of a bin from which on there were at most so many alerts a day.

    Parameters
    ----------
    counts : array_like of int, shape (N_BINS,)
        Connections by bin of their gravest probability.
    days : float
        In which they were counted.
    alerts_per_day : float

    Returns
    -------
    float
        1 where even the highest bin has too many.
    """
    at_least = np.cumsum(np.asarray(counts)[::-1])[::-1] / days
    few = np.flatnonzero(at_least <= alerts_per_day)
    return lower_edge(int(few[0])) if len(few) else 1.0
