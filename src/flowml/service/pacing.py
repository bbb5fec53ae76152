"""A capture file replayed: its records are told when a live meter would have told them."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from flowml.flows.batch import FlowBatch
from flowml.schema import COVERED_UNTIL_MS, FIRST_SEEN_MS
from flowml.service.scoring import Metered

TICK_S = 0.25  # records that are due within it are told together


class ReplayClock:
    """Packet time that runs on at a chosen speed.

    Parameters
    ----------
    speed : float
        Seconds of packet time in a second.
    monotonic : callable
        Seconds that pass.
    """

    def __init__(self, speed: float, monotonic: Callable[[], float]) -> None:
        self._speed = speed
        self._monotonic = monotonic
        self._started = monotonic()
        self._origin_ms = 0

    def start(self, origin_ms: int) -> None:
        """Let the clock show `origin_ms` now."""
        self._started, self._origin_ms = self._monotonic(), origin_ms

    @property
    def now_ms(self) -> int:
        """Packet time (epoch, ms)."""
        return self._origin_ms + int((self._monotonic() - self._started) * self._speed * 1000)


def replay(
    batches: Iterable[FlowBatch], clock: ReplayClock, wait: Callable[[float], bool]
) -> Iterator[Metered]:
    """Tell the records of a file in packet time.

    Parameters
    ----------
    batches : iterable of FlowBatch
        In the order in which a meter gave them.
    clock : ReplayClock
    wait : callable
        Waits some seconds; gives True if the replay shall end.

    Yields
    ------
    Metered
        At least one each tick, with the clock; empty where nothing is due.
    """
    latest_ms = None
    for batch in batches:
        if not len(batch):
            continue
        if latest_ms is None:
            latest_ms = int(batch[FIRST_SEEN_MS].min())
            clock.start(latest_ms)
        # a record is told when the meter can vouch for it, and not before the one that came before it
        due_ms = np.maximum.accumulate(np.maximum(batch[COVERED_UNTIL_MS], latest_ms))
        latest_ms = int(due_ms[-1])
        told = 0
        while told < len(batch):
            ready = int(np.searchsorted(due_ms, clock.now_ms, side="right"))
            yield Metered(batch.take(np.arange(told, max(told, ready))), clock.now_ms)
            told = max(told, ready)
            if told < len(batch) and wait(TICK_S):
                return
