"""What a sink is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from flowml.detections.alert import Alert
from flowml.detections.event import SensorEvent
from flowml.errors import SinkError


class Sink(Protocol):
    """A place where alerts are delivered."""

    def emit(self, alerts: Sequence[Alert]) -> None:
        """Deliver alerts, in their order.

        Raises
        ------
        SinkError
            Some were not delivered; never silently.
        """
        ...

    def report(self, event: SensorEvent) -> None:
        """Deliver what happened to the sensor; raises `SinkError` as `emit` does."""
        ...

    def close(self) -> None:
        """Let go of what the sink holds open; nothing is emitted afterwards."""
        ...


class UndeliverableError(SinkError):
    """The other side will never take it: trying again is no remedy."""


@runtime_checkable
class Reopenable(Protocol):
    """A sink with a file that somebody else may have moved away."""

    def reopen(self) -> None:
        """Let go of the file and open what stands under its name now; raises `SinkError`."""
        ...


@dataclass(frozen=True)
class Terms:
    """How a destination wants to be served.

    Attributes
    ----------
    at_most : int
        Alerts in one delivery. When one fails, all its alerts are delivered again: a destination that cannot
        take back half of them wants them one by one.
    every_s : float
        Seconds from one delivery to the next; meanwhile alerts wait. For mail.
    wants_events : bool
        Whether it is told what happened to the sensor.
    """

    at_most: int = 1
    every_s: float = 0.0
    wants_events: bool = True
