"""The scale on which estimators see features."""

import numpy as np
from numpy.typing import NDArray

_UNDEFINED = -1.0  # where an undefined feature stands, apart from every value


def scaled(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put sizes, times and rates, which span decades, on one logarithmic scale.

    Trees that draw their thresholds at random between the extremes of a feature need such a scale: of sizes
    from 1 byte to 10 MB, nearly every threshold would lie among the largest.

    Parameters
    ----------
    features : ndarray of float64, shape (n, n_features)
        NaN where undefined.

    Returns
    -------
    ndarray of float64, shape (n, n_features)
        Finite, and of single precision, which is what scikit-learn's trees take.
    """
    logarithm = np.sign(features) * np.log1p(np.abs(features))
    return np.where(np.isnan(logarithm), _UNDEFINED, logarithm).astype(np.float32).astype(np.float64)
