"""flowml's meter for files: NFStream's features at the speed of NFStream's own engine."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from flowml.capture.engine import Engine
from flowml.capture.inputs import open_file
from flowml.capture.loop import PacketLoop
from flowml.capture.records import from_engine
from flowml.capture.settings import MeterSettings
from flowml.errors import CaptureError
from flowml.flows.batch import FlowBatch


class Meter:
    """Meters capture files; the same interface as `ReferenceMeter`.

    Parameters
    ----------
    settings : MeterSettings
    """

    def __init__(self, settings: MeterSettings) -> None:
        self._settings = settings

    def batches(self, path: Path) -> Iterator[FlowBatch]:
        """Meter the capture at `path`, which must be a sound pcap or pcapng file.

        Yields
        ------
        FlowBatch
            Of some thousand records; a flow's records come in their order.

        Raises
        ------
        CaptureError
            libpcap cannot read the file.
        """
        engine = Engine()
        with (
            closing(PacketLoop(engine, self._settings)) as loop,
            closing(open_file(engine, str(path))) as capture,
        ):
            status = loop.status.DEADLINE
            while status != loop.status.END_OF_FILE:
                status = loop.run_file(capture)
                if status == loop.status.READ_FAILED:
                    raise CaptureError(
                        f"{path}: libpcap stops before its end, after {loop.counters()['packets']} packets; "
                        "look at it with capinfos"
                    )
                yield from _taken(loop)
            more = True
            while more:
                more = loop.flush(is_end_of_file=True)
                yield from _taken(loop)


def _taken(loop: PacketLoop) -> Iterator[FlowBatch]:
    batch = loop.take()
    if len(batch):
        yield from_engine(batch)
