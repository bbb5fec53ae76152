"""What a threshold costs: how much of the mining of the fit is found from which probability on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

FORMAT = 1
_GRID = np.linspace(0.0, 1.0, 201)


@dataclass(frozen=True)
class Found:
    """Mining connections of one kind of source.

    Attributes
    ----------
    connections : int
    quantiles : ndarray of float64, shape (201,)
        Of their highest probabilities, rising.
    """

    connections: int
    quantiles: NDArray[np.float64]

    def recall(self, threshold: float) -> float:
        """Share of them that reached a threshold, to half a per cent."""
        return 1.0 - float(np.searchsorted(self.quantiles, threshold, side="left")) / len(self.quantiles)


@dataclass(frozen=True)
class RecallCurve:
    """Mining connections of origins that were left out of the fit, by where they were recorded.

    It is of miners that do not evade, and of connections that showed enough to be judged.

    Attributes
    ----------
    parts : mapping of str to Found
        ``lab`` and ``captures``, as far as there are any.
    """

    parts: Mapping[str, Found]

    def to_json(self) -> dict[str, Any]:
        """Give it as plain values."""
        parts = {
            name: {"connections": part.connections, "quantiles": part.quantiles.round(6).tolist()}
            for name, part in self.parts.items()
        }
        return {"format": FORMAT, "parts": parts}

    @classmethod
    def from_json(cls, values: dict[str, Any] | None) -> Self | None:
        """Read what `to_json` gave; None where there is none, or of a format that is not read here."""
        if values is None or values["format"] != FORMAT:
            return None
        return cls(
            {
                name: Found(int(part["connections"]), np.array(part["quantiles"], np.float64))
                for name, part in values["parts"].items()
            }
        )


def fit_recall(highest: Mapping[str, NDArray[np.float64]]) -> RecallCurve:
    """Summarise the highest probability of each mining connection; parts without any are left out."""
    return RecallCurve(
        {
            name: Found(len(probability), np.quantile(probability, _GRID, method="higher"))
            for name, probability in highest.items()
            if len(probability)
        }
    )
