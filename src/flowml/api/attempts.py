"""Failed logins: counted by user and by address, and slowed down when there are many."""

import threading
from collections import OrderedDict, deque
from collections.abc import Iterable

WINDOW_MS = 10 * 60 * 1000
MAX_FAILURES = 8  # NIST SP 800-63B allows up to 100; people who mistype need few
_MAX_KEYS = 10_000  # whoever sends new names for ever pushes out old ones, not the memory


class Attempts:
    """Remembers failures of the last ten minutes, of so many keys at most."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, deque[int]] = OrderedDict()
        self._lock = threading.Lock()

    def wait_ms(self, keys: Iterable[str], now_ms: int) -> int:
        """How long to wait before the next attempt; 0: it may be made now."""
        with self._lock:
            return max((self._wait_ms(key, now_ms) for key in keys), default=0)

    def failed(self, keys: Iterable[str], now_ms: int) -> None:
        """Count a failure."""
        with self._lock:
            for key in keys:
                self._failures.setdefault(key, deque(maxlen=MAX_FAILURES)).append(now_ms)
                self._failures.move_to_end(key)
            while len(self._failures) > _MAX_KEYS:
                self._failures.popitem(last=False)

    def succeeded(self, keys: Iterable[str]) -> None:
        """Forget the failures of whoever got in."""
        with self._lock:
            for key in keys:
                self._failures.pop(key, None)

    def _wait_ms(self, key: str, now_ms: int) -> int:
        failures = self._failures.get(key, deque())
        while failures and now_ms - failures[0] > WINDOW_MS:
            failures.popleft()
        return failures[0] + WINDOW_MS - now_ms if len(failures) == MAX_FAILURES else 0
