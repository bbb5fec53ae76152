"""The scorer's end of a capture process: starts it, hears it, and never leaves it behind."""

import math
import os
import time
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

from flowml.service.capture_task import CaptureTask
from flowml.service.starting import Start, start_child
from flowml.service.wire import Ended, Failed, Message, decode

GRACE_S = 1.5  # from the request to end to force: most of the two seconds in which a sensor has to end


class CaptureFeed:
    """A capture process, and a context manager that ends it.

    Parameters
    ----------
    task : CaptureTask
    start : callable
        Starts the process.

    Attributes
    ----------
    pipe : Connection
        Readable when there is something to `hear`.
    counters : dict of str to int
        What the meter counted; empty before the end.
    """

    def __init__(self, task: CaptureTask, start: Start = start_child) -> None:
        self.counters: dict[str, int] = {}
        self._source = task.source
        self._is_replay = task.interface is None
        self._is_over = False
        self._failure: str | None = None
        self._force_at: float | None = None
        ours, theirs = os.pipe()
        self.pipe = Connection(ours, writable=False)
        try:
            self._process = start(task.to_json(), theirs)
        finally:
            os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Process identifier of the capture process."""
        return self._process.pid

    @property
    def is_overdue(self) -> bool:
        """Whether it was asked to end and takes too long."""
        return self._force_at is not None and time.monotonic() > self._force_at

    def hear(self) -> Message | None:
        """Wait for the next message; None when there will be none."""
        try:
            message = decode(self.pipe.recv_bytes())
        except (EOFError, OSError):  # OSError: it died in the middle of a message
            return None
        except ValueError as error:
            self.kill(f"sent what is no message ({error})")
            return None
        match message:
            case Failed(text):
                self._failure = text
            case Ended(counters):
                self.counters, self._is_over = counters, True
        return message

    def stop(self) -> None:
        """Ask the process to tell what it still holds and to end; may be called from a signal handler."""
        if self._force_at is None:
            self._force_at = time.monotonic() + GRACE_S
            self._process.terminate()

    def kill(self, why: str | None = None) -> None:
        """End the process by force, for something that it did; None: for want of time."""
        if why is not None:
            self._failure = f"{self._source}: the capture process {why}"
        if self._force_at is not None:
            self._force_at = math.inf  # it is overdue no more, while what it sent before is still heard
        self._process.kill()

    def failure(self) -> str | None:
        """Say, once there is nothing more to hear, why the process ended; None if it was meant to."""
        if self._failure is not None:
            return self._failure
        code = self._process.wait()
        if self._force_at is not None or (self._is_over and self._is_replay):
            return None
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        hint = "; if nobody sent it, the kernel did for want of memory (see dmesg)" if code == -9 else ""
        return f"{self._source}: the capture process {how}{hint}"

    def close(self) -> None:
        """End the process, by force if need be."""
        self._process.kill()
        self._process.wait()
        self.pipe.close()
