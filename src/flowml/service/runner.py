"""The live loop: capture processes in front, sinks behind, signals that end it in order."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from flowml.detections.event import EventKind, SensorEvent
from flowml.detections.policy import Conclusions
from flowml.service.scoring import Metered, Scorer
from flowml.service.supervisor import Supervisor
from flowml.service.tally import Tally
from flowml.service.told import Closed, Interrupted, Resumed, Told
from flowml.service.watch import Watch
from flowml.signals import ENDING_SIGNALS
from flowml.sinks.distribution import Distribution


def run(
    supervisor: Supervisor,
    new_scorer: Callable[[str], Scorer],
    distribution: Distribution,
    watch: Watch | None = None,
) -> Tally:
    """Score what the capture processes tell until they end or a signal asks for the end.

    SIGINT and SIGTERM end the capture in order: every open connection is judged a last time. A second signal
    ends at once. May only be called in the main thread.

    Parameters
    ----------
    supervisor : Supervisor
        Just made.
    new_scorer : callable
        Makes the scorer of a source, given its name.
    distribution : Distribution
        Gets every alert and every event; the caller closes it.
    watch : Watch, optional
        Hears what the loop hears, and what it concludes.

    Returns
    -------
    Tally
        What was seen, and what was not delivered; each of these was told when it happened.
    """
    loop = _Loop(new_scorer, distribution, watch)
    with _ended_by_signals(supervisor.stop):
        for told in supervisor:
            loop.take(told)
        loop.finish()
    return loop.tally


class _Loop:
    """The scorers of the sources, and what comes of what they conclude."""

    def __init__(
        self,
        new_scorer: Callable[[str], Scorer],
        distribution: Distribution,
        watch: Watch | None = None,
    ) -> None:
        self.tally = Tally()
        self._new_scorer = new_scorer
        self._distribution = distribution
        self._watch = watch
        self._scorers: dict[str, Scorer] = {}

    def take(self, told: Told) -> None:
        """Conclude from records; remember and report what became of a source."""
        if self._watch is not None:
            self._watch.hear(told)
        if told.source not in self._scorers:
            self._scorers[told.source] = self._new_scorer(told.source)
        scorer = self._scorers[told.source]
        match told.what:
            case Metered() as metered:
                self._deliver(told.source, scorer.take(metered))
            case Interrupted(reason):
                self._report(EventKind.INTERRUPTED, told.source, reason, scorer.table.interrupt())
            case Resumed(gap_s):
                message = f"{told.source}: capture goes on after {gap_s:.1f} s"
                self._report(EventKind.RESUMED, told.source, message, len(scorer.table), gap_s)
            case Closed(reason):
                self._report(EventKind.CLOSED, told.source, reason, len(scorer.table))
                self._close(told.source)

    def finish(self) -> None:
        """Judge every connection that is still open a last time."""
        for source in list(self._scorers):
            self._close(source)

    def _close(self, source: str) -> None:
        scorer = self._scorers.pop(source)
        self._deliver(source, scorer.finish())
        self.tally.evicted[source] += scorer.table.evicted

    def _deliver(self, source: str, conclusions: Conclusions | None) -> None:
        if conclusions is None:
            return
        self.tally.add(conclusions)
        if self._watch is not None:
            self._watch.concluded(source, conclusions)
        if conclusions.alerts:
            self.tally.undelivered += self._distribution.emit(conclusions.alerts)

    def _report(
        self, kind: EventKind, source: str, message: str, connections: int, gap_s: float | None = None
    ) -> None:
        event = SensorEvent(int(time.time() * 1000), kind, source, message, connections, gap_s)
        self.tally.undelivered += self._distribution.report(event)


@contextmanager
def _ended_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` on the first SIGINT or SIGTERM inside the block; the second does what it did before."""

    def note(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        restore()
        stop()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    before = {number: signal.getsignal(number) for number in ENDING_SIGNALS}
    for number in before:
        signal.signal(number, note)
    try:
        yield
    finally:
        restore()
