"""Policy: when verdicts become an alert, and what is said of a connection at its end."""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from flowml.detections.alert import Alert, ConnectionVerdict
from flowml.detections.evidence import Resembles, gather, unknown_family
from flowml.detections.sentence import Sentence
from flowml.detections.verdict import Label, VerdictBatch
from flowml.flows.key import FlowKey
from flowml.flows.observations import Observations

Explain = Callable[[Observations], list[tuple[Sentence, ...]]]
"""Says for each observation, in the protocol's words, what was seen."""

_DTYPE = np.dtype(
    [
        ("connection", "i8"),
        ("rank", "u1"),  # 0 benign, 1 unsure, 2 mining
        ("probability", "f8"),
        ("novelty", "f8"),
        ("age_s", "f8"),
        ("detected_after_s", "f8"),
    ]
)
_WEIGHED = ("rank", "probability", "novelty", "age_s", "detected_after_s")
_TOLD = (
    "client_ip", "client_port", "server_ip", "server_port", "start_ms", "end_ms",
    "client_bytes", "server_bytes", "client_packets", "server_packets",
    "saw_start", "application_name", "server_name", "was_interrupted",
)  # fmt: skip
_LABELS = (Label.BENIGN, Label.UNSURE, Label.MINING)
_MINING = 2


@dataclass(frozen=True)
class Conclusions:
    """What a batch of verdicts led to.

    Attributes
    ----------
    alerts : list of Alert
        Connections called mining for the first time.
    ended : list of ConnectionVerdict
        One for each connection whose final observation was in the batch.
    untold : Counter of Label
        Connections that ended as well, of which nobody wants to hear more.
    """

    alerts: list[Alert]
    ended: list[ConnectionVerdict]
    untold: Counter[Label] = field(default_factory=Counter)


