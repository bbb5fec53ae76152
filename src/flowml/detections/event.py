"""What happened to a sensor: when it could not see, as opposed to what it saw."""

from dataclasses import dataclass
from enum import Enum


class EventKind(Enum):
    """What happened."""

    INTERRUPTED = "interrupted"
    RESUMED = "resumed"
    CLOSED = "closed"


@dataclass(frozen=True)
class SensorEvent:
    """A change in what a sensor sees.

    Attributes
    ----------
    time_ms : int
        When it was noticed (epoch, ms).
    kind : EventKind
    source : str
        Interface.
    message : str
        What happened, in a sentence that names the source.
    connections : int
        Connections that were open: they were interrupted, or judged a last time.
    gap_s : float or None
        Seconds of which packets may be missing; known when capture is resumed.
    """

    time_ms: int
    kind: EventKind
    source: str
    message: str
    connections: int
    gap_s: float | None = None
