"""Alerts and events as JSON lines on a stream, such as standard output: the records of the EVE file."""

from collections.abc import Sequence
from typing import IO

from flowml.detections.alert import Alert
from flowml.detections.event import SensorEvent
from flowml.sinks.eve import eve_line, event_line


class JsonLines:
    """Lines on a stream, each handed over at once.

    Parameters
    ----------
    stream : text file
        Not closed.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def emit(self, alerts: Sequence[Alert]) -> None:
        """Write a line each."""
        for alert in alerts:
            self._write(eve_line(alert))

    def report(self, event: SensorEvent) -> None:
        """Write a line."""
        self._write(event_line(event))

    def close(self) -> None:
        """Leave the stream as it is."""

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()
