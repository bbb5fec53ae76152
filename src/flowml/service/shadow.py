"""A challenger in the shadow: it judges what the champion judges, and only the difference is remembered."""

import threading
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from flowml.detections.verdict import VerdictBatch
from flowml.flows.key import FlowKey, host_port
from flowml.flows.observations import Observations

_REMEMBERED = 10_000  # connections of which a disagreement was told already
_AT_ONCE = 1000  # disagreements that wait to be stored; more are counted only


@dataclass(frozen=True)
class Difference:
    """A connection that one of two models calls mining.

    Attributes
    ----------
    connection : str
        Client and server, for people.
    champion, challenger : float
        Their probabilities.
    """

    connection: str
    champion: float
    challenger: float


@dataclass
class Compared:
    """How often two models agreed on an observation.

    Attributes
    ----------
    judged, both, champion_only, challenger_only : int
        Observations judged; called mining by both, or by one of them.
    """

    judged: int = 0
    both: int = 0
    champion_only: int = 0
    challenger_only: int = 0


class Shadow:
    """Compares verdicts; one thread compares, another one collects."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._compared = Compared()
        self._differences: list[Difference] = []
        self._known: OrderedDict[tuple[FlowKey, int], None] = OrderedDict()

    def compare(self, observations: Observations, champion: VerdictBatch, challenger: VerdictBatch) -> None:
        """Note what two models made of the same observations."""
        ours, theirs = champion.is_mining, challenger.is_mining
        with self._lock:
            self._compared.judged += len(observations)
            self._compared.both += int((ours & theirs).sum())
            self._compared.champion_only += int((ours & ~theirs).sum())
            self._compared.challenger_only += int((theirs & ~ours).sum())
            for row in np.flatnonzero(ours != theirs).tolist():
                self._note(
                    observations, row, float(champion.probability[row]), float(challenger.probability[row])
                )

    def collect(self) -> tuple[Compared, list[Difference]]:
        """Give what came since the last time."""
        with self._lock:
            collected = self._compared, self._differences
            self._compared, self._differences = Compared(), []
        return collected

    def _note(self, observations: Observations, row: int, champion: float, challenger: float) -> None:
        key = observations.key(row)
        known = key, int(observations.start_ms[row])
        if known in self._known or len(self._differences) >= _AT_ONCE:
            return
        self._known[known] = None
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        name = f"{host_port(key.client_ip, key.client_port)} -> {host_port(key.server_ip, key.server_port)}"
        self._differences.append(Difference(name, champion, challenger))
