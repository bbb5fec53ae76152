"""What a sink is."""

from collections.abc import Sequence
from typing import Protocol

from flowml.detections.alert import Alert
from flowml.detections.event import SensorEvent


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
