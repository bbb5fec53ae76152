"""Drift: how far what is seen now is from what was seen before."""

import numpy as np
from numpy.typing import ArrayLike

LEAST = 200  # fewer say nothing about a distribution
_FLOOR = 1e-4  # a bin that is empty by chance must not make the sum infinite


def stability_index(expected: ArrayLike, found: ArrayLike) -> float:
    """Population stability index of two histograms with the same bins.

    The sum over bins of (q - p) ln(q / p), p and q being shares: the symmetrised Kullback-Leibler
    divergence. Below 0.1 nothing happened, above 0.25 the population is another one (the usual reading in
    credit scoring).

    Parameters
    ----------
    expected, found : array_like of int, shape (n_bins,)
        Counts.

    Returns
    -------
    float
        0 where either has fewer than `LEAST` entries.
    """
    before, now = np.asarray(expected, float), np.asarray(found, float)
    if min(before.sum(), now.sum()) < LEAST:
        return 0.0
    p, q = (np.maximum(counts / counts.sum(), _FLOOR) for counts in (before, now))
    return float(((q - p) * np.log(q / p)).sum())
