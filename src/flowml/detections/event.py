"""What happened to a sensor: when it could not see, or might not, as opposed to what it saw."""

from dataclasses import dataclass
from enum import Enum

SENSOR = "sensor"
"""The source of what concerns all interfaces."""


class EventKind(Enum):
    """What happened."""

    INTERRUPTED = "interrupted"
    RESUMED = "resumed"
    CLOSED = "closed"
    HEALTH = "health"


@dataclass(frozen=True)
class SensorEvent:
    """A change in what a sensor sees, or in how well it is.

    Attributes
    ----------
    time_ms : int
        When it was noticed (epoch, ms).
    kind : EventKind
    source : str
        Interface; `SENSOR` for all.
    message : str
        What happened, in a sentence that names the source.
    connections : int
        Connections that were open: they were interrupted, or judged a last time. 0 of health.
    gap_s : float or None
        Seconds of which packets may be missing; known when capture is resumed.
    check, status, before : str
        Of health: what was looked at, how it stands (``ok``, ``warn`` or ``bad``), and how it stood; empty
        otherwise.
    """

    time_ms: int
    kind: EventKind
    source: str
    message: str
    connections: int
    gap_s: float | None = None
    check: str = ""
    status: str = ""
    before: str = ""
