"""The capture process of one source: packets in, records out. No model, no scikit-learn, no output files.

`flowml.service.feed` runs ``python -P -m flowml.service.capture_process DESCRIPTOR PARENT TASK``. It ends on
SIGTERM, after telling what it and the kernel still hold, when the scorer is gone, and when there is nothing
more to tell. At an interface it holds no capability but CAP_NET_RAW, and none at all once that is open.
"""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from multiprocessing.connection import Connection
from types import FrameType

import numpy as np

from flowml.capture.header_ring import HeaderRing
from flowml.capture.live import LiveMeter
from flowml.errors import CaptureError, FlowmlError
from flowml.service.capture_task import CaptureTask
from flowml.service.outbox import Outbox
from flowml.service.pacing import ReplayClock, replay
from flowml.service.privileges import CAP_NET_RAW, die_with, keep_only
from flowml.service.scoring import Metered
from flowml.service.wire import Counted, Ended, Failed, Message, Note, Opened

LATENESS_S = 1.5  # packets wait that long at most between the kernel and the live meter
POLL_S = 0.25  # longest time without a look at whether to end; also the beat of the clock messages
COUNT_S = 5.0  # between two messages that say what was lost so far
MESSAGE_RECORDS = 4096  # larger batches are split: some 3 MB at most wait in memory twice


class Stop:
    """Whether the process shall end."""

    def __init__(self) -> None:
        self.is_due = False

    def tell(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Note a signal."""
        self.is_due = True

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
    stop = Stop()
    signal.signal(signal.SIGTERM, stop.tell)
    if not die_with(int(parent)):
        return 1
    if task.interface is not None:
        keep_only(CAP_NET_RAW)
    outbox = Outbox(Connection(int(descriptor), readable=False))
    try:
        for message in _messages(task, stop, outbox):
            # a file can wait, and so can what is left at the end; packets cannot
            outbox.put(message, may_wait=task.interface is None or stop.is_due)
        outbox.close()
    except BrokenPipeError:  # the scorer is gone, and with it whoever would read an error
        return 1
    return 0


def _messages(task: CaptureTask, stop: Stop, outbox: Outbox) -> Iterator[Message]:
    """All that is to be told, its end included."""
    try:
        if task.interface is None:
            yield from _from_file(task, stop)
        else:
            yield from _from_interface(task.interface, task, stop, outbox)
    except FlowmlError as error:
        yield Failed(str(error))


def _from_interface(name: str, task: CaptureTask, stop: Stop, outbox: Outbox) -> Iterator[Message]:
    with LiveMeter([name], task.meter, task.ring, headers=task.headers) as meter, ExitStack() as stack:
        keep_only()  # an open socket needs none; before there is another thread, which would keep it
        ring = None
        if task.headers is not None:
            ring = stack.enter_context(HeaderRing(task.headers, name, meter.link_type))
        yield Opened()
        yield from map(Note, meter.warnings)
        count_at = 0.0
        try:
            while not stop.is_due:
                yield from _split(Metered(meter.poll(POLL_S), _clock_ms()))
                yield from _kept(meter, ring)
                if time.monotonic() >= count_at:
                    count_at = time.monotonic() + COUNT_S
                    yield Counted(_figures(meter, ring, outbox))
            for batch in meter.drain():
                yield from _split(Metered(batch, _clock_ms()))
                yield from _kept(meter, ring)
        except CaptureError:  # the interface vanished: what is known of it is still told
            stop.is_due = True
            yield from _kept(meter, ring)
            yield from _flushed(meter)
            raise
        yield from _flushed(meter)
        if ring is not None:
            ring.close()
        yield Ended(_figures(meter, ring, outbox))


def _kept(meter: LiveMeter, ring: HeaderRing | None) -> Iterator[Note]:
    """Hand on the headers that are to be kept; say, once it is known, why some are not."""
    if ring is not None:
        ring.put(*meter.take_headers())
        if ring.trouble:
            yield Note(ring.trouble)  # the scorer tells the same sentence once


def _figures(meter: LiveMeter, ring: HeaderRing | None, outbox: Outbox) -> dict[str, int]:
    counted = meter.counters.figures()
    counted["lost_headers"] += 0 if ring is None else ring.lost
    return {**counted, "lost_records": outbox.lost_records}


def _flushed(meter: LiveMeter) -> Iterator[Metered]:
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
