"""What each source sees, counted while it is told."""

import time
from collections import Counter, deque
from collections.abc import Callable

import numpy as np

from flowml.capture.census import NOT_IP
from flowml.flows.batch import FlowBatch
from flowml.schema import DST_PACKETS, PACKETS, PROTOCOL, SLICE
from flowml.service.health import Sight
from flowml.service.scoring import Metered
from flowml.service.told import Closed, Interrupted, Resumed, Told
from flowml.service.wire import Counted

_TCP = 6
_FEWEST_PACKETS = 4  # an answered handshake and a little more; less is a scan
_RECENT_S = 3600.0
_REMEMBERED = ("lost_records", "lost_headers")  # rare, and over before somebody looks


class Sighting:
    """Counts of one source; `sight` gives what came since it was asked last.

    Parameters
    ----------
    source : str
    clock : callable
        Monotonic seconds.

    Attributes
    ----------
    totals : Counter of str
        What the meters of this source counted, each process after the other.
    """

    def __init__(self, source: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._clock = clock
        self.totals: Counter[str] = Counter()
        self._since: Counter[str] = Counter()
        self._lost: deque[tuple[float, str, int]] = deque()
        self._last: dict[str, int] = {}
        self._seen_at = clock()
        self._restarts: deque[float] = deque(maxlen=1000)
        self._is_watched = True

    def take(self, told: Told) -> None:
        """Count what was told."""
        match told.what:
            case Metered(batch):
                self._count(batch)
            case Counted(counters):
                self._compare(counters)
            case Interrupted():
                self._is_watched, self._last = False, {}  # the next process counts from 0
                self._restarts.append(self._clock())
            case Resumed():
                self._is_watched, self._seen_at = True, self._clock()
            case Closed():
                self._is_watched = False

    def sight(self) -> Sight:
        """What came since the last time, and begin anew."""
        now, since = self._clock(), self._since
        self._since = Counter()
        while self._lost and now - self._lost[0][0] >= _RECENT_S:
            self._lost.popleft()
        lost = Counter[str]()
        for _, name, count in self._lost:
            lost[name] += count
        return Sight(
            self._source,
            packets=since["packets"],
            left_out=since["ignored"] - since[NOT_IP],
            dropped=since["kernel_drops"],
            lost_records=lost["lost_records"],
            lost_headers=lost["lost_headers"],
            flows=since["flows"],
            one_way=since["one_way"],
            silent_s=now - self._seen_at,
            restarts=sum(now - at < _RECENT_S for at in self._restarts),
            is_watched=self._is_watched,
        )

    def _count(self, batch: FlowBatch) -> None:
        if not len(batch):
            return
        is_flow = (batch[PROTOCOL] == _TCP) & (batch[SLICE] == 0) & (batch[PACKETS] >= _FEWEST_PACKETS)
        self._since["flows"] += int(is_flow.sum())
        self._since["one_way"] += int(np.count_nonzero(is_flow & (batch[DST_PACKETS] == 0)))
        self._seen_at = self._clock()

    def _compare(self, counters: dict[str, int]) -> None:
        fresh = {name: max(0, value - self._last.get(name, 0)) for name, value in counters.items()}
        self._since.update(fresh)
        self.totals.update(fresh)
        self._lost.extend((self._clock(), name, fresh[name]) for name in _REMEMBERED if fresh.get(name))
        if counters.get("kernel_received", 0) > self._last.get("kernel_received", 0):
            self._seen_at = self._clock()
        self._last = dict(counters)
