"""Verdicts: what a model says of connections at an age."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class Label(StrEnum):
    """The three honest answers."""

    MINING = "mining"
    BENIGN = "benign"
    UNSURE = "unsure"


@dataclass(frozen=True)
class Thresholds:
    """Where probability becomes a word.

    Attributes
    ----------
    mining : float
        Calibrated probability from which a connection is called mining.
    unsure : float
        From here up to `mining` the answer is "unsure".
    novelty : float
        Share of benign training connections that were less unusual; from here on "benign" becomes "unsure",
        because the model is outside what it has seen.
    """

    mining: float
    unsure: float
    novelty: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.unsure <= self.mining <= 1.0:
            raise ValueError(f"expected 0 <= unsure <= mining <= 1, got {self.unsure} and {self.mining}")


@dataclass(frozen=True)
class VerdictBatch:
    """Verdicts about n observations, in their order.

    Attributes
    ----------
    probability : ndarray of float64, shape (n,)
        Calibrated probability of mining.
    novelty : ndarray of float64, shape (n,)
        Share of benign training connections that were less unusual, 0 to 1.
    is_mining, is_unsure : ndarray of bool, shape (n,)
        The label; benign where both are False.
    model : str
        Which model judged: name, version and the start of its digest.
    """

    probability: NDArray[np.float64]
    novelty: NDArray[np.float64]
    is_mining: NDArray[np.bool_]
    is_unsure: NDArray[np.bool_]
    model: str

    def __len__(self) -> int:
        return len(self.probability)
