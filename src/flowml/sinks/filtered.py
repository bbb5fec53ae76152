"""A sink that does not hear of every alert."""

from collections.abc import Callable, Sequence

from flowml.detections.alert import Alert
from flowml.detections.event import SensorEvent
from flowml.sinks.base import Sink

Filter = Callable[[Sequence[Alert]], list[Alert]]
"""Gives those of some alerts that are handed on."""


class Filtered:
    """Hands on what passes a filter, and everything that happens to the sensor.

    Parameters
    ----------
    sink : Sink
    passing : callable
    """

    def __init__(self, sink: Sink, passing: Filter) -> None:
        self._sink = sink
        self._passing = passing

    def emit(self, alerts: Sequence[Alert]) -> None:
        """Hand on some of the alerts; see `Sink.emit`."""
        if passed := self._passing(alerts):
            self._sink.emit(passed)

    def report(self, event: SensorEvent) -> None:
        """Hand on what happened to the sensor."""
        self._sink.report(event)

    def close(self) -> None:
        """Close the sink."""
        self._sink.close()
