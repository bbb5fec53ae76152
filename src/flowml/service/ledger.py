"""What a sensor saw and did since it was asked last, counted by the loop and collected by another thread."""

import threading
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from flowml.detections.policy import Conclusions
from flowml.detections.scores import N_BINS, bins_of
from flowml.detections.verdict import VerdictBatch
from flowml.service.health import Sight
from flowml.service.scoring import Metered
from flowml.service.sighting import Sighting
from flowml.service.told import Told


@dataclass
class Work:
    """What was done for one source.

    Attributes
    ----------
    payload_bytes, connections, scored, novel, alerts : int
        Payload seen; connections that ended; observations judged, and those outside what the model knows;
        connections called mining.
    scores : ndarray of int64, shape (N_BINS,)
        Connections that ended, by bin of their gravest probability.
    """

    payload_bytes: int = 0
    connections: int = 0
    scored: int = 0
    novel: int = 0
    alerts: int = 0
    scores: NDArray[np.int64] = field(default_factory=lambda: np.zeros(N_BINS, np.int64))


class Ledger:
    """Counts for every source; one thread counts, another one collects."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sightings: dict[str, Sighting] = {}
        self._work: dict[str, Work] = {}

    def hear(self, told: Told) -> None:
        """Count what a source told."""
        with self._lock:
            if told.source not in self._sightings:
                self._sightings[told.source] = Sighting(told.source)
            self._sightings[told.source].take(told)
            if isinstance(told.what, Metered):
                sizes = told.what.batch.packets.size_bytes.astype(np.int64)
                self._of(told.source).payload_bytes += int(np.abs(sizes).sum())

    def judged(self, source: str, verdicts: VerdictBatch, novelty: float) -> None:
        """Count verdicts; from `novelty` on an observation is outside what the model knows."""
        with self._lock:
            work = self._of(source)
            work.scored += len(verdicts)
            work.novel += int(np.count_nonzero(verdicts.novelty >= novelty))

    def concluded(self, source: str, conclusions: Conclusions) -> None:
        """Count what came of them."""
        with self._lock:
            work = self._of(source)
            work.connections += len(conclusions.ended)
            work.alerts += len(conclusions.alerts)
            bins = bins_of([verdict.probability for verdict in conclusions.ended])
            work.scores += np.bincount(bins, minlength=N_BINS)

    def collect(self) -> list[tuple[Sight, Work]]:
        """Give what came since the last time, by source, and begin anew."""
        with self._lock:
            work, self._work = self._work, {}
            return [(sighting.sight(), work.get(name, Work())) for name, sighting in self._sightings.items()]

    def totals(self) -> dict[str, dict[str, int]]:
        """Give what the meters of each source counted since the start."""
        with self._lock:
            return {name: dict(sighting.totals) for name, sighting in self._sightings.items()}

    def _of(self, source: str) -> Work:
        return self._work.setdefault(source, Work())
