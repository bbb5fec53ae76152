"""Sums over the leaves of many small trees; built from _trees.c."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

def add_leaves(
    nodes: NDArray[Any],
    values: NDArray[Any],
    roots: NDArray[Any],
    depths: NDArray[Any],
    rows: NDArray[Any],
    sums: NDArray[np.float64],
    n_features: int,
    /,
) -> None: ...
