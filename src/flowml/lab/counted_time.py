"""An event loop whose time is counted: where nothing is left to do but to wait, the wait is over at once.

Actors that speak over sockets of this process alone play ten minutes in seconds: what one writes is there for
the other before time goes on.
"""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any


class _Impatient(selectors.DefaultSelector):
    """Counts the time that others would wait."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout is None or timeout <= 0:
            return ready or super().select(timeout)
        self.now_s += timeout
        return ready


class CountedLoop(asyncio.SelectorEventLoop):
    """Begins at second 0; no timer waits for the clock of this machine."""

    def __init__(self) -> None:
        self._counting = _Impatient()
        super().__init__(self._counting)

    def time(self) -> float:
        """Seconds counted so far."""
        return self._counting.now_s


def run_counted(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a coroutine to its end in counted time."""
    with asyncio.Runner(loop_factory=CountedLoop) as runner:
        runner.run(main())
