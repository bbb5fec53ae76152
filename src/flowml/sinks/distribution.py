"""What is said to all destinations: each of them gets it, also when the sensor is killed in the middle.

Destinations accept one after another. What is being handed out is written down before the first of them and
forgotten after the last, so that the next start can hand it out to all again; identifiers make it harmless
that some had it already.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from operator import methodcaller

from flowml.detections.alert import Alert
from flowml.detections.event import SensorEvent
from flowml.errors import DataError, SinkError
from flowml.sinks.account import Tell
from flowml.sinks.base import Sink
from flowml.sinks.journal import Journal
from flowml.sinks.records import from_record, to_record


class Distribution:
    """Hands alerts and events to each sink, a failing one keeping them from none of the others.

    For several threads.

    Parameters
    ----------
    sinks : sequence of Sink
        The caller closes them.
    tell : callable
    journal : Journal or None
        Where it is kept what is being handed out; None: whoever is killed in the middle leaves it with some.
    """

    def __init__(self, sinks: Sequence[Sink], tell: Tell, journal: Journal | None = None) -> None:
        self._sinks = sinks
        self._tell = tell
        self._journal = journal
        self._trouble = ""
        self._lock = threading.Lock()

    def emit(self, alerts: Sequence[Alert]) -> int:
        """Hand out alerts; give how many were not taken, counted once for each sink and told."""
        with self._lock, self._kept(alerts):
            return len(alerts) * self._to_each("alert", methodcaller("emit", alerts))

    def report(self, event: SensorEvent) -> int:
        """Hand out an event in the same way."""
        with self._lock, self._kept([event]):
            return self._to_each("event", methodcaller("report", event))

    def resume(self) -> None:
        """Hand out what an earlier run was about to, as a whole."""
        if self._journal is None or not len(self._journal):
            return
        with self._lock:
            kept = self._journal.head(len(self._journal))
            self._tell(
                f"{len(kept)} alerts or events are handed out again: the sensor before was ended meanwhile"
            )
            for record in kept:
                self._again(record)
            self._journal.acknowledge(len(kept))

    def close(self) -> None:
        """Leave what is not handed out to the next start; what comes after this is not kept any more."""
        with self._lock:
            journal, self._journal = self._journal, None
        if journal is not None:
            journal.close()

    def _again(self, record: bytes) -> None:
        try:
            said = from_record(record)
        except DataError as error:
            self._tell(f"not handed out again: {error}")
            return
        if isinstance(said, Alert):
            self._to_each("alert", methodcaller("emit", [said]))
        else:
            self._to_each("event", methodcaller("report", said))

    @contextmanager
    def _kept(self, said: Sequence[Alert | SensorEvent]) -> Iterator[None]:
        """Keep what is said until the block ends."""
        if self._journal is None or not self._is_noted(self._journal, said):
            yield
            return
        yield
        with suppress(SinkError):  # not written down: it is handed out once more by the next start
            self._journal.acknowledge(len(said))

    def _is_noted(self, journal: Journal, said: Sequence[Alert | SensorEvent]) -> bool:
        trouble = ""
        try:
            journal.append([to_record(one) for one in said])
        except SinkError as error:  # a full disk: destinations have memory for it
            trouble = str(error)
        if trouble and not self._trouble:
            self._tell(f"who is killed now may leave an alert with some destinations only: {trouble}")
        self._trouble = trouble
        return not trouble

    def _to_each(self, what: str, to: Callable[[Sink], None]) -> int:
        failed = 0
        for sink in self._sinks:
            try:
                to(sink)
            except SinkError as error:
                self._tell(f"{what} not delivered: {error}")
                failed += 1
        return failed
