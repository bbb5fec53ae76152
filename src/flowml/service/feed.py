"""The scorer's end of the capture process: starts it, listens to it, and never leaves it behind."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

from flowml.errors import CaptureError
from flowml.service.capture_task import CaptureTask
from flowml.service.scoring import Metered
from flowml.service.wire import Ended, Failed, Message, Note, Opened, decode

GRACE_S = 1.0  # from the request to end to force: of the two seconds in which a sensor has to end, half
_LISTEN_S = 0.2


class CaptureFeed:
    """What a capture process of its own meters, as an iterable; a context manager that ends the process.

    Iterating ends when the process does, whatever the reason; `check` then says whether all was well. So
    what was seen before a failure is concluded like everything else.

    Parameters
    ----------
    task : CaptureTask
    tell : callable
        Told, in a sentence, what an operator should know.

    Attributes
    ----------
    counters : dict of str to int
        What the meter counted; empty before the end.
    """

    def __init__(self, task: CaptureTask, tell: Callable[[str], None]) -> None:
        self.counters: dict[str, int] = {}
        self._task = task
        self._tell = tell
        self._ended = False
        self._failure: str | None = None
        self._force_at: float | None = None
        ours, theirs = os.pipe()
        self._pipe = Connection(ours, writable=False)
        command = [sys.executable, "-P", "-m", "flowml.service.capture_process"]
        try:
            # its own process group: Ctrl-C in a terminal reaches the scorer, which then tells it to end
            self._process = subprocess.Popen(
                [*command, str(theirs), str(os.getpid()), task.to_json()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs,),
                process_group=0,
            )
        finally:
            os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._pipe.close()

    @property
    def pid(self) -> int:
        """Process identifier of the capture process."""
        return self._process.pid

    def __iter__(self) -> Iterator[Metered]:
        while (message := self._receive()) is not None:
            match message:
                case Metered():
                    yield message
                case Opened():
                    self._tell(f"listening to {self._task.source}")
                case Note(text):
                    self._tell(text)
                case Failed(text):
                    self._failure = text
                case Ended(counters):
                    self.counters, self._ended = counters, True

    def stop(self) -> None:
        """Ask the process to tell what it still holds and to end; may be called from a signal handler."""
        if self._force_at is None:
            self._force_at = time.monotonic() + GRACE_S
            self._process.terminate()

    def check(self) -> None:
        """Say how the process ended, once the iteration is over.

        Raises
        ------
        CaptureError
            It could not do what it was asked to, or died.
        """
        if self._failure is not None:
            raise CaptureError(self._failure)
        code = self._process.wait()
        if not self._ended and self._force_at is None:
            how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
            raise CaptureError(
                f"{self._task.source}: the capture process {how}; what it had told until then is scored. "
                "Start again; a signal 9 that nobody sent is the kernel's for want of memory (see dmesg)"
            )

    def _receive(self) -> Message | None:
        """The next message; None when there will be none."""
        while not self._pipe.poll(_LISTEN_S):
            if self._force_at is not None and time.monotonic() > self._force_at:
                self._tell("the capture process did not end in time; what it still held is lost")
                self._process.kill()
                return None
        try:
            return decode(self._pipe.recv_bytes())
        except (EOFError, OSError):  # OSError: it died in the middle of a message
            return None
        except ValueError as error:
            self._failure = f"{self._task.source}: the capture process sent what is no message ({error})"
            self._process.kill()
            return None
