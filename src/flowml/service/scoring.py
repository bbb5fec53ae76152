"""From metered records to conclusions: the one road that files and live traffic take."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

from flowml.detections.alert import Alert
from flowml.detections.policy import Conclusions, Policy
from flowml.detections.verdict import VerdictBatch
from flowml.flows.batch import FlowBatch
from flowml.flows.connections import ConnectionTable
from flowml.flows.observations import Observations
from flowml.flows.openings import Openings

Judge = Callable[[Observations], VerdictBatch]
"""Gives a verdict for each of n observations."""


STEP_BACK_MS = 5000  # a clock further behind was set back; less is the lateness of packets


@dataclass(frozen=True)
class Metered:
    """What a meter told at once.

    Attributes
    ----------
    batch : FlowBatch
        New records; may be empty.
    clock_ms : int
        The meter's clock (epoch, ms); 0 where only the packets tell the time, as in a file.
    is_moment : bool
        False: more records of the same moment follow. How those of a moment are batched changes nothing.
    """

    batch: FlowBatch
    clock_ms: int = 0
    is_moment: bool = True


class Scorer:
    """Concludes from what one source tells: two interfaces have two, each with connections of its own.

    Parameters
    ----------
    table : ConnectionTable
        Empty; remembers the open connections.
    judge : callable
    policy : Policy
        Remembers what was concluded of the open connections.
    openings : Openings, optional
        Remembers what clients opened, for the evidence of alerts; None: that is not told. Only a scorer that
        hears of all connections of a client can tell, one that has a part of a file cannot.
    """

    def __init__(
        self, table: ConnectionTable, judge: Judge, policy: Policy, openings: Openings | None = None
    ) -> None:
        self.table = table
        self._judge = judge
        self._policy = policy
        self._openings = openings

    def take(self, metered: Metered) -> Conclusions | None:
        """Conclude from new records; None where there is nothing to judge.

        A clock that was set back ends all connections: their times mean nothing to those that come.
        """
        if self._openings is not None:
            self._openings.note(metered.batch)
        if not 0 < metered.clock_ms < self.table.clock_ms - STEP_BACK_MS:
            return self._conclude(
                self.table.update(metered.batch, metered.clock_ms, is_moment=metered.is_moment)
            )
        last = self.table.update(metered.batch)
        return self._conclude(Observations.concat([last, self.table.flush()]))

    def finish(self) -> Conclusions | None:
        """Judge all open connections a last time and forget them."""
        return self._conclude(self.table.flush())

    def _conclude(self, observations: Observations) -> Conclusions | None:
        if not len(observations):
            return None
        conclusions = self._policy.take(observations, self._judge(observations))
        if self._openings is None or not conclusions.alerts:
            return conclusions
        alerts = [_with_openings(alert, self._openings) for alert in conclusions.alerts]
        return replace(conclusions, alerts=alerts)


def conclude(
    source: Iterable[Metered], table: ConnectionTable, judge: Judge, policy: Policy
) -> Iterator[Conclusions]:
    """Score what a source tells, and at its end every connection that is still open.

    Parameters
    ----------
    source : iterable of Metered
        One file or one interface.
    table, judge, policy
        See `Scorer`.

    Yields
    ------
    Conclusions
        As soon as they can be drawn, those of a moment at once and in order; never empty ones.
    """
    for conclusions in conclude_moments(source, table, judge, policy):
        if conclusions.alerts or conclusions.ended:
            yield conclusions


def conclude_moments(
    source: Iterable[Metered], table: ConnectionTable, judge: Judge, policy: Policy
) -> Iterator[Conclusions]:
    """Score as `conclude` does, but give the conclusions of every moment and of the end, empty or not.

    Whoever scores the same file in parts can put the parts together: they have the same moments.
    """
    scorer, parts = Scorer(table, judge, policy), list[Conclusions]()
    for metered in source:
        if conclusions := scorer.take(metered):
            parts.append(conclusions)
        if metered.is_moment:
            yield in_order(parts)
            parts = []
    if conclusions := scorer.finish():
        parts.append(conclusions)
    yield in_order(parts)


def in_order(parts: Sequence[Conclusions]) -> Conclusions:
    """Put conclusions of the same moment together, in the order of their connections' beginning."""
    if len(parts) == 1 and len(parts[0].alerts) + len(parts[0].ended) < 2:  # nearly all, on an interface
        return parts[0]
    return Conclusions(
        sorted((alert for part in parts for alert in part.alerts), key=lambda alert: place(alert.verdict)),
        sorted((verdict for part in parts for verdict in part.ended), key=place),
        sum((part.untold for part in parts), Counter()),
    )


def _with_openings(alert: Alert, openings: Openings) -> Alert:
    """Add what the client opened before: known here, as it came with records of other connections."""
    opened = openings.before(alert.verdict.key.client_ip, alert.verdict.start_ms)
    return replace(alert, evidence=replace(alert.evidence, opened_before=opened))


# What differs between any two connections that are not told in the same words: what they are sorted by.
place = attrgetter(
    "start_ms", "end_ms", "key.client_ip", "key.client_port", "key.server_ip", "key.server_port",
    "age_s", "probability", "novelty", "client_bytes", "server_bytes", "client_packets", "server_packets",
    "saw_start", "application_name", "server_name",
)  # fmt: skip
