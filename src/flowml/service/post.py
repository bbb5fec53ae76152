"""One watched source: its capture process, or the time at which the next one starts."""

import time
from dataclasses import replace

import numpy as np

from flowml.schema import UID
from flowml.service.backoff import Backoff
from flowml.service.capture_task import CaptureTask
from flowml.service.feed import CaptureFeed
from flowml.service.scoring import Metered
from flowml.service.starting import Start

_RUN_SHIFT = 48  # the meter of each run counts its flows from 0; no run has more of them than this many bits


class Post:
    """A source that is being watched.

    Parameters
    ----------
    task : CaptureTask
        Its first process is started at once.
    start : callable
        Starts a process.

    Attributes
    ----------
    feed : CaptureFeed or None
        The process; None between two of them.
    start_at : float
        When the next one is due (monotonic seconds).
    reason : str
        Why the last one failed.
    was_open : bool
        Packets came from the process that ended last.
    has_ever_opened, has_failed : bool
        Of all processes so far.
    is_retired : bool
        It is not wanted any more.
    """

    def __init__(self, task: CaptureTask, start: Start) -> None:
        self.name = task.source
        self.is_replay = task.interface is None
        self.start_at = 0.0
        self.reason = ""
        self.was_open = self.has_ever_opened = self.has_failed = self.is_retired = False
        self._task = task
        self._start = start
        self._runs = 0
        self._backoff = Backoff()
        self._opened_at: float | None = None
        self._heard_at = 0.0
        self._is_interrupted = False
        self.feed: CaptureFeed | None = CaptureFeed(task, start)

    def start(self) -> None:
        """Start the next process."""
        self._runs += 1
        self.feed = CaptureFeed(self._task, self._start)

    def opened(self) -> float | None:
        """Note that packets are coming; give the seconds that are missing, None the first time."""
        now = time.monotonic()
        gap_s = now - self._heard_at if self._is_interrupted else None
        self._opened_at = self._heard_at = now
        self.has_ever_opened, self._is_interrupted = True, False
        return gap_s

    def numbered(self, metered: Metered) -> Metered:
        """Give flows of different processes different identifiers."""
        self._heard_at = time.monotonic()
        if not self._runs or not len(metered.batch):
            return metered
        uid = metered.batch[UID] + np.uint64(self._runs << _RUN_SHIFT)
        return replace(metered, batch=metered.batch.with_column(UID, uid))

    @property
    def silent_s(self) -> float:
        """Seconds without a word from a meter, which tells the time four times a second; 0 for none."""
        if self.is_replay or self.feed is None or self._opened_at is None or self.feed.pipe.poll():
            return 0.0
        return time.monotonic() - self._heard_at

    def retire(self) -> None:
        """Let it end in order."""
        self.is_retired = True
        if self.feed is not None:
            self.feed.stop()

    def end(self, counters: dict[str, dict[str, int]]) -> str | None:
        """Bury the process; add what it counted; give why it failed, None if it ended in order."""
        feed = self.feed
        if feed is None:
            return None
        failure = feed.failure()
        feed.close()
        self.feed = None
        counted = counters.setdefault(self.name, {})
        for name, value in feed.counters.items():
            counted[name] = counted.get(name, 0) + value
        if failure is not None:
            self.reason, self.has_failed = failure, True
        return failure

    def wait(self) -> float:
        """Plan the next start; give the seconds until then."""
        now = time.monotonic()
        delay_s = self._backoff.delay_s(0.0 if self._opened_at is None else now - self._opened_at)
        self.was_open = self._opened_at is not None
        self._is_interrupted |= self.was_open
        self._opened_at = None
        self.start_at = now + delay_s
        return delay_s

    def forget(self) -> bool:
        """Take what comes next for another interface; give whether there was anything to forget."""
        was_watched = self._opened_at is not None or self._is_interrupted or self.was_open
        self._opened_at, self._is_interrupted, self.was_open = None, False, False
        return was_watched

    def close(self) -> None:
        """End the process, by force if need be."""
        if self.feed is not None:
            self.feed.close()
            self.feed = None
