"""A destination behind a queue and a thread of its own: it may be slow or down, and nobody else waits for it.

An alert is accepted when the backlog has it, which is on disk where there is a state folder. It is delivered,
then acknowledged; after a crash in between it is delivered again, under the same identifier.
"""

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from queue import Empty, SimpleQueue

from flowml.detections.alert import Alert
from flowml.detections.event import SensorEvent
from flowml.errors import DataError, SinkError
from flowml.sinks.account import Account, DeliveryFigures, Tell
from flowml.sinks.backlog import Backlog
from flowml.sinks.base import Reopenable, Sink, Terms, UndeliverableError
from flowml.sinks.records import from_record, to_record
from flowml.sinks.rotation import RotatedLines

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0  # before a failed delivery is tried again; doubled in between
LAST_PAUSE_S = 0.2  # the same while a sensor ends that would lose what it does not deliver
SETTLE_S = 1.0  # before a disk that took nothing is tried again
PARTING_S = 0.2  # for a thread to notice that its time is over
_ASIDE_BYTES = 16 << 20  # of a file of undeliverable alerts, and of the one before it


class Delivery:
    """A sink that accepts at once and delivers from a thread of its own, in order, until it succeeds.

    Parameters
    ----------
    name : str
        Of the destination, as it is told.
    sink : Sink
        Only used by the thread.
    backlog : Backlog
    terms : Terms
    tell : callable
        Called by both threads.
    aside : Path, optional
        File for what the destination will never take; None: that is told and gone.
    """

    def __init__(
        self, name: str, sink: Sink, backlog: Backlog, terms: Terms, tell: Tell, aside: Path | None = None
    ) -> None:
        self.name = name
        self._sink = sink
        self._backlog = backlog
        self._terms = terms
        self._account = Account(name, backlog, tell)
        self._aside = aside
        self._bell: SimpleQueue[None] = SimpleQueue()  # a signal handler may ring it
        self._must_reopen = False
        self._end_at: float | None = None
        self._due = 0.0
        self._pause_s = FIRST_PAUSE_S
        self._broken: BrokenPipeError | None = None
        self._thread = threading.Thread(target=self._work, name=f"flowml-{name}", daemon=True)
        self._thread.start()

    # --- for those who hand out ---------------------------------------------------------------------------

    def emit(self, alerts: Sequence[Alert]) -> None:
        """Accept alerts; raises `SinkError` if neither disk nor memory has room for them."""
        self._accept(alerts)

    def report(self, event: SensorEvent) -> None:
        """Accept an event in the same way."""
        if self._terms.wants_events:
            self._accept([event])

    def reopen(self) -> None:
        """Have the sink open its file again, soon; may be called from a signal handler."""
        self._must_reopen = True
        self._bell.put(None)

    def figures(self) -> DeliveryFigures:
        """Say how it stands."""
        return self._account.figures()

    def finish(self, until: float) -> None:
        """Let the thread deliver what waits and end, at `until` (monotonic, s) at the latest."""
        self._end_at = until - PARTING_S
        self._bell.put(None)

    def close(self) -> None:
        """Wait for the end that `finish` set; what is not delivered by then stays in the spool."""
        if self._end_at is None:
            raise RuntimeError("closed before it was told to finish")
        self._thread.join(max(0.0, self._end_at + PARTING_S - time.monotonic()))
        self._backlog.close()
        if not self._thread.is_alive():  # else it hangs in a system call, and ends with the process
            self._sink.close()

    def check(self) -> None:
        """Raise `BrokenPipeError` if whoever reads standard output went away."""
        if self._broken is not None:
            raise self._broken

    def _accept(self, said: Sequence[Alert | SensorEvent]) -> None:
        self.check()
        if self._end_at is not None:
            self._account.lost(len(said))
            raise SinkError(f"{self.name}: takes nothing more: the sensor ends")
        try:
            self._backlog.put([to_record(one) for one in said])
        except SinkError:
            self._account.lost(len(said))
            raise
        finally:
            self._account.spool()
            self._bell.put(None)

    # --- the thread ---------------------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            while self._goes_on():
                self._reopen()
                self._backlog.settle()
                self._account.spool()
                if len(self._backlog) and self._due <= time.monotonic():
                    self._deliver_some()
                else:
                    self._wait()
        except BrokenPipeError as error:  # standard output: for who hands out, which ends as without a thread
            self._broken = error

    def _goes_on(self) -> bool:
        """Whether there is something to do; in the end only what would be lost is tried more than once."""
        if self._end_at is None:
            return True
        now = time.monotonic()
        if not len(self._backlog) or now >= self._end_at:
            return False
        if self._backlog.is_durable:
            return self._due <= now
        self._due = min(self._due, now + LAST_PAUSE_S)
        return True

    def _wait(self) -> None:
        """Wait until the bell rings, a delivery is due, or the disk is to be tried again."""
        pauses_s = []
        if len(self._backlog):
            pauses_s.append(max(0.0, self._due - time.monotonic()))
        if self._backlog.trouble:
            pauses_s.append(SETTLE_S)
        if self._end_at is not None:
            pauses_s.append(max(0.0, self._end_at - time.monotonic()))
        try:
            self._bell.get(timeout=min(pauses_s, default=None))
            while True:  # rung many times is rung once
                self._bell.get_nowait()
        except Empty:
            pass

    def _deliver_some(self) -> None:
        started = time.monotonic()
        try:
            count = self._attempt(self._backlog.head(self._terms.at_most))
            self._backlog.done(count)
        except BrokenPipeError:
            raise
        except (SinkError, OSError) as error:  # of a stream that is no file of ours: an OSError
            self._account.failure(str(error))
            self._due = time.monotonic() + self._pause_s
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        else:
            self._due, self._pause_s = started + self._terms.every_s, FIRST_PAUSE_S

    def _attempt(self, records: list[bytes]) -> int:
        """Deliver the first of some records, or set them aside; give how many that were."""
        alerts, event, unreadable = _read(records)
        if unreadable:
            return self._put_aside(records[:1], unreadable)
        count = len(alerts) or 1
        try:
            if event is not None:
                self._sink.report(event)
            else:
                self._sink.emit(alerts)
        except UndeliverableError as error:
            return self._put_aside(records[:count], str(error))
        except (SinkError, OSError):
            raise
        except Exception as error:  # noqa: BLE001  # a mistake of ours must not stop what comes behind it
            return self._put_aside(records[:count], f"{type(error).__name__}: {error}")
        self._account.delivered(count)
        return count

    def _put_aside(self, records: list[bytes], why: str) -> int:
        where = "there is no state.folder to keep them in"
        if self._aside is not None:
            where = f"kept in {self._aside}"
            lines = RotatedLines(self._aside, _ASIDE_BYTES, keep=1)
            try:
                lines.append([record.decode("utf-8", "backslashreplace") for record in records])
            finally:
                lines.close()
        self._account.set_aside(len(records), why, where)
        return len(records)

    def _reopen(self) -> None:
        if self._must_reopen and isinstance(self._sink, Reopenable):
            self._must_reopen = False
            try:
                self._sink.reopen()
            except SinkError as error:
                self._account.tell(str(error))


def _read(records: list[bytes]) -> tuple[list[Alert], SensorEvent | None, str]:
    """Give the alerts that come first, or the event, or why the first record cannot be read."""
    alerts: list[Alert] = []
    for record in records:
        try:
            said = from_record(record)
        except DataError as error:
            return alerts, None, "" if alerts else str(error)
        if isinstance(said, SensorEvent):
            return alerts, None if alerts else said, ""
        alerts.append(said)
    return alerts, None, ""
