"""The live loop: a capture process in front, sinks behind, signals that end it in order."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from flowml.detections.alert import Alert
from flowml.detections.policy import Policy
from flowml.errors import SinkError
from flowml.flows.connections import ConnectionTable
from flowml.service.feed import CaptureFeed
from flowml.service.scoring import Judge, conclude
from flowml.service.tally import Tally
from flowml.sinks.base import Sink

_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class Scorer:
    """What turns records into conclusions.

    Attributes
    ----------
    table : ConnectionTable
    judge : callable
    policy : Policy
    """

    table: ConnectionTable
    judge: Judge
    policy: Policy


def run(feed: CaptureFeed, scorer: Scorer, sinks: Sequence[Sink], tell: Callable[[str], None]) -> Tally:
    """Score what a capture process tells until it ends or a signal asks for the end.

    SIGINT and SIGTERM end the capture in order: every open connection is judged a last time. A second signal
    ends at once. May only be called in the main thread.

    Parameters
    ----------
    feed : CaptureFeed
        Just started.
    scorer : Scorer
    sinks : sequence of Sink
        Each gets every alert; the caller closes them.
    tell : callable
        Told, in a sentence, what an operator should know.

    Returns
    -------
    Tally
        What was seen, and how many alerts were not delivered; each of these was told when it happened.
    """
    tally = Tally()
    with _ended_by_signals(feed.stop):
        for conclusions in conclude(feed, scorer.table, scorer.judge, scorer.policy):
            tally.add(conclusions)
            for alert in conclusions.alerts:
                tally.undelivered += deliver(alert, sinks, tell)
    return tally


def deliver(alert: Alert, sinks: Sequence[Sink], tell: Callable[[str], None]) -> int:
    """Give an alert to each sink, a failing one keeping it from none of the others.

    Returns
    -------
    int
        How many sinks failed; each failure was told.
    """
    failed = 0
    for sink in sinks:
        try:
            sink.emit([alert])
        except SinkError as error:
            tell(f"alert not delivered: {error}")
            failed += 1
    return failed


@contextmanager
def _ended_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` on the first SIGINT or SIGTERM inside the block; the second does what it did before."""

    def note(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        restore()
        stop()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    before = {number: signal.getsignal(number) for number in _ENDING_SIGNALS}
    for number in before:
        signal.signal(number, note)
    try:
        yield
    finally:
        restore()