class Policy:
    """Remembers the gravest verdict of each open connection.

    A connection is what it looked like at its gravest age: mining once is mining. Among verdicts of the same
    label the more probable one counts, so that the figure beside a label is the one that speaks for it.

    Parameters
    ----------
    source : str
        Capture file or interface, told with each conclusion.
    explain : callable
        Explains the observations that become alerts.
    resembles : callable
        Names the mining family that each of them resembles.
    tells : collection of Label
        Of connections that ended as something else only the number is told: most are benign, and to put each
        into words takes longer than to judge it.
    """

    def __init__(
        self,
        source: str,
        explain: Explain,
        resembles: Resembles = unknown_family,
        tells: Collection[Label] = _LABELS,
    ) -> None:
        self._source = source
        self._explain = explain
        self._resembles = resembles
        self._is_told = np.array([label in tells for label in _LABELS])
        self._open = np.zeros(0, _DTYPE)

    def take(self, observations: Observations, verdicts: VerdictBatch) -> Conclusions:
        """Weigh new verdicts.

        Parameters
        ----------
        observations : Observations
            n observations; those of one connection in the order of their ages.
        verdicts : VerdictBatch
            n verdicts about them.
        """
        connections, of = np.unique(observations.connection, return_inverse=True)
        known = self._known(connections)
        before = self._recall(connections, known)
        entries = _entries(observations, verdicts)
        gravest = _gravest(before, of, entries)
        first = _first_mining(verdicts.is_mining, of, before["rank"] == _MINING)
        gravest["detected_after_s"][of[first]] = observations.reported_s[first]
        raising = observations.take(first)
        explained = self._explain(raising) if len(first) else []
        alerts = [
            Alert(
                verdict,
                raised_ms=int(observations.start_ms[row] + observations.reported_s[row] * 1000),
                explanation=words,
                evidence=evidence,
            )
            # the alert tells the verdict that raised it, not a graver one that the same batch brought
            for row, words, evidence, verdict in zip(
                first.tolist(),
                explained,
                gather(raising, self._resembles),
                self._conclude(observations, first, entries[first], verdicts.model),
                strict=True,
            )
        ]
        final = np.flatnonzero(observations.is_final)
        ranks = gravest["rank"][of[final]]
        told = final[self._is_told[ranks]]
        ended = self._conclude(observations, told, gravest[of[told]], verdicts.model)
        self._remember(gravest, of[final], known)
        return Conclusions(alerts, ended, self._untold(ranks))

    def _untold(self, ranks: NDArray[np.uint8]) -> Counter[Label]:
        counts = np.bincount(ranks, minlength=len(_LABELS)).tolist()
        each = zip(_LABELS, counts, self._is_told.tolist(), strict=True)
        return Counter({label: count for label, count, is_told in each if count and not is_told})

    def _known(self, connections: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where some connections are remembered, -1 for those that are not."""
        remembered = self._open["connection"]
        where = np.searchsorted(remembered, connections)
        inside = where < len(remembered)
        where[~inside] = -1
        where[inside] = np.where(remembered[where[inside]] == connections[inside], where[inside], -1)
        return where

    def _recall(self, connections: NDArray[np.int64], known: NDArray[np.int64]) -> NDArray[np.void]:
        """The remembered entries of some connections, blank where there is none."""
        entries = np.zeros(len(connections), _DTYPE)
        entries["connection"], entries["probability"] = connections, -1.0
        entries["detected_after_s"] = np.nan
        entries[known >= 0] = self._open[known[known >= 0]]
        return entries

    def _remember(
        self, entries: NDArray[np.void], ended: NDArray[np.int64], known: NDArray[np.int64]
    ) -> None:
        """Keep entries in the order of their connections: at `known` instead of those before; -1: new ones.

        What is kept of all open connections is only copied where some come or go.
        """
        stays = np.ones(len(entries), bool)
        stays[ended] = False
        changed, fresh = stays & (known >= 0), entries[stays & (known < 0)]
        self._open[known[changed]] = entries[changed]
        if (gone := known[~stays & (known >= 0)]).size:
            self._open = np.delete(self._open, gone)
        if fresh.size:
            place = np.searchsorted(self._open["connection"], fresh["connection"])
            self._open = np.insert(self._open, place, fresh)

    def _conclude(
        self, observations: Observations, rows: NDArray[np.int64], entries: NDArray[np.void], model: str
    ) -> list[ConnectionVerdict]:
        """Say what was concluded of the connections at `rows`; whole columns first: quick for many."""
        columns = [getattr(observations, name)[rows].tolist() for name in _TOLD]
        weighed = [entries[name].tolist() for name in _WEIGHED]
        return [
            ConnectionVerdict(
                key=FlowKey(client_ip.decode(), client_port, server_ip.decode(), server_port),
                start_ms=start_ms,
                end_ms=end_ms,
                label=_LABELS[rank],
                probability=probability,
                novelty=novelty,
                age_s=age_s,
                detected_after_s=detected if rank == _MINING else None,
                client_bytes=client_bytes,
                server_bytes=server_bytes,
                client_packets=client_packets,
                server_packets=server_packets,
                saw_start=saw_start,
                application_name=application.decode(errors="replace"),
                server_name=server.decode(errors="replace"),
                model=model,
                source=self._source,
                was_interrupted=interrupted,
            )
            for (
                client_ip, client_port, server_ip, server_port, start_ms, end_ms,
                client_bytes, server_bytes, client_packets, server_packets,
                saw_start, application, server, interrupted,
                rank, probability, novelty, age_s, detected,
            ) in zip(*columns, *weighed, strict=True)
        ]  # fmt: skip


def _entries(observations: Observations, verdicts: VerdictBatch) -> NDArray[np.void]:
    entries = np.zeros(len(verdicts), _DTYPE)
    entries["connection"] = observations.connection
    entries["rank"] = np.where(verdicts.is_mining, _MINING, verdicts.is_unsure.astype(np.uint8))
    entries["probability"], entries["novelty"] = verdicts.probability, verdicts.novelty
    entries["age_s"] = observations.age_s
    entries["detected_after_s"] = observations.reported_s
    return entries


def _gravest(before: NDArray[np.void], of: NDArray[np.int64], new: NDArray[np.void]) -> NDArray[np.void]:
    """The gravest entry of each connection, shape of `before`."""
    both = np.concatenate([before, new])
    owner = np.concatenate([np.arange(len(before)), of])
    order = np.lexsort((both["probability"], both["rank"], owner))
    last = np.flatnonzero(np.diff(owner[order], append=len(before)) != 0)
    gravest = both[order[last]].copy()
    gravest["detected_after_s"] = before["detected_after_s"]
    return gravest


def _first_mining(
    is_mining: NDArray[np.bool_], of: NDArray[np.int64], already: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Rows of the first mining verdict of each connection that was not called mining before."""
    rows = np.flatnonzero(is_mining & ~already[of])
    _, first = np.unique(of[rows], return_index=True)
    return rows[first]
