"""Metering ahead: a thread meters while another scores what it has told.

The packet loop needs no lock of the interpreter, so two processors share the work on one file without doing
any of it twice.
"""

from collections.abc import Generator
from queue import Empty, Queue
from threading import Event, Thread

from flowml.capture.step import Step

_STEPS_AHEAD = 4  # a million packets, some ten megabytes of records
_LOOK_S = 0.1


def ahead(steps: Generator[Step]) -> Generator[Step]:
    """Give the same steps, made by a thread of its own.

    Raises
    ------
    CaptureError
        What metering raises, in its place.
    """
    waiting: Queue[Step | Exception | None] = Queue(_STEPS_AHEAD)
    is_over = Event()
    meter = Thread(target=_meter, args=(steps, waiting, is_over), name="flowml-meter")
    meter.start()
    try:
        while (told := waiting.get()) is not None:
            if isinstance(told, Exception):
                raise told
            yield told
    finally:
        is_over.set()
        while meter.is_alive():  # it may wait for room
            _forget(waiting)
        meter.join()


def _forget(waiting: "Queue[Step | Exception | None]") -> None:
    try:
        waiting.get(timeout=_LOOK_S)
    except Empty:
        return


def _meter(steps: Generator[Step], waiting: "Queue[Step | Exception | None]", is_over: Event) -> None:
    end: Exception | None = None
    try:
        for step in steps:
            waiting.put(step)
            if is_over.is_set():
                break
    except Exception as error:  # noqa: BLE001  whoever scores hears of it
        end = error
    finally:
        steps.close()
        waiting.put(end)
