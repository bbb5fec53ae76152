"""Figures about connections: recall and false alarms with counts and intervals, delays, calibration."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Share:
    """A share with its counts.

    Attributes
    ----------
    hits, total : int
    """

    hits: int
    total: int

    @property
    def value(self) -> float:
        """The share; NaN of nothing."""
        return self.hits / self.total if self.total else float("nan")

    def interval(self, z: float = 1.96) -> tuple[float, float]:
        """Wilson score interval (Wilson 1927), by default at 95 %; (0, 1) of nothing."""
        if not self.total:
            return 0.0, 1.0
        n, p = self.total, self.value
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        # at the ends the bound is exact; arithmetic would leave it beside 0 or 1 by a rounding error
        low = 0.0 if self.hits == 0 else float(middle - half)
        return low, 1.0 if self.hits == n else float(middle + half)

    def __str__(self) -> str:
        return f"{self.hits} of {self.total}"


@dataclass(frozen=True)
class ConnectionOutcomes:
    """What became of n connections.

    Attributes
    ----------
    connection : ndarray of int64, shape (n,)
        Their numbers, rising.
    row : ndarray of int64, shape (n,)
        Row of the gravest observation of each.
    probability : ndarray of float64, shape (n,)
        Highest probability of any observation.
    detected_after_s : ndarray of float64, shape (n,)
        Seconds from the first packet to the first verdict at the threshold, NaN where there is none.
    """

    connection: NDArray[np.int64]
    row: NDArray[np.int64]
    probability: NDArray[np.float64]
    detected_after_s: NDArray[np.float64]

    @property
    def is_detected(self) -> NDArray[np.bool_]:
        """Connections that reached the threshold, shape (n,)."""
        return ~np.isnan(self.detected_after_s)


def connection_outcomes(
    connection: NDArray[np.int64],
    probability: NDArray[np.float64],
    reported_s: NDArray[np.float64],
    threshold: float,
) -> ConnectionOutcomes:
    """Summarise observations by connection, as the policy does.

    Parameters
    ----------
    connection : ndarray of int64, shape (n_observations,)
    probability : ndarray of float64, shape (n_observations,)
    reported_s : ndarray of float64, shape (n_observations,)
        When each verdict could have been given, seconds after the first packet.
    threshold : float
    """
    numbers, of = np.unique(connection, return_inverse=True)
    order = np.lexsort((probability, of))
    row = order[np.flatnonzero(np.diff(of[order], append=len(numbers)) != 0)]
    detected = np.full(len(numbers), np.inf)
    alarms = probability >= threshold
    np.minimum.at(detected, of[alarms], reported_s[alarms])
    detected[np.isinf(detected)] = np.nan
    return ConnectionOutcomes(numbers, row, probability[row], detected)


def threshold_for(
    benign_probability: NDArray[np.float64],
    false_alarm_share: float,
    *,
    at_least: float = 0.5,
    n_connections: int | None = None,
) -> float:
    """Find the lowest threshold that keeps to a share of false alarms among benign connections.

    Parameters
    ----------
    benign_probability : ndarray of float64, shape (n,)
        Highest probability of each benign connection, from a model that was not fitted on it.
    false_alarm_share : float
        For example 1e-4: one in 10,000. With fewer connections than that, none may be above.
    at_least : float
        Lowest threshold that is considered.
    n_connections : int, optional
        Benign connections that the share is of, where some showed too little to be judged and have no
        probability; by default n.
    """
    allowed = int(false_alarm_share * (len(benign_probability) if n_connections is None else n_connections))
    falling = np.sort(benign_probability)[::-1]
    if allowed >= len(falling):
        return at_least
    return max(at_least, float(np.nextafter(falling[allowed], 2.0)))


def brier_score(
    probability: NDArray[np.float64], is_mining: NDArray[np.bool_], weight: NDArray[np.float64]
) -> float:
    """Weighted mean squared error of probabilities (Brier 1950); each array of shape (n,)."""
    return float(np.average((probability - is_mining) ** 2, weights=weight))
