"""Metering ahead: a thread meters a file while others load the model and score what it has told.

The packet loop needs no lock of the interpreter, so two processors share the work on one file without doing
any of it twice.
"""

import atexit  # noqa: F401  weakref.finalize, which temporary files use, imports it in the thread otherwise
from collections.abc import Generator
from pathlib import Path
from queue import Empty, Queue
from threading import Event, Thread

from flowml.capture.engine import Engine
from flowml.capture.extension import extension
from flowml.capture.files import CaptureFile, CaptureReport
from flowml.capture.settings import ONLY_TCP, MeterSettings
from flowml.capture.step import Step

_STEPS_AHEAD = 4  # a million packets, some ten megabytes of records
_LOOK_S = 0.1


def capture_to_score(path: Path, allow_partial: bool) -> CaptureFile:
    """A capture file, metered as scoring wants it."""
    return CaptureFile(path, MeterSettings(), allow_partial=allow_partial, shard=ONLY_TCP)


class MeteredAhead:
    """A capture file that a thread meters from now on; the same interface as `CaptureFile`.

    Parameters
    ----------
    capture : CaptureFile

    Raises
    ------
    CaptureError
        NFStream's engine is not what the meter was written for.
    """

    def __init__(self, capture: CaptureFile) -> None:
        # the thread must import nothing: Python can leave an import that Ctrl-C ends with its lock held
        extension()
        Engine()
        self._capture = capture
        self._waiting: Queue[Step | Exception | None] = Queue(_STEPS_AHEAD)
        self._is_over = Event()
        self._meter = Thread(target=self._run, name="flowml-meter")
        self._meter.start()

    @property
    def path(self) -> Path:
        """The file."""
        return self._capture.path

    @property
    def report(self) -> CaptureReport:
        """How the file was accounted for; known after its last step."""
        return self._capture.report

    def steps(self) -> Generator[Step]:
        """Give the steps, once.

        Raises
        ------
        CaptureError
            What metering raises, in its place.
        """
        try:
            while (told := self._waiting.get()) is not None:
                if isinstance(told, Exception):
                    raise told
                yield told
        finally:
            self.close()

    def close(self) -> None:
        """End the thread, wherever it is."""
        self._is_over.set()
        while self._meter.is_alive():  # it may wait for room
            self._forget()
        self._meter.join()

    def _forget(self) -> None:
        try:
            self._waiting.get(timeout=_LOOK_S)
        except Empty:
            return

    def _run(self) -> None:
        end: Exception | None = None
        steps = self._capture.steps()
        try:
            for step in steps:
                self._waiting.put(step)
                if self._is_over.is_set():
                    break
        except Exception as error:  # noqa: BLE001  whoever scores hears of it
            end = error
        finally:
            steps.close()
            self._waiting.put(end)
