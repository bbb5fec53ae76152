"""The capture process: packets in, records out through a pipe. No model, no scikit-learn, no output files.

`flowml.service.feed` runs ``python -P -m flowml.service.capture_process DESCRIPTOR PARENT TASK``. It ends on
SIGTERM, after telling what it still holds, when the scorer is gone, and when there is nothing more to tell.
What the kernel holds back for it at that moment, packets of the last second, is not waited for.
"""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from multiprocessing.connection import Connection
from types import FrameType
from typing import TYPE_CHECKING

import numpy as np

from flowml.errors import CaptureError, FlowmlError
from flowml.service.capture_task import CaptureTask
from flowml.service.pacing import ReplayClock, replay
from flowml.service.scoring import Metered
from flowml.service.wire import Ended, Failed, Message, Note, Opened, encode

if TYPE_CHECKING:
    from flowml.capture.live import LiveMeter

LATENESS_S = 1.5  # packets wait that long at most between the kernel and the live meter
POLL_S = 0.25  # longest time without a look at whether to end; also the beat of the clock messages
MESSAGE_RECORDS = 4096  # larger batches are split: some 3 MB at most wait in memory twice
_PR_SET_PDEATHSIG = 1  # prctl(2)


class Stop:
    """Whether the process shall end: it was told to, or its time is over.

    Parameters
    ----------
    duration_s : float or None
        Time from now after which it shall end by itself.
    """

    def __init__(self, duration_s: float | None) -> None:
        self._told = False
        self._deadline = None if duration_s is None else time.monotonic() + duration_s

    def tell(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Note a signal."""
        self._told = True

    @property
    def is_due(self) -> bool:
        """True from the signal, or from the deadline on."""
        return self._told or (self._deadline is not None and time.monotonic() >= self._deadline)

    def wait(self, seconds: float) -> bool:
        """Wait, at most so long; say whether to end."""
        deadline = time.monotonic() + seconds
        while not self.is_due and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, 0.05))
        return self.is_due


def main(arguments: list[str]) -> int:
    """Run the capture process; give its exit code."""
    descriptor, parent, task_text = arguments
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the scorer's business, it tells us to end
    task = CaptureTask.from_json(task_text)
    stop = Stop(task.duration_s)
    signal.signal(signal.SIGTERM, stop.tell)
    if not die_with(int(parent)):
        return 1
    with Connection(int(descriptor), readable=False) as pipe:
        try:
            for message in _messages(task, stop):
                pipe.send_bytes(encode(message))
        except BrokenPipeError:  # the scorer is gone, and with it whoever would read an error
            return 1
    return 0


def die_with(parent: int) -> bool:
    """Let the kernel kill this process when its parent ends; False if the parent is gone already."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    return os.getppid() == parent


def _messages(task: CaptureTask, stop: Stop) -> Iterator[Message]:
    """All that is to be told, its end included."""
    tell = _from_interface if task.replay is None else _from_file
    try:
        yield from tell(task, stop)
    except FlowmlError as error:
        yield Failed(str(error))


def _from_interface(task: CaptureTask, stop: Stop) -> Iterator[Message]:
    from flowml.capture.live import LiveMeter

    with LiveMeter([task.source], task.meter) as meter:
        yield Opened()
        yield from map(Note, meter.warnings)
        try:
            while not stop.is_due:
                yield from _split(Metered(meter.poll(POLL_S), _clock_ms()))
        except CaptureError:  # the interface vanished: what is known of it is still told
            yield from _flushed(meter)
            raise
        yield from _flushed(meter)
        yield Ended(asdict(meter.counters))


def _flushed(meter: "LiveMeter") -> Iterator[Metered]:
    for batch in meter.flush():
        yield from _split(Metered(batch, _clock_ms()))


def _clock_ms() -> int:
    """Packet time that the live meter has certainly reached."""
    return int((time.time() - LATENESS_S) * 1000)


def _from_file(task: CaptureTask, stop: Stop) -> Iterator[Message]:
    from flowml.capture.files import CaptureFile

    capture = CaptureFile(task.replay_path, task.meter)
    batches = capture.batches()
    first = next(batches, None)  # the file is checked before its first batch
    yield Opened()
    clock = ReplayClock(task.speed, time.monotonic)
    ahead = () if first is None else (first,)
    for metered in replay((batch for part in (ahead, batches) for batch in part), clock, stop.wait):
        yield from _split(metered)
    yield Ended({} if stop.is_due else {"packets": capture.report.metered})


def _split(metered: Metered) -> Iterator[Metered]:
    """Cut a large batch into messages; an empty one still tells the clock."""
    batch = metered.batch
    if len(batch) <= MESSAGE_RECORDS:
        yield metered
        return
    for start in range(0, len(batch), MESSAGE_RECORDS):
        rows = np.arange(start, min(start + MESSAGE_RECORDS, len(batch)))
        yield Metered(batch.take(rows), metered.clock_ms)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
