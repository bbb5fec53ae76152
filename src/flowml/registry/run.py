"""TrainingRun: all that is told of a finished training, in nobody's format."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class DatasetInput:
    """A data set that a run read.

    Attributes
    ----------
    name : str
    digest : str
        SHA-256 in hexadecimal over what was read.
    source : str
        Where it lay: a folder or a URL.
    use : str
        ``training`` or ``evaluation``.
    facts : mapping of str to int
        Counts that tell people what it is: connections, observations, mining connections.
    """

    name: str
    digest: str
    source: str
    use: str
    facts: Mapping[str, int]


@dataclass(frozen=True)
class TrainingRun:
    """A finished training.

    Attributes
    ----------
    name, version : str
        Of the model.
    bundle : Path
        Its folder, finished.
    digest : str
        Of the bundle, see `flowml.models.bundle`.
    parameters : mapping of str to str, int, float or bool
    metrics : mapping of str to float
    figures : mapping of str to Figure
        By file name without extension.
    datasets : tuple of DatasetInput
    example : ndarray of float64, shape (n_rows, n_features)
        A few rows as the model takes them.
    """

    name: str
    version: str
    bundle: Path
    digest: str
    parameters: Mapping[str, str | int | float | bool]
    metrics: Mapping[str, float]
    figures: Mapping[str, "Figure"]
    datasets: tuple[DatasetInput, ...]
    example: NDArray[np.float64]
