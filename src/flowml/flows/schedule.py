"""At which ages a connection is judged: a few times early, then at a steady beat."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flowml.flows.packets import ragged_indices


@dataclass(frozen=True)
class JudgingAges:
    """The ages at which a connection is judged.

    Attributes
    ----------
    first_s : tuple of float
        Early ages, seconds, rising: a verdict within seconds where the evidence allows it.
    repeat_s : float
        Beat after the last of them, seconds; the last early age must be a multiple of it.
    """

    first_s: tuple[float, ...] = (10.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0)
    repeat_s: float = 300.0

    def passed(self, age_s: NDArray[np.float64]) -> NDArray[np.int64]:
        """Count the judging ages that are not above `age_s`, shape (n,)."""
        early = np.searchsorted(np.array(self.first_s), age_s, side="right")
        late = np.floor((np.maximum(age_s, self.first_s[-1]) - self.first_s[-1]) / self.repeat_s)
        return (early + late).astype(np.int64)

    def age_s(self, index: NDArray[np.int64]) -> NDArray[np.float64]:
        """Give the judging age of each number, counted from 0, shape (n,)."""
        early = np.array(self.first_s)
        late = early[-1] + (index - len(early) + 1) * self.repeat_s
        return np.asarray(np.where(index < len(early), early[np.minimum(index, len(early) - 1)], late))

    def between(
        self, after_s: NDArray[np.float64], until_s: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """List the judging ages in ``(after_s, until_s]`` of n connections.

        Returns
        -------
        row : ndarray of int64, shape (n_due,)
            Which connection.
        age_s : ndarray of float64, shape (n_due,)
            Seconds; rising within a connection.
        """
        start = self.passed(after_s)
        count = np.maximum(self.passed(until_s) - start, 0)
        return np.repeat(np.arange(len(count)), count), self.age_s(ragged_indices(start, count))
