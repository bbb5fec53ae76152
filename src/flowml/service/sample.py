"""What is judged, counted against what the model was fitted on; figures once an hour."""

import threading

import numpy as np
from numpy.typing import NDArray

from flowml.evaluation.drift import LEAST, stability_index
from flowml.models.population import NAMES, Population

_ROWS = 64  # of what is judged at once; counting takes a small part of judging then
_HOUR_MS = 3_600_000


class Sample:
    """Counts observations for one thread, and gives figures to another one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._population: Population | None = None
        self._counts = np.zeros((len(NAMES), 10), np.int64)
        self._hour = -1

    def note(
        self, population: Population, rows: NDArray[np.float64], probability: NDArray[np.float64]
    ) -> None:
        """Count some of the observations that were judged; another model begins anew.

        Parameters
        ----------
        population : Population
            Of the model that judged.
        rows : ndarray of float64, shape (n, n_features)
            Scaled features.
        probability : ndarray of float64, shape (n,)
        """
        step = -(-len(rows) // _ROWS) or 1
        counts = population.count(rows[::step], probability[::step])
        with self._lock:
            if population is not self._population:
                self._population, self._counts = population, np.zeros_like(counts)
            self._counts += counts

    def hourly(self, now_ms: int) -> dict[str, float]:
        """Give the stability index of each feature and of the score, once an hour is over.

        Empty while it is not, and after an hour with too few observations.
        """
        hour, before = now_ms // _HOUR_MS, self._hour
        self._hour = hour
        if before in {-1, hour}:
            return {}
        with self._lock:
            population, counts = self._population, self._counts
            self._counts = np.zeros_like(counts)
        if population is None or counts[0].sum() < LEAST:
            return {}
        expected = population.shares * max(population.observations, LEAST)
        return {name: stability_index(*pair) for name, *pair in zip(NAMES, expected, counts, strict=True)}
