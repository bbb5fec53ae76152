"""What is told of a capture file: its lines and figures, which parts of a file can be put together from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from flowml.detections.alert import ConnectionVerdict
from flowml.detections.policy import Conclusions
from flowml.detections.verdict import Label
from flowml.service.scoring import place
from flowml.service.tally import Tally
from flowml.sinks.connections import connection_line
from flowml.sinks.eve import eve_line

Placed = tuple[tuple[Any, ...], str]
"""A line after what it is sorted by."""


@dataclass(frozen=True)
class Wanted:
    """Which lines are wanted: those of all connections, those of alerts as EVE JSON."""

    connections: bool
    eve: bool

    @property
    def labels(self) -> tuple[Label, ...]:
        """What connections have to end as to be told of one by one."""
        return tuple(Label) if self.connections else (Label.MINING,)


@dataclass(frozen=True)
class Told:
    """What is told of a moment of a file, or of its part.

    Attributes
    ----------
    connections, eve : list of Placed
        Lines that are wanted.
    tagged : list of ConnectionVerdict
        Connections that ended as mining.
    tally : Tally
    """

    connections: list[Placed] = field(default_factory=list)
    eve: list[Placed] = field(default_factory=list)
    tagged: list[ConnectionVerdict] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)


def tell(conclusions: Conclusions, wanted: Wanted) -> Told:
    """Put conclusions into words."""
    told = Told(tagged=[verdict for verdict in conclusions.ended if verdict.label is Label.MINING])
    told.tally.add(conclusions)
    if wanted.connections:
        told.connections.extend((place(verdict), connection_line(verdict)) for verdict in conclusions.ended)
    if wanted.eve:
        told.eve.extend((place(alert.verdict), eve_line(alert)) for alert in conclusions.alerts)
    return told


def together(parts: Sequence[Told]) -> Told:
    """Put the parts of a moment together; the order does not depend on how many there are."""
    told = Told(
        sorted(_all(part.connections for part in parts)),
        sorted(_all(part.eve for part in parts)),
        sorted((verdict for part in parts for verdict in part.tagged), key=place),
    )
    for part in parts:
        told.tally.merge(part.tally)
    return told


def _all(lists: Iterable[list[Placed]]) -> Iterable[Placed]:
    return (line for lines in lists for line in lines)
