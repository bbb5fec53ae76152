"""flowml's meter for files: NFStream's features at the speed of NFStream's own engine."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from flowml.capture.dissection import Dissection
from flowml.capture.engine import Engine
from flowml.capture.inputs import Capture, PlainFile, is_plain, open_file
from flowml.capture.loop import PacketLoop
from flowml.capture.records import from_engine
from flowml.capture.settings import WHOLE, MeterSettings, Shard
from flowml.capture.step import Step
from flowml.errors import CaptureError
from flowml.flows.batch import FlowBatch
from flowml.flows.key import TCP


class Meter:
    """Meters capture files; the same interface as `ReferenceMeter`.

    Parameters
    ----------
    settings : MeterSettings
    shard : Shard
        Whose flows are metered.
    """

    def __init__(self, settings: MeterSettings, shard: Shard = WHOLE) -> None:
        self._settings = settings
        self._shard = shard

    def steps(self, path: Path) -> Iterator[Step]:
        """Meter the capture at `path`, which must be a sound pcap or pcapng file.

        Raises
        ------
        CaptureError
            The file cannot be read to its end.
        """
        engine = Engine()
        with (
            closing(self._loop(engine)) as loop,
            closing(self._opened(engine, loop, path)) as capture,
        ):
            status = loop.status.DEADLINE
            while status != loop.status.END_OF_FILE:
                status = loop.run_file(capture)
                if status == loop.status.READ_FAILED:
                    raise CaptureError(
                        f"{path}: reading stops before its end, after {loop.counters()['packets']} packets; "
                        "look at it with capinfos"
                    )
                yield _told(loop, is_moment=status != loop.status.BATCH_FULL)
            more = True
            while more:
                more = loop.flush(is_end_of_file=True)
                yield _told(loop, is_moment=not more)

    def _loop(self, engine: Engine) -> PacketLoop:
        only_tcp = (
            self._shard.protocol == TCP
        )  # connections are made of it, and those without payload are none
        dissection = Dissection.NAMES_OF_PAYLOAD if only_tcp else Dissection.NAMES
        return PacketLoop(engine, self._settings, shard=self._shard, dissection=dissection)

    def _opened(self, engine: Engine, loop: PacketLoop, path: Path) -> Capture | PlainFile:
        if self._shard.count > 1 and is_plain(path):
            return loop.open_plain(path)
        return open_file(engine, str(path))

    def batches(self, path: Path) -> Iterator[FlowBatch]:
        """Meter the capture at `path`; as `steps`, without the time."""
        for step in self.steps(path):
            if len(step.batch):
                yield step.batch


def _told(loop: PacketLoop, *, is_moment: bool) -> Step:
    counters = loop.counters()
    return Step(from_engine(loop.take()), counters["clock_ms"], is_moment, counters["passed_over"])
