"""What became of the alerts for one destination: counted for health and metrics, told when it changes."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from flowml.sinks.backlog import Backlog

Tell = Callable[[str], None]
"""Told, in a sentence, what an operator should know."""


@dataclass(frozen=True)
class DeliveryFigures:
    """How it stands with the alerts and events for one destination, since the start.

    Attributes
    ----------
    name : str
    waiting : int
        Accepted and not yet delivered.
    held : int
        Of those that wait, in memory only.
    spooled_bytes, held_bytes : int
        Bytes of those that wait: on disk, and in memory only.
    delivered : int
    failed : int
        Deliveries that failed and are tried again.
    set_aside : int
        That the destination will never take.
    lost : int
        That neither disk nor memory had room for.
    last_error : str
        Empty: the last delivery was well.
    failing_since_ms : int or None
        When deliveries began to fail (epoch, ms); None: they do not.
    trouble : str
        Why the spool on disk takes nothing; empty: it does.
    """

    name: str
    waiting: int
    held: int
    spooled_bytes: int
    held_bytes: int
    delivered: int
    failed: int
    set_aside: int
    lost: int
    last_error: str
    failing_since_ms: int | None
    trouble: str


class Account:
    """Counts, and tells what is new; the same failure again is counted only.

    Parameters
    ----------
    name : str
        Of the destination.
    backlog : Backlog
    tell : callable
    """

    def __init__(self, name: str, backlog: Backlog, tell: Tell) -> None:
        self._name = name
        self._backlog = backlog
        self._tell = tell
        self._delivered = self._failed = self._set_aside = self._lost = 0
        self._last_error = self._trouble = ""
        self._failing_since_ms: int | None = None

    def figures(self) -> DeliveryFigures:
        """Say how it stands."""
        return DeliveryFigures(
            name=self._name,
            waiting=len(self._backlog),
            held=self._backlog.held,
            spooled_bytes=self._backlog.spooled_bytes,
            held_bytes=self._backlog.held_bytes,
            delivered=self._delivered,
            failed=self._failed,
            set_aside=self._set_aside,
            lost=self._lost,
            last_error=self._last_error,
            failing_since_ms=self._failing_since_ms,
            trouble=self._backlog.trouble,
        )

    def delivered(self, count: int) -> None:
        """Count what was taken; tell that deliveries go through, if they did not before."""
        self._delivered += count
        if self._last_error:
            self._tell(f"{self._name}: delivered again")
        self._last_error, self._failing_since_ms = "", None

    def lost(self, count: int) -> None:
        """Count what nothing had room for; who handed it out tells."""
        self._lost += count

    def set_aside(self, count: int, why: str, where: str) -> None:
        """Tell what will never be taken."""
        self._set_aside += count
        self._tell(f"{self._name}: {count} alerts or events will never be taken: {why}; {where}")
        self._note(why)

    def failure(self, error: str) -> None:
        """Tell why a delivery failed, if that is new."""
        self._failed += 1
        if error != self._last_error:
            waiting = len(self._backlog)
            self._tell(f"{self._name}: not delivered: {error}; {waiting} waiting, tried again until it works")
        self._note(error)

    def spool(self) -> None:
        """Tell when the spool takes nothing any more, and when it does again."""
        trouble = self._backlog.trouble
        if trouble == self._trouble:
            return
        self._trouble = trouble
        if trouble:
            self._tell(f"{self._name}: alerts are kept in memory only: {trouble}")
        else:
            self._tell(f"{self._name}: alerts are kept on disk again")

    def tell(self, text: str) -> None:
        """Tell something else."""
        self._tell(f"{self._name}: {text}")

    def _note(self, error: str) -> None:
        if self._failing_since_ms is None:
            self._failing_since_ms = int(time.time() * 1000)
        self._last_error = error
