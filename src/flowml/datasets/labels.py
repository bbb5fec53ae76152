"""Labelled observations: what a model is fitted and judged on, with the origin that splits keep together."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowml.datasets.manifest import NO_EVASION, LabelledCapture
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
    carrier : ndarray of str, shape (n,)
        What lies between the protocol and the wire; empty where the truth does not say.
    evasion, strength : ndarray of str, shape (n,)
        How a miner hides, and how much; ``none`` for all who do not.
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
    carrier: NDArray[np.str_]
    evasion: NDArray[np.str_]
    strength: NDArray[np.str_]
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
        columns = {name: getattr(self, name)[rows] for name in _COLUMNS}
        return LabelledObservations(self.observations.take(rows), **columns)

    @staticmethod
    def concat(parts: "list[LabelledObservations]") -> "LabelledObservations":
        """All observations of `parts`; connections are numbered anew."""
        ends = np.cumsum([part.connection.max(initial=-1) + 1 for part in parts])
        columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS}
        columns["connection"] = np.concatenate(
            [part.connection + start for part, start in zip(parts, [0, *ends[:-1]], strict=True)]
        )
        return LabelledObservations(Observations.concat([part.observations for part in parts]), **columns)


_COLUMNS = tuple(field.name for field in fields(LabelledObservations) if field.name != "observations")


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
    truth = {
        "is_mining": np.full(n, capture.is_mining),
        "family": np.full(n, "mining" if capture.is_mining else capture.source),
        "carrier": np.full(n, ""),
        "evasion": np.full(n, NO_EVASION),
        "strength": np.full(n, NO_EVASION),
        "origin": np.full(n, f"{capture.source}/{capture.path.name}"),
    }
    return _labelled(capture, observations, truth)


def _label_by_server(capture: LabelledCapture, observations: Observations) -> LabelledObservations:
    truths = {(truth.ip.encode(), truth.port): number for number, truth in enumerate(capture.servers)}
    # A listed server is one whoever began: without a SYN, and in UDP always, ports may have named the client
    # the server, as those of tunnels lie among the ephemeral ones.
    number = _numbers(truths, observations.server_ip, observations.server_port)
    turned = _numbers(truths, observations.client_ip, observations.client_port)
    number = np.where(number >= 0, number, turned)
    rows = np.flatnonzero(number >= 0)
    names = ("is_mining", "family", "carrier", "evasion", "strength", "origin")
    truth = {
        name: np.array([getattr(server, name) for server in capture.servers])[number[rows]] for name in names
    }
    return _labelled(capture, observations.take(rows), truth)


def _numbers(
    truths: dict[tuple[bytes, int], int], ips: NDArray[np.bytes_], ports: NDArray[np.uint16]
) -> NDArray[np.int64]:
    """Number of each endpoint's truth; -1 for those that are not listed."""
    endpoints = zip(ips.tolist(), ports.tolist(), strict=True)
    return np.array([truths.get(endpoint, -1) for endpoint in endpoints], np.int64)


def _labelled(
    capture: LabelledCapture, observations: Observations, truth: dict[str, NDArray[Any]]
) -> LabelledObservations:
    n = len(observations)
    _, connection = np.unique(observations.connection, return_inverse=True)
    lasted_s = np.zeros(connection.max(initial=-1) + 1)
    np.maximum.at(lasted_s, connection, (observations.end_ms - observations.start_ms) / 1000.0)
    return LabelledObservations(
        observations,
        **truth,
        source=np.full(n, capture.source),
        file=np.full(n, capture.path.name),
        is_emulated=np.full(n, capture.is_emulated),
        connection=connection.astype(np.int64),
        lasted_s=lasted_s[connection],
        sensor_start_s=np.zeros(n),
    )
