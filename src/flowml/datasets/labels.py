"""Labelled observations: what a model is fitted and judged on, with the origin that splits keep together."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from flowml.datasets.manifest import LabelledCapture
from flowml.flows.observations import Observations


@dataclass(frozen=True)
class LabelledObservations:
    """n observations with their truth.

    Attributes
    ----------
    observations : Observations
        Their connection numbers are those of `connection` below.
    is_mining : ndarray of bool, shape (n,)
    family : ndarray of str, shape (n,)
        Mining protocol or kind of benign traffic.
    origin : ndarray of str, shape (n,)
        Capture, host or pool: never on both sides of a split.
    source : ndarray of str, shape (n,)
        Data set or folder: what reports are split by.
    file : ndarray of str, shape (n,)
        Capture file, for people.
    is_emulated : ndarray of bool, shape (n,)
        The lab made the capture.
    connection : ndarray of int64, shape (n,)
        Number of the connection, unique over all captures.
    lasted_s : ndarray of float64, shape (n,)
        How long the connection lasted in its capture, seconds; the same for all its observations.
    sensor_start_s : ndarray of float64, shape (n,)
        The sensor was switched on that long after the capture's first packet, seconds. A capture may be
        observed several times so; reports count the observation from its beginning.
    """

    observations: Observations
    is_mining: NDArray[np.bool_]
    family: NDArray[np.str_]
    origin: NDArray[np.str_]
    source: NDArray[np.str_]
    file: NDArray[np.str_]
    is_emulated: NDArray[np.bool_]
    connection: NDArray[np.int64]
    lasted_s: NDArray[np.float64]
    sensor_start_s: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.is_mining)

    def take(self, rows: NDArray[np.int64]) -> "LabelledObservations":
        """The observations at `rows`, in that order."""
        return LabelledObservations(
            self.observations.take(rows),
            self.is_mining[rows],
            self.family[rows],
            self.origin[rows],
            self.source[rows],
            self.file[rows],
            self.is_emulated[rows],
            self.connection[rows],
            self.lasted_s[rows],
            self.sensor_start_s[rows],
        )

    @staticmethod
    def concat(parts: "list[LabelledObservations]") -> "LabelledObservations":
        """All observations of `parts`; connections are numbered anew."""
        ends = np.cumsum([part.connection.max(initial=-1) + 1 for part in parts])
        connection = np.concatenate(
            [part.connection + start for part, start in zip(parts, [0, *ends[:-1]], strict=True)]
        )
        return LabelledObservations(
            Observations.concat([part.observations for part in parts]),
            np.concatenate([part.is_mining for part in parts]),
            np.concatenate([part.family for part in parts]),
            np.concatenate([part.origin for part in parts]),
            np.concatenate([part.source for part in parts]),
            np.concatenate([part.file for part in parts]),
            np.concatenate([part.is_emulated for part in parts]),
            connection,
            np.concatenate([part.lasted_s for part in parts]),
            np.concatenate([part.sensor_start_s for part in parts]),
        )


def label(
    capture: LabelledCapture, observations: Observations, sensor_start_s: float = 0.0
) -> LabelledObservations:
    """Give the observations of a capture their truth; those without one are left out.

    Parameters
    ----------
    capture : LabelledCapture
    observations : Observations
        Of that capture alone.
    sensor_start_s : float
        See `LabelledObservations`.
    """
    labelled = _label(capture, observations)
    return replace(labelled, sensor_start_s=np.full(len(labelled), sensor_start_s))


def _label(capture: LabelledCapture, observations: Observations) -> LabelledObservations:
    if capture.is_mining is None:
        return _label_by_server(capture, observations)
    n = len(observations)
    family = "mining" if capture.is_mining else capture.source
    origin = f"{capture.source}/{capture.path.name}"
    return _labelled(
        capture,
        observations,
        np.full(n, capture.is_mining),
        np.full(n, family),
        np.full(n, origin),
    )


def _label_by_server(capture: LabelledCapture, observations: Observations) -> LabelledObservations:
    truths = {(truth.ip.encode(), truth.port): number for number, truth in enumerate(capture.servers)}
    endpoints = zip(observations.server_ip.tolist(), observations.server_port.tolist(), strict=True)
    number = np.array([truths.get(endpoint, -1) for endpoint in endpoints], np.int64)
    rows = np.flatnonzero(number >= 0)
    number = number[rows]
    columns = [
        np.array([getattr(truth, name) for truth in capture.servers])[number]
        for name in ("is_mining", "family", "origin")
    ]
    return _labelled(capture, observations.take(rows), *columns)


def _labelled(
    capture: LabelledCapture,
    observations: Observations,
    is_mining: NDArray[np.bool_],
    family: NDArray[np.str_],
    origin: NDArray[np.str_],
) -> LabelledObservations:
    n = len(observations)
    _, connection = np.unique(observations.connection, return_inverse=True)
    lasted_s = np.zeros(connection.max(initial=-1) + 1)
    np.maximum.at(lasted_s, connection, (observations.end_ms - observations.start_ms) / 1000.0)
    return LabelledObservations(
        observations,
        is_mining,
        family,
        origin,
        source=np.full(n, capture.source),
        file=np.full(n, capture.path.name),
        is_emulated=np.full(n, capture.is_emulated),
        connection=connection.astype(np.int64),
        lasted_s=lasted_s[connection],
        sensor_start_s=np.zeros(n),
    )
