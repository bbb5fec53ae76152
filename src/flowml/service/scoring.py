"""From metered records to conclusions: the one road that files and live traffic take."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from flowml.detections.policy import Conclusions, Policy
from flowml.detections.verdict import VerdictBatch
from flowml.flows.batch import FlowBatch
from flowml.flows.connections import ConnectionTable
from flowml.flows.observations import Observations

Judge = Callable[[Observations], VerdictBatch]
"""Gives a verdict for each of n observations."""


@dataclass(frozen=True)
class Metered:
    """What a meter told at once.

    Attributes
    ----------
    batch : FlowBatch
        New records; may be empty.
    clock_ms : int
        The meter's clock (epoch, ms); 0 where only the packets tell the time, as in a file.
    """

    batch: FlowBatch
    clock_ms: int = 0


def conclude(
    source: Iterable[Metered], table: ConnectionTable, judge: Judge, policy: Policy
) -> Iterator[Conclusions]:
    """Score what a source tells, and at its end every connection that is still open.

    Parameters
    ----------
    source : iterable of Metered
        One file or one interface.
    table : ConnectionTable
        Empty; remembers the open connections.
    judge : callable
    policy : Policy
        Remembers what was concluded of the open connections.

    Yields
    ------
    Conclusions
        As soon as they can be drawn; some are empty.
    """
    for metered in source:
        observations = table.update(metered.batch, metered.clock_ms)
        if len(observations):
            yield policy.take(observations, judge(observations))
    rest = table.flush()
    if len(rest):
        yield policy.take(rest, judge(rest))
